/*
 * followers: a node in the simulator leads a partition that has a replica on another broker. The
 * test plays the other broker, number 2, from another machine, with the requests that brokers send:
 * BrokerRegistration, BrokerHeartbeat and Fetch, of the partition and of the metadata log.
 */
#include <string.h>

#include "base/err.h"
#include "controller/controller.h"
#include "net/channel.h"
#include "protocol/begin_quorum_epoch.h"
#include "protocol/broker_heartbeat.h"
#include "protocol/broker_registration.h"
#include "protocol/create_topics.h"
#include "protocol/delete_records.h"
#include "protocol/describe_cluster.h"
#include "protocol/end_quorum_epoch.h"
#include "protocol/envelope.h"
#include "protocol/fetch.h"
#include "protocol/metadata.h"
#include "protocol/produce.h"
#include "protocol/update_raft_voter.h"
#include "protocol/vote.h"
#include "tests/base/cm.h"
#include "tests/broker/raw_world.h"
#include "wire/batch.h"
#include "wire/codec.h"
#include "wire/header.h"

enum { PATIENCE_MS = 60000, CONTROLLER, BROKER, PRODUCER, N_CHANNELS = 3, LAG_MAX_MS = 2000 };

static const char *const SETTINGS[] = {
	"listeners=PLAINTEXT://10.0.0.1:9092,CONTROLLER://10.0.0.1:9093",
	"advertised.listeners=PLAINTEXT://10.0.0.1:9092",
	"controller.quorum.voters=1@10.0.0.1:9093",
	"replica.lag.time.max.ms=2000",
	"broker.session.timeout.ms=600000",
	"broker.rack=here",
	"replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector",
	NULL};

static struct {
	struct channels channels;
	struct channel to[N_CHANNELS];
	struct arena arena;
	struct arena answers; /* of contents of envelopes */
	struct call produce;
	struct buf batch;
	struct uuid topic_id;
	int64_t broker_epoch;
	int32_t leader_epoch;
	int64_t start, end; /* of our replica */
} t;

static void in_peer(void (*run)(void *), void *arg)
{
	assert_true(sim_call(raw_world(), RAW_PEER, run, arg));
}

/* ---- asking ---- */

static void on_done(struct call *c)
{
	c->owner = &t;
}

static void send_call(void *arg)
{
	struct call *c = arg;

	list_init(&c->link);
	timer_init(&c->timer, t.channels.loop, NULL);
	channel_call(&t.to[c->lane], c);
}

static bool is_done(void *arg)
{
	return ((struct call *)arg)->owner != NULL;
}

static void begin(struct call *c, int channel, int16_t key, const void *request)
{
	*c = (struct call){.key = key,
			   .lane = (int8_t)(channel - CONTROLLER),
			   .request = request,
			   .arena = &t.arena,
			   .done = on_done};
	in_peer(send_call, c);
}

static const void *answer(struct call *c)
{
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, is_done, c));
	assert_int_equal(c->err, 0);
	return c->response;
}

static const void *ask(int channel, int16_t key, const void *request)
{
	struct call c;

	begin(&c, channel, key, request);
	return answer(&c);
}

/* ---- broker 2 ---- */

static struct str cluster_id(void)
{
	struct describe_cluster_request in;
	const struct describe_cluster_response *out;

	codec_init(&describe_cluster_request_schema, &in);
	out = ask(BROKER, describe_cluster_request_KEY, &in);
	return out->cluster_id;
}

static void add_features(struct broker_registration_request *in)
{
	static struct broker_registration_request_feature features[16];

	in->features.v = features;
	for (const struct controller_feature *f = CONTROLLER_FEATURES; f->name; f++)
		in->features.v[in->features.n++] =
			(struct broker_registration_request_feature){str_of(f->name), f->min, f->max};
}

static void register_broker(void)
{
	static struct uuid directory = {{0xd2, 2}};
	struct broker_registration_request_listener listener = {STR("PLAINTEXT"), STR("10.0.0.2"), 9092, 0};
	struct broker_registration_request in;
	const struct broker_registration_response *out;

	codec_init(&broker_registration_request_schema, &in);
	in.broker_id = 2;
	in.cluster_id = cluster_id();
	in.incarnation_id = (struct uuid){{2, 2}};
	in.listeners.v = &listener;
	in.listeners.n = 1;
	in.log_dirs.v = &directory;
	in.log_dirs.n = 1;
	in.previous_broker_epoch = -1;
	in.rack = STR("there");
	add_features(&in);
	out = ask(CONTROLLER, broker_registration_request_KEY, &in);
	assert_int_equal(out->error_code, 0);
	t.broker_epoch = out->broker_epoch;
}

static void beat(bool want_fence)
{
	struct broker_heartbeat_request in;
	const struct broker_heartbeat_response *out;

	codec_init(&broker_heartbeat_request_schema, &in);
	in.broker_id = 2;
	in.broker_epoch = t.broker_epoch;
	in.current_metadata_offset = INT64_MAX;
	in.want_fence = want_fence;
	out = ask(CONTROLLER, broker_heartbeat_request_KEY, &in);
	assert_int_equal(out->error_code, 0);
	assert_int_equal(out->is_fenced, want_fence);
}

/* Returns Kafka's error; takes the records that came. */
static int fetch_as(int64_t broker_epoch)
{
	struct fetch_request_partition part;
	struct fetch_request_topic topic = {.topic_id = t.topic_id, .partitions = {&part, 1}};
	struct fetch_request in;
	const struct fetch_response *out;
	const struct fetch_response_partition *p;
	struct batch_iter it;

	codec_init(&fetch_request_schema, &in);
	codec_init(&fetch_request_partition_schema, &part);
	in.replica_state.replica_id = 2;
	in.replica_state.replica_epoch = broker_epoch;
	in.max_bytes = 1 << 20;
	in.max_wait_ms = 500;
	in.min_bytes = 1;
	in.session_epoch = -1;
	in.topics.v = &topic;
	in.topics.n = 1;
	part.current_leader_epoch = t.leader_epoch;
	part.fetch_offset = t.end;
	part.partition_max_bytes = 1 << 20;
	part.log_start_offset = t.start;
	out = ask(BROKER, fetch_request_KEY, &in);
	assert_int_equal(out->error_code, 0);
	p = &out->responses.v[0].partitions.v[0];
	it = batch_iter(p->records.p, (size_t)p->records.len);
	while (p->error_code == 0 && batch_next(&it))
		t.end = batch_last_offset(&it.header) + 1;
	return p->error_code;
}

static int fetch(void)
{
	return fetch_as(t.broker_epoch);
}

/* ---- the topic ---- */

static void make_topic_that_flushes(const char *min_isr, const char *flush_messages)
{
	static int32_t replicas[] = {1, 2};
	struct create_topics_request_assignment a = {0, {replicas, 2}};
	struct create_topics_request_config c[] = {{STR("min.insync.replicas"), str_of(min_isr)},
						   {STR("flush.messages"), str_of(flush_messages)}};
	struct create_topics_request_topic topic = {STR("t"), -1, -1, {&a, 1}, {c, 2}};
	struct create_topics_request in = {.topics = {&topic, 1}, .timeout_ms = 30000};
	const struct create_topics_response *out = ask(BROKER, create_topics_request_KEY, &in);

	assert_int_equal(out->topics.v[0].error_code, 0);
	t.topic_id = out->topics.v[0].topic_id;
}

static void make_topic(const char *min_isr)
{
	make_topic_that_flushes(min_isr, "9223372036854775807");
}

/* The number of replicas in sync, as clients are told. */
static int in_sync(void)
{
	struct metadata_request_topic topic = {.name = STR("t")};
	struct metadata_request in = {.topics = {&topic, 1}};
	const struct metadata_response *out = ask(BROKER, metadata_request_KEY, &in);
	const struct metadata_response_partition *p = &out->topics.v[0].partitions.v[0];

	assert_int_equal(p->leader_id, 1);
	t.leader_epoch = p->leader_epoch;
	return p->isr_nodes.n;
}

static void wait_in_sync(int n)
{
	for (int i = 0; i < 1000 && in_sync() != n; i++)
		sim_run_until(raw_world(), 10, raw_has_answer, &(struct caller){0});
	assert_int_equal(in_sync(), n);
}

static void produce_begin_with(int16_t acks)
{
	static struct produce_request_partition part;
	static struct produce_request_topic topic;
	static struct produce_request in;
	struct batch_options options = BATCH_OPTIONS_NONE;
	struct batch_builder b;

	t.batch.len = 0;
	batch_begin(&b, &t.batch, &options);
	batch_add(&b, raw_world_ms(), BYTES_NULL, (struct bytes){(const uint8_t *)"value", 5});
	batch_end(&b);
	part = (struct produce_request_partition){.records = {.p = t.batch.p, .len = (int64_t)t.batch.len}};
	topic = (struct produce_request_topic){STR("t"), t.topic_id, {&part, 1}};
	in = (struct produce_request){STR_NULL, acks, 30000, {&topic, 1}};
	begin(&t.produce, PRODUCER, produce_request_KEY, &in);
}

static void produce_begin(void)
{
	produce_begin_with(-1);
}

static const struct produce_response_partition *produced(void)
{
	const struct produce_response *out = answer(&t.produce);

	return &out->responses.v[0].partition_responses.v[0];
}

static int produce_end(void)
{
	return produced()->error_code;
}

/* ---- the world ---- */

static void on_broken(struct channel *ch, int err, struct list *calls)
{
	(void)ch;
	(void)err;
	assert_true(list_empty(calls));
}

static void start(void *arg)
{
	(void)arg;
	arena_init(&t.arena, 64 << 20);
	channels_init(&t.channels, loop_new(sim_env(raw_world(), RAW_PEER), "broker 2"));
	t.channels.client_id = STR("broker-2");
	t.channels.answer_max = 1 << 24;
	t.channels.broken = on_broken;
	for (int i = 0; i < N_CHANNELS; i++)
		channel_init(&t.to[i], &t.channels, "10.0.0.1", i == 0 ? 9093 : 9092);
}

static void stop(void *arg)
{
	(void)arg;
	for (int i = 0; i < N_CHANNELS; i++)
		channel_fini(&t.to[i]);
	channels_fini(&t.channels);
	arena_fini(&t.arena);
}

static int up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	arena_init(&t.answers, 1 << 20);
	raw_world_up_with(SETTINGS);
	in_peer(start, NULL);
	register_broker();
	beat(false);
	return 0;
}

static int down(void **state)
{
	(void)state;
	in_peer(stop, NULL);
	raw_world_down();
	buf_fini(&t.batch);
	arena_fini(&t.answers);
	return 0;
}

/* ---- the metadata log ---- */

/* Fetches it like an observer (broker 2). */
static void fetch_metadata(struct call *c, int64_t offset, int32_t last_epoch, int32_t wait_ms)
{
	static struct fetch_request_partition part;
	static struct fetch_request_topic topic;
	static struct fetch_request in;

	codec_init(&fetch_request_schema, &in);
	codec_init(&fetch_request_partition_schema, &part);
	topic = (struct fetch_request_topic){.topic_id = {{[15] = 1}}, .partitions = {&part, 1}};
	in.replica_state.replica_id = 2;
	in.max_bytes = 1 << 20;
	in.max_wait_ms = wait_ms;
	in.topics.v = &topic;
	in.topics.n = 1;
	part.current_leader_epoch = 1;
	part.fetch_offset = offset;
	part.last_fetched_epoch = last_epoch;
	part.partition_max_bytes = 1 << 20;
	begin(c, CONTROLLER, fetch_request_KEY, &in);
}

static const struct fetch_response_partition *metadata_answer(struct call *c)
{
	const struct fetch_response *out = answer(c);

	assert_int_equal(out->error_code, 0);
	assert_int_equal(out->responses.n, 1);
	assert_int_equal(out->responses.v[0].partitions.v[0].error_code, 0);
	return &out->responses.v[0].partitions.v[0];
}

static int64_t end_of(const struct fetch_response_partition *p, int64_t from)
{
	struct batch_iter it = batch_iter(p->records.p, (size_t)p->records.len);

	while (batch_next(&it)) {
		assert_true(batch_crc_ok(it.p, &it.header));
		from = batch_last_offset(&it.header) + 1;
	}
	assert_int_equal(it.error, 0);
	return from;
}

/* ---- stories ---- */

static void test_the_metadata_log_can_be_followed(void **state)
{
	const struct fetch_response_partition *p;
	struct call c;
	int64_t end, high_watermark;

	(void)state;
	fetch_metadata(&c, 0, 0, 0);
	p = metadata_answer(&c);
	assert_int_equal(p->current_leader.leader_id, 1);
	end = end_of(p, 0);
	high_watermark = p->high_watermark;
	assert_true(high_watermark > 0 && high_watermark <= end);
	fetch_metadata(&c, end, 1, 5000); /* there is nothing more: it waits */
	make_topic("1");
	p = metadata_answer(&c);
	assert_true(end_of(p, end) > end || p->high_watermark > high_watermark);
	fetch_metadata(&c, end, 1, 5000);
	assert_true(end_of(metadata_answer(&c), end) > end);
	fetch_metadata(&c, end + 1000000, 1, 0); /* the leader lacks what it has: where do they diverge */
	p = metadata_answer(&c);
	assert_int_equal(p->records.len, 0);
	assert_int_equal(p->diverging_epoch.epoch, 1);
	assert_true(p->diverging_epoch.end_offset > end);
}

static void test_a_write_is_acknowledged_when_all_in_sync_have_it(void **state)
{
	(void)state;
	make_topic("1");
	wait_in_sync(2);
	produce_begin();
	assert_int_equal(fetch(), 0); /* it gets the record, which it did not have yet */
	assert_int_equal(t.end, 1);
	assert_false(is_done(&t.produce));
	assert_int_equal(fetch(), 0);
	assert_int_equal(produce_end(), 0);
}

static void delete_begin(struct call *c, int64_t offset, int32_t timeout_ms)
{
	static struct delete_records_request_partition part;
	static struct delete_records_request_topic topic;
	static struct delete_records_request in;

	part = (struct delete_records_request_partition){.offset = offset};
	topic = (struct delete_records_request_topic){STR("t"), {&part, 1}};
	in = (struct delete_records_request){{&topic, 1}, timeout_ms};
	begin(c, PRODUCER, delete_records_request_KEY, &in);
}

static int delete_end(struct call *c, int64_t *low_watermark)
{
	const struct delete_records_response *out = answer(c);

	*low_watermark = out->topics.v[0].partitions.v[0].low_watermark;
	return out->topics.v[0].partitions.v[0].error_code;
}

static void test_records_are_deleted_when_all_that_live_have_let_go_of_them(void **state)
{
	struct call c;
	int64_t low;

	(void)state;
	make_topic("1");
	wait_in_sync(2);
	for (int i = 0; i < 3; i++) {
		produce_begin();
		assert_int_equal(fetch(), 0);
		assert_int_equal(fetch(), 0);
		assert_int_equal(produce_end(), 0);
	}
	delete_begin(&c, 2, 30000);
	assert_int_equal(fetch(), 0);
	assert_false(is_done(&c));
	t.start = 1;
	assert_int_equal(fetch(), 0);
	assert_false(is_done(&c));
	t.start = 2;
	assert_int_equal(fetch(), 0);
	assert_int_equal(delete_end(&c, &low), 0);
	assert_int_equal(low, 2);
	delete_begin(&c, 1, 30000); /* they are deleted already */
	assert_int_equal(delete_end(&c, &low), 0);
	assert_int_equal(low, 2);
}

static void test_who_does_not_let_go_of_records_holds_a_deletion_up_until_its_time_is_over(void **state)
{
	struct call c;
	int64_t low;

	(void)state;
	make_topic("1");
	wait_in_sync(2);
	produce_begin();
	assert_int_equal(fetch(), 0);
	assert_int_equal(fetch(), 0);
	assert_int_equal(produce_end(), 0);
	delete_begin(&c, -1, 300);
	assert_int_equal(delete_end(&c, &low), ERR_REQUEST_TIMED_OUT);
	assert_int_equal(low, 0);
	beat(true); /* it is fenced and no longer counts */
	delete_begin(&c, -1, 30000);
	assert_int_equal(delete_end(&c, &low), 0);
	assert_int_equal(low, 1);
}

static void test_who_is_behind_goes_out_and_comes_back_when_it_has_caught_up(void **state)
{
	(void)state;
	make_topic("1");
	wait_in_sync(2);
	produce_begin();
	assert_int_equal(produce_end(), 0); /* nobody fetched: it waited for the follower to leave the ISR */
	wait_in_sync(1);
	assert_int_equal(fetch(), 0);
	assert_int_equal(in_sync(), 1);
	assert_int_equal(fetch(), 0);
	wait_in_sync(2);
}

/*
 * The replica to which a Fetch from the start sends a consumer of this rack; -1: none, since it
 * gets the record.
 */
static int32_t sent_from(const char *rack)
{
	struct fetch_request_partition part;
	struct fetch_request_topic topic = {.topic_id = t.topic_id, .partitions = {&part, 1}};
	struct fetch_request in;
	const struct fetch_response *out;
	const struct fetch_response_partition *p;

	codec_init(&fetch_request_schema, &in);
	codec_init(&fetch_request_partition_schema, &part);
	in.max_bytes = part.partition_max_bytes = 1 << 20;
	in.max_wait_ms = PATIENCE_MS; /* the answer comes at once */
	in.min_bytes = 1;
	in.session_epoch = -1;
	in.rack_id = str_of(rack);
	in.topics.v = &topic;
	in.topics.n = 1;
	out = ask(BROKER, fetch_request_KEY, &in);
	p = &out->responses.v[0].partitions.v[0];
	assert_int_equal(p->error_code, 0);
	assert_int_equal(p->high_watermark, 1);
	assert_true((p->records.len > 0) == (p->preferred_read_replica < 0));
	return p->preferred_read_replica;
}

static void test_a_consumer_is_sent_to_the_replica_of_its_rack(void **state)
{
	(void)state;
	make_topic("1");
	wait_in_sync(2);
	produce_begin();
	assert_int_equal(fetch(), 0);
	assert_int_equal(fetch(), 0);
	assert_int_equal(produce_end(), 0);
	assert_int_equal(sent_from("there"), 2);
	assert_int_equal(sent_from("here"), -1);
	assert_int_equal(sent_from("elsewhere"), -1);
	assert_int_equal(sent_from(""), -1);
	beat(true);
	wait_in_sync(1);
	assert_int_equal(sent_from("there"), -1);
}

static void test_a_fetch_of_an_earlier_life_counts_for_nothing(void **state)
{
	(void)state;
	make_topic("1");
	wait_in_sync(2);
	produce_begin();
	assert_int_equal(fetch(), 0);
	assert_int_equal(fetch_as(t.broker_epoch - 1), ERR_NOT_LEADER_OR_FOLLOWER);
	assert_false(is_done(&t.produce));
	assert_int_equal(fetch(), 0);
	assert_int_equal(produce_end(), 0);
}

/* A fetch of the replica in a session: epoch 0 opens it. */
static const struct fetch_response *fetch_in(int32_t session_id, int32_t session_epoch, int64_t offset)
{
	struct fetch_request_partition part;
	struct fetch_request_topic topic = {.topic_id = t.topic_id, .partitions = {&part, 1}};
	struct fetch_request in;
	const struct fetch_response *out;

	codec_init(&fetch_request_schema, &in);
	codec_init(&fetch_request_partition_schema, &part);
	in.replica_state.replica_id = 2;
	in.replica_state.replica_epoch = t.broker_epoch;
	in.max_bytes = part.partition_max_bytes = 1 << 20;
	in.session_id = session_id;
	in.session_epoch = session_epoch;
	in.topics.v = &topic;
	in.topics.n = 1;
	part.current_leader_epoch = t.leader_epoch;
	part.fetch_offset = offset;
	part.last_fetched_epoch = t.leader_epoch;
	out = ask(BROKER, fetch_request_KEY, &in);
	assert_int_equal(out->error_code, 0);
	assert_int_equal(out->responses.n, 1);
	assert_int_equal(out->responses.v[0].partitions.v[0].error_code, 0);
	return out;
}

/*
 * The answer that truncates the replica also has the high watermark, but a replica that is
 * truncating does not use it.
 */
static void test_a_replica_that_is_cut_as_its_session_opens_is_told_the_high_watermark_next(void **state)
{
	const struct fetch_response *out;
	int32_t session;

	(void)state;
	make_topic("1");
	wait_in_sync(2);
	produce_begin();
	assert_int_equal(fetch(), 0);
	assert_int_equal(fetch(), 0);
	assert_int_equal(produce_end(), 0);
	out = fetch_in(0, 0, 7);
	session = out->session_id;
	assert_true(session > 0);
	assert_int_equal(out->responses.v[0].partitions.v[0].diverging_epoch.end_offset, 1);
	out = fetch_in(session, 1, 1);
	assert_int_equal(out->responses.v[0].partitions.v[0].high_watermark, 1);
}

/* A fetch of the replica that names nothing, and is told of nothing for half a second. */
static void idle_in(int32_t session_id, int32_t session_epoch)
{
	const struct fetch_response *out;
	struct fetch_request in;

	codec_init(&fetch_request_schema, &in);
	in.replica_state.replica_id = 2;
	in.replica_state.replica_epoch = t.broker_epoch;
	in.max_bytes = 1 << 20;
	in.max_wait_ms = 500;
	in.min_bytes = 1;
	in.session_id = session_id;
	in.session_epoch = session_epoch;
	out = ask(BROKER, fetch_request_KEY, &in);
	assert_int_equal(out->error_code, 0);
	assert_int_equal(out->responses.n, 0);
}

/* The leader does not read a partition that rests in a session, and counts the session's requests for it. */
static void test_who_asks_for_nothing_but_news_is_in_sync_until_it_asks_no_more(void **state)
{
	int32_t session;

	(void)state;
	make_topic("1");
	wait_in_sync(2);
	session = fetch_in(0, 0, 0)->session_id;
	assert_true(session > 0);
	for (int i = 1; i <= 3 * LAG_MAX_MS / 500; i++)
		idle_in(session, i);
	produce_begin(); /* it has everything but this */
	sim_run_for(raw_world(), LAG_MAX_MS - 500);
	assert_int_equal(in_sync(), 2);
	assert_int_equal(produce_end(), 0); /* when it is out */
	wait_in_sync(1);
}

/* What it has from the next leader tells nothing about what it has from this one (KIP-320). */
static void test_a_fetch_of_a_later_epoch_counts_for_nothing(void **state)
{
	(void)state;
	make_topic("1");
	wait_in_sync(2);
	produce_begin();
	assert_int_equal(fetch(), 0);
	t.leader_epoch++;
	assert_int_equal(fetch(), ERR_UNKNOWN_LEADER_EPOCH);
	t.leader_epoch--;
	assert_false(is_done(&t.produce));
	assert_int_equal(fetch(), 0);
	assert_int_equal(produce_end(), 0);
}

/* The records that a consumer gets, or -1: the high watermark is 0. */
static int64_t consumed(void)
{
	struct fetch_request_partition part;
	struct fetch_request_topic topic = {.topic_id = t.topic_id, .partitions = {&part, 1}};
	struct fetch_request in;
	const struct fetch_response *out;
	const struct fetch_response_partition *p;

	codec_init(&fetch_request_schema, &in);
	codec_init(&fetch_request_partition_schema, &part);
	in.max_bytes = part.partition_max_bytes = 1 << 20;
	in.session_epoch = -1;
	in.topics.v = &topic;
	in.topics.n = 1;
	out = ask(BROKER, fetch_request_KEY, &in);
	p = &out->responses.v[0].partitions.v[0];
	assert_int_equal(p->error_code, 0);
	return p->high_watermark == 0 && p->records.len == 0 ? -1 : p->records.len;
}

static void test_nobody_reads_what_is_not_on_all_in_sync(void **state)
{
	(void)state;
	make_topic("1");
	wait_in_sync(2);
	produce_begin();
	assert_int_equal(fetch(), 0); /* it has got the record, but has not confirmed it yet */
	assert_int_equal(consumed(), -1);
	assert_int_equal(fetch(), 0);
	assert_true(consumed() > 0);
	assert_int_equal(produce_end(), 0);
}

static void test_with_too_few_in_sync_nothing_is_written(void **state)
{
	(void)state;
	make_topic("2");
	wait_in_sync(2);
	beat(true);
	wait_in_sync(1);
	produce_begin();
	assert_int_equal(produce_end(), ERR_NOT_ENOUGH_REPLICAS);
	assert_int_equal(produced()->log_start_offset, 0); /* as in Kafka, where all but seven errors come with it */
	assert_int_equal(fetch(), 0); /* a fenced follower may go on fetching, but does not join the ISR */
	assert_int_equal(in_sync(), 1);
	beat(false);
	assert_int_equal(fetch(), 0);
	wait_in_sync(2);
	produce_begin();
	assert_int_equal(fetch(), 0);
	assert_int_equal(fetch(), 0);
	assert_int_equal(produce_end(), 0);
}

static void test_who_goes_out_after_the_write_leaves_too_few(void **state)
{
	(void)state;
	make_topic("2");
	wait_in_sync(2);
	produce_begin();
	wait_in_sync(1);
	assert_false(is_done(&t.produce)); /* below min.insync.replicas nothing is committed */
	assert_int_equal(fetch(), 0);
	assert_int_equal(fetch(), 0);
	wait_in_sync(2);
	assert_int_equal(produce_end(), 0);
}

/* flush.messages promises a flush here, and acks=1 asks for nothing else. */
static void test_with_acks_of_1_a_flush_is_waited_for_and_no_replica(void **state)
{
	(void)state;
	make_topic_that_flushes("2", "1");
	wait_in_sync(2);
	produce_begin_with(1);
	assert_int_equal(produce_end(), 0);
	assert_int_equal(in_sync(), 2); /* it has not fetched, and nobody has waited for it to go out */
	wait_in_sync(1);
	produce_begin_with(1);
	assert_int_equal(produce_end(), 0); /* with too few in sync too */
}

/* ---- the quorum's own requests ---- */

static const struct vote_response_partition *vote(bool before)
{
	struct vote_request_partition p = {
		.replica_epoch = before ? 1 : 2,
		.replica_id = 1,
		.last_offset_epoch = 0,
		.last_offset = 0,
		.pre_vote = before,
	};
	struct vote_request_topic topic = {STR("__cluster_metadata"), {&p, 1}};
	struct vote_request in = {STR_NULL, 1, {&topic, 1}};
	const struct vote_response *out = ask(CONTROLLER, vote_request_KEY, &in);

	assert_int_equal(out->error_code, 0);
	assert_int_equal(out->topics.n, 1);
	return out->topics.v->partitions.v;
}

static void test_raft_answers_the_nodes_of_the_quorum(void **state)
{
	struct begin_quorum_epoch_request_partition begins = {.leader_id = 1, .leader_epoch = 0};
	struct begin_quorum_epoch_request_topic begin_topic = {STR("__cluster_metadata"), {&begins, 1}};
	struct begin_quorum_epoch_request begin_in = {STR_NULL, 1, {&begin_topic, 1}, {NULL, 0}};
	struct end_quorum_epoch_request end_in;
	struct update_raft_voter_request update = {.voter_id = 2, .current_leader_epoch = 0};
	const struct begin_quorum_epoch_response *begun;
	const struct end_quorum_epoch_response *ended;
	const struct update_raft_voter_response *updated;

	(void)state;
	assert_int_equal(vote(true)->error_code, 0); /* a leader votes for nobody else */
	assert_false(vote(true)->vote_granted);
	assert_int_equal(vote(true)->leader_id, 1);
	begun = ask(CONTROLLER, begin_quorum_epoch_request_KEY, &begin_in);
	assert_int_equal(begun->topics.v->partitions.v->error_code, ERR_FENCED_LEADER_EPOCH);
	assert_int_equal(begun->topics.v->partitions.v->leader_epoch, 1);
	codec_init(&end_quorum_epoch_request_schema, &end_in);
	end_in.cluster_id = STR("another");
	ended = ask(CONTROLLER, end_quorum_epoch_request_KEY, &end_in);
	assert_int_equal(ended->error_code, ERR_INCONSISTENT_CLUSTER_ID);
	updated = ask(CONTROLLER, update_raft_voter_request_KEY, &update);
	assert_int_equal(updated->error_code, ERR_FENCED_LEADER_EPOCH);
	assert_int_equal(updated->current_leader.leader_id, 1);
	assert_true(str_is(updated->current_leader.host, "10.0.0.1"));
}

/* ---- envelopes ---- */

/* A request with its header, as a broker forwards it; returns the inner answer, after its header. */
static int enveloped(int16_t key, int version, const struct schema *schema, const void *request,
		     const struct schema *answer_schema, void *out)
{
	static const uint8_t principal[] = {0,	 0,   5,   'U', 's', 'e', 'r', 10, 'A', 'N',
					    'O', 'N', 'Y', 'M', 'O', 'U', 'S', 0,  0};
	static const uint8_t host[] = {127, 0, 0, 1};
	uint8_t bytes[4096];
	struct envelope_request in = {.request_principal = {principal, sizeof(principal)},
				      .client_host_address = {host, 4}};
	const struct envelope_response *e;
	struct chain chain;
	struct arena arena;
	struct reader reader;
	int32_t correlation;

	arena_init(&arena, 1 << 20);
	chain_init(&chain, &arena);
	assert_int_equal(header_write_request(&chain, key, version, 77, STR("a client")), 0);
	assert_int_equal(codec_encode(schema, version, request, &chain), 0);
	assert_true(chain.len <= sizeof(bytes));
	chain_copy(&chain, bytes);
	in.request_data = (struct bytes){bytes, (int32_t)chain.len};
	arena_fini(&arena);
	e = ask(CONTROLLER, envelope_request_KEY, &in);
	if (e->error_code)
		return e->error_code;
	reader_init(&reader, e->response_data.p, (size_t)e->response_data.len);
	assert_int_equal(header_read_response(&reader, key, version, &correlation), 0);
	assert_int_equal(correlation, 77);
	assert_int_equal(codec_read(answer_schema, version, &reader, &t.answers, out), 0);
	return 0;
}

static void test_what_another_broker_was_asked_is_done_for_it(void **state)
{
	struct create_topics_request_topic topic = {
		.name = STR("handed-on"), .num_partitions = 3, .replication_factor = 1};
	struct create_topics_request in = {.topics = {&topic, 1}, .timeout_ms = 30000};
	struct create_topics_response out;
	struct fetch_request fetch;

	(void)state;
	assert_int_equal(enveloped(create_topics_request_KEY, 7, &create_topics_request_schema, &in,
				   &create_topics_response_schema, &out),
			 0);
	assert_int_equal(out.topics.v[0].error_code, 0);
	assert_int_equal(out.topics.v[0].num_partitions, 3);
	assert_int_equal(enveloped(create_topics_request_KEY, 7, &create_topics_request_schema, &in,
				   &create_topics_response_schema, &out),
			 0);
	assert_int_equal(out.topics.v[0].error_code, ERR_TOPIC_ALREADY_EXISTS);
	codec_init(&fetch_request_schema, &fetch); /* not a request that is forwarded */
	assert_int_equal(enveloped(fetch_request_KEY, 12, &fetch_request_schema, &fetch, NULL, NULL),
			 ERR_INVALID_REQUEST);
}

static void test_envelopes_that_cannot_be_read_are_refused(void **state)
{
	static const uint8_t no_principal[] = {0, 9};
	static const uint8_t principal[] = {0, 0, 2, 'U', 2, 'A', 0, 0};
	static const uint8_t request[] = {0, 19, 0, 7, 0, 0, 0, 1}; /* CreateTopics, with nothing after it */
	struct envelope_request in = {{request, sizeof(request)}, {no_principal, 2}, {principal, 4}};
	const struct envelope_response *out;

	(void)state;
	out = ask(CONTROLLER, envelope_request_KEY, &in);
	assert_int_equal(out->error_code, ERR_PRINCIPAL_DESERIALIZATION_FAILURE);
	in.request_principal = (struct bytes){principal, sizeof(principal)};
	out = ask(CONTROLLER, envelope_request_KEY, &in);
	assert_int_equal(out->error_code, ERR_UNSUPPORTED_VERSION);
	in.client_host_address.len = 3;
	out = ask(CONTROLLER, envelope_request_KEY, &in);
	assert_int_equal(out->error_code, ERR_INVALID_REQUEST);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		STORY(test_the_metadata_log_can_be_followed),
		STORY(test_raft_answers_the_nodes_of_the_quorum),
		STORY(test_what_another_broker_was_asked_is_done_for_it),
		STORY(test_envelopes_that_cannot_be_read_are_refused),
		STORY(test_a_write_is_acknowledged_when_all_in_sync_have_it),
		STORY(test_records_are_deleted_when_all_that_live_have_let_go_of_them),
		STORY(test_who_does_not_let_go_of_records_holds_a_deletion_up_until_its_time_is_over),
		STORY(test_who_is_behind_goes_out_and_comes_back_when_it_has_caught_up),
		STORY(test_a_consumer_is_sent_to_the_replica_of_its_rack),
		STORY(test_a_fetch_of_an_earlier_life_counts_for_nothing),
		STORY(test_a_replica_that_is_cut_as_its_session_opens_is_told_the_high_watermark_next),
		STORY(test_who_asks_for_nothing_but_news_is_in_sync_until_it_asks_no_more),
		STORY(test_a_fetch_of_a_later_epoch_counts_for_nothing),
		STORY(test_nobody_reads_what_is_not_on_all_in_sync),
		STORY(test_with_too_few_in_sync_nothing_is_written),
		STORY(test_who_goes_out_after_the_write_leaves_too_few),
		STORY(test_with_acks_of_1_a_flush_is_waited_for_and_no_replica),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
