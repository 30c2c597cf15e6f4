/*
 * Retention of a whole node: settings changed while it runs, and the share of its disk that the
 * logs of a directory may use.
 */
#include <string.h>

#include "base/endian.h"
#include "base/err.h"
#include "protocol/describe_producers.h"
#include "protocol/incremental_alter_configs.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

#define ROUND_MS 30000 /* every chore that these tests wait for has had its turn */
#define MINUTE_MS 60000
#define VALUE_LEN 200000

static int set_up(void **state)
{
	static const char *const overrides[] = {"log.retention.check.interval.ms=5000", "file.delete.delay.ms=1000",
						"producer.id.expiration.check.interval.ms=5000"};

	return node_world_up_with(state, overrides, 3);
}

static void create(const char *name, const char *policy)
{
	const char *settings[] = {"cleanup.policy", policy, "segment.bytes", "1048576", "retention.ms", "-1", NULL};

	create_topic_with(name, 1, settings);
}

static void set(int8_t type, const char *resource, const char *name, const char *value)
{
	struct incremental_alter_configs_request_config config = {str_of(name), 0, str_of(value)};
	struct incremental_alter_configs_request_resource r = {type, str_of(resource), {&config, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	struct incremental_alter_configs_response out;

	client_send(&w->a, &incremental_alter_configs_request_schema, 1, &in);
	client_take(&w->a, &incremental_alter_configs_response_schema, 1, &out);
	assert_int_equal(out.responses.v[0].error_code, 0);
}

/* Five to a segment. */
static void fill(const char *topic, int n)
{
	char value[VALUE_LEN + 1];

	memset(value, 'x', VALUE_LEN);
	value[VALUE_LEN] = 0;
	for (int i = 0; i < n; i++) {
		struct buf b = {0};
		struct produce_response out;
		struct batch_options o = BATCH_OPTIONS_NONE;
		struct batch_builder builder;

		batch_begin(&builder, &b, &o);
		batch_add(&builder, env_wall_ms(sim_env(w->sim, NODE)), (struct bytes){(const uint8_t *)"k", 1},
			  (struct bytes){(const uint8_t *)value, VALUE_LEN});
		batch_end(&builder);
		put_i32(b.p + BATCH_AT_LEADER_EPOCH, -1);
		batch_crc_set(b.p, b.len);
		send_produce(&w->a, topic, (struct records){.p = b.p, .len = (int32_t)b.len}, 1);
		client_take(&w->a, &produce_response_schema, 9, &out);
		assert_int_equal(out.responses.v[0].partition_responses.v[0].error_code, 0);
		buf_fini(&b);
		sim_run_for(w->sim, 10);
	}
}

/* A fetch reports it. */
static int64_t start_of(const char *topic)
{
	struct fetch_response_partition f = {.error_code = ERR_OFFSET_OUT_OF_RANGE};

	for (int64_t at = 0; f.error_code == ERR_OFFSET_OUT_OF_RANGE; at++) {
		send_fetch(&w->a, topic, at, 0);
		f = take_fetch(&w->a);
	}
	assert_int_equal(f.error_code, 0);
	return f.log_start_offset;
}

static void retention_that_is_changed_counts_at_once(void **state)
{
	(void)state;
	create("t", "delete");
	fill("t", 12);
	sim_run_for(w->sim, MINUTE_MS);
	assert_int_equal(start_of("t"), 0);
	set(2, "t", "retention.bytes", "1100000");
	sim_run_for(w->sim, ROUND_MS);
	assert_int_equal(start_of("t"), 5);
	set(2, "t", "retention.ms", "1000");
	sim_run_for(w->sim, ROUND_MS);
	assert_int_equal(start_of("t"), 12);
}

/* A fetch of "t" from this offset in a session, in which it is named once. */
static struct fetch_response fetch_in_session(int32_t id, int32_t epoch, int64_t offset)
{
	struct fetch_response out;
	struct fetch_of f;
	struct fetch_request *in = fetch_one(&f, "t", offset);

	in->session_id = id;
	in->session_epoch = epoch;
	in->topics.n = epoch == 0;
	client_send(&w->b, &fetch_request_schema, 12, in);
	client_take(&w->b, &fetch_response_schema, 12, &out);
	assert_int_equal(out.error_code, 0);
	return out;
}

/* It rests in the session: nothing is produced. */
static void a_session_is_told_where_a_log_starts_when_retention_has_moved_that(void **state)
{
	static const char *const settings[] = {"segment.bytes", "1048576", "retention.ms", "60000", NULL};
	struct fetch_response out;
	int32_t id;

	(void)state;
	create_topic_with("t", 1, settings);
	fill("t", 12);
	out = fetch_in_session(0, 0, 12);
	id = out.session_id;
	assert_true(id > 0);
	assert_int_equal(out.responses.v[0].partitions.v[0].log_start_offset, 0);
	assert_int_equal(fetch_in_session(id, 1, 0).responses.n, 0);
	sim_run_for(w->sim, 2 * MINUTE_MS);
	out = fetch_in_session(id, 2, 0);
	assert_int_equal(out.responses.n, 1);
	assert_true(out.responses.v[0].partitions.v[0].log_start_offset >= 10);
	assert_int_equal(fetch_in_session(id, 3, 0).responses.n, 0);
}

static void percent_of_disk(const char *percent)
{
	set(4, "", "odradek.log.retention.disk.percent", percent);
}

/*
 * The older segments of two topics go, no matter which topic has them; no more than necessary, not
 * the active one, and none of a compacted topic.
 */
static void logs_that_take_too_much_of_their_disk_lose_their_oldest_segments(void **state)
{
	(void)state;
	sim_world_options(w->sim)->disk_bytes = 50 << 20;
	create("old", "delete");
	create("new", "delete");
	create("kept", "compact");
	fill("kept", 11); /* all with one key: two records are left */
	fill("old", 12);
	fill("new", 12);
	sim_run_for(w->sim, MINUTE_MS);
	assert_int_equal(start_of("old") + start_of("new"), 0); /* off */
	percent_of_disk("10");					/* 5.2 MB may be 5.24 */
	sim_run_for(w->sim, ROUND_MS);
	assert_int_equal(start_of("old") + start_of("new"), 0);
	percent_of_disk("9"); /* 4.7 */
	sim_run_for(w->sim, ROUND_MS);
	assert_int_equal(start_of("old"), 5);
	assert_int_equal(start_of("new"), 0);
	percent_of_disk("6"); /* 3.1: two more */
	sim_run_for(w->sim, ROUND_MS);
	assert_int_equal(start_of("old"), 10);
	assert_int_equal(start_of("new"), 5);
	percent_of_disk("1"); /* more than could go */
	sim_run_for(w->sim, ROUND_MS);
	assert_int_equal(start_of("old"), 10);
	assert_int_equal(start_of("new"), 10);
	assert_int_equal(start_of("kept"), 0);
	percent_of_disk("0");
	fill("new", 12);
	sim_run_for(w->sim, MINUTE_MS);
	assert_int_equal(start_of("new"), 10);
}

static void produce_as(int64_t producer_id)
{
	struct buf b = {0};
	struct produce_response out;
	struct batch_options o = {.producer_id = producer_id, .leader_epoch = NO_LEADER_EPOCH};
	struct batch_builder builder;

	batch_begin(&builder, &b, &o);
	batch_add(&builder, env_wall_ms(sim_env(w->sim, NODE)), BYTES_NULL, (struct bytes){(const uint8_t *)"v", 1});
	batch_end(&builder);
	send_produce(&w->a, "t", (struct records){.p = b.p, .len = (int32_t)b.len}, 1);
	client_take(&w->a, &produce_response_schema, 9, &out);
	assert_int_equal(out.responses.v[0].partition_responses.v[0].error_code, 0);
	buf_fini(&b);
}

static int count_producers(void)
{
	int32_t partition = 0;
	struct describe_producers_request_topic t = {.name = STR("t"), .partition_indexes = {&partition, 1}};
	struct describe_producers_request in = {.topics = {&t, 1}};
	struct describe_producers_response out;

	client_send(&w->a, &describe_producers_request_schema, 0, &in);
	client_take(&w->a, &describe_producers_response_schema, 0, &out);
	assert_int_equal(out.topics.v[0].partitions.v[0].error_code, 0);
	return out.topics.v[0].partitions.v[0].active_producers.n;
}

static void producers_are_forgotten_after_the_time_that_is_set_while_it_runs(void **state)
{
	(void)state;
	create("t", "delete");
	produce_as(77);
	sim_run_for(w->sim, MINUTE_MS);
	assert_int_equal(count_producers(), 1);
	set(4, "", "producer.id.expiration.ms", "120000");
	sim_run_for(w->sim, ROUND_MS);
	assert_int_equal(count_producers(), 1);
	set(4, "", "producer.id.expiration.ms", "20000");
	produce_as(78);
	sim_run_for(w->sim, 10000);
	assert_int_equal(count_producers(), 1);
	sim_run_for(w->sim, ROUND_MS);
	assert_int_equal(count_producers(), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(retention_that_is_changed_counts_at_once, set_up, node_world_down),
		cmocka_unit_test_setup_teardown(a_session_is_told_where_a_log_starts_when_retention_has_moved_that,
						set_up, node_world_down),
		cmocka_unit_test_setup_teardown(logs_that_take_too_much_of_their_disk_lose_their_oldest_segments,
						set_up, node_world_down),
		cmocka_unit_test_setup_teardown(producers_are_forgotten_after_the_time_that_is_set_while_it_runs,
						set_up, node_world_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
