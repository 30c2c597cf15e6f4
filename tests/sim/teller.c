#include "tests/sim/teller.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "protocol/end_txn.h"
#include "protocol/fetch.h"
#include "protocol/find_coordinator.h"
#include "protocol/init_producer_id.h"
#include "protocol/produce.h"
#include "wire/batch.h"
#include "wire/codec.h"

enum {
	FIND_VERSION = 4,
	INIT_VERSION = 4,
	PRODUCE_VERSION = 12, /* of transaction.version 2 */
	END_VERSION = 5,
	FETCH_VERSION = 12,
	KEY_TRANSACTION = 1,
	AGAIN_MS = 100,
	TIMEOUT_MS = 900000, /* longer than a run: nothing is aborted for taking too long */
};

static void step(struct teller *t);

static void on_next(struct timer *timer)
{
	step(container_of(timer, struct teller, next));
}

static int chance(struct teller *t, int n)
{
	return (int)env_random_below(t->loop->env, (uint64_t)n);
}

static struct teller_transaction *now(struct teller *t)
{
	return &t->v[t->n];
}

/* ---- what goes wrong ---- */

/* Dies, and comes back with the same id: what was open is ended by that. */
static void begin_anew(struct teller *t)
{
	if (now(t)->fate == FATE_OPEN) /* only while it writes or ends: there is one */
		now(t)->fate = t->end_sent ? FATE_UNKNOWN : FATE_ABORTED;
	t->phase = TELLER_FINDS;
	client_hang_up(&t->client);
}

/* An answer that is lost, or that says "again". */
static void again(struct teller *t, int err)
{
	if (err > 0) {
		diag_info(t->loop->env->diag, "teller is refused", "id=%s phase=%d error=%s", t->id, t->phase,
			  err_name(err));
		check(err_is_retriable(err));
	}
	if (t->phase > TELLER_BEGINS && chance(t, 4) == 0)
		begin_anew(t);
	timer_start(&t->next, AGAIN_MS);
}

/* ---- the coordinator ---- */

static void on_found(void *arg, int err, const void *answer)
{
	struct teller *t = arg;
	const struct find_coordinator_response *r = answer;
	int code = err ? err : r->coordinators.v[0].error_code;

	if (code) {
		again(t, code);
		return;
	}
	t->phase = TELLER_BEGINS;
	step(t);
}

static void find(struct teller *t)
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

static void begin(struct teller *t)
{
	t->n++;
	if (t->n == t->n_transactions) {
		t->phase = TELLER_IS_DONE;
		return;
	}
	*now(t) = (struct teller_transaction){.fate = FATE_OPEN};
	t->wanted = 1 + chance(t, TELLER_RECORDS_MAX);
	t->commits = chance(t, 4) != 0;
	t->end_sent = false;
	t->partition = chance(t, TELLER_PARTITIONS);
	t->phase = TELLER_WRITES;
	step(t);
}

static void on_begun(void *arg, int err, const void *answer)
{
	struct teller *t = arg;
	const struct init_producer_id_response *r = answer;
	int code = err ? err : r->error_code;

	if (code) {
		again(t, code == ERR_CONCURRENT_TRANSACTIONS ? 0 : code);
		return;
	}
	t->producer_id = r->producer_id;
	t->epoch = r->producer_epoch;
	memset(t->sequences, 0, sizeof(t->sequences));
	begin(t);
}

static void init(struct teller *t)
{
	struct init_producer_id_request request;

	codec_init(&init_producer_id_request_schema, &request);
	request.transactional_id = str_of(t->id);
	request.transaction_timeout_ms = TIMEOUT_MS;
	client_call(&t->client, INIT_VERSION, &init_producer_id_request_schema, &request,
		    &init_producer_id_response_schema, on_begun, t);
}

/* ---- records ---- */

static void on_written(void *arg, int err, const void *answer)
{
	struct teller *t = arg;
	const struct produce_response *r = answer;
	int code = err ? err : r->responses.v[0].partition_responses.v[0].error_code;

	if (code) {
		again(t, code);
		return;
	}
	t->sequences[t->partition]++;
	now(t)->n++;
	t->partition = chance(t, TELLER_PARTITIONS);
	if (now(t)->n == t->wanted)
		t->phase = TELLER_ENDS;
	step(t);
}

static struct records record_of(struct teller *t, struct buf *b)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder builder;
	char value[32];
	int len = snprintf(value, sizeof(value), "%d %d %d", t->index, t->n, now(t)->n);

	o.attributes = BATCH_TRANSACTIONAL;
	o.producer_id = t->producer_id;
	o.producer_epoch = t->epoch;
	o.base_sequence = t->sequences[t->partition];
	batch_begin(&builder, b, &o);
	batch_add(&builder, env_wall_ms(t->loop->env), BYTES_NULL, (struct bytes){(const uint8_t *)value, len});
	batch_end(&builder);
	put_i32(b->p + BATCH_AT_LEADER_EPOCH, -1);
	return (struct records){.p = b->p, .len = (int32_t)b->len};
}

static void write_record(struct teller *t)
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
	topic.name = STR(TELLER_TOPIC);
	topic.partition_data.v = &partition;
	topic.partition_data.n = 1;
	request.transactional_id = str_of(t->id);
	request.acks = -1;
	request.timeout_ms = 5000;
	request.topic_data.v = &topic;
	request.topic_data.n = 1;
	client_call(&t->client, PRODUCE_VERSION, &produce_request_schema, &request, &produce_response_schema,
		    on_written, t);
	buf_fini(&b);
}

/* ---- the end ---- */

static void on_ended(void *arg, int err, const void *answer)
{
	struct teller *t = arg;
	const struct end_txn_response *r = answer;
	int code = err ? err : r->error_code;

	if (code) {
		again(t, code == ERR_CONCURRENT_TRANSACTIONS ? 0 : code);
		return;
	}
	now(t)->fate = t->commits ? FATE_COMMITTED : FATE_ABORTED;
	t->producer_id = r->producer_id;
	t->epoch = r->producer_epoch;
	memset(t->sequences, 0, sizeof(t->sequences));
	begin(t);
}

static void end(struct teller *t)
{
	struct end_txn_request request;

	codec_init(&end_txn_request_schema, &request);
	request.transactional_id = str_of(t->id);
	request.producer_id = t->producer_id;
	request.producer_epoch = t->epoch;
	request.committed = t->commits;
	t->end_sent = t->end_sent || t->commits; /* an abort that is lost aborts all the same */
	client_call(&t->client, END_VERSION, &end_txn_request_schema, &request, &end_txn_response_schema, on_ended, t);
}

static void step(struct teller *t)
{
	static void (*const steps[])(struct teller * t) = {
		[TELLER_FINDS] = find, [TELLER_BEGINS] = init, [TELLER_WRITES] = write_record, [TELLER_ENDS] = end};

	if (t->phase != TELLER_IS_DONE)
		steps[t->phase](t);
}

void teller_start(struct teller *t)
{
	snprintf(t->id, sizeof(t->id), "teller-%d", t->index);
	client_init(&t->client, t->loop, &t->to, t->id);
	timer_init(&t->next, t->loop, on_next);
	t->phase = TELLER_FINDS;
	t->n = -1;
	step(t);
}

void teller_fini(struct teller *t)
{
	timer_stop(&t->next);
	client_fini(&t->client);
}

/* ---- reading ---- */

static void ask(struct teller_reader *r);

static void on_again(struct timer *timer)
{
	ask(container_of(timer, struct teller_reader, next));
}

static void see(struct teller_reader *r, struct bytes value)
{
	int teller, transaction, record;
	char text[32];

	check(value.len < (int32_t)sizeof(text));
	snprintf(text, sizeof(text), "%.*s", (int)value.len, (const char *)value.p);
	check(sscanf(text, "%d %d %d", &teller, &transaction, &record) == 3);
	check(teller < r->n_tellers && transaction < TELLER_TRANSACTIONS_MAX && record < TELLER_RECORDS_MAX);
	r->tellers[teller].v[transaction].seen[record]++;
}

static int teller_of(const struct teller_reader *r, int64_t producer_id)
{
	for (int i = 0; i < r->n_tellers; i++)
		if (r->tellers[i].producer_id == producer_id)
			return i;
	check(false);
	return -1;
}

/* As consumers do it: an aborted transaction is from its first offset to its producer's next marker. */
static bool is_aborted(const struct teller_reader *r, const struct fetch_response_partition *p,
		       const struct batch_header *h)
{
	int64_t ended_at = r->ended_at[teller_of(r, h->producer_id)];

	for (int i = 0; i < p->aborted_transactions.n; i++)
		if (p->aborted_transactions.v[i].producer_id == h->producer_id &&
		    p->aborted_transactions.v[i].first_offset <= h->base_offset &&
		    p->aborted_transactions.v[i].first_offset > ended_at)
			return true;
	return false;
}

static void take_batch(struct teller_reader *r, const struct fetch_response_partition *p, const struct batch_iter *it)
{
	struct record_iter records = record_iter(&it->header, it->p + BATCH_HEADER_SIZE,
						 (size_t)batch_size(&it->header) - BATCH_HEADER_SIZE);
	struct record record;

	if (it->header.base_offset < r->offsets[r->partition])
		return;
	r->offsets[r->partition] = batch_last_offset(&it->header) + 1;
	if (batch_is_control(&it->header)) {
		r->ended_at[teller_of(r, it->header.producer_id)] = it->header.base_offset;
		return;
	}
	while (!is_aborted(r, p, &it->header) && record_next(&records, &record))
		see(r, record.value);
}

static void take_partition(struct teller_reader *r, const struct fetch_response_partition *p)
{
	check(p->last_stable_offset <= p->high_watermark);
	for (struct batch_iter it = batch_iter(p->records.p, (size_t)p->records.len); batch_next(&it);)
		take_batch(r, p, &it);
	check(r->offsets[r->partition] <= p->last_stable_offset);
	/* Every transaction has its end: nothing hangs. */
	if (r->offsets[r->partition] < p->high_watermark || p->last_stable_offset < p->high_watermark)
		return;
	memset(r->ended_at, -1, sizeof(r->ended_at));
	r->partition++;
	r->is_done = r->partition == TELLER_PARTITIONS;
}

static void on_fetched(void *arg, int err, const void *answer)
{
	struct teller_reader *r = arg;
	const struct fetch_response *f = answer;
	const struct fetch_response_partition *p = err ? NULL : &f->responses.v[0].partitions.v[0];

	if (p && p->error_code == 0)
		take_partition(r, p);
	else if (p)
		check(err_is_retriable(p->error_code));
	if (!r->is_done)
		timer_start(&r->next, AGAIN_MS);
}

static void ask(struct teller_reader *r)
{
	struct fetch_request_partition part;
	struct fetch_request_topic topic;
	struct fetch_request request;

	codec_init(&fetch_request_schema, &request);
	codec_init(&fetch_request_topic_schema, &topic);
	codec_init(&fetch_request_partition_schema, &part);
	part.partition = r->partition;
	part.fetch_offset = r->offsets[r->partition];
	part.current_leader_epoch = -1;
	part.partition_max_bytes = 1 << 20;
	topic.topic = STR(TELLER_TOPIC);
	topic.partitions.v = &part;
	topic.partitions.n = 1;
	request.isolation_level = 1;
	request.max_bytes = 1 << 20;
	request.session_epoch = -1;
	request.topics.v = &topic;
	request.topics.n = 1;
	client_call(&r->client, FETCH_VERSION, &fetch_request_schema, &request, &fetch_response_schema, on_fetched, r);
}

void teller_reader_start(struct teller_reader *r)
{
	client_init(&r->client, r->loop, &r->to, "teller-reader");
	timer_init(&r->next, r->loop, on_again);
	memset(r->offsets, 0, sizeof(r->offsets));
	memset(r->ended_at, -1, sizeof(r->ended_at));
	r->partition = 0;
	r->is_done = false;
	for (int i = 0; i < r->n_tellers; i++)
		for (int j = 0; j < TELLER_TRANSACTIONS_MAX; j++)
			memset(r->tellers[i].v[j].seen, 0, sizeof(r->tellers[i].v[j].seen));
	ask(r);
}

void teller_reader_fini(struct teller_reader *r)
{
	timer_stop(&r->next);
	client_fini(&r->client);
}

static void check_transaction(const struct teller_transaction *x)
{
	int n = 0;

	for (int i = 0; i < TELLER_RECORDS_MAX; i++) {
		check(x->seen[i] <= 1);
		n += x->seen[i];
	}
	check(x->fate != FATE_OPEN);
	check(x->fate != FATE_COMMITTED || n == x->n);
	check(x->fate != FATE_ABORTED || n == 0);
	check(n == 0 || n == x->n);
}

void teller_check(const struct teller *t)
{
	for (int i = 0; i < t->n_transactions; i++)
		check_transaction(&t->v[i]);
}
