/*
 * Transactions over three nodes: the coordinator of a transaction and its partitions are on
 * different nodes, which tell each other about added partitions, about many transactions at once,
 * and about the end of one; the coordinator dies in between.
 */
#include <stdio.h>
#include <string.h>

#include "protocol/write_txn_markers.h"
#include "tests/base/cm.h"
#include "tests/broker/cluster_world.h"

#include "base/buf.h"
#include "base/err.h"
#include "protocol/end_txn.h"
#include "protocol/fetch.h"
#include "protocol/find_coordinator.h"
#include "protocol/incremental_alter_configs.h"
#include "protocol/init_producer_id.h"
#include "protocol/produce.h"
#include "wire/batch.h"
#include "wire/codec.h"

#define TRIES 1200
#define ASK(node, name, in) cluster_ask(node, CLUSTER_BROKER, name##_request_KEY, in)

static struct uuid topic_id;
static int32_t timeout_ms = 60000;
static const char *transactional_id = "payments"; /* the transactional id in use */

static void a_while(void)
{
	sim_run_for(cluster_sim(), 50);
}

/* Topic t: partition i is on node i only. */
static void make_topic(void)
{
	int32_t ids[CLUSTER_NODES];
	struct create_topics_request_assignment assignments[CLUSTER_NODES];
	struct create_topics_request_topic topic = {.name = STR("t"), .num_partitions = -1, .replication_factor = -1};
	struct create_topics_request in = {.topics = {&topic, 1}, .timeout_ms = 30000};
	const struct create_topics_response *out;

	for (int i = 0; i < CLUSTER_NODES; i++) {
		ids[i] = i + 1;
		assignments[i] =
			(struct create_topics_request_assignment){.partition_index = i, .broker_ids = {&ids[i], 1}};
	}
	topic.assignments.v = assignments;
	topic.assignments.n = CLUSTER_NODES;
	out = ASK(0, create_topics, &in);
	assert_non_null(out);
	assert_int_equal(out->topics.v[0].error_code, 0);
	topic_id = out->topics.v[0].topic_id;
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_wait_topic(i, "t");
}

/* A running node. */
static int anybody(void)
{
	return cluster_runs(0) ? 0 : 1;
}

/* -1: none at the moment. */
static int coordinator(void)
{
	struct str id = str_of(transactional_id);
	struct find_coordinator_request in;
	const struct find_coordinator_response *out;

	codec_init(&find_coordinator_request_schema, &in);
	in.key_type = 1;
	in.coordinator_keys.v = &id;
	in.coordinator_keys.n = 1;
	out = ASK(anybody(), find_coordinator, &in);
	return !out || out->coordinators.v[0].error_code ? -1 : out->coordinators.v[0].node_id - 1;
}

struct producer {
	int64_t id;
	int16_t epoch;
};

static struct producer init(int *node)
{
	struct init_producer_id_request in;
	const struct init_producer_id_response *out = NULL;

	codec_init(&init_producer_id_request_schema, &in);
	in.transactional_id = str_of(transactional_id);
	in.transaction_timeout_ms = timeout_ms;
	for (int i = 0; i < TRIES && (!out || out->error_code); i++) {
		*node = coordinator();
		out = *node >= 0 ? ASK(*node, init_producer_id, &in) : NULL;
		a_while();
	}
	assert_non_null(out);
	assert_int_equal(out->error_code, 0);
	return (struct producer){out->producer_id, out->producer_epoch};
}

static struct records batch_of(struct buf *b, const struct producer *p)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder builder;

	o.attributes = BATCH_TRANSACTIONAL;
	o.producer_id = p->id;
	o.producer_epoch = p->epoch;
	o.base_sequence = 0;
	batch_begin(&builder, b, &o);
	batch_add(&builder, 1, BYTES_NULL, (struct bytes){(const uint8_t *)"x", 1});
	batch_end(&builder);
	put_i32(b->p + BATCH_AT_LEADER_EPOCH, -1);
	return (struct records){.p = b->p, .len = (int32_t)b->len};
}

/* The first record of a transaction in this node's partition. */
struct production {
	struct produce_request in;
	struct produce_request_topic topic;
	struct produce_request_partition partition;
	struct buf batch;
	struct cluster_question q;
};

static void production_init(struct production *x, const char *id, const struct producer *p, int node)
{
	memset(x, 0, sizeof(*x));
	codec_init(&produce_request_topic_schema, &x->topic);
	codec_init(&produce_request_schema, &x->in);
	x->partition.index = node;
	x->partition.records = batch_of(&x->batch, p);
	x->topic.topic_id = topic_id;
	x->topic.partition_data.v = &x->partition;
	x->topic.partition_data.n = 1;
	x->in.transactional_id = str_of(id);
	x->in.acks = -1;
	x->in.timeout_ms = 5000;
	x->in.topic_data.v = &x->topic;
	x->in.topic_data.n = 1;
}

/* Returns Kafka's error; the same request can be sent again. */
static int produced(const struct produce_response *out)
{
	int err = out ? out->responses.v[0].partition_responses.v[0].error_code : ERR_NETWORK_EXCEPTION;

	assert_true(err == 0 || err_is_retriable(err) || err == ERR_CONCURRENT_TRANSACTIONS);
	return err;
}

/* Retries as clients do. */
static void produce(const struct producer *p, int node)
{
	int err = -1;

	for (int i = 0; i < TRIES && err; i++) {
		struct production x;

		production_init(&x, transactional_id, p, node);
		err = produced(ASK(node, produce, &x.in));
		buf_fini(&x.batch);
		if (err)
			a_while();
	}
	assert_int_equal(err, 0);
}

static void end(struct producer *p, int node, bool commit)
{
	struct end_txn_request in = {.transactional_id = str_of(transactional_id),
				     .producer_id = p->id,
				     .producer_epoch = p->epoch,
				     .committed = commit};
	const struct end_txn_response *out = ASK(node, end_txn, &in);

	assert_non_null(out);
	assert_int_equal(out->error_code, 0);
	*p = (struct producer){out->producer_id, out->producer_epoch};
}

static struct fetch_response_partition fetch(int node, int64_t offset)
{
	struct fetch_request_partition p;
	struct fetch_request_topic t;
	struct fetch_request in;
	const struct fetch_response *out;

	codec_init(&fetch_request_partition_schema, &p);
	codec_init(&fetch_request_topic_schema, &t);
	codec_init(&fetch_request_schema, &in);
	p.partition = node;
	p.fetch_offset = offset;
	p.partition_max_bytes = 1 << 16;
	t.topic_id = topic_id;
	t.partitions.v = &p;
	t.partitions.n = 1;
	in.isolation_level = 1;
	in.max_bytes = 1 << 20;
	in.session_epoch = -1;
	in.topics.v = &t;
	in.topics.n = 1;
	out = ASK(node, fetch, &in);
	assert_non_null(out);
	assert_int_equal(out->responses.v[0].partitions.v[0].error_code, 0);
	return out->responses.v[0].partitions.v[0];
}

/*
 * Waits until all transactions in this node's partition have ended, at this offset; the last one, a
 * record and its marker, has ended as expected.
 */
static void wait_for_end(int node, int64_t offset, bool aborted)
{
	struct fetch_response_partition f = fetch(node, offset - 2);

	for (int i = 0; i < TRIES && f.last_stable_offset < offset; i++) {
		a_while();
		f = fetch(node, offset - 2);
	}
	assert_int_equal(f.last_stable_offset, offset);
	assert_int_equal(f.high_watermark, offset);
	assert_int_equal(f.aborted_transactions.n > 0, aborted);
}

/*
 * The same for a first transaction that is committed by the successor of a coordinator, which may
 * have written this node's marker before it died: then there are two.
 */
static void wait_for_end_by_the_next(int node)
{
	struct fetch_response_partition f = fetch(node, 0);

	for (int i = 0; i < TRIES && f.last_stable_offset < 2; i++) {
		a_while();
		f = fetch(node, 0);
	}
	assert_in_range(f.last_stable_offset, 2, 3);
	assert_int_equal(f.high_watermark, f.last_stable_offset);
	assert_int_equal(f.aborted_transactions.n, 0);
}

static struct producer begin_everywhere_on(int reactors, int *node)
{
	static const char *const overrides[] = {
		"transaction.state.log.replication.factor=3", "transaction.state.log.min.isr=2",
		"transaction.state.log.num.partitions=1", "odradek.http.listeners=:9644", NULL};
	struct producer p;

	cluster_up(3, overrides);
	cluster_set_reactors(reactors);
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_start(i);
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_wait_serving(i);
	make_topic();
	p = init(node);
	for (int i = 0; i < CLUSTER_NODES; i++)
		produce(&p, i);
	for (int i = 0; i < CLUSTER_NODES; i++)
		assert_int_equal(fetch(i, 0).last_stable_offset, 0);
	return p;
}

static struct producer begin_everywhere(int *node)
{
	return begin_everywhere_on(2, node);
}

static void expect_metric(int node, const char *line)
{
	char whole[128];

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(cluster_web(node, "/metrics"), whole))
		fail_msg("node %d does not say: %s", node + 1, line);
}

/* Asks a node to end it by hand in this partition. Returns the error. */
static int write_marker(int node, const struct producer *p, int32_t partition)
{
	struct write_txn_markers_request_topic t = {STR("t"), {&partition, 1}};
	struct write_txn_markers_request_marker m = {
		.producer_id = p->id, .producer_epoch = p->epoch, .topics = {&t, 1}};
	struct write_txn_markers_request in = {.markers = {&m, 1}};
	const struct write_txn_markers_response *out = ASK(node, write_txn_markers, &in);

	assert_non_null(out);
	return out->markers.v[0].topics.v[0].partitions.v[0].error_code;
}

static void a_marker_is_not_taken_for_a_partition_that_is_elsewhere(void **state)
{
	struct producer p;
	int node;

	(void)state;
	p = begin_everywhere(&node);
	assert_int_equal(write_marker(0, &p, 1), ERR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(write_marker(0, &p, 7), ERR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(write_marker(1, &p, 1), 0);
	end(&p, node, true);
	for (int i = 0; i < CLUSTER_NODES; i += 2)
		wait_for_end(i, 2, false);
	cluster_down();
}

static void a_transaction_on_several_nodes_ends_on_all_of_them(void **state)
{
	struct producer p;
	int node;

	(void)state;
	p = begin_everywhere(&node);
	expect_metric(node, "odradek_transactional_ids{state=\"Ongoing\"} 1");
	for (int i = 0; i < CLUSTER_NODES; i++) /* its records are from 1970 */
		expect_metric(i, "kafka_server_replicamanager_partitionswithlatetransactionscount 1");
	end(&p, node, true);
	for (int i = 0; i < CLUSTER_NODES; i++)
		wait_for_end(i, 2, false);
	for (int i = 0; i < CLUSTER_NODES; i++)
		expect_metric(i, "kafka_server_replicamanager_partitionswithlatetransactionscount 0");
	expect_metric(node, "odradek_transactional_ids{state=\"Ongoing\"} 0");
	for (int i = 0; i < CLUSTER_NODES; i++)
		produce(&p, i);
	end(&p, node, false);
	for (int i = 0; i < CLUSTER_NODES; i++)
		wait_for_end(i, 4, true);
	cluster_down();
}

static void a_coordinator_that_dies_leaves_the_end_to_the_next(void **state)
{
	struct producer p;
	int node;

	(void)state;
	p = begin_everywhere(&node);
	end(&p, node, true);
	cluster_crash(node, SIM_KILL);
	for (int i = 0; i < CLUSTER_NODES; i++)
		if (i != node)
			wait_for_end_by_the_next(i);
	cluster_start(node);
	cluster_wait_serving(node);
	wait_for_end_by_the_next(node);
	cluster_down();
}

/* All replicas of the transactions' own topic are throttled. */
static void throttle_state(int node)
{
	struct incremental_alter_configs_request_config c = {STR("leader.replication.throttled.replicas"), 0, STR("*")};
	struct incremental_alter_configs_request_resource r = {2, STR("__transaction_state"), {&c, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	const struct incremental_alter_configs_response *out = ASK(node, incremental_alter_configs, &in);

	assert_non_null(out);
	assert_int_equal(out->responses.v[0].error_code, 0);
	for (int i = 0; i < 20; i++)
		a_while(); /* every node hears of it */
}

static void a_throttled_log_is_loaded_all_the_same(void **state)
{
	struct producer p;
	int node, next;

	(void)state;
	p = begin_everywhere(&node);
	throttle_state(node);
	cluster_crash(node, SIM_KILL);
	next = -1;
	for (int i = 0; i < TRIES && (next < 0 || next == node); i++) {
		next = coordinator();
		a_while();
	}
	for (int i = 0; i < 40; i++)
		a_while(); /* it loads */
	end(&p, next, true);
	cluster_down();
}

enum { MANY = 10 };

/*
 * Their coordinator aborts them all at once; while a request with markers is on its way to a
 * broker, the markers of the others wait, and then go together.
 */
static void markers_of_many_transactions_go_together(void **state)
{
	char ids[MANY][16];
	struct producer p;
	int node, to, sent;

	(void)state;
	begin_everywhere(&node);
	to = (node + 1) % CLUSTER_NODES;
	timeout_ms = 10000;
	for (int i = 0; i < MANY; i++) {
		snprintf(ids[i], sizeof(ids[i]), "many-%d", i);
		transactional_id = ids[i];
		p = init(&node);
		produce(&p, to);
	}
	transactional_id = "payments";
	timeout_ms = 60000;
	assert_int_equal(fetch(to, 0).high_watermark, 1 + MANY);
	sent = cluster_said(node, "markers are sent");
	for (int i = 0; i < TRIES && fetch(to, 0).high_watermark < 1 + 2 * MANY; i++)
		a_while();
	assert_int_equal(fetch(to, 0).high_watermark, 1 + 2 * MANY);
	assert_int_equal(fetch(to, 0).last_stable_offset, 0); /* the transaction of the first one is still open */
	sent = cluster_said(node, "markers are sent") - sent;
	assert_in_range(sent, 1, 3);
	cluster_down();
}

/*
 * MANY requests wait, each on a connection of its own; the last one repeats the first, like a
 * client that has lost its connection.
 */
static void begin_many(struct production *x, char (*ids)[16], const struct producer *p, int to)
{
	for (int i = 0; i <= MANY; i++) {
		production_init(&x[i], ids[i % MANY], &p[i % MANY], to);
		cluster_begin_ask_apart(to, i, produce_request_KEY, &x[i].in, &x[i].q);
	}
}

static bool all_are_answered(void *arg)
{
	const struct production *x = arg;

	for (int i = 0; i <= MANY; i++)
		if (!x[i].q.answered)
			return false;
	return true;
}

static void init_many(char (*ids)[16], struct producer *p, int *node)
{
	for (int i = 0; i < MANY; i++) {
		snprintf(ids[i], sizeof(ids[i]), "many-%d", i);
		transactional_id = ids[i];
		p[i] = init(node);
	}
	transactional_id = "payments";
}

static void free_many(struct production *x)
{
	for (int i = 0; i <= MANY; i++)
		buf_fini(&x[i].batch);
}

/*
 * Requests that arrive at the same time are verified with one request to the coordinator; a
 * transactional id that is in it already is asked about with the next one.
 */
static void partitions_of_many_transactions_come_in_together(void **state)
{
	static const char times[] = "kafka_server_addpartitionstotxnmanager_verificationtimems_count";
	struct production x[MANY + 1];
	struct producer p[MANY];
	char ids[MANY][16], line[128];
	int node, to, asked;

	(void)state;
	begin_everywhere_on(1, &node);
	to = (node + 1) % CLUSTER_NODES;
	init_many(ids, p, &node);
	asked = cluster_said(to, "a coordinator is asked");
	assert_int_equal(asked, 1);
	begin_many(x, ids, p, to);
	assert_true(sim_run_until(cluster_sim(), CLUSTER_PATIENCE_MS, all_are_answered, x));
	for (int i = 0; i <= MANY; i++)
		assert_int_equal(produced(x[i].q.answer), 0);
	free_many(x);
	assert_int_equal(fetch(to, 0).high_watermark, 1 + MANY);
	assert_in_range(cluster_said(to, "a coordinator is asked") - asked, 2, 4);
	snprintf(line, sizeof(line), "%s %d", times, 1 + MANY + 1);
	expect_metric(to, line);
	expect_metric(to, "kafka_server_addpartitionstotxnmanager_verificationfailurerate_count 0");
	cluster_down();
}

/*
 * The coordinator's broker is killed while it is being asked: all of them are told to retry, and
 * are written when they do.
 */
static void a_coordinator_that_dies_while_it_is_asked_is_asked_again(void **state)
{
	struct production x[MANY + 1];
	struct producer p[MANY];
	char ids[MANY][16];
	int node, to, refused = 0;

	(void)state;
	begin_everywhere_on(1, &node);
	to = (node + 1) % CLUSTER_NODES;
	init_many(ids, p, &node);
	cluster_crash(node, SIM_KILL);
	begin_many(x, ids, p, to);
	assert_true(sim_run_until(cluster_sim(), CLUSTER_PATIENCE_MS, all_are_answered, x));
	for (int i = 0; i <= MANY; i++)
		refused += produced(x[i].q.answer) == ERR_NOT_ENOUGH_REPLICAS;
	assert_true(refused >= MANY);
	free_many(x);
	for (int i = 0; i < MANY; i++) {
		transactional_id = ids[i];
		produce(&p[i], to);
	}
	transactional_id = "payments";
	assert_int_equal(fetch(to, 0).high_watermark, 1 + MANY);
	cluster_start(node);
	cluster_wait_serving(node);
	cluster_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_transaction_on_several_nodes_ends_on_all_of_them),
		cmocka_unit_test(a_marker_is_not_taken_for_a_partition_that_is_elsewhere),
		cmocka_unit_test(a_coordinator_that_dies_leaves_the_end_to_the_next),
		cmocka_unit_test(a_throttled_log_is_loaded_all_the_same),
		cmocka_unit_test(markers_of_many_transactions_go_together),
		cmocka_unit_test(partitions_of_many_transactions_come_in_together),
		cmocka_unit_test(a_coordinator_that_dies_while_it_is_asked_is_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
