/* fetch: the Fetch of a consumer, by itself and in a session, from a whole node in the simulator. */
#include "base/err.h"
#include "broker/core.h"
#include "broker/fetch_session.h"
#include "broker/node_private.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

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
	struct fetch_of f;
	struct fetch_request *in = fetch_one(&f, topic, offset);

	in->min_bytes = in->max_bytes = 1 << 16;
	in->max_wait_ms = 20000;
	client_send(&w->b, &fetch_request_schema, 12, in);
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
	struct fetch_of f;
	struct fetch_request *in = fetch_one(&f, "t", 0);

	in->session_id = id;
	in->session_epoch = epoch;
	in->max_wait_ms = max_wait_ms;
	in->min_bytes = 1;
	in->topics.n = epoch == 0;
	in->forgotten_topics_data.v = &forgotten;
	in->forgotten_topics_data.n = forgets;
	client_send(c, &fetch_request_schema, 12, in);
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

/* ---- what rests in a session ---- */

/* A session of "t" and "u"; its first request tells of both, the next ones name nothing. */
static void send_session_of_two(int32_t id, int32_t epoch, int32_t max_wait_ms)
{
	struct fetch_of f;

	fetch_begin(&f);
	if (epoch == 0) {
		fetch_add(&f, "t", 0);
		fetch_add(&f, "u", 0);
	}
	f.in.session_id = id;
	f.in.session_epoch = epoch;
	f.in.max_wait_ms = max_wait_ms;
	f.in.min_bytes = 1;
	f.in.max_bytes = 1 << 16;
	client_send(&w->b, &fetch_request_schema, 12, &f.in);
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, node_world_up, node_world_down)
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
