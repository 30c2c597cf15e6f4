/* What a node in the simulator answers over HTTP: to good requests, to bad ones, and what it may cost. */
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/base/cm.h"
#include "tests/broker/raw_world.h"

#define HTTP_PORT 9644
#define CONNECTIONS 4
#define DEADLINE_MS 10000

static const char *const overrides[] = {"odradek.http.listeners=:9644", "odradek.http.max.connections=4", NULL};

static struct caller kafka;
static struct caller web[CONNECTIONS + 1];

static int bring_up(void **state)
{
	(void)state;
	raw_world_up_with(overrides);
	for (int i = 0; i <= CONNECTIONS; i++)
		web[i] = (struct caller){.port = HTTP_PORT};
	return 0;
}

static int bring_down(void **state)
{
	(void)state;
	raw_leave(&kafka);
	for (int i = 0; i <= CONNECTIONS; i++)
		raw_leave(&web[i]);
	raw_world_down();
	return 0;
}

/* ---- saying and hearing ---- */

static void say(struct caller *c, const char *text)
{
	struct bytes_out o = {.p = (uint8_t *)text, .len = strlen(text)};

	raw_say(c, &o);
}

static const char *heard(struct caller *c)
{
	c->in[c->in_len < sizeof(c->in) ? c->in_len : sizeof(c->in) - 1] = 0;
	return (const char *)c->in;
}

/* A head and as many bytes after it as it says; or the connection was closed. */
static bool is_whole(void *arg)
{
	struct caller *c = arg;
	const char *head = heard(c), *end = strstr(head, "\r\n\r\n"), *length = strstr(head, "Content-Length: ");

	return c->closed || (end && length && c->in_len >= (size_t)(end + 4 - head) + strtoul(length + 16, NULL, 10));
}

static void expect(struct caller *c, const char *beginning, const char *inside)
{
	assert_true(sim_run_until(raw_world(), RAW_PATIENCE_MS, is_whole, c));
	if (strncmp(heard(c), beginning, strlen(beginning)) != 0 || !strstr(heard(c), inside))
		fail_msg("expected %s ... %s, heard: %s", beginning, inside, heard(c));
}

static bool is_closed(void *arg)
{
	return ((struct caller *)arg)->closed;
}

static void expect_closed(struct caller *c, int within_ms)
{
	assert_true(sim_run_until(raw_world(), within_ms, is_closed, c));
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\n"

/* ---- what is right ---- */

static void a_node_that_serves_is_healthy_and_ready(void **state)
{
	(void)state;
	say(&web[0], GET("/healthz"));
	expect(&web[0], OK, "\r\n\r\nok\n");
	say(&web[0], GET("/readyz?verbose=1")); /* on the same connection */
	expect(&web[0], OK, "\r\n\r\nok\n");
	say(&web[0], GET("/"));
	expect(&web[0], OK, "/metrics");
}

static void send_kafka(struct bytes_out *o)
{
	raw_say(&kafka, o);
	assert_true(raw_answered(&kafka));
	free(o->p);
	*o = (struct bytes_out){0};
}

static void what_producers_and_consumers_do_is_counted(void **state)
{
	struct bytes_out o = {0}, batch = {0};

	(void)state;
	put_create_topic(&o, 1, "t", 2);
	send_kafka(&o);
	batch_make(&batch, 3, 10, raw_world_ms());
	put_produce(&o, 2, "t", 1, -1, &batch);
	send_kafka(&o);
	put_produce(&o, 3, "t", 7, -1, &batch); /* there is no such partition */
	send_kafka(&o);
	put_fetch(&o, 4, "t", 1, 0, 1 << 20, 0);
	send_kafka(&o);
	free(batch.p);
	say(&web[0], GET("/metrics"));
	expect(&web[0], OK, "\nkafka_server_brokertopicmetrics_messagesin_total{topic=\"t\"} 3\n");
	expect(&web[0], OK, "\nkafka_server_brokertopicmetrics_messagesin_total 3\n");
	expect(&web[0], OK, "\nkafka_log_log_logendoffset{topic=\"t\",partition=\"1\"} 3\n");
	expect(&web[0], OK, "\nkafka_network_requestmetrics_requests_total{request=\"Produce\"} 2\n");
	expect(&web[0], OK, "\nkafka_network_requestmetrics_totaltimems_count{request=\"Fetch\"} 1\n");
	expect(&web[0], OK, "\nkafka_server_brokertopicmetrics_totalfetchrequests_total{topic=\"t\"} 1\n");
	assert_null(strstr(heard(&web[0]), "bytesout_total{topic=\"t\"} 0\n"));
}

/* The offset of partition 0 of "t", from a consumer that is not a member. */
static void put_commit(struct bytes_out *o, int32_t correlation, const char *group, int64_t offset)
{
	size_t began = raw_begin(o, 8 /* OffsetCommit */, 2, correlation);

	put_text(o, group);
	put32(o, -1);
	put_text(o, "");
	put64(o, -1);
	put32(o, 1);
	put_text(o, "t");
	put32(o, 1);
	put32(o, 0);
	put64(o, offset);
	put_text(o, "");
	raw_end(o, began);
}

/* The coordinator's log is created and loaded first: the commit is repeated until it is accepted. */
static void commit(const char *group, int64_t offset)
{
	struct bytes_out o = {0};
	int err = -1;

	for (int i = 0; i < 100 && err != 0; i++) {
		size_t began = raw_begin(&o, 10 /* FindCoordinator */, 0, 7);

		put_text(&o, group);
		raw_end(&o, began);
		send_kafka(&o);
		put_commit(&o, 8, group, offset);
		send_kafka(&o);
		err = get_i16(kafka.in + kafka.in_len - 2);
		sim_run_for(raw_world(), 50);
	}
	assert_int_equal(err, 0);
}

static void groups_and_how_far_they_are_behind_are_told(void **state)
{
	struct bytes_out o = {0}, batch = {0};

	(void)state;
	put_create_topic(&o, 1, "t", 1);
	send_kafka(&o);
	batch_make(&batch, 5, 10, raw_world_ms());
	put_produce(&o, 2, "t", 0, -1, &batch);
	send_kafka(&o);
	free(batch.p);
	commit("a \"group\"", 2);
	say(&web[0], GET("/metrics"));
	expect(&web[0], OK, "\nkafka_coordinator_group_groupmetadatamanager_numgroups 1\n");
	expect(&web[0], OK,
	       "\nkafka_consumergroup_current_offset{consumergroup=\"a \\\"group\\\"\",topic=\"t\",partition=\"0\"} 2\n");
	expect(&web[0], OK,
	       "\nkafka_consumergroup_lag{consumergroup=\"a \\\"group\\\"\",topic=\"t\",partition=\"0\"} 3\n");
}

static void totals_stay_when_a_topic_goes(void **state)
{
	struct bytes_out o = {0}, batch = {0};
	size_t began;

	(void)state;
	put_create_topic(&o, 1, "gone", 1);
	send_kafka(&o);
	batch_make(&batch, 5, 10, raw_world_ms());
	put_produce(&o, 2, "gone", 0, -1, &batch);
	send_kafka(&o);
	free(batch.p);
	began = raw_begin(&o, 20 /* DeleteTopics */, 1, 3);
	put32(&o, 1);
	put_text(&o, "gone");
	put32(&o, 1000);
	raw_end(&o, began);
	send_kafka(&o);
	say(&web[0], GET("/metrics"));
	expect(&web[0], OK, "\nkafka_server_brokertopicmetrics_messagesin_total 5\n");
	assert_null(strstr(heard(&web[0]), "topic=\"gone\""));
}

static void head_is_answered_without_a_body(void **state)
{
	(void)state;
	say(&web[0], "HEAD /healthz HTTP/1.0\r\n\r\n");
	expect_closed(&web[0], 1000);
	assert_non_null(strstr(heard(&web[0]), "Content-Length: 3\r\n"));
	assert_null(strstr(heard(&web[0]), "ok\n"));
}

static void a_request_may_come_byte_by_byte(void **state)
{
	static const char text[] = GET("/healthz");

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		char one[2] = {text[i], 0};

		say(&web[0], one);
		sim_run_for(raw_world(), 1);
	}
	expect(&web[0], OK, "ok\n");
}

static void several_may_ask_for_metrics_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < CONNECTIONS; i++)
		say(&web[i], GET("/metrics"));
	for (int i = 0; i < CONNECTIONS; i++)
		expect(&web[i], OK, "kafka_server_kafkaserver_brokerstate 3\n");
}

/* ---- what is not ---- */

static void other_paths_and_methods_are_refused(void **state)
{
	(void)state;
	say(&web[0], GET("/nothing"));
	expect(&web[0], "HTTP/1.1 404 ", "");
	say(&web[0], "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
	expect(&web[0], "HTTP/1.1 405 ", "");
	expect_closed(&web[0], 1000);
}

static void what_is_no_request_is_refused_and_closed(void **state)
{
	static const char *const v[] = {"\r\n\r\nGET\r\n\r\n", "GET /healthz HTTP/9.9.9\r\n\r\n",
					"\x16\x03\x01\x02junk", "GET /healthz HTTP/1.1\r\nContent-Length: -1\r\n\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		say(&web[0], v[i]);
		expect(&web[0], "HTTP/1.1 400 ", "");
		expect_closed(&web[0], 1000);
		raw_leave(&web[0]);
	}
}

static void a_head_without_end_is_refused(void **state)
{
	static char text[20000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "GET /", 5);
	say(&web[0], text);
	expect_closed(&web[0], 1000);
	raw_leave(&web[0]);
	memcpy(text, "GET / HTTP/1.1\r\nX: ", 19);
	say(&web[0], text);
	expect_closed(&web[0], 1000);
}

static void who_says_nothing_is_closed_in_time(void **state)
{
	(void)state;
	say(&web[0], "GET /hea");
	expect_closed(&web[0], DEADLINE_MS + 1000);
}

static void beyond_the_bound_the_longest_idle_goes(void **state)
{
	(void)state;
	for (int i = 0; i < CONNECTIONS; i++) {
		say(&web[i], GET("/healthz"));
		expect(&web[i], OK, "ok\n");
	}
	say(&web[0], GET("/healthz")); /* web[1] has been idle longest now */
	expect(&web[0], OK, "ok\n");
	say(&web[CONNECTIONS], GET("/healthz"));
	expect(&web[CONNECTIONS], OK, "ok\n");
	expect_closed(&web[1], 1000);
	assert_false(web[0].closed);
}

#define WEB_TEST(f) cmocka_unit_test_setup_teardown(f, bring_up, bring_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WEB_TEST(a_node_that_serves_is_healthy_and_ready),
		WEB_TEST(what_producers_and_consumers_do_is_counted),
		WEB_TEST(groups_and_how_far_they_are_behind_are_told),
		WEB_TEST(totals_stay_when_a_topic_goes),
		WEB_TEST(head_is_answered_without_a_body),
		WEB_TEST(a_request_may_come_byte_by_byte),
		WEB_TEST(several_may_ask_for_metrics_at_once),
		WEB_TEST(other_paths_and_methods_are_refused),
		WEB_TEST(what_is_no_request_is_refused_and_closed),
		WEB_TEST(a_head_without_end_is_refused),
		WEB_TEST(who_says_nothing_is_closed_in_time),
		WEB_TEST(beyond_the_bound_the_longest_idle_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
