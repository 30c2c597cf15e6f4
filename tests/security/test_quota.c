/*
 * quota: rates, throttle times and tokens equal those of Kafka's classes, with the numbers of its
 * own tests.
 */
#include <math.h>

#include "tests/base/cm.h"

#include "security/quota.h"

static const struct quota_windows WINDOWS = {11, 1000};

/* A client with quota `bound` uses more; returns how long it must wait. */
static int32_t use(struct quota_rate *r, double bound, double value, int64_t now_ms)
{
	double rate, window_ms;

	quota_rate_record(r, &WINDOWS, value, now_ms);
	rate = quota_rate_measure(r, &WINDOWS, now_ms, &window_ms);
	return quota_throttle_ms(rate, bound, window_ms);
}

static void a_spike_is_waited_off(void **state)
{
	struct quota_rate r = {0};
	int64_t now_ms = 1000000;

	(void)state;
	for (int i = 0; i < 10; i++, now_ms += 1000)
		assert_int_equal(use(&r, 500, 400, now_ms), 0);
	now_ms += 500;
	assert_int_equal(use(&r, 500, 2300, now_ms), 2100); /* 6300 in 10.5 s are 100 per second too many */
	now_ms += 2100;
	for (int i = 0; i < 10; i++, now_ms += 1000)
		use(&r, 500, 400, now_ms);
	assert_int_equal(use(&r, 500, 0, now_ms), 0);
	quota_rate_fini(&r);
}

/* Percent of a thread: 1 is 10 ms per second. */
static void a_spike_of_thread_time_is_waited_off(void **state)
{
	struct quota_rate r = {0};
	int64_t now_ms = 0;

	(void)state;
	for (int i = 0; i < 10; i++, now_ms += 1000)
		assert_int_equal(use(&r, 1, 0.4, now_ms), 0);
	assert_int_equal(use(&r, 1, 6.71, now_ms + 500), 210);
	quota_rate_fini(&r);
}

/* A client that has just started is treated as if it had been idle during the windows before. */
static void the_first_second_is_not_a_rate_of_its_own(void **state)
{
	struct quota_rate r = {0};
	double window_ms;

	(void)state;
	assert_int_equal(use(&r, 500, 5000, 7), 0);
	assert_true(quota_rate_measure(&r, &WINDOWS, 7, &window_ms) == 500);
	assert_true(window_ms == 10000);
	assert_int_equal(use(&r, 500, 500, 7), 1000);
	quota_rate_fini(&r);
}

static void what_is_taken_back_was_never_there(void **state)
{
	struct quota_rate r = {0};

	(void)state;
	assert_int_equal(use(&r, 100, 900, 0), 0);
	assert_int_equal(use(&r, 100, 900, 100), 7900); /* 1800 in 10.1 s */
	quota_rate_record(&r, &WINDOWS, -900, 100);
	assert_int_equal(use(&r, 100, 0, 100), 0);
	quota_rate_fini(&r);
}

static void old_samples_are_let_go_of(void **state)
{
	struct quota_rate r = {0};

	(void)state;
	use(&r, 1, 1e6, 0);
	assert_true(quota_rate_measure(&r, &WINDOWS, 10999, NULL) > 0);
	assert_true(quota_rate_measure(&r, &WINDOWS, 11000, NULL) == 0);
	for (int64_t now_ms = 11000; now_ms < 60000; now_ms += 100)
		quota_rate_record(&r, &WINDOWS, 1, now_ms);
	assert_int_equal(r.n, 12);
	quota_rate_fini(&r);
}

static void throttle_times_are_bounded_by_what_a_number_holds(void **state)
{
	(void)state;
	assert_int_equal(quota_throttle_ms(16.5, 16.5, 9000), 0);
	assert_int_equal(quota_throttle_ms(16.5, 20.4, 9000), 0);
	assert_int_equal(quota_throttle_ms(100, 50, 2000), 2000);
	assert_int_equal(quota_throttle_ms(55, 50, 1000), 100);
	assert_int_equal(quota_throttle_ms(1e300, 1, 10000), INT32_MAX);
	assert_int_equal(quota_throttle_ms(1, 0, 10000), INT32_MAX); /* as in old logs */
	assert_int_equal(quota_throttle_ms(0, -1, 10000), 0);
	assert_int_equal(quota_throttle_ms(1, NAN, 10000), 0);
}

static void waits_are_averaged(void **state)
{
	static const struct quota_windows plain = {2, 30000};
	struct quota_rate r = {0};

	(void)state;
	assert_true(isnan(quota_rate_average(&r, &plain, 0)));
	quota_rate_record(&r, &plain, 100, 0);
	quota_rate_record(&r, &plain, 300, 40000);
	assert_true(quota_rate_average(&r, &plain, 40000) == 200);
	assert_true(quota_rate_average(&r, &plain, 60000) == 300);
	quota_rate_fini(&r);
}

/* ---- tokens ---- */

static const struct quota_windows TEN = {10, 1000};

static void a_bucket_is_full_at_first_and_may_be_overdrawn_once(void **state)
{
	struct quota_bucket b = {0};
	int64_t now_ms = 5;

	(void)state;
	assert_true(quota_bucket_measure(&b, &TEN, 10, now_ms) == 100);
	quota_bucket_take(&b, &TEN, 10, 90, now_ms);
	assert_true(b.tokens == 10);
	quota_bucket_take(&b, &TEN, 10, 90, now_ms);
	assert_true(b.tokens == -80);
	assert_int_equal(quota_bucket_throttle_ms(b.tokens, 10), 8000);
	quota_bucket_take(&b, &TEN, 10, 90, now_ms);
	assert_int_equal(quota_bucket_throttle_ms(b.tokens, 10), 17000);
	assert_true(quota_bucket_measure(&b, &TEN, 10, now_ms + 17000) == 0);
	assert_int_equal(quota_bucket_throttle_ms(0, 10), 0);
}

static void a_bucket_holds_no_more_than_all_windows(void **state)
{
	struct quota_bucket b = {0};

	(void)state;
	quota_bucket_take(&b, &TEN, 10, 100, 0);
	assert_true(quota_bucket_measure(&b, &TEN, 10, 1000000) == 100);
	assert_true(quota_bucket_measure(&b, &TEN, 1, 1000000) == 10); /* a lower quota is effective at once */
}

static void a_debt_is_paid_back_within_the_longest_throttle_time(void **state)
{
	struct quota_bucket b = {0}, none = {0};

	(void)state;
	quota_bucket_take(&b, &TEN, 10, 1e15, 0);
	quota_bucket_take(&b, &TEN, 10, 1e15, 0);
	assert_int_equal(quota_bucket_throttle_ms(b.tokens, 10), INT32_MAX);
	assert_true(quota_bucket_measure(&b, &TEN, 10, (int64_t)INT32_MAX + 1) >= 0);
	quota_bucket_take(&none, &TEN, 0, 1, 0); /* as in old logs */
	assert_int_equal(quota_bucket_throttle_ms(none.tokens, 0), INT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spike_is_waited_off),
		cmocka_unit_test(a_spike_of_thread_time_is_waited_off),
		cmocka_unit_test(the_first_second_is_not_a_rate_of_its_own),
		cmocka_unit_test(what_is_taken_back_was_never_there),
		cmocka_unit_test(old_samples_are_let_go_of),
		cmocka_unit_test(throttle_times_are_bounded_by_what_a_number_holds),
		cmocka_unit_test(waits_are_averaged),
		cmocka_unit_test(a_bucket_is_full_at_first_and_may_be_overdrawn_once),
		cmocka_unit_test(a_bucket_holds_no_more_than_all_windows),
		cmocka_unit_test(a_debt_is_paid_back_within_the_longest_throttle_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
