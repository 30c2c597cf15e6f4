/*
 * fetchers: three whole nodes; node 0 leads all of a topic's partitions, the others follow. What they tell each other is looked at from inside:
 * sessions at both ends, and the bytes on the leader's listeners.
 */
#include "base/err.h"
#include "broker/core.h"
#include "broker/fetch_session.h"
#include "broker/fetchers_private.h"
#include "broker/node_private.h"
#include "metadata/image.h"
#include "net/net.h"
#include "protocol/create_topics.h"
#include "protocol/delete_topics.h"
#include "protocol/incremental_alter_configs.h"
#include "protocol/produce.h"
#include "tests/base/cm.h"
#include "tests/broker/cluster_world.h"
#include "wire/batch.h"
#include "wire/codec.h"

#define ASK(node, name, in) cluster_ask(node, CLUSTER_BROKER, name##_request_KEY, in)

enum { MANY = 100, FOLLOWERS = CLUSTER_NODES - 1, TRIES = 400 };

static struct uuid topic_id;

/* ---- the world ---- */

static void start_all(uint64_t seed, const char *const *settings)
{
	cluster_up(seed, settings);
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_start(i);
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_wait_serving(i);
}

static void a_while(void)
{
	sim_run_for(cluster_sim(), 50);
}

static void make_topic(const char *name, int partitions)
{
	static int32_t replicas[] = {1, 2, 3};
	struct create_topics_request_assignment v[MANY];
	struct create_topics_request_topic topic = {
		.name = str_of(name), .num_partitions = -1, .replication_factor = -1, .assignments = {v, partitions}};
	struct create_topics_request in = {.topics = {&topic, 1}, .timeout_ms = 30000};
	const struct create_topics_response *out;

	for (int i = 0; i < partitions; i++)
		v[i] = (struct create_topics_request_assignment){i, {replicas, CLUSTER_NODES}};
	out = ASK(0, create_topics, &in);
	assert_non_null(out);
	assert_int_equal(out->topics.v[0].error_code, 0);
	topic_id = out->topics.v[0].topic_id;
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_wait_topic(i, name);
}

/* With acks=all: Kafka's error. */
static int produce_bytes(int32_t partition, int32_t bytes)
{
	static const uint8_t value[4096];
	struct produce_request_partition part = {.index = partition};
	struct produce_request_topic topic = {.topic_id = topic_id, .partition_data = {&part, 1}};
	struct produce_request in = {.acks = -1, .timeout_ms = 5000, .topic_data = {&topic, 1}};
	struct batch_options options = BATCH_OPTIONS_NONE;
	const struct produce_response *out;
	struct batch_builder b;
	struct buf batch = {0};

	batch_begin(&b, &batch, &options);
	batch_add(&b, 1, BYTES_NULL, (struct bytes){value, bytes});
	batch_end(&b);
	part.records = (struct records){.p = batch.p, .len = (int64_t)batch.len};
	out = ASK(0, produce, &in);
	buf_fini(&batch);
	return out ? out->responses.v[0].partition_responses.v[0].error_code : ERR_NETWORK_EXCEPTION;
}

static int produce(int32_t partition)
{
	return produce_bytes(partition, 1);
}

/* ---- looks inside ---- */

static struct fetcher *fetcher_of(int node, int32_t leader, int index)
{
	list_each(it, &cluster_node(node)->fetchers->list)
	{
		struct fetcher *f = container_of(it, struct fetcher, link);

		if (f->leader == leader && f->index == index)
			return f;
	}
	return NULL;
}

static int count_fetchers(int node, int32_t leader)
{
	int n = 0;

	list_each(it, &cluster_node(node)->fetchers->list) n +=
		container_of(it, struct fetcher, link)->leader == leader;
	return n;
}

/* What node 0 has of the session of a fetcher of another node; NULL: none. *of: the core's sessions. */
static struct fetch_session *leaders_session(int node, struct fetch_sessions **of)
{
	const struct node *leader = cluster_node(0);
	const struct fetcher *f = fetcher_of(node, 1, 0);

	for (int i = 0; f && i < leader->n_cores; i++) {
		*of = leader->cores[i].sessions;
		if (fetch_session_find(*of, f->session.id))
			return fetch_session_find(*of, f->session.id);
	}
	return NULL;
}

/* Until node 0 has a session of this node with so many members. */
static void wait_members(int node, size_t members)
{
	struct fetch_sessions *of;
	struct fetch_session *s = NULL;

	for (int i = 0; i < TRIES; i++) {
		s = leaders_session(node, &of);
		if (s && s->members.n == members)
			return;
		a_while();
	}
	assert_non_null(s);
	assert_int_equal(s->members.n, members);
}

static void all_is_replicated(int partitions)
{
	for (int i = 0; i < partitions; i++)
		assert_int_equal(produce(i), 0);
}

static void set(enum image_resource type, const char *name, const char *setting, const char *value)
{
	struct incremental_alter_configs_request_config c = {str_of(setting), 0, str_of(value)};
	struct incremental_alter_configs_request_resource r = {(int8_t)type, str_of(name), {&c, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	const struct incremental_alter_configs_response *out = ASK(0, incremental_alter_configs, &in);

	assert_non_null(out);
	assert_int_equal(out->responses.v[0].error_code, 0);
}

/* ---- stories ---- */

/* Two a second of each follower, of some sixty bytes; a hundred partitions would be six thousand. */
static void followers_of_an_idle_leader_say_next_to_nothing(void **state)
{
	struct net_counts before, after;

	(void)state;
	start_all(1, NULL);
	make_topic("t", MANY);
	all_is_replicated(MANY);
	for (int i = 1; i <= FOLLOWERS; i++)
		wait_members(i, MANY);
	sim_run_for(cluster_sim(), 2000);
	net_counts(cluster_node(0)->net, &before);
	sim_run_for(cluster_sim(), 10000);
	net_counts(cluster_node(0)->net, &after);
	assert_true(after.bytes_in - before.bytes_in < 40000);
	assert_true(after.bytes_out - before.bytes_out < 40000);
	assert_int_equal(cluster_said(1, "fetch session begins anew"), 0);
	all_is_replicated(3);
	cluster_down();
}

static void what_is_followed_no_more_is_forgotten(void **state)
{
	struct delete_topics_request_topic gone = {.name = STR("t")};
	struct delete_topics_request in = {.topics = {&gone, 1}, .timeout_ms = 30000};

	(void)state;
	start_all(2, NULL);
	make_topic("t", 7);
	make_topic("u", 4);
	wait_members(1, 11);
	assert_non_null(ASK(0, delete_topics, &in));
	for (int i = 1; i <= FOLLOWERS; i++)
		wait_members(i, 4);
	all_is_replicated(4);
	cluster_down();
}

static void lose_sessions(bool epochs)
{
	for (int i = 1; i <= FOLLOWERS; i++) {
		struct fetch_sessions *of;
		struct fetch_session *s = leaders_session(i, &of);

		assert_non_null(s);
		if (epochs)
			s->epoch += 3;
		else
			fetch_session_close(of, s);
	}
}

static void a_session_that_the_leader_has_lost_begins_anew(void **state)
{
	(void)state;
	start_all(3, NULL);
	make_topic("t", 5);
	for (int epochs = 0; epochs < 2; epochs++) {
		for (int i = 1; i <= FOLLOWERS; i++)
			wait_members(i, 5);
		all_is_replicated(5);
		lose_sessions(epochs);
		all_is_replicated(5);
	}
	for (int i = 1; i <= FOLLOWERS; i++) {
		wait_members(i, 5);
		assert_int_equal(cluster_said(i, "error=FETCH_SESSION_ID_NOT_FOUND"), 1);
		assert_int_equal(cluster_said(i, "error=INVALID_FETCH_SESSION_EPOCH"), 1);
		assert_int_equal(cluster_said(i, "nothing is fetched from a leader"), 0);
	}
	cluster_down();
}

static void a_leader_without_room_for_sessions_is_followed_all_the_same(void **state)
{
	static const char *const settings[] = {"odradek.fetch.session.bytes=1000", NULL};
	struct fetch_sessions *of;

	(void)state;
	start_all(4, settings);
	make_topic("t", 2);
	all_is_replicated(2);
	make_topic("u", MANY);
	all_is_replicated(MANY);
	assert_null(leaders_session(1, &of));
	cluster_down();
}

/* ---- several fetchers ---- */

static void set_fetchers(const char *n)
{
	set(RESOURCE_BROKER, "", "num.replica.fetchers", n);
	sim_run_for(cluster_sim(), 1000);
}

/* Utils.abs(31 * "t".hashCode() + partition) % n: "t" is 116. */
static void assert_spread(int node, int partitions, int n)
{
	assert_int_equal(count_fetchers(node, 1), n);
	for (int i = 0; i < partitions; i++) {
		const struct fetched *d = fetchers_find(cluster_node(node)->fetchers, topic_id, i);

		assert_non_null(d);
		assert_int_equal(d->fetcher->index, (31 * 116 + i) % n);
	}
}

static void a_leader_has_as_many_fetchers_as_is_said_and_each_replica_kafkas_one(void **state)
{
	static const char *const settings[] = {"num.replica.fetchers=3", NULL};

	(void)state;
	start_all(6, settings);
	make_topic("t", 20);
	all_is_replicated(20);
	assert_spread(1, 20, 3);
	set_fetchers("4");
	assert_spread(1, 20, 4);
	assert_spread(2, 20, 4);
	all_is_replicated(20);
	set_fetchers("2");
	assert_spread(2, 20, 2);
	all_is_replicated(20);
	set_fetchers("1");
	assert_spread(1, 20, 1);
	all_is_replicated(20);
	wait_members(1, 20);
	cluster_down();
}

/* ---- throttles ---- */

enum { RECORDS = 40, RECORD_BYTES = 2000, RATE = 10000 };

static const char *const SMALL_FETCHES[] = {"replica.fetch.max.bytes=2500", NULL};

static int64_t end_at(int node)
{
	struct fetched *d = fetchers_find(cluster_node(node)->fetchers, topic_id, 0);
	struct partition_replica r;

	if (!d)
		return -1;
	partition_replica(d->partition, &r);
	return r.end;
}

static void write_bytes(void)
{
	for (int i = 0; i < RECORDS; i++)
		assert_int_equal(produce_bytes(0, RECORD_BYTES), 0);
}

static int64_t now_ms(void)
{
	return sim_now_ns(cluster_sim()) / 1000000;
}

/* Who was away comes back: how long it takes to have all there is. */
static int64_t catch_up_ms(void)
{
	int64_t began_ms;

	cluster_crash(2, SIM_KILL);
	write_bytes();
	cluster_start(2);
	cluster_wait_serving(2);
	began_ms = now_ms();
	while (end_at(2) < RECORDS && now_ms() - began_ms < CLUSTER_PATIENCE_MS)
		sim_run_for(cluster_sim(), 10);
	return now_ms() - began_ms;
}

static void without_a_throttle_who_was_away_has_all_at_once(void **state)
{
	(void)state;
	start_all(7, SMALL_FETCHES);
	make_topic("t", 1);
	set(RESOURCE_BROKER, "", "leader.replication.throttled.rate", "10000");
	set(RESOURCE_BROKER, "", "follower.replication.throttled.rate", "10000");
	set(RESOURCE_TOPIC, "t", "leader.replication.throttled.replicas", "0:3,1:1"); /* none of them is meant */
	set(RESOURCE_TOPIC, "t", "follower.replication.throttled.replicas", "0:1,1:3");
	assert_true(catch_up_ms() < 1000);
	cluster_down();
}

static void a_throttled_leader_gives_to_who_is_not_in_sync_at_its_rate(void **state)
{
	int64_t began_ms;

	(void)state;
	start_all(8, SMALL_FETCHES);
	make_topic("t", 1);
	set(RESOURCE_BROKER, "1", "leader.replication.throttled.rate", "10000");
	set(RESOURCE_TOPIC, "t", "leader.replication.throttled.replicas", "0:1");
	assert_in_range(catch_up_ms(), 1000 * RECORDS * RECORD_BYTES / RATE / 2, CLUSTER_PATIENCE_MS - 1);
	began_ms = now_ms(); /* they are in sync: nobody waits, whatever the rate is */
	write_bytes();
	assert_true(now_ms() - began_ms < 4000);
	cluster_down();
}

static void a_throttled_follower_takes_what_it_is_behind_at_its_rate(void **state)
{
	int64_t began_ms;

	(void)state;
	start_all(9, SMALL_FETCHES);
	make_topic("t", 1);
	set(RESOURCE_BROKER, "", "follower.replication.throttled.rate", "10000");
	set(RESOURCE_TOPIC, "t", "follower.replication.throttled.replicas", "*");
	began_ms = now_ms();
	write_bytes();
	assert_true(now_ms() - began_ms < 4000);
	cluster_crash(2, SIM_KILL);
	write_bytes();
	cluster_start(2);
	cluster_wait_serving(2);
	sim_run_for(cluster_sim(), 1000);
	assert_true(end_at(2) < 2 * RECORDS);
	set(RESOURCE_BROKER, "", "follower.replication.throttled.rate", "1000000");
	sim_run_for(cluster_sim(), 2000);
	assert_int_equal(end_at(2), 2 * RECORDS);
	cluster_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(followers_of_an_idle_leader_say_next_to_nothing),
		cmocka_unit_test(what_is_followed_no_more_is_forgotten),
		cmocka_unit_test(a_session_that_the_leader_has_lost_begins_anew),
		cmocka_unit_test(a_leader_without_room_for_sessions_is_followed_all_the_same),
		cmocka_unit_test(without_a_throttle_who_was_away_has_all_at_once),
		cmocka_unit_test(a_throttled_leader_gives_to_who_is_not_in_sync_at_its_rate),
		cmocka_unit_test(a_throttled_follower_takes_what_it_is_behind_at_its_rate),
		cmocka_unit_test(a_leader_has_as_many_fetchers_as_is_said_and_each_replica_kafkas_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
