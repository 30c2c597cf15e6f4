/* throttles: a rate over five windows of one second, and the lists of throttled replicas. */
#include "tests/base/cm.h"

#include "replication/rate.h"
#include "replication/throttled.h"

enum { WINDOWS = 5, SECOND = 1000, BEGINNING = 70000 };

static struct rate r;

static int up(void **state)
{
	(void)state;
	rate_init(&r, WINDOWS, SECOND);
	return 0;
}

static int down(void **state)
{
	(void)state;
	rate_fini(&r);
	return 0;
}

static void assert_rate(int64_t now_ms, int64_t expected)
{
	assert_int_equal((int64_t)rate_measure(&r, now_ms), expected);
}

static void nothing_is_no_rate(void **state)
{
	(void)state;
	assert_rate(BEGINNING, 0);
	rate_record(&r, 0, BEGINNING);
	assert_rate(BEGINNING + 1, 0);
}

static void what_came_at_once_came_in_a_window(void **state)
{
	(void)state;
	rate_record(&r, 3000, BEGINNING);
	assert_rate(BEGINNING, 3000);
	assert_rate(BEGINNING + 999, 3000);
	assert_rate(BEGINNING + 1500, 2000);
	assert_rate(BEGINNING + 3000, 1000);
}

static void a_steady_stream_has_its_rate(void **state)
{
	int64_t now_ms = BEGINNING;

	(void)state;
	for (int i = 0; i < 200; i++, now_ms += 100)
		rate_record(&r, 700, now_ms);
	assert_in_range(rate_measure(&r, now_ms), 6900, 7100);
	assert_int_equal(r.n, WINDOWS + 1); /* as in Kafka */
}

static void what_is_older_than_all_windows_is_forgotten(void **state)
{
	(void)state;
	rate_record(&r, 100000, BEGINNING);
	assert_rate(BEGINNING + WINDOWS * SECOND - 1, 20004);
	assert_rate(BEGINNING + WINDOWS * SECOND, 0);
	rate_record(&r, 10, BEGINNING + 6000);
	assert_rate(BEGINNING + 6000, 10);
}

/*
 * Samples overlap the oldest window: their bytes count until nothing was recorded for as long as
 * all windows.
 */
static void a_burst_fades_window_by_window(void **state)
{
	(void)state;
	rate_record(&r, 12000, BEGINNING);
	for (int i = 1; i <= 4; i++)
		rate_record(&r, 0, BEGINNING + i * SECOND);
	assert_rate(BEGINNING + 4000, 3000);
	assert_rate(BEGINNING + 5000, 0);
}

static void windows_as_long_as_one_likes(void **state)
{
	struct rate long_ago;

	(void)state;
	rate_init(&long_ago, INT32_MAX, (int64_t)INT32_MAX * SECOND);
	rate_record(&long_ago, 5, 1);
	assert_int_equal((int64_t)(rate_measure(&long_ago, INT64_MAX / 2) * 1e15), 1);
	rate_fini(&long_ago);
}

static void assert_throttled(const char *text, const char *partitions)
{
	struct throttled t;

	throttled_init(&t, str_of(text), 7);
	for (int i = 0; i < 4; i++)
		assert_int_equal(throttled_has(&t, i), partitions[i] == '1');
	throttled_fini(&t);
}

static void a_broker_throttles_what_is_listed_with_its_id(void **state)
{
	(void)state;
	assert_throttled("", "0000");
	assert_throttled("*", "1111");
	assert_throttled("1:7", "0100");
	assert_throttled("3:7,1:6,0:7", "1001");
	assert_throttled("1:77,2:70,3:17", "0000");
	assert_throttled("2147483647:7,2:7", "0010");
}

static void what_is_no_list_names_nobody_more(void **state)
{
	(void)state;
	assert_throttled("1", "0000");
	assert_throttled(":7", "0000");
	assert_throttled("1:7,2", "0100");
	assert_throttled("1:7,,2:7", "0100");
	assert_throttled("1:7, 2:7", "0100");
	assert_throttled("x:7,1:7", "0000");
	assert_throttled("-1:7", "0000");
	assert_throttled("1:4294967303", "0000"); /* would be 7 if truncated to 32 bits */
	assert_throttled("**", "0000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_no_rate, up, down),
		cmocka_unit_test_setup_teardown(what_came_at_once_came_in_a_window, up, down),
		cmocka_unit_test_setup_teardown(a_steady_stream_has_its_rate, up, down),
		cmocka_unit_test_setup_teardown(what_is_older_than_all_windows_is_forgotten, up, down),
		cmocka_unit_test_setup_teardown(a_burst_fades_window_by_window, up, down),
		cmocka_unit_test(windows_as_long_as_one_likes),
		cmocka_unit_test(a_broker_throttles_what_is_listed_with_its_id),
		cmocka_unit_test(what_is_no_list_names_nobody_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
