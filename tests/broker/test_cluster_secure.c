/*
 * cluster: three whole nodes in the simulator that log in to each other: controllers with PLAIN or
 * OAUTHBEARER, brokers with these, SCRAM or GSSAPI. They elect a leader, replicate, and carry on
 * when one of them dies; a node with a wrong password is not let in until it uses the right one.
 */
#include <string.h>

#include "base/err.h"
#include "protocol/metadata.h"
#include "protocol/produce.h"
#include "tests/base/cm.h"
#include "tests/broker/cluster_world.h"
#include "tests/kerberos/fake_gss.h"
#include "wire/batch.h"

enum { TRIES = 600, PAUSE_MS = 50 };

static struct buf batch;

static void start_all(void)
{
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_start(i);
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_wait_serving(i);
}

static int other_than(int i)
{
	return i == 0 ? 1 : 0;
}

/* As node `by` reports it; NULL when it does not know. */
static const struct metadata_response_topic *topic_by(int by)
{
	struct metadata_request_topic topic = {.name = STR("t")};
	struct metadata_request in = {.topics = {&topic, 1}};
	const struct metadata_response *out = cluster_ask(by, CLUSTER_BROKER, metadata_request_KEY, &in);

	return out && out->topics.n == 1 && out->topics.v->error_code == 0 ? out->topics.v : NULL;
}

/* The topic, once so many are in sync; fails when that never happens. */
static const struct metadata_response_topic *wait_in_sync(int by, int n)
{
	const struct metadata_response_topic *topic = topic_by(by);

	for (int i = 0; i < TRIES && !(topic && topic->partitions.v->isr_nodes.n == n); i++) {
		sim_run_for(cluster_sim(), PAUSE_MS);
		topic = topic_by(by);
	}
	assert_non_null(topic);
	assert_int_equal(topic->partitions.v->isr_nodes.n, n);
	return topic;
}

/* Sends the leader a record for all replicas in sync. Returns Kafka's error. */
static int produce(int by)
{
	const struct metadata_response_topic *known = topic_by(by);
	struct produce_request_partition part;
	struct produce_request_topic topic;
	struct produce_request in;
	const struct produce_response *out;
	struct batch_options options = BATCH_OPTIONS_NONE;
	struct batch_builder b;

	if (!known || known->partitions.v->leader_id < 1)
		return ERR_LEADER_NOT_AVAILABLE;
	batch.len = 0;
	batch_begin(&b, &batch, &options);
	batch_add(&b, 1, BYTES_NULL, (struct bytes){(const uint8_t *)"value", 5});
	batch_end(&b);
	part = (struct produce_request_partition){.records = {.p = batch.p, .len = (int64_t)batch.len}};
	topic = (struct produce_request_topic){STR("t"), known->topic_id, {&part, 1}};
	in = (struct produce_request){STR_NULL, -1, 5000, {&topic, 1}};
	out = cluster_ask(known->partitions.v->leader_id - 1, CLUSTER_BROKER, produce_request_KEY, &in);
	return out ? out->responses.v->partition_responses.v->error_code : ERR_NETWORK_EXCEPTION;
}

static void must_produce(int by)
{
	int err = produce(by);

	for (int i = 0; err != 0 && i < TRIES; i++) {
		sim_run_for(cluster_sim(), PAUSE_MS);
		err = produce(by);
	}
	assert_int_equal(err, 0);
}

/* Forwarded to the active controller; one node leads, the others follow. */
static void create_topic(void)
{
	assert_int_equal(cluster_create_topic(other_than(cluster_wait_leader()), "t"), 0);
	for (int i = 0; i < CLUSTER_NODES; i++)
		if (cluster_runs(i))
			cluster_wait_topic(i, "t");
}

static void live_and_die(const char *mechanism)
{
	int leader;

	cluster_up_secure(1, mechanism, (const char *const[]){"replica.lag.time.max.ms=3000", NULL});
	start_all();
	create_topic();
	wait_in_sync(0, CLUSTER_NODES);
	must_produce(0);
	leader = cluster_wait_leader();
	cluster_crash(leader, SIM_POWER);
	must_produce(other_than(leader));
	wait_in_sync(other_than(leader), CLUSTER_NODES - 1);
	cluster_start(leader);
	cluster_wait_serving(leader);
	wait_in_sync(other_than(leader), CLUSTER_NODES);
	must_produce(leader);
	cluster_down();
	buf_fini(&batch);
	batch = (struct buf){0};
}

static void nodes_that_log_in_by_plain_are_a_cluster(void **state)
{
	(void)state;
	live_and_die("PLAIN");
}

/* Controllers among themselves too; their sessions end with their tokens and are renewed with new ones. */
static void nodes_that_log_in_by_oauthbearer_are_a_cluster(void **state)
{
	(void)state;
	live_and_die("OAUTHBEARER");
}

static void nodes_that_log_in_by_gssapi_are_a_cluster(void **state)
{
	(void)state;
	sim_library(fake_gss_find);
	live_and_die("GSSAPI");
	sim_library(NULL);
}

static void nodes_that_log_in_by_scram_are_a_cluster(void **state)
{
	(void)state;
	live_and_die("SCRAM-SHA-256");
}

/* With sessions of two seconds, time after time, nothing is interrupted. */
static void sessions_that_end_are_renewed(void **state)
{
	(void)state;
	cluster_up_secure(1, "SCRAM-SHA-256", (const char *const[]){"connections.max.reauth.ms=2000", NULL});
	start_all();
	create_topic();
	wait_in_sync(0, CLUSTER_NODES);
	for (int i = 0; i < 20; i++) {
		sim_run_for(cluster_sim(), 1000);
		assert_int_equal(produce(0), 0);
	}
	for (int i = 0; i < CLUSTER_NODES; i++) {
		assert_int_equal(cluster_said(i, "nothing is fetched"), 0);
		assert_int_equal(cluster_said(i, "does not answer"), 0);
	}
	cluster_down();
	buf_fini(&batch);
	batch = (struct buf){0};
}

static void who_says_a_wrong_password_does_not_replicate(void **state)
{
	static const char reason[] =
		"reason=\"Authentication failed during authentication due to invalid credentials with "
		"SASL mechanism SCRAM-SHA-256\"";
	int leader, other;

	(void)state;
	cluster_up_secure(1, "SCRAM-SHA-256", (const char *const[]){"replica.lag.time.max.ms=3000", NULL});
	start_all();
	create_topic();
	leader = wait_in_sync(0, CLUSTER_NODES)->partitions.v->leader_id - 1;
	other = (leader + 1) % CLUSTER_NODES;
	cluster_stop(other);
	cluster_forget_password(other, true);
	cluster_start(other);
	cluster_wait_serving(other);
	for (int i = 0; i < TRIES && cluster_said(other, reason) == 0; i++)
		sim_run_for(cluster_sim(), PAUSE_MS);
	assert_true(cluster_said(other, reason) > 0);
	wait_in_sync(leader, CLUSTER_NODES - 1);
	assert_int_equal(cluster_said(other, "forgotten"), 0);
	cluster_stop(other);
	cluster_forget_password(other, false);
	cluster_start(other);
	cluster_wait_serving(other);
	wait_in_sync(leader, CLUSTER_NODES);
	cluster_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_that_log_in_by_plain_are_a_cluster),
		cmocka_unit_test(nodes_that_log_in_by_gssapi_are_a_cluster),
		cmocka_unit_test(nodes_that_log_in_by_oauthbearer_are_a_cluster),
		cmocka_unit_test(nodes_that_log_in_by_scram_are_a_cluster),
		cmocka_unit_test(sessions_that_end_are_renewed),
		cmocka_unit_test(who_says_a_wrong_password_does_not_replicate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
