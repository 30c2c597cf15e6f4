/* node: a whole node in the simulator, asked over its network by two raw clients on another machine. */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "broker/core.h"
#include "broker/fetch_session.h"
#include "broker/node_private.h"
#include "protocol/api_versions.h"
#include "protocol/delete_records.h"
#include "protocol/delete_topics.h"
#include "protocol/init_producer_id.h"
#include "protocol/list_offsets.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

/* ---- what holds ---- */

static void a_stopped_node_has_given_everything_back(void **state)
{
	struct sim_held held;

	(void)state;
	assert_int_equal(ask_produce("no such topic", "x").error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
	bring_down();
	sim_held(w->sim, NODE, &held);
	assert_int_equal(held.files, 0);
	assert_int_equal(held.socks, 0);
	assert_int_equal(held.loops, 0);
	assert_int_equal(held.works, 0);
	assert_int_equal(held.blocks, 0);
}

static void a_topic_that_is_asked_for_has_a_leader_in_the_answer(void **state)
{
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	assert_int_equal(out.brokers.n, 1);
	assert_true(str_is(out.brokers.v[0].host, "10.0.0.1"));
	assert_int_equal(out.brokers.v[0].port, PORT);
	assert_int_equal(out.topics.n, 1);
	assert_int_equal(out.topics.v[0].error_code, 0);
	assert_int_equal(out.topics.v[0].partitions.v[0].leader_id, 1);
}

static void a_topic_that_is_asked_for_has_as_many_partitions_as_the_node_says(void **state)
{
	struct metadata_response out;

	(void)state;
	bring_down();
	w->overrides[0] = "num.partitions=3";
	bring_up();
	client_open(&w->a);
	ask_metadata("t", &out);
	assert_int_equal(out.topics.v[0].error_code, 0);
	assert_int_equal(out.topics.v[0].partitions.n, 3);
}

static void a_name_that_is_not_legal_makes_no_topic(void **state)
{
	struct metadata_response out;

	(void)state;
	ask_metadata("a b", &out);
	assert_int_equal(out.topics.v[0].error_code, ERR_INVALID_TOPIC_EXCEPTION);
}

static void what_was_produced_is_fetched(void **state)
{
	struct metadata_response out;
	struct produce_response_partition p;
	struct fetch_response_partition f;

	(void)state;
	ask_metadata("t", &out);
	p = ask_produce("t", "hello");
	assert_int_equal(p.error_code, 0);
	assert_int_equal(p.base_offset, 0);
	assert_int_equal(ask_produce("t", "world").base_offset, 1);
	send_fetch(&w->a, "t", 1, 0);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, 0);
	assert_int_equal(f.high_watermark, 2);
	assert_value(f.records, "world");
}

static void a_fetch_waits_for_the_next_record(void **state)
{
	struct metadata_response out;
	int64_t began;

	(void)state;
	ask_metadata("t", &out);
	began = sim_now_ns(w->sim);
	send_fetch(&w->b, "t", 0, 20000);
	sim_run_for(w->sim, 500);
	assert_false(has_answer(&w->b));
	assert_int_equal(ask_produce("t", "at last").error_code, 0);
	assert_value(take_fetch(&w->b).records, "at last");
	assert_true(sim_now_ns(w->sim) - began < 1000000000);
}

static void a_fetch_that_finds_nothing_answers_in_time(void **state)
{
	struct metadata_response out;
	struct fetch_response_partition f;
	int64_t began;

	(void)state;
	ask_metadata("t", &out);
	began = sim_now_ns(w->sim);
	send_fetch(&w->a, "t", 0, 700);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, 0);
	assert_int_equal(f.records.len, 0);
	assert_false(records_is_null(f.records));
	assert_int_equal(f.high_watermark, 0); /* readers wait for the end by these, also of an empty partition */
	assert_int_equal(f.last_stable_offset, 0);
	assert_int_equal(f.log_start_offset, 0);
	assert_true(sim_now_ns(w->sim) - began >= 700000000);
}

static void produce_at(const char *topic, int64_t timestamp_ms)
{
	struct produce_response out;
	struct batch_builder builder;
	struct buf b = {0};

	batch_begin(&builder, &b, &BATCH_OPTIONS_NONE);
	batch_add(&builder, timestamp_ms, BYTES_NULL, (struct bytes){(const uint8_t *)"value", 5});
	batch_end(&builder);
	send_produce(&w->a, topic, (struct records){.p = b.p, .len = (int64_t)b.len}, -1);
	client_take(&w->a, &produce_response_schema, 9, &out);
	assert_int_equal(out.responses.v[0].partition_responses.v[0].error_code, 0);
	buf_fini(&b);
}

static void send_patient_fetch(const char *topic, int64_t offset)
{
	struct fetch_request_partition p;
	struct fetch_request_topic t;
	struct fetch_request in;

	codec_init(&fetch_request_partition_schema, &p);
	codec_init(&fetch_request_topic_schema, &t);
	codec_init(&fetch_request_schema, &in);
	p.fetch_offset = offset;
	p.partition_max_bytes = in.min_bytes = in.max_bytes = 1 << 16;
	t.topic = str_of(topic);
	t.partitions.v = &p;
	t.partitions.n = 1;
	in.max_wait_ms = 20000;
	in.topics.v = &t;
	in.topics.n = 1;
	client_send(&w->b, &fetch_request_schema, 12, &in);
}

/* A read ends with its segment, and more of that will not come: to wait for min_bytes would be in vain. */
static void a_fetch_in_an_older_segment_does_not_wait_for_more(void **state)
{
	static const char *const settings[] = {"segment.ms", "1", NULL, NULL};

	(void)state;
	create_topic_with("t", 1, settings);
	produce_at("t", 1);
	produce_at("t", 1000);
	send_patient_fetch("t", 0);
	sim_run_for(w->sim, 1000);
	assert_true(has_answer(&w->b));
	assert_true(take_fetch(&w->b).records.len > 0);
	send_patient_fetch("t", 1);
	sim_run_for(w->sim, 1000);
	assert_false(has_answer(&w->b)); /* in the last one there may be more */
}

/* As the cleaner leaves a segment whose records have all been replaced. */
static void empty_segment(void *path)
{
	struct env *env = sim_env(w->sim, NODE);
	struct file *f;

	assert_int_equal(env_open(env, path, FILE_WRITE, &f), 0);
	assert_int_equal(file_truncate(f, 0), 0);
	file_unref(&f);
}

/* What is read there is in the last segment: Kafka waits for more of it, and so do we, instead of answering again and again. */
static void a_fetch_in_a_gap_before_the_last_segment_waits(void **state)
{
	static const char *const settings[] = {"segment.ms", "1", NULL, NULL};
	char path[] = "/data/t-0/00000000000000000001.log";

	(void)state;
	create_topic_with("t", 1, settings);
	for (int i = 0; i < 3; i++)
		produce_at("t", 1 + 1000 * i);
	bring_down();
	assert_true(sim_call(w->sim, NODE, empty_segment, path));
	bring_up();
	client_open(&w->a);
	client_open(&w->b);
	send_patient_fetch("t", 1);
	sim_run_for(w->sim, 1000);
	assert_false(has_answer(&w->b));
}

static void a_fetch_beyond_the_end_is_refused_at_once(void **state)
{
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	send_fetch(&w->a, "t", 5, 20000);
	assert_int_equal(take_fetch(&w->a).error_code, ERR_OFFSET_OUT_OF_RANGE);
}

static void a_fetch_waits_no_longer_than_its_connection(void **state)
{
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	send_fetch(&w->b, "t", 0, 20000);
	sim_run_for(w->sim, 100);
	sim_crash(w->sim, PEER, SIM_KILL);
	sim_run_for(w->sim, 1000);
	bring_down();
}

/* A fetch of "t" by name in a session; it is named in the first request and in the one that forgets it. */
static void send_session(struct client *c, int32_t id, int32_t epoch, bool forgets, int32_t max_wait_ms)
{
	int32_t zero = 0;
	struct fetch_request_forgotten_topic forgotten = {.topic = STR("t"), .partitions = {&zero, 1}};
	struct fetch_request_partition p;
	struct fetch_request_topic t;
	struct fetch_request in;

	codec_init(&fetch_request_partition_schema, &p);
	codec_init(&fetch_request_topic_schema, &t);
	codec_init(&fetch_request_schema, &in);
	p.partition_max_bytes = 1 << 16;
	t.topic = STR("t");
	t.partitions.v = &p;
	t.partitions.n = 1;
	in.session_id = id;
	in.session_epoch = epoch;
	in.max_wait_ms = max_wait_ms;
	in.min_bytes = 1;
	in.topics.v = &t;
	in.topics.n = epoch == 0;
	in.forgotten_topics_data.v = &forgotten;
	in.forgotten_topics_data.n = forgets;
	client_send(c, &fetch_request_schema, 12, &in);
}

/* Connections are spread over the cores, and a session is known on one core only. */
static void end_session_by_another(int32_t id, int32_t epoch)
{
	struct fetch_response out;

	for (int i = 0; i < 8; i++) {
		client_open(&w->b);
		send_session(&w->b, id, epoch, true, 0);
		client_take(&w->b, &fetch_response_schema, 12, &out);
		if (out.error_code == 0)
			return;
		assert_int_equal(out.error_code, ERR_FETCH_SESSION_ID_NOT_FOUND);
	}
	fail_msg("no connection has come to the core of the session");
}

static void a_session_that_another_connection_ends_is_not_answered_from(void **state)
{
	struct metadata_response metadata;
	struct fetch_response out;
	int32_t id;

	(void)state;
	ask_metadata("t", &metadata);
	send_session(&w->a, 0, 0, false, 0);
	client_take(&w->a, &fetch_response_schema, 12, &out);
	assert_true(out.session_id != 0);
	id = out.session_id;
	send_session(&w->a, id, 1, false, 10000);
	sim_run_for(w->sim, 100);
	assert_false(has_answer(&w->a));
	end_session_by_another(id, 2);
	client_take(&w->a, &fetch_response_schema, 12, &out);
	assert_int_equal(out.error_code, ERR_INVALID_FETCH_SESSION_EPOCH);
	assert_int_equal(out.responses.n, 0);
	send_session(&w->a, id, 2, false, 0);
	client_take(&w->a, &fetch_response_schema, 12, &out);
	assert_int_equal(out.error_code, ERR_FETCH_SESSION_ID_NOT_FOUND);
}

static void delete_topic(const char *topic)
{
	struct str name = str_of(topic);
	struct delete_topics_request in;
	struct delete_topics_response out;

	codec_init(&delete_topics_request_schema, &in);
	in.topic_names.v = &name;
	in.topic_names.n = 1;
	in.timeout_ms = 1000;
	client_send(&w->a, &delete_topics_request_schema, 5, &in);
	client_take(&w->a, &delete_topics_response_schema, 5, &out);
	assert_int_equal(out.responses.v[0].error_code, 0);
}

/* ---- what rests in a session ---- */

/* A session of "t" and "u"; its first request tells of both, the next ones name nothing. */
static void send_session_of_two(int32_t id, int32_t epoch, int32_t max_wait_ms)
{
	struct fetch_request_partition p[2];
	struct fetch_request_topic t[2];
	struct fetch_request in;

	codec_init(&fetch_request_schema, &in);
	for (int i = 0; i < 2; i++) {
		codec_init(&fetch_request_partition_schema, &p[i]);
		codec_init(&fetch_request_topic_schema, &t[i]);
		p[i].partition_max_bytes = 1 << 16;
		t[i].topic = str_of(i == 0 ? "t" : "u");
		t[i].partitions.v = &p[i];
		t[i].partitions.n = 1;
	}
	in.session_id = id;
	in.session_epoch = epoch;
	in.max_wait_ms = max_wait_ms;
	in.min_bytes = 1;
	in.max_bytes = 1 << 16;
	in.topics.v = t;
	in.topics.n = epoch == 0 ? 2 : 0;
	client_send(&w->b, &fetch_request_schema, 12, &in);
}

static struct fetch_response take_session(void)
{
	struct fetch_response out;

	client_take(&w->b, &fetch_response_schema, 12, &out);
	assert_int_equal(out.error_code, 0);
	return out;
}

/* Opens it, and has one request find nothing. Returns its id. */
static int32_t two_at_rest(void)
{
	struct metadata_response metadata;
	struct fetch_response out;

	ask_metadata("t", &metadata);
	ask_metadata("u", &metadata);
	send_session_of_two(0, 0, 0);
	out = take_session();
	assert_int_equal(out.responses.n, 2);
	send_session_of_two(out.session_id, 1, 300);
	assert_int_equal(take_session().responses.n, 0);
	return out.session_id;
}

static struct fetch_session *session_of(int32_t id)
{
	for (int i = 0; i < w->node->n_cores; i++) {
		struct fetch_session *s = fetch_session_find(w->node->cores[i].sessions, id);

		if (s)
			return s;
	}
	fail_msg("there is no session %d", id);
	return NULL;
}

static void who_waits_is_told_of_what_was_at_rest(void **state)
{
	struct fetch_response out;
	int32_t id = two_at_rest();
	int64_t began;

	(void)state;
	assert_int_equal(fetch_session_resting(session_of(id)), 2);
	began = sim_now_ns(w->sim);
	send_session_of_two(id, 2, 20000);
	sim_run_for(w->sim, 300);
	assert_false(has_answer(&w->b));
	assert_int_equal(ask_produce("u", "new").error_code, 0);
	out = take_session();
	assert_true(sim_now_ns(w->sim) - began < 5000000000);
	assert_int_equal(out.responses.n, 1);
	assert_true(str_is(out.responses.v[0].topic, "u"));
	assert_value(out.responses.v[0].partitions.v[0].records, "new");
	assert_int_equal(fetch_session_resting(session_of(id)), 1); /* nobody has said that it has been taken */
	send_session_of_two(id, 3, 20000);
	assert_value(take_session().responses.v[0].partitions.v[0].records, "new");
}

static void what_has_moved_between_two_requests_is_told_in_the_next(void **state)
{
	struct fetch_response out;
	int32_t id = two_at_rest();

	(void)state;
	assert_int_equal(ask_produce("u", "new").error_code, 0);
	assert_int_equal(ask_produce("t", "too").error_code, 0);
	send_session_of_two(id, 2, 20000);
	out = take_session();
	assert_int_equal(out.responses.n, 2); /* in the order of the session */
	assert_true(str_is(out.responses.v[0].topic, "t"));
	assert_true(str_is(out.responses.v[1].topic, "u"));
	assert_value(out.responses.v[1].partitions.v[0].records, "new");
}

static void the_topic_of_one_at_rest_goes(void **state)
{
	struct fetch_response out;
	int32_t id = two_at_rest();

	(void)state;
	send_session_of_two(id, 2, 20000);
	sim_run_for(w->sim, 100);
	delete_topic("u");
	out = take_session();
	assert_int_equal(out.responses.n, 1);
	assert_int_equal(out.responses.v[0].partitions.v[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
	send_session_of_two(id, 3, 0);
	out = take_session();
	assert_int_equal(out.responses.v[0].partitions.v[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

static void sessions_at_rest_hold_nothing_when_the_node_has_stopped(void **state)
{
	struct sim_held held;
	int32_t id = two_at_rest();

	(void)state;
	send_session_of_two(id, 2, 20000);
	sim_run_for(w->sim, 100);
	bring_down();
	sim_held(w->sim, NODE, &held);
	assert_int_equal(held.files, 0);
	assert_int_equal(held.blocks, 0);
}

static void a_batch_with_a_wrong_crc_is_refused_and_nothing_is_written(void **state)
{
	struct metadata_response out;
	struct produce_response answer;
	struct buf b = {0};
	struct records records;

	(void)state;
	ask_metadata("t", &out);
	records = batch_of(&b, "x");
	b.p[b.len - 1] ^= 1;
	send_produce(&w->a, "t", records, 1);
	client_take(&w->a, &produce_response_schema, 9, &answer);
	buf_fini(&b);
	assert_int_equal(answer.responses.v[0].partition_responses.v[0].error_code, ERR_CORRUPT_MESSAGE);
	assert_int_equal(ask_produce("t", "y").base_offset, 0);
}

static void without_acks_nothing_is_answered_and_the_next_request_is(void **state)
{
	struct metadata_response out;
	struct buf b = {0};

	(void)state;
	ask_metadata("t", &out);
	send_produce(&w->a, "t", batch_of(&b, "unseen"), 0);
	sim_run_for(w->sim, 200);
	assert_int_equal(w->a.in_len, 0);
	assert_int_equal(ask_produce("t", "seen").base_offset, 1);
	buf_fini(&b);
}

static void without_acks_an_error_closes_the_connection(void **state)
{
	struct buf b = {0};

	(void)state;
	send_produce(&w->a, "nothing", batch_of(&b, "x"), 0);
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_answer, &w->a));
	assert_true(w->a.closed);
	buf_fini(&b);
}

static void acks_of_two_are_refused(void **state)
{
	struct metadata_response out;
	struct produce_response answer;
	struct buf b = {0};

	(void)state;
	ask_metadata("t", &out);
	send_produce(&w->a, "t", batch_of(&b, "x"), 2);
	client_take(&w->a, &produce_response_schema, 9, &answer);
	assert_int_equal(answer.responses.v[0].partition_responses.v[0].error_code, ERR_INVALID_REQUIRED_ACKS);
	assert_int_equal(answer.responses.v[0].partition_responses.v[0].base_offset, -1);
	batch_of(&b, "x");
	b.p[70] ^= 1; /* not noticed, because the batch is not looked at */
	send_produce(&w->a, "t", (struct records){.p = b.p, .len = (int32_t)b.len}, 2);
	client_take(&w->a, &produce_response_schema, 9, &answer);
	assert_int_equal(answer.responses.v[0].partition_responses.v[0].error_code, ERR_INVALID_REQUIRED_ACKS);
	buf_fini(&b);
}

static void a_version_of_the_future_is_told_which_are_served(void **state)
{
	struct api_versions_request in;
	struct api_versions_response out;

	(void)state;
	codec_init(&api_versions_request_schema, &in);
	in.client_software_name = STR("test");
	in.client_software_version = STR("1");
	client_send(&w->a, &api_versions_request_schema, 5, &in);
	put_i16(w->a.out + 6, 99);
	client_take(&w->a, &api_versions_response_schema, 0, &out);
	assert_int_equal(out.error_code, ERR_UNSUPPORTED_VERSION);
	assert_int_equal(out.api_keys.n, 1);
	assert_int_equal(out.api_keys.v[0].api_key, api_versions_request_KEY);
	assert_int_equal(out.api_keys.v[0].max_version, 5);
}

static void produce_is_advertised_from_version_0(void **state)
{
	struct api_versions_request in;
	struct api_versions_response out;

	(void)state;
	codec_init(&api_versions_request_schema, &in);
	client_send(&w->a, &api_versions_request_schema, 0, &in);
	client_take(&w->a, &api_versions_response_schema, 0, &out);
	assert_int_equal(out.api_keys.v[0].api_key, produce_request_KEY);
	assert_int_equal(out.api_keys.v[0].min_version, 0);
	assert_int_equal(out.api_keys.v[0].max_version, 13);
}

static void a_key_that_is_not_served_closes_the_connection(void **state)
{
	struct api_versions_request in;

	(void)state;
	codec_init(&api_versions_request_schema, &in);
	client_send(&w->a, &api_versions_request_schema, 0, &in);
	put_i16(w->a.out + 4, 52);
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_answer, &w->a));
	assert_true(w->a.closed);
}

static void each_producer_has_an_id_of_its_own(void **state)
{
	struct init_producer_id_request in;
	struct init_producer_id_response out;
	int64_t last = -1;

	(void)state;
	codec_init(&init_producer_id_request_schema, &in);
	in.transactional_id = STR_NULL;
	for (int i = 0; i < 1200; i++) {
		client_send(&w->a, &init_producer_id_request_schema, 4, &in);
		client_take(&w->a, &init_producer_id_response_schema, 4, &out);
		assert_int_equal(out.error_code, 0);
		assert_true(out.producer_id > last);
		last = out.producer_id;
	}
}

static void after_a_kill_every_acknowledged_record_is_there(void **state)
{
	struct metadata_response out;
	struct fetch_response_partition f;

	(void)state;
	ask_metadata("t", &out);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask_produce("t", "kept").base_offset, i);
	sim_crash(w->sim, NODE, SIM_KILL);
	sim_restart(w->sim, NODE);
	bring_up();
	client_open(&w->a);
	send_fetch(&w->a, "t", 19, 0);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, 0);
	assert_int_equal(f.high_watermark, 20);
	assert_value(f.records, "kept");
	assert_int_equal(ask_produce("t", "next").base_offset, 20);
}

static struct produce_response_partition ask_produce_of_leader(const char *topic, const char *value)
{
	struct produce_response out;
	struct buf b = {0};

	send_produce(&w->a, topic, batch_of(&b, value), 1);
	client_take(&w->a, &produce_response_schema, 9, &out);
	buf_fini(&b);
	return out.responses.v[0].partition_responses.v[0];
}

/* flush.messages is a promise: what is acknowledged is on the platter, with acks=1 too. */
static void where_every_message_is_flushed_power_loss_loses_nothing(void **state)
{
	struct metadata_response out;

	(void)state;
	bring_down();
	w->overrides[0] = "log.flush.interval.messages=1";
	bring_up();
	client_open(&w->a);
	ask_metadata("t", &out);
	for (int i = 0; i < 10; i++) {
		struct produce_response_partition p =
			i % 2 ? ask_produce("t", "kept") : ask_produce_of_leader("t", "kept");

		assert_int_equal(p.base_offset, i);
		sim_crash(w->sim, NODE, SIM_POWER);
		sim_restart(w->sim, NODE);
		bring_up();
		client_open(&w->a);
	}
	assert_int_equal(ask_produce("t", "next").base_offset, 10);
}

static void delete_records(const char *topic, int64_t before)
{
	struct delete_records_request_partition p = {.offset = before};
	struct delete_records_request_topic t = {.name = str_of(topic), .partitions = {&p, 1}};
	struct delete_records_request in = {.topics = {&t, 1}, .timeout_ms = 1000};
	struct delete_records_response out;

	client_send(&w->a, &delete_records_request_schema, 1, &in);
	client_take(&w->a, &delete_records_response_schema, 1, &out);
	assert_int_equal(out.topics.v[0].partitions.v[0].low_watermark, before);
}

#define CHECKPOINTS_WRITTEN_MS 70000

/*
 * The checkpoints know a log by its name only: what they say about a deleted topic does not hold
 * for a new one of that name.
 */
static void a_topic_made_again_does_not_begin_where_the_old_one_stood(void **state)
{
	struct fetch_response_partition f;
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask_produce("t", "old").base_offset, i);
	delete_records("t", 4);
	sim_run_for(w->sim, CHECKPOINTS_WRITTEN_MS);
	delete_topic("t");
	ask_metadata("t", &out);
	assert_int_equal(ask_produce("t", "new").base_offset, 0);
	sim_run_for(w->sim, 100);
	sim_crash(w->sim, NODE, SIM_KILL);
	sim_restart(w->sim, NODE);
	bring_up();
	client_open(&w->a);
	send_fetch(&w->a, "t", 0, 0);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, 0);
	assert_int_equal(f.log_start_offset, 0);
	assert_value(f.records, "new");
}

/* The same when it dies before the checkpoints were written without the old one. */
static void nor_does_it_when_the_node_dies_at_once(void **state)
{
	struct fetch_response_partition f;
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	for (int life = 0; life < 16; life++) {
		for (int i = 0; i < 5; i++)
			assert_int_equal(ask_produce("t", "old").base_offset, life == 0 ? i : i + 1);
		delete_records("t", 4);
		sim_run_for(w->sim, CHECKPOINTS_WRITTEN_MS);
		sim_world_options(w->sim)->slow_work = 1000000;
		delete_topic("t");
		ask_metadata("t", &out);
		assert_int_equal(ask_produce("t", "new").base_offset, 0);
		sim_crash(w->sim, NODE, SIM_KILL);
		sim_world_options(w->sim)->slow_work = 0;
		sim_restart(w->sim, NODE);
		bring_up();
		client_open(&w->a);
		send_fetch(&w->a, "t", 0, 0);
		f = take_fetch(&w->a);
		assert_int_equal(f.error_code, 0);
		assert_int_equal(f.log_start_offset, 0);
		assert_value(f.records, "new");
	}
}

static void free_failed_node(void *arg)
{
	(void)arg;
	assert_int_equal(node_free(w->node), NODE_END_STORAGE);
	config_free(w->config);
}

static void a_failed_sync_ends_the_node_and_the_next_start_goes_on(void **state)
{
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	assert_int_equal(ask_produce("t", "kept").base_offset, 0);
	sim_fail_next_sync(w->sim, NODE);
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_stopped, NULL));
	assert_true(sim_call(w->sim, NODE, free_failed_node, NULL));
	bring_up();
	client_open(&w->a);
	assert_int_equal(ask_produce("t", "next").base_offset, 1);
}

static bool is_there(int64_t offset, const char *value)
{
	struct fetch_response_partition f;

	send_fetch(&w->a, "t", offset, 0);
	f = take_fetch(&w->a);
	if (f.error_code || f.records.len == 0)
		return false;
	assert_value(f.records, value);
	return true;
}

/* The page cache has it, and the kernel considers the pages written. */
static void what_a_failed_sync_left_in_the_cache_is_written_again_before_it_is_shown(void **state)
{
	struct metadata_response out;
	struct buf b = {0};

	(void)state;
	bring_down();
	w->overrides[0] = "log.flush.interval.messages=1";
	bring_up();
	client_open(&w->a);
	ask_metadata("t", &out);
	assert_int_equal(ask_produce("t", "kept").base_offset, 0);
	sim_fail_device(w->sim, NODE, "/data", SIM_FAIL_SYNCS);
	send_produce(&w->a, "t", batch_of(&b, "unsure"), -1);
	buf_fini(&b);
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_stopped, NULL));
	assert_true(sim_call(w->sim, NODE, free_failed_node, NULL));
	sim_fail_device(w->sim, NODE, "/data", 0);
	bring_up(); /* the process, not the machine */
	client_open(&w->a);
	assert_true(is_there(1, "unsure"));
	assert_int_equal(ask_produce("t", "next").base_offset, 2);
	for (int i = 0; i < 2; i++) { /* by the second time there is no doubt any more */
		sim_crash(w->sim, NODE, SIM_POWER);
		sim_restart(w->sim, NODE);
		bring_up();
		client_open(&w->a);
		assert_true(is_there(0, "kept"));
		assert_true(is_there(1, "unsure"));
		assert_true(is_there(2, "next"));
	}
}

/* The records of one produce are large enough for an index entry of their own. */
static struct produce_response_partition ask_produce_large(const char *topic)
{
	static char value[5000];

	memset(value, 'x', sizeof(value) - 1);
	return ask_produce(topic, value);
}

static void fill_disk(void *arg)
{
	struct disk_space space;

	(void)arg;
	assert_int_equal(env_space(sim_env(w->sim, NODE), "/data", &space), 0);
	sim_world_options(w->sim)->disk_bytes = space.total - space.usable;
}

static bool can_produce(void)
{
	return ask_produce_large("t").error_code == 0;
}

static void a_full_disk_is_started_on_for_readers_and_heals(void **state)
{
	int64_t room = sim_world_options(w->sim)->disk_bytes;
	struct fetch_response_partition f;
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	for (int i = 0; i < 10; i++)
		assert_int_equal(ask_produce_large("t").base_offset, i);
	sim_crash(w->sim, NODE, SIM_KILL);
	sim_restart(w->sim, NODE);
	assert_true(sim_call(w->sim, NODE, fill_disk, NULL));
	bring_up();
	client_open(&w->a);
	send_fetch(&w->a, "t", 9, 0);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, 0);
	assert_true(f.records.len > 5000);
	assert_int_equal(ask_produce_large("t").error_code, ERR_KAFKA_STORAGE_ERROR);
	ask_metadata("another", &out); /* written into the reserve */
	assert_int_equal(out.topics.v[0].error_code, 0);
	assert_int_equal(ask_produce_large("another").error_code, ERR_KAFKA_STORAGE_ERROR);
	sim_world_options(w->sim)->disk_bytes = room;
	sim_run_for(w->sim, 10000);
	assert_true(can_produce());
	assert_int_equal(ask_produce("t", "next").base_offset, 11);
}

static void a_metadata_flush_without_a_descriptor_is_tried_again(void **state)
{
	struct metadata_response out;

	(void)state;
	sim_fail_next_sync_with(w->sim, NODE, -EMFILE);
	ask_metadata("t", &out);
	assert_int_equal(out.topics.v[0].error_code, 0);
	assert_false(w->stopped);
	assert_int_equal(ask_produce("t", "kept").base_offset, 0);
}

static int64_t changes_upto;

static bool is_at_the_sync(void *arg)
{
	(void)arg;
	return sim_disk_ops(w->sim, NODE) >= changes_upto || w->stopped || w->serving;
}

/* The sync of whatever is written fails at each moment of a start, quorum-state included. */
static void a_start_without_a_descriptor_for_a_while_is_a_later_one(void **state)
{
	(void)state;
	for (int at = 0; at < 24; at++) {
		bring_down();
		w->serving = w->stopped = false;
		changes_upto = sim_disk_ops(w->sim, NODE) + at;
		assert_true(sim_call(w->sim, NODE, start_node, NULL));
		assert_true(sim_run_until(w->sim, PATIENCE_MS, is_at_the_sync, NULL));
		sim_fail_next_sync_with(w->sim, NODE, -EMFILE);
		assert_true(sim_run_until(w->sim, PATIENCE_MS, is_serving, NULL));
		sim_fail_next_sync_with(w->sim, NODE, 0);
	}
	bring_down();
}

static void after_a_clean_stop_it_goes_on(void **state)
{
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	assert_int_equal(ask_produce("t", "one").base_offset, 0);
	bring_down();
	bring_up();
	client_open(&w->a);
	ask_metadata("t", &out);
	assert_int_equal(out.topics.v[0].error_code, 0);
	assert_int_equal(ask_produce("t", "two").base_offset, 1);
}

/* Syncs are most of what a start needs, and of what an idle node does. */
static void a_restart_and_an_idle_minute_change_little_on_the_disk(void **state)
{
	int64_t before;

	bring_down();
	before = sim_disk_ops(w->sim, NODE);
	bring_up();
	assert_in_range(sim_disk_ops(w->sim, NODE) - before, 1, 24);
	before = sim_disk_ops(w->sim, NODE);
	sim_run_for(w->sim, 60000);
	assert_in_range(sim_disk_ops(w->sim, NODE) - before, 1,
			150); /* two no-op records per second, hardly ever flushed */
	bring_down();
}

static void start_refused(void *arg)
{
	struct config_input in = {.data_dir = STR("/data"), .overrides = w->overrides};
	struct config_notes notes;
	enum node_end end = NODE_END_CLEAN;

	config_load(&in, &w->config, &notes);
	config_notes_fini(&notes);
	assert_null(node_start(
		&(struct node_options){.env = sim_env(w->sim, NODE), .config = w->config, .release = "test"}, &end));
	assert_int_equal(end, NODE_END_STORAGE);
	config_free(w->config);
	(void)arg;
}

static void logs_without_meta_properties_are_not_made_another_clusters(void **state)
{
	struct env *env = sim_env(w->sim, NODE);
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	assert_int_equal(ask_produce("t", "one").base_offset, 0);
	bring_down();
	assert_int_equal(env_rename(env, "/data/meta.properties", "/data/kept"), 0);
	assert_true(sim_call(w->sim, NODE, start_refused, NULL));
	assert_int_equal(env_rename(env, "/data/kept", "/data/meta.properties"), 0);
	bring_up();
	client_open(&w->a);
	assert_int_equal(ask_produce("t", "two").base_offset, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, node_world_up, node_world_down)
	const struct CMUnitTest tests[] = {
		TEST(a_stopped_node_has_given_everything_back),
		TEST(a_topic_that_is_asked_for_has_a_leader_in_the_answer),
		TEST(a_topic_that_is_asked_for_has_as_many_partitions_as_the_node_says),
		TEST(a_name_that_is_not_legal_makes_no_topic),
		TEST(what_was_produced_is_fetched),
		TEST(a_fetch_waits_for_the_next_record),
		TEST(a_fetch_that_finds_nothing_answers_in_time),
		TEST(a_fetch_in_an_older_segment_does_not_wait_for_more),
		TEST(a_fetch_in_a_gap_before_the_last_segment_waits),
		TEST(a_fetch_beyond_the_end_is_refused_at_once),
		TEST(a_fetch_waits_no_longer_than_its_connection),
		TEST(a_session_that_another_connection_ends_is_not_answered_from),
		TEST(who_waits_is_told_of_what_was_at_rest),
		TEST(what_has_moved_between_two_requests_is_told_in_the_next),
		TEST(the_topic_of_one_at_rest_goes),
		TEST(sessions_at_rest_hold_nothing_when_the_node_has_stopped),
		TEST(a_batch_with_a_wrong_crc_is_refused_and_nothing_is_written),
		TEST(without_acks_nothing_is_answered_and_the_next_request_is),
		TEST(without_acks_an_error_closes_the_connection),
		TEST(acks_of_two_are_refused),
		TEST(a_version_of_the_future_is_told_which_are_served),
		TEST(produce_is_advertised_from_version_0),
		TEST(a_key_that_is_not_served_closes_the_connection),
		TEST(each_producer_has_an_id_of_its_own),
		TEST(after_a_kill_every_acknowledged_record_is_there),
		TEST(where_every_message_is_flushed_power_loss_loses_nothing),
		TEST(a_topic_made_again_does_not_begin_where_the_old_one_stood),
		TEST(nor_does_it_when_the_node_dies_at_once),
		TEST(a_failed_sync_ends_the_node_and_the_next_start_goes_on),
		TEST(what_a_failed_sync_left_in_the_cache_is_written_again_before_it_is_shown),
		TEST(a_full_disk_is_started_on_for_readers_and_heals),
		TEST(a_metadata_flush_without_a_descriptor_is_tried_again),
		TEST(a_start_without_a_descriptor_for_a_while_is_a_later_one),
		TEST(after_a_clean_stop_it_goes_on),
		TEST(a_restart_and_an_idle_minute_change_little_on_the_disk),
		TEST(logs_without_meta_properties_are_not_made_another_clusters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
