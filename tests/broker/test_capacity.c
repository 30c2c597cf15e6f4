/*
 * capacity: how much of a partition may be used per second, on a whole node in the simulator: which
 * clients wait and for how long, and which do not.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/capacity.h"
#include "broker/node_private.h"
#include "broker/partitions.h"
#include "config/topic_config.h"
#include "protocol/create_topics.h"
#include "protocol/incremental_alter_configs.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

#define BYTES_IN "odradek.partition.bytes.in.rate"
#define RECORDS_IN "odradek.partition.records.in.rate"
#define BYTES_OUT "odradek.partition.bytes.out.rate"

static int64_t now_ms(void)
{
	return env_mono_ms(sim_env(w->sim, PEER));
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void pass(int64_t ms)
{
	sim_run_until(w->sim, ms, never, NULL);
}

static struct records big_batch(struct buf *b, int len)
{
	char *value = xcalloc(1, (size_t)len + 1);
	struct records r;

	memset(value, 'x', (size_t)len);
	r = batch_of(b, value);
	xfree(value);
	return r;
}

/*
 * Produces a batch with a value of `len` bytes. Returns how long the client is told to wait; *size is
 * the size of the batch.
 */
static int32_t produce(struct client *c, const char *topic, int len, int32_t *size)
{
	struct produce_response out;
	struct buf b = {0};
	struct records r = big_batch(&b, len);

	if (size)
		*size = r.len;
	send_produce(c, topic, r, -1);
	client_take(c, &produce_response_schema, 9, &out);
	assert_int_equal(out.responses.v[0].partition_responses.v[0].error_code, 0);
	buf_fini(&b);
	return out.throttle_time_ms;
}

static void set_topic(const char *topic, const char *name, const char *value)
{
	struct incremental_alter_configs_request_config c = {str_of(name), value ? 0 : 1,
							     value ? str_of(value) : STR_NULL};
	struct incremental_alter_configs_request_resource r = {2, str_of(topic), {&c, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	struct incremental_alter_configs_response out;

	client_send(&w->b, &incremental_alter_configs_request_schema, 1, &in);
	client_take(&w->b, &incremental_alter_configs_response_schema, 1, &out);
	assert_int_equal(out.responses.v[0].error_code, 0);
	pass(1000);
}

static struct counts counts_of(const char *topic)
{
	struct metadata_response m;
	struct partition *p;
	struct counts counts;

	ask_metadata(topic, &m);
	p = partitions_get(w->node->partitions, m.topics.v[0].topic_id, 0);
	assert_non_null(p);
	counts = p->counts;
	partition_unref(&p);
	return counts;
}

/* ---- producers ---- */

static void a_producer_that_brings_too_many_bytes_waits(void **state)
{
	static const char *const settings[] = {BYTES_IN, "1000", NULL};
	struct metadata_response m;
	int32_t ms, size;
	int64_t began;

	(void)state;
	create_topic_with("t", 1, settings);
	assert_int_equal(produce(&w->a, "t", 700, NULL), 0); /* a second's worth is taken at once */
	pass(2000);
	began = now_ms();
	ms = produce(&w->a, "t", 5000, &size);
	assert_in_range(ms, size - 1000 - 1, size - 1000 + 1); /* the debt is repaid at one byte per millisecond */
	assert_true(now_ms() - began < 100);		       /* the answer is not held back */
	ask_metadata("t", &m);
	assert_in_range(now_ms() - began, ms - 100, ms + 100); /* but the next request of its connection is */
	assert_int_equal(counts_of("t").v[COUNT_CAPACITY_PRODUCE], 1);
}

static void records_count_however_small(void **state)
{
	static const char *const settings[] = {RECORDS_IN, "4", NULL};

	(void)state;
	create_topic_with("t", 1, settings);
	for (int i = 0; i < 4; i++)
		assert_int_equal(produce(&w->a, "t", 1, NULL), 0);
	assert_in_range(produce(&w->a, "t", 1, NULL), 150, 250);
}

static void who_shares_a_partition_shares_its_capacity_and_others_do_not(void **state)
{
	static const char *const settings[] = {BYTES_IN, "1000", NULL};

	(void)state;
	create_topic_with("t", 1, settings);
	create_topic_with("other", 1, settings);
	assert_true(produce(&w->a, "t", 3000, NULL) > 1900);
	assert_int_equal(produce(&w->b, "other", 500, NULL), 0);
	assert_true(produce(&w->b, "t", 100, NULL) > 1800);
}

static void without_an_answer_the_connection_waits_all_the_same(void **state)
{
	static const char *const settings[] = {BYTES_IN, "1000", NULL};
	struct metadata_response m;
	struct buf b = {0};
	int64_t began;

	(void)state;
	create_topic_with("t", 1, settings);
	began = now_ms();
	send_produce(&w->a, "t", big_batch(&b, 5000), 0);
	pass(100);
	ask_metadata("t", &m);
	assert_true(now_ms() - began > 3900);
	buf_fini(&b);
}

static void it_is_off_and_comes_and_goes_with_the_settings(void **state)
{
	struct metadata_response m;
	struct partition *p;

	(void)state;
	create_topic_with("t", 1, NULL);
	assert_int_equal(produce(&w->a, "t", 50000, NULL), 0);
	ask_metadata("t", &m);
	p = partitions_get(w->node->partitions, m.topics.v[0].topic_id, 0);
	assert_null(p->capacity);
	set_topic("t", BYTES_IN, "1000");
	assert_non_null(p->capacity);
	assert_true(produce(&w->a, "t", 5000, NULL) > 3900);
	set_topic("t", BYTES_IN, "1000000"); /* the debt is repaid faster */
	assert_int_equal(produce(&w->b, "t", 100, NULL), 0);
	set_topic("t", BYTES_IN, NULL);
	assert_null(p->capacity);
	assert_int_equal(produce(&w->b, "t", 50000, NULL), 0);
	partition_unref(&p);
}

static void a_rate_is_no_negative_number(void **state)
{
	struct incremental_alter_configs_request_config c = {STR(BYTES_OUT), 0, STR("-1")};
	struct incremental_alter_configs_request_resource r = {2, STR("t"), {&c, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	struct incremental_alter_configs_response out;

	(void)state;
	create_topic_with("t", 1, NULL);
	client_send(&w->b, &incremental_alter_configs_request_schema, 1, &in);
	client_take(&w->b, &incremental_alter_configs_response_schema, 1, &out);
	assert_int_equal(out.responses.v[0].error_code, ERR_INVALID_CONFIG);
}

/* ---- consumers ---- */

static void fill(const char *topic, int batches, int len)
{
	for (int i = 0; i < batches; i++)
		assert_int_equal(produce(&w->b, topic, len, NULL), 0);
}

/* Fetches from *offset, and moves it past what came. Returns how many bytes came. */
static int32_t fetch(struct client *c, const char *topic, int64_t *offset, int32_t max_wait_ms)
{
	struct fetch_response_partition p;
	struct batch_header h;

	send_fetch(c, topic, *offset, max_wait_ms);
	p = take_fetch(c);
	assert_int_equal(p.error_code, 0);
	for (int32_t at = 0; at < p.records.len; at += 12 + h.length) {
		assert_int_equal(batch_header_read(p.records.p + at, (size_t)(p.records.len - at), &h), 0);
		*offset = h.base_offset + h.last_offset_delta + 1;
	}
	return p.records.len;
}

static void a_consumer_gets_what_capacity_leaves(void **state)
{
	static const char *const settings[] = {BYTES_OUT, "10000", NULL};
	int64_t offset = 0, began, bytes = 0;
	int n = 0;

	(void)state;
	create_topic_with("t", 1, settings);
	fill("t", 60, 1000);
	pass(2000);
	began = now_ms();
	assert_in_range(fetch(&w->a, "t", &offset, 0), 9000, 11100); /* a second's worth, in whole batches */
	assert_int_equal(fetch(&w->a, "t", &offset, 0), 0);	     /* then nothing */
	while (offset < 60 && n++ < 1000)
		bytes += fetch(&w->a, "t", &offset, 500);
	assert_int_equal(offset, 60);
	assert_in_range(now_ms() - began, (bytes - 2000) / 10, (bytes + 2000) / 10); /* at ten bytes per millisecond */
	assert_true(n < 120); /* in pieces no smaller than a tenth of a second's worth */
	assert_true(counts_of("t").v[COUNT_CAPACITY_FETCH] > 10);
}

static void a_fetch_that_waits_is_answered_when_there_is_capacity_again(void **state)
{
	static const char *const settings[] = {BYTES_OUT, "10000", NULL};
	int64_t offset = 0, began;

	(void)state;
	create_topic_with("t", 1, settings);
	fill("t", 30, 1000);
	pass(2000);
	fetch(&w->a, "t", &offset, 0);
	began = now_ms();
	assert_in_range(fetch(&w->a, "t", &offset, 20000), 900, 2200);
	assert_in_range(now_ms() - began, 50, 300);
}

static void a_batch_that_is_larger_than_a_second_s_worth_comes_whole_and_is_owed(void **state)
{
	static const char *const settings[] = {BYTES_OUT, "1000", NULL};
	int64_t offset = 0, began;

	(void)state;
	create_topic_with("t", 1, settings);
	fill("t", 2, 5000);
	assert_in_range(fetch(&w->a, "t", &offset, 0), 5000, 5200);
	began = now_ms();
	assert_in_range(fetch(&w->a, "t", &offset, 20000), 5000, 5200);
	assert_in_range(now_ms() - began, 4000, 4400);
}

static void other_partitions_are_read_meanwhile(void **state)
{
	static const char *const settings[] = {BYTES_OUT, "1000", NULL};
	int64_t offset = 0, other = 0;

	(void)state;
	create_topic_with("t", 1, settings);
	create_topic_with("other", 1, NULL);
	fill("t", 4, 3000);
	fill("other", 1, 40000);
	fetch(&w->a, "t", &offset, 0);
	assert_int_equal(fetch(&w->b, "t", &offset, 0), 0); /* other consumers share the capacity */
	assert_true(fetch(&w->b, "other", &other, 0) > 40000);
	assert_int_equal(counts_of("other").v[COUNT_CAPACITY_FETCH], 0);
}

static void what_is_not_there_is_waited_for_as_ever(void **state)
{
	static const char *const settings[] = {BYTES_OUT, "1000", NULL};
	int64_t offset = 0, began;

	(void)state;
	create_topic_with("t", 1, settings);
	began = now_ms();
	assert_int_equal(fetch(&w->a, "t", &offset, 700), 0);
	assert_in_range(now_ms() - began, 690, 800);
}

/* ---- the buckets alone ---- */

static void rates_without_a_limit_count_nothing(void **state)
{
	struct topic_config config = {.partition_bytes_out_rate = 100};
	struct capacity *c = NULL;

	(void)state;
	capacity_configure(&c, &config);
	assert_int_equal(capacity_take_in(c, 1 << 30, 1 << 30, 0), 0);
	assert_int_equal(capacity_left_out(c, 0).bytes, 100);
	capacity_take_out(c, 200, 0);
	assert_int_equal(capacity_left_out(c, 0).bytes, 0);
	assert_int_equal(capacity_left_out(c, 0).wait_ms, 1100);
	assert_in_range(capacity_left_out(c, 1100).bytes, 10, 11);
	config.partition_bytes_out_rate = 0;
	config.partition_records_in_rate = 1;
	capacity_configure(&c, &config);
	assert_int_equal(capacity_left_out(c, 0).bytes, INT64_MAX);
	assert_int_equal(capacity_take_in(c, 1 << 30, 1, 0), 0);
	assert_int_equal(capacity_take_in(c, 0, 1, 0), 1000);
	config.partition_records_in_rate = INT64_MAX;
	config.partition_bytes_out_rate = INT64_MAX;
	capacity_configure(&c, &config);
	assert_true(capacity_left_out(c, 0).bytes > INT32_MAX);
	assert_int_equal(capacity_take_in(c, 0, 1 << 30, 0), 0);
	config = (struct topic_config){0};
	capacity_configure(&c, &config);
	assert_null(c);
}

#define ON_A_NODE(f) cmocka_unit_test_setup_teardown(f, node_world_up, node_world_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_without_a_limit_count_nothing),
		ON_A_NODE(a_producer_that_brings_too_many_bytes_waits),
		ON_A_NODE(records_count_however_small),
		ON_A_NODE(who_shares_a_partition_shares_its_capacity_and_others_do_not),
		ON_A_NODE(without_an_answer_the_connection_waits_all_the_same),
		ON_A_NODE(it_is_off_and_comes_and_goes_with_the_settings),
		ON_A_NODE(a_rate_is_no_negative_number),
		ON_A_NODE(a_consumer_gets_what_capacity_leaves),
		ON_A_NODE(a_fetch_that_waits_is_answered_when_there_is_capacity_again),
		ON_A_NODE(a_batch_that_is_larger_than_a_second_s_worth_comes_whole_and_is_owed),
		ON_A_NODE(other_partitions_are_read_meanwhile),
		ON_A_NODE(what_is_not_there_is_waited_for_as_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
