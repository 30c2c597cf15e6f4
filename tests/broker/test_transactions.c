/*
 * Transactions through a whole node, with requests of both generations: what is committed is seen
 * once and whole, what is aborted is not seen; nothing gets into a partition that the coordinator
 * does not know about; a node that dies in the middle carries on where it was.
 */
#include <string.h>

#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

#include "base/err.h"
#include "base/mem.h"
#include "protocol/add_offsets_to_txn.h"
#include "protocol/add_partitions_to_txn.h"
#include "protocol/describe_producers.h"
#include "protocol/describe_transactions.h"
#include "protocol/end_txn.h"
#include "protocol/find_coordinator.h"
#include "protocol/init_producer_id.h"
#include "protocol/list_transactions.h"
#include "protocol/offset_fetch.h"
#include "protocol/txn_offset_commit.h"
#include "protocol/write_txn_markers.h"

#define ID "payments"

/* The linker puts this in front of str_eq. */
static int64_t n_compares;

bool __real_str_eq(struct str a, struct str b);
bool __wrap_str_eq(struct str a, struct str b);

bool __wrap_str_eq(struct str a, struct str b)
{
	n_compares++;
	return __real_str_eq(a, b);
}

struct producer {
	int64_t id;
	int16_t epoch;
	int32_t sequence;
};

static void die_and_come_back(void)
{
	sim_crash(w->sim, NODE, SIM_KILL);
	sim_restart(w->sim, NODE);
	bring_up();
	client_open(&w->a);
	client_open(&w->b);
}

/* ---- requests ---- */

#define ASK(name, version, in, out)                                                                                    \
	(client_send(&w->a, &name##_request_schema, version, in),                                                      \
	 client_take(&w->a, &name##_response_schema, version, out))

static int find_coordinator(int8_t type, const char *key)
{
	struct find_coordinator_request in;
	struct find_coordinator_response out;
	struct str name = str_of(key);

	codec_init(&find_coordinator_request_schema, &in);
	in.key_type = type;
	in.coordinator_keys.v = &name;
	in.coordinator_keys.n = 1;
	ASK(find_coordinator, 6, &in, &out);
	return out.coordinators.v[0].error_code;
}

static int init_for(struct producer *p, int32_t timeout_ms)
{
	struct init_producer_id_request in;
	struct init_producer_id_response out;

	codec_init(&init_producer_id_request_schema, &in);
	in.transactional_id = STR(ID);
	in.transaction_timeout_ms = timeout_ms;
	ASK(init_producer_id, 4, &in, &out);
	*p = (struct producer){out.producer_id, out.producer_epoch, 0};
	return out.error_code;
}

/* Like a client: until the coordinator is found and the previous transaction has ended. */
static struct producer init(void)
{
	struct producer p;
	int err = -1;

	for (int i = 0; i < 400 && err; i++) {
		err = find_coordinator(1, ID);
		if (!err)
			err = init_for(&p, 60000);
		if (err)
			sim_run_for(w->sim, 50);
	}
	assert_int_equal(err, 0);
	return p;
}

static struct records transactional(struct buf *b, const struct producer *p, const char *value)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder builder;

	o.attributes = BATCH_TRANSACTIONAL;
	o.producer_id = p->id;
	o.producer_epoch = p->epoch;
	o.base_sequence = p->sequence;
	b->len = 0;
	batch_begin(&builder, b, &o);
	batch_add(&builder, 1, BYTES_NULL, (struct bytes){(const uint8_t *)value, (int32_t)strlen(value)});
	batch_end(&builder);
	put_i32(b->p + BATCH_AT_LEADER_EPOCH, -1);
	batch_crc_set(b->p, b->len);
	return (struct records){.p = b->p, .len = (int32_t)b->len};
}

/* Version 12 and later are for transaction.version 2. */
static int produce(struct producer *p, int version, const char *value)
{
	struct produce_request_partition partition = {0};
	struct produce_request_topic topic;
	struct produce_request in;
	struct produce_response out;
	struct buf b = {0};
	int err;

	codec_init(&produce_request_topic_schema, &topic);
	codec_init(&produce_request_schema, &in);
	partition.records = transactional(&b, p, value);
	topic.name = STR("t");
	topic.partition_data.v = &partition;
	topic.partition_data.n = 1;
	in.transactional_id = STR(ID);
	in.acks = -1;
	in.timeout_ms = 5000;
	in.topic_data.v = &topic;
	in.topic_data.n = 1;
	ASK(produce, version, &in, &out);
	buf_fini(&b);
	err = out.responses.v[0].partition_responses.v[0].error_code;
	p->sequence += err == 0;
	return err;
}

static int add(const struct producer *p, const char *name)
{
	int32_t partition = 0;
	struct add_partitions_to_txn_request_topic topic = {.name = str_of(name), .partitions = {&partition, 1}};
	struct add_partitions_to_txn_request in;
	struct add_partitions_to_txn_response out;

	codec_init(&add_partitions_to_txn_request_schema, &in);
	in.v3_and_below_transactional_id = STR(ID);
	in.v3_and_below_producer_id = p->id;
	in.v3_and_below_producer_epoch = p->epoch;
	in.v3_and_below_topics.v = &topic;
	in.v3_and_below_topics.n = 1;
	ASK(add_partitions_to_txn, 3, &in, &out);
	return out.results_by_topic_v3_and_below.v[0].results_by_partition.v[0].partition_error_code;
}

/* With version 5, *p continues as the answer says. */
static int end(struct producer *p, int version, bool commit)
{
	struct end_txn_request in;
	struct end_txn_response out;

	codec_init(&end_txn_request_schema, &in);
	in.transactional_id = STR(ID);
	in.producer_id = p->id;
	in.producer_epoch = p->epoch;
	in.committed = commit;
	ASK(end_txn, version, &in, &out);
	if (version >= 5 && out.error_code == 0)
		*p = (struct producer){out.producer_id, out.producer_epoch, 0};
	return out.error_code;
}

static const char *state_of_transaction(void)
{
	struct str id = STR(ID);
	struct describe_transactions_request in = {.transactional_ids = {&id, 1}};
	struct describe_transactions_response out;

	ASK(describe_transactions, 0, &in, &out);
	if (out.transaction_states.v[0].error_code)
		return err_name(out.transaction_states.v[0].error_code);
	return arena_printf(&w->arena, "%.*s", STR_ARG(out.transaction_states.v[0].transaction_state)).p;
}

static void wait_for_state(const char *state)
{
	for (int i = 0; i < 2000 && strcmp(state_of_transaction(), state) != 0; i++)
		sim_run_for(w->sim, 20);
	assert_string_equal(state_of_transaction(), state);
}

/* ---- reading ---- */

static struct fetch_response_partition fetch_committed(int64_t offset)
{
	struct fetch_response out;
	struct fetch_of f;

	fetch_one(&f, "t", offset)->isolation_level = 1;
	ASK(fetch, 12, &f.in, &out);
	assert_int_equal(out.responses.v[0].partitions.v[0].error_code, 0);
	return out.responses.v[0].partitions.v[0];
}

/* Like a consumer: from the transaction's first offset to its marker. */
static bool is_aborted(const struct fetch_response_partition *f, const struct batch_header *h, int64_t last_marker)
{
	for (int i = 0; i < f->aborted_transactions.n; i++)
		if (f->aborted_transactions.v[i].producer_id == h->producer_id &&
		    f->aborted_transactions.v[i].first_offset <= h->base_offset &&
		    f->aborted_transactions.v[i].first_offset > last_marker)
			return true;
	return false;
}

static void put_values(struct buf *out, const struct batch_iter *it)
{
	struct record_iter records = record_iter(&it->header, it->p + BATCH_HEADER_SIZE,
						 (size_t)batch_size(&it->header) - BATCH_HEADER_SIZE);
	struct record r;

	while (record_next(&records, &r))
		buf_printf(out, "%s%.*s", out->len ? " " : "", (int)r.value.len, (const char *)r.value.p);
}

/* All that a reader of committed records sees of topic t, where there is one producer. */
static const char *committed(void)
{
	struct buf text = {0};
	struct str seen;
	int64_t offset = 0, last_marker = -1, from;

	do {
		struct fetch_response_partition f = fetch_committed(offset);

		from = offset;
		for (struct batch_iter it = batch_iter(f.records.p, (size_t)f.records.len); batch_next(&it);) {
			offset = batch_last_offset(&it.header) + 1;
			if (batch_is_control(&it.header))
				last_marker = it.header.base_offset;
			else if (!is_aborted(&f, &it.header, last_marker))
				put_values(&text, &it);
		}
	} while (offset > from);
	seen = arena_printf(&w->arena, "%.*s", STR_ARG(buf_str(&text)));
	buf_fini(&text);
	return seen.p;
}

static void make_topic(void)
{
	struct metadata_response out;

	ask_metadata("t", &out);
	assert_int_equal(out.topics.v[0].error_code, 0);
}

/* ---- stories ---- */

static void transactions_of_version_2_are_seen_whole(void **state)
{
	struct producer p, old;

	(void)state;
	make_topic();
	p = init();
	assert_int_equal(produce(&p, 12, "a"), 0);
	assert_int_equal(produce(&p, 12, "b"), 0);
	assert_string_equal(committed(), "");
	assert_string_equal(state_of_transaction(), "Ongoing");
	old = p;
	assert_int_equal(end(&p, 5, true), 0);
	assert_int_equal(p.epoch, old.epoch + 1);
	assert_int_equal(produce(&p, 12, "c"), 0); /* while the markers of the previous one are on their way */
	assert_string_equal(committed(), "a b");
	assert_int_equal(produce(&old, 12, "late"), ERR_INVALID_PRODUCER_EPOCH);
	assert_int_equal(end(&p, 5, false), 0);
	wait_for_state("CompleteAbort");
	assert_int_equal(produce(&p, 12, "d"), 0);
	assert_int_equal(end(&p, 5, true), 0);
	wait_for_state("CompleteCommit");
	assert_string_equal(committed(), "a b d");
}

static void partitions_that_come_into_a_transaction_are_not_each_compared_with_each(void **state)
{
	enum { N = 250 };
	struct produce_request_partition *parts = xcalloc(N, sizeof(*parts));
	struct produce_request_topic topics[2];
	struct produce_request in;
	struct produce_response out;
	struct buf b = {0};
	struct producer p;

	(void)state;
	create_topic_with("t", N, NULL);
	create_topic_with("u", N, NULL);
	p = init();
	codec_init(&produce_request_schema, &in);
	for (int i = 0; i < N; i++) {
		parts[i].index = i;
		parts[i].records = i == 0 ? transactional(&b, &p, "a") : parts[0].records;
	}
	for (int i = 0; i < 2; i++) {
		codec_init(&produce_request_topic_schema, &topics[i]);
		topics[i].name = i ? STR("u") : STR("t");
		topics[i].partition_data.v = parts;
		topics[i].partition_data.n = N;
	}
	in.transactional_id = STR(ID);
	in.acks = -1;
	in.timeout_ms = 5000;
	in.topic_data.v = topics;
	in.topic_data.n = 2;
	n_compares = 0;
	ASK(produce, 12, &in, &out);
	assert_in_range(n_compares, 1, 10 * N);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(out.responses.v[i].partition_responses.n, N);
		for (int j = 0; j < N; j++)
			assert_int_equal(out.responses.v[i].partition_responses.v[j].error_code, 0);
	}
	buf_fini(&b);
	xfree(parts);
}

/*
 * Sends a batch of a for "t" and one of b for "u", which may be broken, with this transactional id;
 * returns the error, which is that of both.
 */
static int produce_of_two_in(const struct producer *a, const struct producer *b, struct str id, bool is_broken)
{
	const struct producer *const by[] = {a, b};
	struct produce_request_partition parts[2] = {{0}};
	struct produce_request_topic topics[2];
	struct buf bytes[2] = {{0}};
	struct produce_request in;
	struct produce_response out;

	codec_init(&produce_request_schema, &in);
	for (int i = 0; i < 2; i++) {
		codec_init(&produce_request_topic_schema, &topics[i]);
		parts[i].records = transactional(&bytes[i], by[i], "value");
		topics[i].name = i ? STR("u") : STR("t");
		topics[i].partition_data.v = &parts[i];
		topics[i].partition_data.n = 1;
	}
	bytes[1].p[bytes[1].len - 1] ^= is_broken;
	in.transactional_id = id;
	in.acks = -1;
	in.timeout_ms = 5000;
	in.topic_data.v = topics;
	in.topic_data.n = 2;
	ASK(produce, 12, &in, &out);
	for (int i = 0; i < 2; i++)
		buf_fini(&bytes[i]);
	assert_int_equal(out.responses.n, 2);
	assert_int_equal(out.responses.v[0].partition_responses.v[0].error_code,
			 out.responses.v[1].partition_responses.v[0].error_code);
	return out.responses.v[0].partition_responses.v[0].error_code;
}

static int produce_of_two(const struct producer *a, const struct producer *b, struct str id)
{
	return produce_of_two_in(a, b, id, false);
}

static void a_request_is_of_one_transaction(void **state)
{
	struct metadata_response made;
	struct producer p, other;

	(void)state;
	make_topic();
	ask_metadata("u", &made);
	assert_int_equal(made.topics.v[0].error_code, 0);
	p = other = init();
	other.id++;
	assert_int_equal(produce_of_two(&p, &other, STR(ID)), ERR_INVALID_PRODUCER_ID_MAPPING);
	assert_int_equal(produce_of_two_in(&p, &other, STR(ID), true), ERR_INVALID_PRODUCER_ID_MAPPING);
	other = p;
	other.epoch++;
	assert_int_equal(produce_of_two(&p, &other, STR(ID)), ERR_INVALID_PRODUCER_ID_MAPPING);
	assert_int_equal(produce_of_two(&p, &p, STR_NULL), ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
	assert_string_equal(state_of_transaction(), "Empty");
	assert_int_equal(produce_of_two(&p, &p, STR(ID)), 0);
	assert_string_equal(state_of_transaction(), "Ongoing");
}

/* transaction.max.timeout.ms is 15 minutes. */
static void a_timeout_has_to_be_one_and_not_too_long(void **state)
{
	struct producer p, before = init();

	(void)state;
	assert_int_equal(init_for(&p, 0), ERR_INVALID_TRANSACTION_TIMEOUT);
	assert_int_equal(p.id, -1);
	assert_int_equal(p.epoch, -1);
	assert_int_equal(init_for(&p, -1), ERR_INVALID_TRANSACTION_TIMEOUT);
	assert_int_equal(init_for(&p, 900001), ERR_INVALID_TRANSACTION_TIMEOUT);
	assert_int_equal(init_for(&p, 900000), 0);
	assert_int_equal(p.epoch, before.epoch + 1); /* nothing of the others has happened */
}

static void clients_of_version_0_add_their_partitions_first(void **state)
{
	struct producer p;

	(void)state;
	make_topic();
	p = init();
	assert_int_equal(produce(&p, 10, "a"), ERR_INVALID_TXN_STATE);
	assert_int_equal(produce(&p, 11, "a"), ERR_TRANSACTION_ABORTABLE);
	assert_int_equal(add(&p, "x"), ERR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(add(&p, "__transaction_state"), ERR_TOPIC_AUTHORIZATION_FAILED);
	assert_int_equal(add(&p, "t"), 0);
	assert_int_equal(produce(&p, 11, "a"), 0);
	assert_int_equal(end(&p, 4, true), 0);
	assert_int_equal(produce(&p, 10, "b"), ERR_INVALID_TXN_STATE);
	wait_for_state("CompleteCommit");
	assert_string_equal(committed(), "a");
	assert_int_equal(add(&p, "t"), 0);
	assert_int_equal(produce(&p, 9, "b"), 0);
	assert_int_equal(end(&p, 4, false), 0);
	wait_for_state("CompleteAbort");
	assert_string_equal(committed(), "a");
}

static void who_begins_anew_ends_what_was_open(void **state)
{
	struct producer p, next;

	(void)state;
	make_topic();
	p = init();
	assert_int_equal(produce(&p, 12, "zombie"), 0);
	next = init();
	assert_true(next.id == p.id && next.epoch > p.epoch);
	assert_int_equal(produce(&p, 12, "zombie"), ERR_INVALID_PRODUCER_EPOCH);
	assert_int_equal(end(&p, 5, true), ERR_PRODUCER_FENCED);
	assert_int_equal(produce(&next, 12, "a"), 0);
	assert_int_equal(end(&next, 5, true), 0);
	wait_for_state("CompleteCommit");
	assert_string_equal(committed(), "a");
}

static void a_node_that_dies_goes_on_with_what_was_open(void **state)
{
	struct producer p;

	(void)state;
	make_topic();
	p = init();
	assert_int_equal(produce(&p, 12, "a"), 0);
	die_and_come_back();
	wait_for_state("Ongoing");
	assert_string_equal(committed(), "");
	assert_int_equal(produce(&p, 12, "b"), 0);
	assert_int_equal(end(&p, 5, true), 0);
	die_and_come_back();
	wait_for_state("CompleteCommit");
	assert_string_equal(committed(), "a b");
	assert_int_equal(produce(&p, 12, "c"), 0);
	assert_int_equal(end(&p, 5, true), 0);
	wait_for_state("CompleteCommit");
	assert_string_equal(committed(), "a b c");
}

static void what_takes_too_long_is_aborted(void **state)
{
	struct producer p = init();

	(void)state;
	make_topic();
	assert_int_equal(init_for(&p, 1000), 0);
	assert_int_equal(produce(&p, 12, "a"), 0);
	sim_run_for(w->sim, 15000);
	wait_for_state("CompleteAbort");
	assert_int_equal(produce(&p, 12, "b"), ERR_INVALID_PRODUCER_EPOCH);
	assert_string_equal(committed(), "");
}

/* ---- offsets ---- */

static int commit_offset(const struct producer *p, int version, int64_t offset)
{
	struct offset_commit_request_partition partition = {.committed_offset = offset, .committed_leader_epoch = -1};
	struct offset_commit_request_topic topic = {.name = STR("t"), .partitions = {&partition, 1}};
	struct txn_offset_commit_request in;
	struct offset_commit_response out;

	codec_init(&txn_offset_commit_request_schema, &in);
	partition.committed_metadata = STR("");
	in.transactional_id = STR(ID);
	in.group_id = STR("g");
	in.producer_id = p->id;
	in.producer_epoch = p->epoch;
	in.topics.v = &topic;
	in.topics.n = 1;
	ASK(txn_offset_commit, version, &in, &out);
	return out.topics.v[0].partitions.v[0].error_code;
}

static int add_offsets(const struct producer *p)
{
	struct add_offsets_to_txn_request in;
	struct add_offsets_to_txn_response out;

	codec_init(&add_offsets_to_txn_request_schema, &in);
	in.transactional_id = STR(ID);
	in.producer_id = p->id;
	in.producer_epoch = p->epoch;
	in.group_id = STR("g");
	ASK(add_offsets_to_txn, 3, &in, &out);
	return out.error_code;
}

/* The offset, or a negative error. */
static int64_t fetch_offset(bool stable)
{
	int32_t partition = 0;
	struct offset_fetch_request_group_topic t = {.name = STR("t"), .partition_indexes = {&partition, 1}};
	struct offset_fetch_request_group g = {.group_id = STR("g"), .member_epoch = -1, .topics = {&t, 1}};
	struct offset_fetch_request in;
	struct offset_fetch_response out;
	const struct offset_fetch_response_group_partition *p;

	codec_init(&offset_fetch_request_schema, &in);
	in.groups.v = &g;
	in.groups.n = 1;
	in.require_stable = stable;
	ASK(offset_fetch, 8, &in, &out);
	if (out.groups.v[0].error_code)
		return -1000 - out.groups.v[0].error_code;
	p = &out.groups.v[0].topics.v[0].partitions.v[0];
	return p->error_code ? -1000 - p->error_code : p->committed_offset;
}

static void wait_for_group(void)
{
	for (int i = 0; i < 200 && (find_coordinator(0, "g") || fetch_offset(false) < -1); i++)
		sim_run_for(w->sim, 50);
	assert_int_equal(fetch_offset(false), -1);
}

static void offsets_count_when_their_transaction_is_committed(void **state)
{
	struct producer p;

	(void)state;
	make_topic();
	wait_for_group();
	p = init();
	assert_int_equal(commit_offset(&p, 3, 5), ERR_INVALID_TXN_STATE);
	assert_int_equal(add_offsets(&p), 0);
	assert_int_equal(commit_offset(&p, 3, 5), 0);
	assert_int_equal(fetch_offset(false), -1);
	assert_int_equal(fetch_offset(true), -1000 - ERR_UNSTABLE_OFFSET_COMMIT);
	assert_int_equal(end(&p, 4, true), 0);
	wait_for_state("CompleteCommit");
	assert_int_equal(fetch_offset(true), 5);
	p = init();
	assert_int_equal(commit_offset(&p, 5, 9), 0); /* of version 2: this adds it to the transaction */
	die_and_come_back();
	wait_for_state("Ongoing");
	for (int i = 0; i < 200 && fetch_offset(false) < -1; i++)
		sim_run_for(w->sim, 50);
	assert_int_equal(fetch_offset(true), -1000 - ERR_UNSTABLE_OFFSET_COMMIT);
	assert_int_equal(end(&p, 5, false), 0);
	wait_for_state("CompleteAbort");
	assert_int_equal(fetch_offset(true), 5);
	assert_int_equal(commit_offset(&p, 5, 7), 0);
	assert_int_equal(end(&p, 5, true), 0);
	wait_for_state("CompleteCommit");
	assert_int_equal(fetch_offset(true), 7);
}

/* ---- markers by hand ---- */

static int write_marker(const struct producer *p, int32_t coordinator_epoch, const char *name)
{
	int32_t partition = 0;
	struct write_txn_markers_request_topic topic = {.name = str_of(name), .partition_indexes = {&partition, 1}};
	struct write_txn_markers_request_marker m = {.producer_id = p->id,
						     .producer_epoch = p->epoch,
						     .coordinator_epoch = coordinator_epoch,
						     .topics = {&topic, 1}};
	struct write_txn_markers_request in = {.markers = {&m, 1}};
	struct write_txn_markers_response out;

	ASK(write_txn_markers, 1, &in, &out);
	assert_int_equal(out.markers.v[0].producer_id, p->id);
	return out.markers.v[0].topics.v[0].partitions.v[0].error_code;
}

static int64_t open_since(void)
{
	int32_t partition = 0;
	struct describe_producers_request_topic t = {.name = STR("t"), .partition_indexes = {&partition, 1}};
	struct describe_producers_request in = {.topics = {&t, 1}};
	struct describe_producers_response out;

	ASK(describe_producers, 0, &in, &out);
	assert_int_equal(out.topics.v[0].partitions.v[0].active_producers.n, 1);
	return out.topics.v[0].partitions.v[0].active_producers.v[0].current_txn_start_offset;
}

static void a_transaction_that_hangs_is_ended_by_hand(void **state)
{
	struct producer p, older;

	(void)state;
	make_topic();
	p = init();
	p = init();
	older = (struct producer){p.id, (int16_t)(p.epoch - 1), 0};
	assert_int_equal(produce(&p, 12, "a"), 0);
	assert_int_equal(open_since(), 0);
	assert_int_equal(write_marker(&older, 0, "t"), ERR_INVALID_PRODUCER_EPOCH);
	assert_int_equal(write_marker(&p, 3, "x"), ERR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(write_marker(&(struct producer){-1, p.epoch, 0}, 3, "t"), ERR_UNKNOWN_SERVER_ERROR);
	assert_int_equal(write_marker(&(struct producer){p.id, -1, 0}, 3, "t"), ERR_UNKNOWN_SERVER_ERROR);
	assert_int_equal(write_marker(&p, 3, "t"), 0);
	assert_int_equal(open_since(), -1);
	assert_string_equal(committed(), "");
	assert_int_equal(write_marker(&p, 2, "t"), ERR_TRANSACTION_COORDINATOR_FENCED);
}

static void transactions_are_listed(void **state)
{
	struct list_transactions_request in;
	struct list_transactions_response out;
	struct producer p;

	(void)state;
	make_topic();
	p = init();
	assert_int_equal(produce(&p, 12, "a"), 0);
	codec_init(&list_transactions_request_schema, &in);
	ASK(list_transactions, 2, &in, &out);
	assert_int_equal(out.transaction_states.n, 1);
	assert_true(str_is(out.transaction_states.v[0].transactional_id, ID));
	assert_true(str_is(out.transaction_states.v[0].transaction_state, "Ongoing"));
	in.transactional_id_pattern = STR("pay.*");
	ASK(list_transactions, 2, &in, &out);
	assert_int_equal(out.transaction_states.n, 1);
	in.transactional_id_pattern = STR("pay");
	ASK(list_transactions, 2, &in, &out);
	assert_int_equal(out.transaction_states.n, 0);
	in.transactional_id_pattern = STR("(");
	ASK(list_transactions, 2, &in, &out);
	assert_int_equal(out.error_code, ERR_INVALID_REGULAR_EXPRESSION);
}

static void transactions_are_listed_by_state_and_producer_id(void **state)
{
	struct list_transactions_request in;
	struct list_transactions_response out;
	struct str *names = xcalloc(10001, sizeof(*names));
	int64_t ids[3] = {1 << 30, 77, -1};
	struct producer p;

	(void)state;
	make_topic();
	p = init();
	assert_int_equal(produce(&p, 12, "a"), 0);
	for (int i = 0; i < 10001; i++)
		names[i] = i % 2 ? STR("Nothing") : i % 4 ? STR("Nowhere") : STR("Dead");
	names[9999] = STR("Ongoing");
	codec_init(&list_transactions_request_schema, &in);
	in.state_filters.v = names;
	in.state_filters.n = 10000;
	ids[2] = p.id;
	in.producer_id_filters.v = ids;
	in.producer_id_filters.n = 3;
	ASK(list_transactions, 2, &in, &out);
	assert_int_equal(out.error_code, 0);
	assert_int_equal(out.transaction_states.n, 1);
	assert_int_equal(out.unknown_state_filters.n, 2);
	assert_true(str_is(out.unknown_state_filters.v[0], "Nothing"));
	assert_true(str_is(out.unknown_state_filters.v[1], "Nowhere"));
	ids[2] = p.id + 1;
	ASK(list_transactions, 2, &in, &out);
	assert_int_equal(out.transaction_states.n, 0);
	ids[2] = p.id;
	names[0] = STR("Nothing"); /* an unknown name does not mean all */
	in.state_filters.n = 1;
	ASK(list_transactions, 2, &in, &out);
	assert_int_equal(out.transaction_states.n, 0);
	in.state_filters.n = 10001;
	ASK(list_transactions, 2, &in, &out);
	assert_int_equal(out.error_code, ERR_INVALID_REQUEST);
	xfree(names);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, node_world_up, node_world_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(transactions_of_version_2_are_seen_whole),
		TEST(partitions_that_come_into_a_transaction_are_not_each_compared_with_each),
		TEST(a_request_is_of_one_transaction),
		TEST(a_timeout_has_to_be_one_and_not_too_long),
		TEST(clients_of_version_0_add_their_partitions_first),
		TEST(who_begins_anew_ends_what_was_open),
		TEST(a_node_that_dies_goes_on_with_what_was_open),
		TEST(what_takes_too_long_is_aborted),
		TEST(offsets_count_when_their_transaction_is_committed),
		TEST(a_transaction_that_hangs_is_ended_by_hand),
		TEST(transactions_are_listed),
		TEST(transactions_are_listed_by_state_and_producer_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
