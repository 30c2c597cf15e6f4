/*
 * fetchers: three whole nodes; node 0 leads all partitions of a topic, the others follow. The test
 * looks at their exchange from inside: the sessions at both ends, and the bytes on the leader's
 * listeners.
 */
#include "base/err.h"
#include "broker/core.h"
#include "broker/fetch_session.h"
#include "broker/fetchers_private.h"
#include "broker/node_private.h"
#include "broker/replication_quota.h"
#include "metadata/image.h"
#include "net/net.h"
#include "protocol/alter_partition_reassignments.h"
#include "protocol/create_topics.h"
#include "protocol/delete_records.h"
#include "protocol/delete_topics.h"
#include "protocol/describe_log_dirs.h"
#include "protocol/fetch.h"
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

static int64_t now_ms(void)
{
	return sim_now_ns(cluster_sim()) / 1000000;
}

static void a_while(void)
{
	sim_run_for(cluster_sim(), 50);
}

/* nodes: those that know about it afterwards. */
static void make_topic_on(const char *name, int partitions, int nodes)
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
	for (int i = 0; i < nodes; i++)
		cluster_wait_topic(i, name);
}

static void make_topic(const char *name, int partitions)
{
	make_topic_on(name, partitions, CLUSTER_NODES);
}

/* With acks=all. One at a time. */
static void begin_produce(int node, int32_t partition, int32_t bytes, struct cluster_question *q)
{
	static const uint8_t value[4096];
	static struct produce_request_partition part;
	static struct produce_request_topic topic;
	static struct produce_request in;
	static struct buf batch;
	struct batch_options options = BATCH_OPTIONS_NONE;
	struct batch_builder b;

	batch.len = 0;
	batch_begin(&b, &batch, &options);
	batch_add(&b, 1, BYTES_NULL, (struct bytes){value, bytes});
	batch_end(&b);
	part = (struct produce_request_partition){.index = partition,
						  .records = {.p = batch.p, .len = (int64_t)batch.len}};
	topic = (struct produce_request_topic){.topic_id = topic_id, .partition_data = {&part, 1}};
	in = (struct produce_request){.acks = -1, .timeout_ms = 5000, .topic_data = {&topic, 1}};
	cluster_begin_ask(node, CLUSTER_BROKER, produce_request_KEY, &in, q);
}

static bool is_answered(void *q)
{
	return ((struct cluster_question *)q)->answered;
}

/* NULL: no answer. */
static const struct produce_response *end_produce(struct cluster_question *q)
{
	assert_true(sim_run_until(cluster_sim(), CLUSTER_PATIENCE_MS, is_answered, q));
	return q->answer;
}

static const struct produce_response *produce_to(int node, int32_t partition, int32_t bytes)
{
	struct cluster_question q;

	begin_produce(node, partition, bytes, &q);
	return end_produce(&q);
}

static int produce_error(const struct produce_response *out)
{
	return out ? out->responses.v[0].partition_responses.v[0].error_code : ERR_NETWORK_EXCEPTION;
}

/* Returns Kafka's error. */
static int produce_bytes(int32_t partition, int32_t bytes)
{
	return produce_error(produce_to(0, partition, bytes));
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

/* Node 0's session for a fetcher of another node; NULL: none. *of: the core's sessions. */
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

/* Waits until node 0 has a session of this node with so many members. */
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

/* Returns Kafka's error. */
static int try_set_at(int node, enum image_resource type, const char *name, const char *setting, const char *value)
{
	struct incremental_alter_configs_request_config c = {str_of(setting), 0, str_of(value)};
	struct incremental_alter_configs_request_resource r = {(int8_t)type, str_of(name), {&c, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	const struct incremental_alter_configs_response *out = ASK(node, incremental_alter_configs, &in);

	assert_non_null(out);
	return out->responses.v[0].error_code;
}

static int try_set(enum image_resource type, const char *name, const char *setting, const char *value)
{
	return try_set_at(0, type, name, setting, value);
}

static void set(enum image_resource type, const char *name, const char *setting, const char *value)
{
	assert_int_equal(try_set(type, name, setting, value), 0);
}

/* ---- stories ---- */

/* Each follower sends two per second, of some sixty bytes; a hundred partitions would make six thousand. */
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
	assert_int_equal(cluster_said(1, "new fetch session"), 0);
	all_is_replicated(3);
	cluster_down();
}

static void wait_resting(int node, int n)
{
	struct fetch_sessions *of;
	struct fetch_session *s = NULL;

	for (int i = 0; i < TRIES; i++) {
		s = leaders_session(node, &of);
		if (s && fetch_session_resting(s) >= n)
			return;
		a_while();
	}
	assert_non_null(s);
	assert_true(fetch_session_resting(s) >= n);
}

/* An idle follower is told of nothing for much longer than it may be behind, and is in sync all the same. */
static void what_does_not_move_is_not_read_for_followers_and_stays_in_sync(void **state)
{
	static const char *const settings[] = {"replica.lag.time.max.ms=3000", NULL};

	(void)state;
	start_all(30, settings);
	make_topic("t", MANY);
	all_is_replicated(MANY);
	for (int i = 1; i <= FOLLOWERS; i++) {
		wait_members(i, MANY);
		wait_resting(i, MANY);
	}
	for (int i = 0; i < 4 * MANY; i++) {
		sim_run_for(cluster_sim(), 97); /* now and then just before the leader looks who is behind */
		assert_int_equal(produce(i % MANY), 0);
	}
	for (int i = 1; i <= FOLLOWERS; i++)
		wait_resting(i, MANY - 3);
	sim_run_for(cluster_sim(), 20000);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(produce(i), 0);
	assert_int_equal(cluster_said(0, "in-sync replicas"), 0);
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

/* ---- replicas that go and come ---- */

static void reassign(int32_t partition, int n_replicas)
{
	int32_t replicas[] = {1, 2, 3};
	struct alter_partition_reassignments_request_partition p = {partition, {replicas, n_replicas}};
	struct alter_partition_reassignments_request_topic topic = {STR("t"), {&p, 1}};
	struct alter_partition_reassignments_request in;
	const struct alter_partition_reassignments_response *out;

	codec_init(&alter_partition_reassignments_request_schema, &in);
	in.timeout_ms = 30000;
	in.topics.v = &topic;
	in.topics.n = 1;
	out = ASK(0, alter_partition_reassignments, &in);
	assert_non_null(out);
	assert_int_equal(out->error_code, 0);
	assert_int_equal(out->responses.v[0].partitions.v[0].error_code, 0);
	sim_run_for(cluster_sim(), 2000);
}

/* Returns Kafka's error; *size: of the replica there, -1: there is none. */
static int replica_at(int node, int32_t partition, int64_t *size)
{
	struct describe_log_dirs_request in;
	const struct describe_log_dirs_response *out;

	codec_init(&describe_log_dirs_request_schema, &in);
	in.topics.n = -1;
	out = ASK(node, describe_log_dirs, &in);
	assert_non_null(out);
	*size = -1;
	for (int i = 0; i < out->results.v[0].topics.n; i++) {
		const struct describe_log_dirs_response_topic *t = &out->results.v[0].topics.v[i];

		for (int j = 0; j < t->partitions.n; j++)
			if (str_is(t->name, "t") && t->partitions.v[j].partition_index == partition)
				*size = t->partitions.v[j].partition_size;
	}
	return out->error_code;
}

/* Reads from the offset; waits up to half a minute. */
static void begin_read(int node, int32_t partition, int64_t offset, struct cluster_question *q)
{
	static struct fetch_request_partition p;
	static struct fetch_request_topic topic;
	static struct fetch_request in;

	codec_init(&fetch_request_partition_schema, &p);
	codec_init(&fetch_request_schema, &in);
	topic = (struct fetch_request_topic){.topic_id = topic_id, .partitions = {&p, 1}};
	p.partition = partition;
	p.fetch_offset = offset;
	p.partition_max_bytes = in.max_bytes = 1 << 20;
	in.max_wait_ms = 30000;
	in.min_bytes = 1;
	in.session_epoch = -1;
	in.topics.v = &topic;
	in.topics.n = 1;
	cluster_begin_ask(node, CLUSTER_BROKER, fetch_request_KEY, &in, q);
	sim_run_for(cluster_sim(), 100);
}

static int read_error(const struct cluster_question *q)
{
	const struct fetch_response *out = q->answer;

	assert_true(q->answered);
	assert_non_null(out);
	return out->responses.v[0].partitions.v[0].error_code;
}

static int read_at(int node, int32_t partition)
{
	struct cluster_question q;

	begin_read(node, partition, 0, &q);
	return read_error(&q);
}

static int64_t traffic(int node, enum replication_traffic which)
{
	return replication_traffic(cluster_node(node)->replication_quotas, which);
}

static void a_replica_that_is_reassigned_is_deleted_and_one_that_comes_back_begins_anew(void **state)
{
	struct cluster_question waits;
	int64_t size, before;

	(void)state;
	start_all(10, NULL);
	make_topic("t", 2);
	all_is_replicated(2);
	sim_run_for(cluster_sim(), 1000);
	assert_int_equal(read_at(2, 1), 0);
	assert_int_equal(replica_at(2, 1, &before), 0);
	assert_true(before > 0);
	begin_read(2, 1, 1, &waits);
	assert_false(waits.answered);
	reassign(1, 2);
	assert_int_equal(read_error(&waits), ERR_NOT_LEADER_OR_FOLLOWER); /* others still have it */
	assert_int_equal(replica_at(2, 1, &size), 0);
	assert_int_equal(size, -1);
	assert_int_equal(replica_at(2, 0, &size), 0);
	assert_int_equal(size, before); /* the other partition stays */
	assert_int_equal(read_at(2, 1), ERR_NOT_LEADER_OR_FOLLOWER);
	wait_members(2, 1);
	reassign(1, 3);
	assert_int_equal(replica_at(2, 1, &size), 0);
	assert_int_equal(size, before);
	assert_int_equal(read_at(2, 1), 0);
	assert_int_equal(traffic(2, REASSIGNMENT_IN), before);
	assert_int_equal(traffic(1, REASSIGNMENT_IN), 0);
	assert_int_equal(traffic(0, REASSIGNMENT_OUT), before);
	assert_int_equal(traffic(2, REPLICATION_IN), 3 * before);
	assert_int_equal(traffic(0, REPLICATION_OUT), 5 * before);
	all_is_replicated(2);
	cluster_stop(2);
	cluster_start(2);
	cluster_wait_serving(2);
	sim_run_for(cluster_sim(), 1000);
	assert_int_equal(replica_at(2, 1, &size), 0);
	assert_int_equal(size, 2 * before);
	cluster_down();
}

/* ---- leaders whose logs are others ---- */

static void delete_records(int64_t before)
{
	struct delete_records_request_partition p = {.offset = before};
	struct delete_records_request_topic topic = {STR("t"), {&p, 1}};
	struct delete_records_request in = {{&topic, 1}, 5000};
	const struct delete_records_response *out = ASK(0, delete_records, &in);

	assert_non_null(out);
	assert_int_equal(out->topics.v[0].partitions.v[0].error_code, 0);
	assert_int_equal(out->topics.v[0].partitions.v[0].low_watermark, before);
}

static struct partition_replica replica(int node)
{
	struct fetched *d = fetchers_find(cluster_node(node)->fetchers, topic_id, 0);
	struct partition_replica r;

	assert_non_null(d);
	partition_replica(d->partition, &r);
	return r;
}

static void who_is_behind_the_leaders_start_begins_anew_there_and_follows_it(void **state)
{
	(void)state;
	start_all(11, NULL);
	make_topic("t", 1);
	all_is_replicated(1);
	cluster_crash(2, SIM_KILL);
	for (int i = 0; i < 9; i++)
		assert_int_equal(produce(0), 0);
	delete_records(6);
	cluster_start(2);
	cluster_wait_serving(2);
	sim_run_for(cluster_sim(), 3000);
	assert_int_equal(cluster_said(2, "replica starts over where its leader's log starts"), 1);
	assert_int_equal(replica(2).start, 6);
	assert_int_equal(replica(2).end, 10);
	assert_int_equal(replica(2).high_watermark, 10);
	delete_records(8); /* which takes until all replicas have deleted them */
	for (int i = 1; i <= FOLLOWERS; i++)
		assert_int_equal(replica(i).start, 8);
	cluster_down();
}

/* While a replica was away (KAFKA-14616): its records belong to the old topic. */
static void a_topic_that_was_made_again_meanwhile_is_another(void **state)
{
	struct delete_topics_request_topic gone = {.name = STR("t")};
	struct delete_topics_request in = {.topics = {&gone, 1}, .timeout_ms = 30000};

	(void)state;
	start_all(12, NULL);
	make_topic("t", 1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(produce(0), 0);
	cluster_crash(2, SIM_KILL);
	assert_non_null(ASK(0, delete_topics, &in));
	sim_run_for(cluster_sim(), 500);
	make_topic_on("t", 1, 2);
	assert_int_equal(produce(0), 0);
	cluster_start(2);
	cluster_wait_serving(2);
	sim_run_for(cluster_sim(), 3000);
	assert_int_equal(replica(2).end, 1);
	assert_int_equal(replica(2).high_watermark, 1);
	assert_int_equal(produce(0), 0);
	sim_run_for(cluster_sim(), 1000);
	assert_int_equal(replica(2).end, 2);
	cluster_down();
}

/* KIP-951: whoever asks the wrong node is told the right one and its address, by Fetch and by Produce. */
static void who_asks_a_follower_is_told_who_leads(void **state)
{
	struct fetch_request_partition p;
	struct fetch_request_topic topic = {.partitions = {&p, 1}};
	struct fetch_request in;
	const struct fetch_response *fetched;
	const struct produce_response *produced;

	(void)state;
	start_all(13, NULL);
	make_topic("t", 1);
	codec_init(&fetch_request_partition_schema, &p);
	codec_init(&fetch_request_schema, &in);
	topic.topic_id = topic_id;
	p.current_leader_epoch = 0;
	p.partition_max_bytes = in.max_bytes = 1 << 20;
	in.session_epoch = -1;
	in.replica_state.replica_id = 3; /* another replica must read from the leader */
	in.replica_state.replica_epoch = -1;
	in.topics.v = &topic;
	in.topics.n = 1;
	fetched = ASK(1, fetch, &in);
	assert_int_equal(fetched->responses.v[0].partitions.v[0].error_code, ERR_NOT_LEADER_OR_FOLLOWER);
	assert_int_equal(fetched->responses.v[0].partitions.v[0].current_leader.leader_id, 1);
	assert_int_equal(fetched->responses.v[0].partitions.v[0].current_leader.leader_epoch, 0);
	assert_int_equal(fetched->node_endpoints.n, 0); /* a replica knows the address */
	in.replica_state.replica_id = -3;		/* a client that is not a broker does not */
	fetched = ASK(1, fetch, &in);
	in.replica_state.replica_id = 3;
	assert_int_equal(fetched->responses.v[0].partitions.v[0].error_code, ERR_NOT_LEADER_OR_FOLLOWER);
	assert_int_equal(fetched->node_endpoints.n, 1);
	assert_int_equal(fetched->node_endpoints.v[0].node_id, 1);
	assert_true(str_is(fetched->node_endpoints.v[0].host, "10.0.0.1"));
	assert_int_equal(fetched->node_endpoints.v[0].port, 9092);
	produced = produce_to(1, 0, 1);
	assert_int_equal(produced->responses.v[0].partition_responses.v[0].error_code, ERR_NOT_LEADER_OR_FOLLOWER);
	assert_int_equal(produced->responses.v[0].partition_responses.v[0].current_leader.leader_id, 1);
	assert_int_equal(produced->node_endpoints.n, 1);
	assert_true(str_is(produced->node_endpoints.v[0].host, "10.0.0.1"));
	cluster_crash(0, SIM_KILL);
	sim_run_for(cluster_sim(), 8000);
	fetched = ASK(1, fetch, &in); /* of the previous epoch: it may have records that this leader lacks */
	assert_int_equal(fetched->responses.v[0].partitions.v[0].error_code, ERR_FENCED_LEADER_EPOCH);
	assert_int_equal(fetched->responses.v[0].partitions.v[0].current_leader.leader_id, 2);
	assert_int_equal(fetched->responses.v[0].partitions.v[0].current_leader.leader_epoch, 1);
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
	assert_int_equal(try_set(RESOURCE_BROKER, "", "num.replica.fetchers", "9"), ERR_INVALID_REQUEST);
	assert_int_equal(try_set(RESOURCE_BROKER, "1", "num.replica.fetchers", "1"), ERR_INVALID_REQUEST);
	assert_int_equal(try_set(RESOURCE_BROKER, "1", "num.io.threads", "17"), ERR_INVALID_REQUEST);
	assert_int_equal(try_set(RESOURCE_BROKER, "1", "num.io.threads", "16"), 0);
	assert_int_equal(try_set(RESOURCE_BROKER, "1", "num.network.threads", "7"), ERR_INVALID_REQUEST);
	assert_int_equal(try_set(RESOURCE_BROKER, "1", "log.cleaner.threads", "3"), ERR_INVALID_REQUEST);
	assert_int_equal(try_set(RESOURCE_BROKER, "1", "log.cleaner.threads", "0"), ERR_INVALID_REQUEST);
	/* more than 1 MiB of the buffer for each thread */
	assert_int_equal(try_set(RESOURCE_BROKER, "1", "log.cleaner.dedupe.buffer.size", "1048576"),
			 ERR_INVALID_REQUEST);
	assert_int_equal(try_set(RESOURCE_BROKER, "1", "log.cleaner.dedupe.buffer.size", "2097153"), 0);
	assert_int_equal(try_set(RESOURCE_BROKER, "1", "log.cleaner.threads", "2"), ERR_INVALID_REQUEST);
	assert_int_equal(try_set(RESOURCE_BROKER, "1", "log.cleaner.dedupe.buffer.size", "2097154"), 0);
	assert_spread(1, 20, 4);
	set_fetchers("2");
	assert_spread(2, 20, 2);
	all_is_replicated(20);
	set_fetchers("1");
	assert_spread(1, 20, 1);
	all_is_replicated(20);
	wait_members(1, 20);
	cluster_down();
}

/* ---- waiting for a flush ---- */

static void end_flush(void *arg)
{
	struct core *core = &cluster_node(1)->cores[0];
	struct partition *p = arg;
	struct effects e = {0};

	p->flushing = false;
	partition_flush(p, core, &e);
	effects_run(&e, core);
}

static void a_flush_wakes_the_fetcher_that_has_the_replica_by_then(void **state)
{
	static const char *const settings[] = {"num.replica.fetchers=2", NULL};
	struct cluster_question q;
	struct fetched *d;

	(void)state;
	start_all(14, settings);
	make_topic("t", 2);
	set(RESOURCE_TOPIC, "t", "flush.messages", "1");
	a_while();
	all_is_replicated(2);
	d = fetchers_find(cluster_node(1)->fetchers, topic_id, 1);
	assert_int_equal(d->fetcher->index, 1);
	d->partition->flushing = true; /* a flush that takes long */
	begin_produce(0, 1, 1, &q);
	for (int i = 0; i < TRIES && list_empty(&d->waiter.link); i++)
		sim_run_for(cluster_sim(), 1);
	assert_false(list_empty(&d->waiter.link));
	/* The Produce occupies the connection to node 0. */
	assert_int_equal(try_set_at(2, RESOURCE_BROKER, "", "num.replica.fetchers", "1"), 0);
	for (int i = 0; i < TRIES && d->fetcher->index != 0; i++)
		sim_run_for(cluster_sim(), 1);
	assert_int_equal(count_fetchers(1, 1), 1);
	assert_true(list_empty(&d->waiter.link) || d->waiter.waking == &d->fetcher->waking);
	assert_false(q.answered);
	assert_true(sim_call(cluster_sim(), 1, end_flush, d->partition));
	assert_int_equal(produce_error(end_produce(&q)), 0);
	cluster_down();
}

/* The leader holds a Fetch for half a second when it has nothing to send. */
static void who_waits_for_a_flush_does_not_wait_for_the_fetch_of_the_others(void **state)
{
	int64_t began_ms;

	(void)state;
	start_all(16, NULL);
	make_topic("idle", 1);
	make_topic("t", 1);
	set(RESOURCE_TOPIC, "t", "flush.messages", "1");
	for (int i = 1; i <= FOLLOWERS; i++)
		wait_members(i, 2);
	began_ms = now_ms();
	for (int i = 0; i < 10; i++)
		assert_int_equal(produce(0), 0);
	assert_true(now_ms() - began_ms < 1000);
	cluster_down();
}

static void who_pauses_does_not_wait_for_the_fetch_of_the_others(void **state)
{
	struct uuid idle, paused;
	struct fetched *d;
	int64_t began_ms;

	(void)state;
	start_all(18, NULL);
	make_topic("idle", 1);
	idle = topic_id;
	make_topic("t", 1);
	paused = topic_id;
	wait_members(1, 2);
	d = fetchers_find(cluster_node(1)->fetchers, paused, 0);
	d->following.not_before_ms = env_mono_ms(cluster_node(1)->env) + 100;
	fetcher_look(d);
	topic_id = idle;
	assert_int_equal(produce(0), 0); /* the others' Fetch returns, and the next one is without it */
	assert_false(d->in_session);
	topic_id = paused;
	began_ms = now_ms();
	assert_int_equal(produce(0), 0);
	assert_true(now_ms() - began_ms < 200);
	cluster_down();
}

/* The longer the flush takes, the more rarely it is asked about. */
static void a_flush_that_takes_long_is_not_asked_after_all_the_time(void **state)
{
	struct cluster_question q;
	struct net_counts before, after;
	struct fetched *d;

	(void)state;
	start_all(17, NULL);
	make_topic("idle", 1);
	make_topic("t", 1);
	set(RESOURCE_TOPIC, "t", "flush.messages", "1");
	wait_members(1, 2);
	d = fetchers_find(cluster_node(1)->fetchers, topic_id, 0);
	d->partition->flushing = true;
	begin_produce(0, 0, 1, &q);
	net_counts(cluster_node(0)->net, &before);
	sim_run_for(cluster_sim(), 4000);
	net_counts(cluster_node(0)->net, &after);
	assert_false(q.answered);
	/* asking every millisecond would make a hundred thousand */
	assert_true(after.bytes_in - before.bytes_in < 10000);
	assert_true(sim_call(cluster_sim(), 1, end_flush, d->partition));
	assert_int_equal(produce_error(end_produce(&q)), 0);
	cluster_down();
}

/* ---- a log that is read again ---- */

static void who_stumbles_while_its_log_is_read_again_is_followed_afterwards(void **state)
{
	struct cluster_question q;
	struct fetched *d;

	(void)state;
	start_all(15, NULL);
	make_topic("t", 1);
	all_is_replicated(1);
	wait_members(1, 1);
	d = fetchers_find(cluster_node(1)->fetchers, topic_id, 0);
	d->partition->reloading = true;
	begin_produce(0, 0, 1, &q);
	for (int i = 0; i < TRIES && cluster_said(1, "replica cannot follow") == 0; i++)
		sim_run_for(cluster_sim(), 1);
	assert_int_equal(cluster_said(1, "error=KAFKA_STORAGE_ERROR"), 1);
	assert_false(q.answered);
	d->partition->reloading = false;
	assert_int_equal(produce_error(end_produce(&q)), 0);
	assert_int_equal(cluster_said(1, "replica cannot follow"), 1);
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

/* A follower that was away returns: how long it takes to catch up. */
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
	/* these mean neither of the two */
	set(RESOURCE_TOPIC, "t", "leader.replication.throttled.replicas", "0:3,1:1");
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
	began_ms = now_ms(); /* they are in sync: nobody waits, whatever the rate */
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
		cmocka_unit_test(what_does_not_move_is_not_read_for_followers_and_stays_in_sync),
		cmocka_unit_test(what_is_followed_no_more_is_forgotten),
		cmocka_unit_test(a_session_that_the_leader_has_lost_begins_anew),
		cmocka_unit_test(a_leader_without_room_for_sessions_is_followed_all_the_same),
		cmocka_unit_test(a_replica_that_is_reassigned_is_deleted_and_one_that_comes_back_begins_anew),
		cmocka_unit_test(who_is_behind_the_leaders_start_begins_anew_there_and_follows_it),
		cmocka_unit_test(a_topic_that_was_made_again_meanwhile_is_another),
		cmocka_unit_test(who_asks_a_follower_is_told_who_leads),
		cmocka_unit_test(without_a_throttle_who_was_away_has_all_at_once),
		cmocka_unit_test(a_throttled_leader_gives_to_who_is_not_in_sync_at_its_rate),
		cmocka_unit_test(a_throttled_follower_takes_what_it_is_behind_at_its_rate),
		cmocka_unit_test(a_leader_has_as_many_fetchers_as_is_said_and_each_replica_kafkas_one),
		cmocka_unit_test(who_stumbles_while_its_log_is_read_again_is_followed_afterwards),
		cmocka_unit_test(who_waits_for_a_flush_does_not_wait_for_the_fetch_of_the_others),
		cmocka_unit_test(who_pauses_does_not_wait_for_the_fetch_of_the_others),
		cmocka_unit_test(a_flush_that_takes_long_is_not_asked_after_all_the_time),
		cmocka_unit_test(a_flush_wakes_the_fetcher_that_has_the_replica_by_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
