#include "tests/sim/transactor.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "protocol/add_offsets_to_txn.h"
#include "protocol/add_partitions_to_txn.h"
#include "protocol/end_txn.h"
#include "protocol/find_coordinator.h"
#include "protocol/init_producer_id.h"
#include "protocol/produce.h"
#include "protocol/txn_offset_commit.h"
#include "wire/batch.h"
#include "wire/codec.h"

enum {
	FIND_VERSION = 4,
	INIT_VERSION = 4,
	ADD_VERSION = 3,
	KEY_TRANSACTION = 1,
	AGAIN_MS = 100,
	FENCED_MS = 1500,
};

/* Indexed by generation. */
static const struct {
	int produce, offsets, end;
} VERSIONS[] = {{11, 4, 4}, {11, 4, 4}, {12, 5, 5}};

static void step(struct transactor *t);

static void on_next(struct timer *timer)
{
	step(container_of(timer, struct transactor, next));
}

static int chance(struct transactor *t, int n)
{
	return (int)env_random_below(t->loop->env, (uint64_t)n);
}

static bool grows(const struct transactor *t)
{
	return t->generation >= 2;
}

/* ---- what goes wrong ---- */

static void end_transaction(struct transactor *t, enum fate fate)
{
	for (int i = 0; i < t->n_partitions; i++)
		t->partitions[i].is_added = false;
	t->is_open = false;
	t->end_sent = false;
	t->ended(t->arg, fate);
}

static void hang_up(struct transactor *t)
{
	client_hang_up(&t->client);
	client_hang_up(&t->groups);
	for (int i = 0; i < TRANSACTOR_PARTITIONS_MAX; i++)
		client_hang_up(&t->leaders[i]);
}

static void come_back(struct transactor *t, int after_ms)
{
	t->phase = TRANSACTOR_FINDS;
	t->is_repeat = false;
	hang_up(t);
	timer_start(&t->next, after_ms);
	if (t->is_open)
		end_transaction(t, t->end_sent ? FATE_UNKNOWN : FATE_ABORTED);
}

void transactor_die(struct transactor *t)
{
	come_back(t, AGAIN_MS);
}

/* A transactor fenced just when it commits finds its transaction aborted. */
static bool is_fencing(const struct transactor *t, int err)
{
	return err == ERR_PRODUCER_FENCED || err == ERR_INVALID_PRODUCER_EPOCH ||
	       (err == ERR_INVALID_TXN_STATE && t->phase == TRANSACTOR_ENDS && t->commits && t->may_be_fenced);
}

static int partition_of(struct transactor *t);

/* The next request goes to the coordinator or leader that was named, or to any broker. */
static void ask_another(struct transactor *t)
{
	t->found_group = false;
	if (t->phase == TRANSACTOR_WRITES && !t->is_offsets)
		client_move(&t->leaders[partition_of(t)], t->brokers, t->leader);
	else if (t->phase == TRANSACTOR_WRITES)
		client_move(&t->groups, t->brokers, -1);
	else
		client_move(&t->client, t->brokers, t->leader);
	t->leader = -1;
}

/* A former leader does not have what was written since. */
static bool is_of_another(const struct transactor *t, int err)
{
	return t->brokers && t->phase == TRANSACTOR_WRITES && err == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

/*
 * A former coordinator that has not been told does not know producers that came to its successor; a
 * partition leader that has not been told either asks it. A former leader that a marker reaches late
 * takes it for the end of the transaction that it has just asked about (seed 206). Kafka's client
 * takes either for a fatal error, and another one begins.
 */
static bool is_from_the_past(const struct transactor *t, int err)
{
	return t->brokers && (err == ERR_INVALID_PRODUCER_ID_MAPPING ||
			      (err == ERR_INVALID_TXN_STATE && t->phase == TRANSACTOR_WRITES));
}

/* For an answer that was lost, or that is retriable. */
static void again(struct transactor *t, int err)
{
	bool is_lost = err < 0;

	if (err > 0)
		diag_info(t->loop->env->diag, "transactor is refused", "id=%s phase=%d error=%s", t->id, t->phase,
			  err_name(err));
	if (is_fencing(t, err)) {
		check(t->may_be_fenced);
		t->n_fenced++;
		come_back(t, AGAIN_MS + chance(t, FENCED_MS));
		return;
	}
	if (is_from_the_past(t, err)) {
		come_back(t, AGAIN_MS);
		return;
	}
	check(err <= 0 || err_is_retriable(err) || is_of_another(t, err));
	if (t->brokers && err)
		ask_another(t);
	if (t->phase > TRANSACTOR_RESTS &&
	    ((t->dies && chance(t, t->dies) == 0) || (is_lost && t->phase == TRANSACTOR_ENDS && !grows(t))))
		come_back(t, AGAIN_MS);
	else
		timer_start(&t->next, AGAIN_MS);
	t->is_repeat = t->phase == TRANSACTOR_WRITES;
}

/* ---- who is the newest ---- */

static bool is_newer(const struct throne *h, int64_t producer_id, int16_t epoch)
{
	return !h->is_taken || producer_id > h->producer_id || (producer_id == h->producer_id && epoch > h->epoch);
}

static void take_producer(struct transactor *t, int64_t producer_id, int16_t epoch)
{
	if (t->producer_id != producer_id || t->epoch != epoch)
		t->n_partitions = 0;
	t->producer_id = producer_id;
	t->epoch = epoch;
	if (t->throne && is_newer(t->throne, producer_id, epoch))
		*t->throne = (struct throne){producer_id, epoch, true};
}

/*
 * A write that was appended before the newer one took over may be repeated after that. A former
 * leader of the partition that has not been told confirms it: all replicas have it, and the
 * transaction is aborted on all of them.
 */
static void before_asking(struct transactor *t)
{
	if (t->is_repeat)
		return;
	t->was_stale = t->throne && t->throne->is_taken &&
		       (t->throne->producer_id != t->producer_id || t->throne->epoch != t->epoch);
}

/* ---- the coordinator ---- */

/* False: the look-up is repeated. */
static bool has_found(struct transactor *t, int err, const struct find_coordinator_response *r, struct client *to)
{
	int code = err ? err : r->coordinators.v[0].error_code;

	if (code)
		again(t, code);
	else if (t->brokers)
		client_move(to, t->brokers, r->coordinators.v[0].node_id);
	return !code;
}

static void on_found(void *arg, int err, const void *answer)
{
	struct transactor *t = arg;

	if (!has_found(t, err, answer, &t->client))
		return;
	t->phase = TRANSACTOR_BEGINS;
	step(t);
}

static void write_it(struct transactor *t);

static void on_group_found(void *arg, int err, const void *answer)
{
	struct transactor *t = arg;

	if (!has_found(t, err, answer, &t->groups))
		return;
	t->found_group = true;
	write_it(t);
}

static void find_group(struct transactor *t)
{
	struct find_coordinator_request request;
	struct str group = str_of(t->group);

	codec_init(&find_coordinator_request_schema, &request);
	request.coordinator_keys.v = &group;
	request.coordinator_keys.n = 1;
	client_call(&t->groups, FIND_VERSION, &find_coordinator_request_schema, &request,
		    &find_coordinator_response_schema, on_group_found, t);
}

static void find(struct transactor *t)
{
	struct find_coordinator_request request;
	struct str id = str_of(t->id);

	codec_init(&find_coordinator_request_schema, &request);
	request.key_type = KEY_TRANSACTION;
	request.coordinator_keys.v = &id;
	request.coordinator_keys.n = 1;
	client_call(&t->client, FIND_VERSION, &find_coordinator_request_schema, &request,
		    &find_coordinator_response_schema, on_found, t);
}

static void on_begun(void *arg, int err, const void *answer)
{
	struct transactor *t = arg;
	const struct init_producer_id_response *r = answer;
	int code = err ? err : r->error_code;

	if (code) {
		again(t, code == ERR_CONCURRENT_TRANSACTIONS ? 0 : code);
		return;
	}
	t->n_partitions = 0;
	take_producer(t, r->producer_id, r->producer_epoch);
	t->phase = TRANSACTOR_RESTS;
	t->ready(t->arg);
}

static void init(struct transactor *t)
{
	struct init_producer_id_request request;

	codec_init(&init_producer_id_request_schema, &request);
	request.transactional_id = str_of(t->id);
	request.transaction_timeout_ms = t->timeout_ms;
	client_call(&t->client, INIT_VERSION, &init_producer_id_request_schema, &request,
		    &init_producer_id_response_schema, on_begun, t);
}

/* ---- partitions ---- */

static int partition_of(struct transactor *t)
{
	int i = 0;

	while (i < t->n_partitions &&
	       (t->partitions[i].partition != t->partition || strcmp(t->partitions[i].topic, t->topic) != 0))
		i++;
	if (i == t->n_partitions) {
		check(t->n_partitions < TRANSACTOR_PARTITIONS_MAX);
		memset(&t->partitions[i], 0, sizeof(t->partitions[i]));
		snprintf(t->partitions[i].topic, sizeof(t->partitions[i].topic), "%s", t->topic);
		t->partitions[i].partition = t->partition;
		t->n_partitions++;
	}
	return i;
}

static void added(struct transactor *t, int code)
{
	if (code) {
		again(t, code == ERR_CONCURRENT_TRANSACTIONS ? 0 : code);
		return;
	}
	check(!t->was_stale);
	if (!t->is_offsets)
		t->partitions[partition_of(t)].is_added = true;
	t->phase = TRANSACTOR_WRITES;
	step(t);
}

static void on_added(void *arg, int err, const void *answer)
{
	const struct add_partitions_to_txn_response *r = answer;

	added(arg, err ? err : r->results_by_topic_v3_and_below.v[0].results_by_partition.v[0].partition_error_code);
}

static void on_offsets_added(void *arg, int err, const void *answer)
{
	const struct add_offsets_to_txn_response *r = answer;

	added(arg, err ? err : r->error_code);
}

static void add_partition(struct transactor *t)
{
	struct add_partitions_to_txn_request_topic topic;
	struct add_partitions_to_txn_request request;

	codec_init(&add_partitions_to_txn_request_topic_schema, &topic);
	codec_init(&add_partitions_to_txn_request_schema, &request);
	topic.name = str_of(t->topic);
	topic.partitions.v = &t->partition;
	topic.partitions.n = 1;
	request.v3_and_below_transactional_id = str_of(t->id);
	request.v3_and_below_producer_id = t->producer_id;
	request.v3_and_below_producer_epoch = t->epoch;
	request.v3_and_below_topics.v = &topic;
	request.v3_and_below_topics.n = 1;
	client_call(&t->client, ADD_VERSION, &add_partitions_to_txn_request_schema, &request,
		    &add_partitions_to_txn_response_schema, on_added, t);
}

static void add_offsets(struct transactor *t)
{
	struct add_offsets_to_txn_request request;

	codec_init(&add_offsets_to_txn_request_schema, &request);
	request.transactional_id = str_of(t->id);
	request.producer_id = t->producer_id;
	request.producer_epoch = t->epoch;
	request.group_id = str_of(t->group);
	client_call(&t->client, ADD_VERSION, &add_offsets_to_txn_request_schema, &request,
		    &add_offsets_to_txn_response_schema, on_offsets_added, t);
}

/* Old clients first name what they are about to write to. */
static void add(struct transactor *t)
{
	before_asking(t);
	if (t->is_offsets)
		add_offsets(t);
	else
		add_partition(t);
}

/* ---- records and offsets ---- */

static void written(struct transactor *t, int code, int64_t offset)
{
	if (code) {
		again(t, code == ERR_CONCURRENT_TRANSACTIONS ? 0 : code);
		return;
	}
	check(!t->was_stale);
	t->is_repeat = false;
	if (!t->is_offsets)
		t->partitions[partition_of(t)].sequence++;
	t->phase = TRANSACTOR_RESTS;
	t->done(t->arg, offset);
}

static void on_written(void *arg, int err, const void *answer)
{
	const struct produce_response *r = answer;
	const struct produce_response_partition *p = err ? NULL : &r->responses.v[0].partition_responses.v[0];

	((struct transactor *)arg)->leader = err ? -1 : p->current_leader.leader_id;
	written(arg, err ? err : p->error_code, err ? -1 : p->base_offset);
}

static void on_offsets_written(void *arg, int err, const void *answer)
{
	const struct offset_commit_response *r = answer;

	written(arg, err ? err : r->topics.v[0].partitions.v[0].error_code, -1);
}

static struct bytes bytes_of_text(const char *text)
{
	return text[0] ? (struct bytes){(const uint8_t *)text, (int32_t)strlen(text)} : BYTES_NULL;
}

static struct records record_of(struct transactor *t, struct buf *b)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder builder;

	o.attributes = BATCH_TRANSACTIONAL;
	o.producer_id = t->producer_id;
	o.producer_epoch = t->epoch;
	o.base_sequence = t->partitions[partition_of(t)].sequence;
	batch_begin(&builder, b, &o);
	batch_add(&builder, env_wall_ms(t->loop->env), bytes_of_text(t->key), bytes_of_text(t->value));
	batch_end(&builder);
	put_i32(b->p + BATCH_AT_LEADER_EPOCH, -1);
	return (struct records){.p = b->p, .len = (int32_t)b->len};
}

static void write_record(struct transactor *t)
{
	struct produce_request_partition partition;
	struct produce_request_topic topic;
	struct produce_request request;
	struct buf b = {0};

	codec_init(&produce_request_schema, &request);
	codec_init(&produce_request_topic_schema, &topic);
	codec_init(&produce_request_partition_schema, &partition);
	partition.index = t->partition;
	partition.records = record_of(t, &b);
	topic.name = str_of(t->topic);
	topic.partition_data.v = &partition;
	topic.partition_data.n = 1;
	request.transactional_id = str_of(t->id);
	request.acks = -1;
	request.timeout_ms = 5000;
	request.topic_data.v = &topic;
	request.topic_data.n = 1;
	client_call(t->brokers ? &t->leaders[partition_of(t)] : &t->client, VERSIONS[t->generation].produce,
		    &produce_request_schema, &request, &produce_response_schema, on_written, t);
	buf_fini(&b);
}

static void write_offsets(struct transactor *t)
{
	struct offset_commit_request_partition partition;
	struct offset_commit_request_topic topic;
	struct txn_offset_commit_request request;

	codec_init(&txn_offset_commit_request_schema, &request);
	codec_init(&txn_offset_commit_request_topic_schema, &topic);
	codec_init(&txn_offset_commit_request_partition_schema, &partition);
	partition.partition_index = t->partition;
	partition.committed_offset = t->offset;
	topic.name = str_of(t->topic);
	topic.partitions.v = &partition;
	topic.partitions.n = 1;
	request.transactional_id = str_of(t->id);
	request.group_id = str_of(t->group);
	request.producer_id = t->producer_id;
	request.producer_epoch = t->epoch;
	request.topics.v = &topic;
	request.topics.n = 1;
	client_call(t->brokers ? &t->groups : &t->client, VERSIONS[t->generation].offsets,
		    &txn_offset_commit_request_schema, &request, &txn_offset_commit_response_schema, on_offsets_written,
		    t);
}

static void write_it(struct transactor *t)
{
	before_asking(t);
	if (t->is_offsets && t->brokers && !t->found_group)
		find_group(t);
	else if (t->is_offsets)
		write_offsets(t);
	else
		write_record(t);
}

/* ---- the end ---- */

static void on_ended(void *arg, int err, const void *answer)
{
	struct transactor *t = arg;
	const struct end_txn_response *r = answer;
	int code = err ? err : r->error_code;

	if (code) {
		again(t, code == ERR_CONCURRENT_TRANSACTIONS ? 0 : code);
		return;
	}
	check(!t->was_stale);
	t->phase = TRANSACTOR_RESTS;
	if (grows(t))
		take_producer(t, r->producer_id, r->producer_epoch);
	end_transaction(t, t->commits ? FATE_COMMITTED : FATE_ABORTED);
	t->ready(t->arg);
}

static void end(struct transactor *t)
{
	struct end_txn_request request;

	codec_init(&end_txn_request_schema, &request);
	request.transactional_id = str_of(t->id);
	request.producer_id = t->producer_id;
	request.producer_epoch = t->epoch;
	request.committed = t->commits;
	t->end_sent = t->end_sent || t->commits; /* an abort whose answer is lost takes effect all the same */
	before_asking(t);
	client_call(&t->client, VERSIONS[t->generation].end, &end_txn_request_schema, &request,
		    &end_txn_response_schema, on_ended, t);
}

static void step(struct transactor *t)
{
	static void (*const steps[])(struct transactor * t) = {[TRANSACTOR_FINDS] = find,
							       [TRANSACTOR_BEGINS] = init,
							       [TRANSACTOR_ADDS] = add,
							       [TRANSACTOR_WRITES] = write_it,
							       [TRANSACTOR_ENDS] = end};

	if (steps[t->phase])
		steps[t->phase](t);
}

/* ---- what is asked of it ---- */

static void begin_to_write(struct transactor *t, bool is_added)
{
	check(t->phase == TRANSACTOR_RESTS);
	t->is_open = true;
	t->phase = grows(t) || is_added ? TRANSACTOR_WRITES : TRANSACTOR_ADDS;
	step(t);
}

void transactor_write(struct transactor *t, const char *topic, int partition, const char *key, const char *value)
{
	t->is_offsets = false;
	snprintf(t->topic, sizeof(t->topic), "%s", topic);
	t->partition = partition;
	snprintf(t->key, sizeof(t->key), "%s", key);
	snprintf(t->value, sizeof(t->value), "%s", value);
	begin_to_write(t, t->partitions[partition_of(t)].is_added);
}

void transactor_write_offset(struct transactor *t, const char *group, const char *topic, int partition, int64_t offset)
{
	t->is_offsets = true;
	snprintf(t->group, sizeof(t->group), "%s", group);
	snprintf(t->topic, sizeof(t->topic), "%s", topic);
	t->partition = partition;
	t->offset = offset;
	begin_to_write(t, false);
}

void transactor_end(struct transactor *t, bool commit)
{
	check(t->phase == TRANSACTOR_RESTS && t->is_open);
	t->commits = commit;
	t->phase = TRANSACTOR_ENDS;
	step(t);
}

void transactor_start(struct transactor *t)
{
	client_init(&t->client, t->loop, &t->to, t->id);
	client_init(&t->groups, t->loop, &t->to, t->id);
	for (int i = 0; i < TRANSACTOR_PARTITIONS_MAX; i++)
		client_init(&t->leaders[i], t->loop, &t->to, t->id);
	if (t->brokers)
		t->client.call_ms = t->brokers->call_ms;
	t->leader = -1;
	timer_init(&t->next, t->loop, on_next);
	t->phase = TRANSACTOR_FINDS;
	t->producer_id = -1;
	step(t);
}

void transactor_fini(struct transactor *t)
{
	timer_stop(&t->next);
	client_fini(&t->client);
	client_fini(&t->groups);
	for (int i = 0; i < TRANSACTOR_PARTITIONS_MAX; i++)
		client_fini(&t->leaders[i]);
}
