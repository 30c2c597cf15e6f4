/* A partition that one request names twice, as Kafka's maps take it: it is one, and the last counts. */
#include "base/err.h"
#include "base/endian.h"
#include "broker/named.h"
#include "protocol/delete_records.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

/* ---- the list ---- */

static void of_each_partition_the_last_is_kept(void **state)
{
	struct uuid id = {{1}};
	struct named v[] = {
		{UUID_ZERO, STR("b"), 1, 0, "x"},  {UUID_ZERO, STR("a"), 2, 1, "1"}, {UUID_ZERO, STR("b"), 0, 2, "3"},
		{UUID_ZERO, STR("b"), 1, 3, "x"},  {id, STR_NULL, 1, 4, "x"},	     {UUID_ZERO, STR("ab"), 2, 5, "2"},
		{UUID_ZERO, STR("b"), -1, 6, "4"}, {UUID_ZERO, STR("b"), 1, 7, "0"}, {id, STR_NULL, 1, 8, "5"},
	};
	static const int at[] = {1, 5, 0, 2, 6, 4};
	static const char *const what[] = {"1", "2", "0", "3", "4", "5"};

	(void)state;
	assert_int_equal(named_keep_last(v, 9), 6);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(v[i].at, at[i]);
		assert_string_equal(v[i].what, what[i]);
	}
	assert_int_equal(named_of_topic(v, 6), 1);
	assert_int_equal(named_of_topic(v + 2, 4), 3);
	assert_int_equal(named_of_topic(v + 5, 1), 1);
	assert_int_equal(named_of_partition(v + 2, 4), 1);
	assert_int_equal(named_keep_last(v, 0), 0);
}

/* ---- requests ---- */

/* Produces to partition 0 of "t" twice, with acks=all. */
static struct produce_response_partition produce_twice(struct records first, struct records last)
{
	struct produce_request_partition p[2] = {{.records = first}, {.records = last}};
	struct produce_request_topic t[2];
	struct produce_request in;
	struct produce_response out;

	codec_init(&produce_request_schema, &in);
	for (int i = 0; i < 2; i++) {
		codec_init(&produce_request_topic_schema, &t[i]);
		t[i].name = STR("t");
		t[i].partition_data.v = &p[i];
		t[i].partition_data.n = 1;
	}
	in.acks = -1;
	in.timeout_ms = 1000;
	in.topic_data.v = t;
	in.topic_data.n = 2;
	client_send(&w->a, &produce_request_schema, 9, &in);
	client_take(&w->a, &produce_response_schema, 9, &out);
	assert_int_equal(out.responses.n, 1);
	assert_int_equal(out.responses.v[0].partition_responses.n, 1);
	return out.responses.v[0].partition_responses.v[0];
}

static struct fetch_response_partition fetch_from(int64_t offset)
{
	send_fetch(&w->a, "t", offset, 0);
	return take_fetch(&w->a);
}

static int32_t partitions_of(const struct named *v, int n)
{
	int32_t digits = 0;

	for (int i = 0; i < n; i++)
		digits = 10 * digits + v[i].partition;
	return digits;
}

static void what_is_grouped_stays_in_its_order(void **state)
{
	struct named once[] = {{.topic = STR("z"), .partition = 1, .at = 0},
			       {.topic = STR("z"), .partition = 3, .at = 1},
			       {.topic = STR("a"), .partition = 2, .at = 2}};
	struct named twice[] = {{.topic = STR("z"), .partition = 1, .at = 0},
				{.topic = STR("a"), .partition = 2, .at = 1},
				{.topic = STR("z"), .partition = 1, .at = 2},
				{.topic = STR("z"), .partition = 0, .at = 3}};

	(void)state;
	named_group(once, 3);
	assert_int_equal(partitions_of(once, 3), 132);
	assert_int_equal(named_topics(once, 3), 2);
	named_group(twice, 4);
	assert_int_equal(partitions_of(twice, 4), 2011);
	assert_int_equal(named_topics(twice, 4), 2);
	assert_int_equal(named_of_partition(&twice[2], 2), 2);
	assert_true(twice[2].at == 0 && twice[3].at == 2);
}

static void partitions_out_of_order_and_many_topics_are_sorted(void **state)
{
	struct named v[100], back[] = {{.topic = STR("z"), .partition = 3}, {.topic = STR("z"), .partition = 1}};

	(void)state;
	named_group(back, 2);
	assert_int_equal(partitions_of(back, 2), 13);
	for (int i = 0; i < 100; i++)
		v[i] = (struct named){.topic_id = {{(uint8_t)(i % 50)}}, .at = i};
	named_group(v, 100);
	assert_int_equal(named_topics(v, 100), 50);
	for (int i = 0; i < 100; i += 2)
		assert_int_equal(named_of_partition(&v[i], 100 - i), 2);
}

static void the_last_records_are_appended(void **state)
{
	struct metadata_response made;
	struct produce_response_partition out;
	struct fetch_response_partition f;
	struct buf a = {0}, b = {0};

	(void)state;
	ask_metadata("t", &made);
	out = produce_twice(batch_of(&a, "first"), batch_of(&b, "last"));
	assert_int_equal(out.error_code, 0);
	assert_int_equal(out.base_offset, 0);
	f = fetch_from(0);
	assert_int_equal(f.high_watermark, 1);
	assert_value(f.records, "last");
	buf_fini(&a);
	buf_fini(&b);
}

/* Those that can be taken are, and the answer is about those that cannot. */
static void records_that_cannot_be_taken_are_what_is_answered(void **state)
{
	struct records none = {.p = (const uint8_t *)"", .len = 0};
	struct metadata_response made;
	struct produce_response_partition out;
	struct buf a = {0};

	(void)state;
	ask_metadata("t", &made);
	out = produce_twice(none, batch_of(&a, "taken"));
	assert_int_equal(out.error_code, ERR_INVALID_RECORD);
	assert_int_equal(out.base_offset, -1);
	assert_value(fetch_from(0).records, "taken");
	out = produce_twice(batch_of(&a, "as well"), none);
	assert_int_equal(out.error_code, ERR_INVALID_RECORD);
	assert_value(fetch_from(1).records, "as well");
	out = produce_twice(none, none);
	assert_int_equal(out.error_code, ERR_INVALID_RECORD);
	assert_int_equal(fetch_from(0).high_watermark, 2);
	buf_fini(&a);
}

static void it_is_fetched_from_where_it_was_named_last(void **state)
{
	struct metadata_response made;
	struct fetch_response out;
	struct fetch_of f;

	(void)state;
	ask_metadata("t", &made);
	ask_produce("t", "0");
	ask_produce("t", "1");
	fetch_begin(&f);
	fetch_add(&f, "t", 0);
	fetch_add(&f, "t", 1);
	client_send(&w->a, &fetch_request_schema, 12, &f.in);
	client_take(&w->a, &fetch_response_schema, 12, &out);
	assert_int_equal(out.responses.n, 1);
	assert_int_equal(out.responses.v[0].partitions.n, 1);
	assert_value(out.responses.v[0].partitions.v[0].records, "1");
}

static void records_are_deleted_before_the_last_offset(void **state)
{
	struct delete_records_request_partition p[3] = {
		{.offset = 3}, {.partition_index = 7, .offset = 1}, {.offset = 2}};
	struct delete_records_request_topic t = {.name = STR("t"), .partitions = {p, 3}};
	struct delete_records_request in = {.topics = {&t, 1}, .timeout_ms = 1000};
	struct delete_records_response out;
	struct metadata_response made;

	(void)state;
	ask_metadata("t", &made);
	for (int i = 0; i < 4; i++)
		ask_produce("t", "x");
	client_send(&w->a, &delete_records_request_schema, 1, &in);
	client_take(&w->a, &delete_records_response_schema, 1, &out);
	assert_int_equal(out.topics.n, 1);
	assert_int_equal(out.topics.v[0].partitions.n, 2);
	assert_int_equal(out.topics.v[0].partitions.v[0].error_code, 0);
	assert_int_equal(out.topics.v[0].partitions.v[0].low_watermark, 2);
	assert_int_equal(out.topics.v[0].partitions.v[1].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(fetch_from(2).log_start_offset, 2);
}

static int16_t move_twice(const char *first, const char *last)
{
	int32_t partition = 0;
	struct alter_replica_log_dirs_request_topic t = {.name = STR("t"), .partitions = {&partition, 1}};
	struct alter_replica_log_dirs_request_dir dirs[2] = {{.path = str_of(first), .topics = {&t, 1}},
							     {.path = str_of(last), .topics = {&t, 1}}};
	struct alter_replica_log_dirs_request in = {.dirs = {dirs, 2}};
	struct alter_replica_log_dirs_response out;

	client_send(&w->a, &alter_replica_log_dirs_request_schema, 2, &in);
	client_take(&w->a, &alter_replica_log_dirs_response_schema, 2, &out);
	assert_int_equal(out.results.n, 1);
	assert_int_equal(out.results.v[0].partitions.n, 1);
	return out.results.v[0].partitions.v[0].error_code;
}

static void a_replica_goes_where_it_was_sent_last(void **state)
{
	struct metadata_response made;

	(void)state;
	ask_metadata("t", &made);
	ask_produce("t", "x");
	assert_int_equal(move_twice("/data", "/nowhere"), ERR_LOG_DIR_NOT_FOUND);
	assert_int_equal(move_twice("/nowhere", "/data"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_each_partition_the_last_is_kept),
#define NODE_TEST(name) cmocka_unit_test_setup_teardown(name, node_world_up, node_world_down)
		cmocka_unit_test(what_is_grouped_stays_in_its_order),
		cmocka_unit_test(partitions_out_of_order_and_many_topics_are_sorted),
		NODE_TEST(the_last_records_are_appended),
		NODE_TEST(records_that_cannot_be_taken_are_what_is_answered),
		NODE_TEST(it_is_fetched_from_where_it_was_named_last),
		NODE_TEST(records_are_deleted_before_the_last_offset),
		NODE_TEST(a_replica_goes_where_it_was_sent_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
