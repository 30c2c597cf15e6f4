/*
 * brokers: a pure controller (node 0) and two pure brokers (nodes 1 and 2, with the ids 2 and 3),
 * whole nodes in the simulator: what a broker needs from a controller on another node, and what
 * happens when one of them dies.
 */
#include <string.h>

#include "base/err.h"
#include "protocol/alter_client_quotas.h"
#include "protocol/fetch.h"
#include "protocol/init_producer_id.h"
#include "protocol/produce.h"
#include "tests/base/cm.h"
#include "tests/broker/cluster_world.h"
#include "wire/batch.h"
#include "wire/codec.h"

enum { CONTROLLER, FIRST, SECOND, TRIES = 600, PAUSE_MS = 50 };

static const char *const SETTINGS[] = {"broker.session.timeout.ms=2000", "broker.heartbeat.interval.ms=200",
				       "controller.quorum.fetch.max.bytes=1", /* the metadata arrives batch by batch */
				       NULL};

static struct {
	struct buf batch;
	struct uuid topic_id;
	int n_written; /* and acknowledged */
} t;

/* ---- what clients do ---- */

/* Led by FIRST, followed by SECOND; each record is flushed at once. */
static int create_topic(int by, const char *name)
{
	static int32_t replicas[] = {FIRST + 1, SECOND + 1};
	struct create_topics_request_assignment a = {0, {replicas, 2}};
	struct create_topics_request_config c = {STR("flush.messages"), STR("1")};
	struct create_topics_request_topic topic = {str_of(name), -1, -1, {&a, 1}, {&c, 1}};
	struct create_topics_request in = {.topics = {&topic, 1}, .timeout_ms = 30000};
	const struct create_topics_response *out = cluster_ask(by, CLUSTER_BROKER, create_topics_request_KEY, &in);

	if (!out)
		return ERR_NETWORK_EXCEPTION;
	t.topic_id = out->topics.v->topic_id;
	return out->topics.v->error_code;
}

/* As node `by` reports it; NULL when it does not answer or does not know the topic. */
static const struct metadata_response_partition *partition_by(int by)
{
	struct metadata_request_topic topic = {.name = STR("t")};
	struct metadata_request in = {.topics = {&topic, 1}};
	const struct metadata_response *out = cluster_ask(by, CLUSTER_BROKER, metadata_request_KEY, &in);

	return out && out->topics.n == 1 && out->topics.v->error_code == 0 ? out->topics.v->partitions.v : NULL;
}

/* Waits until node `by` reports this leader and this number of replicas in sync. */
static void wait_leader(int by, int leader, int in_sync)
{
	for (int i = 0; i < TRIES; i++) {
		const struct metadata_response_partition *p = partition_by(by);

		if (p && p->leader_id == leader + 1 && p->isr_nodes.n == in_sync)
			return;
		sim_run_for(cluster_sim(), PAUSE_MS);
	}
	fail_msg("node %d does not lead with %d in sync", leader, in_sync);
}

/* Sends a batch of one record. NULL: no answer has come. */
static const struct produce_response_partition *ask_produce(int to, const struct batch_options *options)
{
	struct produce_request_partition part;
	struct produce_request_topic topic;
	struct produce_request in;
	const struct produce_response *out;
	struct batch_builder b;

	t.batch.len = 0;
	batch_begin(&b, &t.batch, options);
	batch_add(&b, 1, BYTES_NULL, (struct bytes){(const uint8_t *)"value", 5});
	batch_end(&b);
	part = (struct produce_request_partition){.records = {.p = t.batch.p, .len = (int64_t)t.batch.len}};
	topic = (struct produce_request_topic){STR("t"), t.topic_id, {&part, 1}};
	in = (struct produce_request){STR_NULL, -1, 5000, {&topic, 1}};
	out = cluster_ask(to, CLUSTER_BROKER, produce_request_KEY, &in);
	return out ? out->responses.v->partition_responses.v : NULL;
}

/* Returns Kafka's error, or ERR_NETWORK_EXCEPTION. */
static int produce_once(int to)
{
	const struct produce_response_partition *p = ask_produce(to, &BATCH_OPTIONS_NONE);

	return p ? p->error_code : ERR_NETWORK_EXCEPTION;
}

static void produce(int to)
{
	int err = produce_once(to);

	for (int i = 0; err != 0 && i < TRIES; i++) {
		sim_run_for(cluster_sim(), PAUSE_MS);
		err = produce_once(to);
	}
	assert_int_equal(err, 0);
	t.n_written++;
}

/* The number of records that readers get from node `from`. */
static int count_records(int from)
{
	struct fetch_request_partition part;
	struct fetch_request_topic topic = {.topic_id = t.topic_id, .partitions = {&part, 1}};
	struct fetch_request in;
	const struct fetch_response *out;
	struct batch_iter it;
	int n = 0;

	codec_init(&fetch_request_schema, &in);
	codec_init(&fetch_request_partition_schema, &part);
	in.max_bytes = 1 << 20;
	in.session_epoch = -1;
	in.topics.v = &topic;
	in.topics.n = 1;
	part.partition_max_bytes = 1 << 20;
	out = cluster_ask(from, CLUSTER_BROKER, fetch_request_KEY, &in);
	assert_non_null(out);
	assert_int_equal(out->responses.v->partitions.v->error_code, 0);
	it = batch_iter(out->responses.v->partitions.v->records.p, (size_t)out->responses.v->partitions.v->records.len);
	while (batch_next(&it))
		n += it.header.count;
	return n;
}

/* ---- the world ---- */

static int up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	cluster_up_split(1, SETTINGS);
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_start(i);
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_wait_serving(i);
	return 0;
}

static int down(void **state)
{
	(void)state;
	cluster_down();
	buf_fini(&t.batch);
	return 0;
}

static void crash_and_start(int i, enum sim_crash how)
{
	cluster_crash(i, how);
	cluster_start(i);
	cluster_wait_serving(i);
}

/* ---- stories ---- */

static void what_a_broker_is_asked_the_controller_decides(void **state)
{
	(void)state;
	assert_int_equal(create_topic(SECOND, "t"), 0);
	wait_leader(FIRST, FIRST, 2);
	assert_int_equal(create_topic(FIRST, "t"), ERR_TOPIC_ALREADY_EXISTS);
	assert_int_equal(cluster_create_topic(FIRST, "too-many"), ERR_INVALID_REPLICATION_FACTOR);
}

static void a_record_is_on_both_brokers_and_survives_one(void **state)
{
	(void)state;
	assert_int_equal(create_topic(FIRST, "t"), 0);
	wait_leader(SECOND, FIRST, 2);
	for (int i = 0; i < 5; i++)
		produce(FIRST);
	cluster_crash(FIRST, SIM_KILL);
	wait_leader(SECOND, SECOND, 1);
	for (int i = 0; i < 5; i++)
		produce(SECOND);
	assert_int_equal(count_records(SECOND), t.n_written);
	cluster_start(FIRST);
	cluster_wait_serving(FIRST);
	wait_leader(SECOND, SECOND, 2);
	produce(SECOND);
	crash_and_start(SECOND, SIM_POWER);
	wait_leader(FIRST, FIRST, 2);
	assert_int_equal(count_records(FIRST), t.n_written);
}

/* The answer of node `to` for one record of producer 7 with this sequence. */
static struct produce_response_partition produce_sequence(int to, int32_t sequence)
{
	struct batch_options options = BATCH_OPTIONS_NONE;
	const struct produce_response_partition *p;

	options.producer_id = 7;
	options.producer_epoch = 0;
	options.base_sequence = sequence;
	p = ask_produce(to, &options);
	assert_non_null(p);
	return *p;
}

/* A producer whose leader dies sends again what was not answered: each record is there once all the same. */
static void a_new_leader_knows_the_last_five_batches_of_a_producer(void **state)
{
	(void)state;
	assert_int_equal(create_topic(FIRST, "t"), 0);
	wait_leader(SECOND, FIRST, 2);
	for (int i = 0; i < 7; i++)
		assert_int_equal(produce_sequence(FIRST, i).error_code, 0);
	cluster_crash(FIRST, SIM_KILL);
	wait_leader(SECOND, SECOND, 1);
	for (int i = 2; i < 7; i++) {
		struct produce_response_partition p = produce_sequence(SECOND, i);

		assert_int_equal(p.error_code, 0);
		assert_int_equal(p.base_offset, i);
	}
	assert_int_equal(produce_sequence(SECOND, 8).error_code, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(produce_sequence(SECOND, 7).base_offset, 7);
	assert_int_equal(count_records(SECOND), 8);
}

/* Clients connect to what they are told: only to brokers that are let in, one of which is "the controller". */
static void a_broker_that_is_gone_is_told_to_nobody(void **state)
{
	struct metadata_request_topic topic = {.name = STR("t")};
	struct metadata_request in = {.topics = {&topic, 1}};
	const struct metadata_response *out;

	(void)state;
	assert_int_equal(create_topic(FIRST, "t"), 0);
	wait_leader(SECOND, FIRST, 2);
	for (int i = 0; i < 20; i++) {
		out = cluster_ask(SECOND, CLUSTER_BROKER, metadata_request_KEY, &in);
		assert_int_equal(out->brokers.n, 2);
		assert_in_range(out->controller_id, FIRST + 1, SECOND + 1); /* not node 1, which leads the quorum */
	}
	cluster_crash(FIRST, SIM_KILL);
	wait_leader(SECOND, SECOND, 1);
	for (int i = 0; i < 20; i++) {
		out = cluster_ask(SECOND, CLUSTER_BROKER, metadata_request_KEY, &in);
		assert_int_equal(out->brokers.n, 1);
		assert_int_equal(out->brokers.v[0].node_id, SECOND + 1);
		assert_int_equal(out->controller_id, SECOND + 1);
		assert_int_equal(out->topics.v[0].partitions.v[0].offline_replicas.n, 1);
		assert_int_equal(out->topics.v[0].partitions.v[0].offline_replicas.v[0], FIRST + 1);
		assert_int_equal(out->topics.v[0].partitions.v[0].leader_epoch, 1); /* each leader has its own */
	}
}

static void brokers_serve_without_the_controller_and_what_they_are_asked_waits_for_it(void **state)
{
	struct create_topics_request_topic topic = {.name = STR("later"), .num_partitions = 1, .replication_factor = 2};
	struct create_topics_request in = {.topics = {&topic, 1}, .timeout_ms = 30000};
	const struct create_topics_response *out;
	struct cluster_question q;

	(void)state;
	assert_int_equal(create_topic(FIRST, "t"), 0);
	wait_leader(FIRST, FIRST, 2);
	cluster_crash(CONTROLLER, SIM_KILL);
	produce(FIRST);
	cluster_begin_ask(SECOND, CLUSTER_BROKER, create_topics_request_KEY, &in, &q);
	sim_run_for(cluster_sim(), 5000); /* longer than a session */
	assert_false(q.answered);
	cluster_start(CONTROLLER);
	cluster_wait_serving(CONTROLLER);
	for (int i = 0; !q.answered && i < TRIES; i++)
		sim_run_for(cluster_sim(), PAUSE_MS);
	assert_true(q.answered);
	out = q.answer;
	assert_int_equal(out->topics.v->error_code, 0);
	cluster_wait_topic(FIRST, "later");
	produce(FIRST);
	wait_leader(SECOND, FIRST, 2);
	assert_int_equal(count_records(FIRST), t.n_written);
}

static void who_was_fenced_for_its_silence_comes_back_without_a_restart(void **state)
{
	(void)state;
	assert_int_equal(create_topic(FIRST, "t"), 0);
	wait_leader(SECOND, FIRST, 2);
	sim_cut(cluster_sim(), FIRST, CONTROLLER, true);
	wait_leader(SECOND, SECOND, 1);
	produce(SECOND);
	sim_cut(cluster_sim(), FIRST, CONTROLLER, false);
	wait_leader(SECOND, SECOND, 2);
	assert_int_equal(count_records(SECOND), t.n_written);
}

/*
 * A node does not flush its own copy of the metadata: after a power cut it may lack a topic whose
 * replica is on the disk.
 */
static void no_replica_is_put_aside_by_metadata_that_is_behind(void **state)
{
	(void)state;
	assert_int_equal(create_topic(FIRST, "t"), 0);
	wait_leader(FIRST, FIRST, 2);
	for (int i = 0; i < 3; i++)
		produce(FIRST);
	crash_and_start(FIRST, SIM_POWER);
	assert_int_equal(cluster_said(FIRST, "stray"), 0);
	wait_leader(FIRST, SECOND, 2);
	assert_int_equal(count_records(SECOND), t.n_written);
}

static void a_broker_that_is_stopped_gives_its_partitions_away_first(void **state)
{
	(void)state;
	assert_int_equal(create_topic(FIRST, "t"), 0);
	wait_leader(SECOND, FIRST, 2);
	produce(FIRST);
	cluster_stop(FIRST);
	assert_int_equal(partition_by(SECOND)->leader_id, SECOND + 1);
	assert_int_equal(cluster_said(FIRST, "has not agreed"), 0);
	produce(SECOND);
	assert_int_equal(count_records(SECOND), t.n_written);
}

static void a_follower_whose_disk_was_full_follows_again(void **state)
{
	struct sim_world *sim = cluster_sim();

	(void)state;
	assert_int_equal(create_topic(FIRST, "t"), 0);
	wait_leader(FIRST, FIRST, 2);
	produce(FIRST);
	sim_set_disk_bytes(sim, SECOND, sim_disk_used(sim, SECOND));
	for (int i = 0; cluster_said(SECOND, "replica cannot follow") == 0 && i < TRIES; i++)
		produce_once(FIRST);
	assert_true(cluster_said(SECOND, "replica cannot follow") > 0);
	sim_set_disk_bytes(sim, SECOND, 0);
	produce(FIRST);
	wait_leader(FIRST, FIRST, 2);
	cluster_crash(FIRST, SIM_KILL);
	wait_leader(SECOND, SECOND, 1);
	assert_true(count_records(SECOND) >= t.n_written);
}

static void producers_get_ids_of_which_each_is_given_once(void **state)
{
	struct init_producer_id_request in;
	const struct init_producer_id_response *first, *second;

	(void)state;
	codec_init(&init_producer_id_request_schema, &in);
	in.transactional_id = STR_NULL;
	in.transaction_timeout_ms = 60000;
	first = cluster_ask(FIRST, CLUSTER_BROKER, init_producer_id_request_KEY, &in);
	second = cluster_ask(SECOND, CLUSTER_BROKER, init_producer_id_request_KEY, &in);
	assert_non_null(first);
	assert_non_null(second);
	for (int i = 0; first->error_code == ERR_COORDINATOR_LOAD_IN_PROGRESS && i < TRIES; i++)
		first = cluster_ask(FIRST, CLUSTER_BROKER, init_producer_id_request_KEY, &in);
	for (int i = 0; second->error_code == ERR_COORDINATOR_LOAD_IN_PROGRESS && i < TRIES; i++)
		second = cluster_ask(SECOND, CLUSTER_BROKER, init_producer_id_request_KEY, &in);
	assert_int_equal(first->error_code, 0);
	assert_int_equal(second->error_code, 0);
	assert_true(first->producer_id != second->producer_id);
}

/*
 * Thirteen partitions, through one broker or the other, with a quota of one per second: there are
 * eleven tokens, and they may be overdrawn.
 */
static const struct create_topics_response *create_many(int by, const char *name)
{
	struct create_topics_request_topic topic = {
		.name = str_of(name), .num_partitions = 13, .replication_factor = 1};
	struct create_topics_request in = {.topics = {&topic, 1}, .timeout_ms = 30000};

	return cluster_ask(by, CLUSTER_BROKER, create_topics_request_KEY, &in);
}

static void changes_through_all_brokers_have_one_quota(void **state)
{
	struct alter_client_quotas_request_entity entity = {STR("user"), STR("ANONYMOUS")};
	struct alter_client_quotas_request_op op = {STR("controller_mutation_rate"), 1, false};
	struct alter_client_quotas_request_entry entry = {{&entity, 1}, {&op, 1}};
	struct alter_client_quotas_request in = {.entries = {&entry, 1}};
	const struct alter_client_quotas_response *out;
	const struct create_topics_response *created;

	(void)state;
	out = cluster_ask(FIRST, CLUSTER_BROKER, alter_client_quotas_request_KEY, &in);
	assert_int_equal(out->entries.n, 1);
	assert_int_equal(out->entries.v[0].error_code, 0);
	created = create_many(FIRST, "one");
	assert_int_equal(created->topics.v[0].error_code, 0);
	assert_int_equal(created->throttle_time_ms, 0);
	created = create_many(SECOND, "two");
	assert_int_equal(created->topics.v[0].error_code, ERR_THROTTLING_QUOTA_EXCEEDED);
	assert_in_range(created->throttle_time_ms, 500, 2000);
	assert_false(cluster_knows_topic(FIRST, "two"));
	sim_run_for(cluster_sim(), 3000);
	created = create_many(SECOND, "two");
	assert_int_equal(created->topics.v[0].error_code, 0);
}

static void a_broker_that_finds_no_controller_gives_up(void **state)
{
	(void)state;
	cluster_up_split(1, SETTINGS);
	cluster_start(FIRST);
	sim_run_for(cluster_sim(), 59000);
	assert_int_equal(cluster_said(FIRST, "could not register"), 0);
	sim_run_for(cluster_sim(), 10000);
	assert_int_equal(cluster_said(FIRST, "could not register"), 1);
	assert_false(cluster_serves(FIRST));
	assert_true(cluster_has_stopped(FIRST));
	cluster_crash(FIRST, SIM_KILL);
	cluster_down();
}

static void start_with(const char *const *settings)
{
	memset(&t, 0, sizeof(t));
	cluster_up_split(1, settings);
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_start(i);
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_wait_serving(i);
}

/* Without controlled.shutdown.enable it leaves as if it had died, except that its logs are closed. */
static void a_broker_that_need_not_ask_leaves_at_once(void **state)
{
	static const char *const settings[] = {"controlled.shutdown.enable=false", NULL};
	static const char fenced[] = "reason=\"its process is gone\"";

	for (int asks = 0; asks < 2; asks++) {
		start_with(asks ? SETTINGS : settings);
		assert_int_equal(create_topic(FIRST, "t"), 0);
		wait_leader(FIRST, FIRST, 2);
		cluster_stop(FIRST);
		wait_leader(SECOND, SECOND, 1);
		assert_int_equal(cluster_said(CONTROLLER, fenced), !asks);
		down(state);
	}
}

/* Its second directory, which has the topic, fails. */
static void lose_directory(void)
{
	assert_int_equal(create_topic(FIRST, "first"), 0);
	assert_int_equal(create_topic(FIRST, "t"), 0);
	wait_leader(FIRST, FIRST, 2);
	produce(FIRST);
	sim_fail_device(cluster_sim(), FIRST, "/more", SIM_FAIL_WRITES | SIM_FAIL_SYNCS);
}

static void a_failed_directory_that_no_controller_hears_of_stops_the_broker(void **state)
{
	static const char *const settings[] = {"log.dirs=/data,/more", "log.dir.failure.timeout.ms=3000", NULL};
	static const char told[] = "the controller could not be told of a failed log directory in time";

	start_with(settings);
	lose_directory();
	assert_int_not_equal(produce_once(FIRST), 0);
	wait_leader(SECOND, SECOND, 1); /* the controller has heard of it */
	sim_run_for(cluster_sim(), 10000);
	assert_int_equal(cluster_said(FIRST, told), 0);
	down(state);

	start_with(settings);
	lose_directory();
	cluster_crash(CONTROLLER, SIM_KILL);
	assert_int_not_equal(produce_once(FIRST), 0);
	sim_run_for(cluster_sim(), 10000);
	assert_int_equal(cluster_said(FIRST, told), 1);
	assert_true(cluster_has_stopped(FIRST));
	cluster_crash(FIRST, SIM_KILL);
	cluster_start(CONTROLLER); /* the other broker needs it to leave */
	cluster_wait_serving(CONTROLLER);
	down(state);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		STORY(what_a_broker_is_asked_the_controller_decides),
		STORY(a_record_is_on_both_brokers_and_survives_one),
		STORY(a_new_leader_knows_the_last_five_batches_of_a_producer),
		STORY(a_broker_that_is_gone_is_told_to_nobody),
		STORY(brokers_serve_without_the_controller_and_what_they_are_asked_waits_for_it),
		STORY(who_was_fenced_for_its_silence_comes_back_without_a_restart),
		STORY(no_replica_is_put_aside_by_metadata_that_is_behind),
		STORY(a_broker_that_is_stopped_gives_its_partitions_away_first),
		STORY(a_follower_whose_disk_was_full_follows_again),
		STORY(producers_get_ids_of_which_each_is_given_once),
		STORY(changes_through_all_brokers_have_one_quota),
		cmocka_unit_test(a_broker_that_finds_no_controller_gives_up),
		cmocka_unit_test(a_broker_that_need_not_ask_leaves_at_once),
		cmocka_unit_test(a_failed_directory_that_no_controller_hears_of_stops_the_broker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
