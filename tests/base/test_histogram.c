#include "base/histogram.h"

#include "tests/base/cm.h"

static void it_is_exact_below_2048(void **state)
{
	struct histogram h;

	histogram_init(&h);
	for (int i = 1; i <= 1000; i++)
		histogram_add(&h, i);
	assert_int_equal(histogram_percentile(&h, 50), 500);
	assert_int_equal(histogram_percentile(&h, 99), 990);
	assert_int_equal(histogram_percentile(&h, 99.9), 999);
	assert_int_equal(histogram_percentile(&h, 100), 1000);
	assert_true(histogram_mean(&h) == 500.5);
	assert_int_equal(h.min, 1);
	histogram_fini(&h);
}

static void large_values_are_kept_to_one_part_in_a_thousand(void **state)
{
	struct histogram h;

	histogram_init(&h);
	for (int64_t v = 2000; v < ((int64_t)1 << 61); v += v / 16 + 3) {
		int64_t got;

		histogram_reset(&h);
		histogram_add(&h, v);
		histogram_add(&h, ((int64_t)1 << 62) - 1);
		got = histogram_percentile(&h, 50);
		assert_true(got >= v && got - v <= v / 1000);
	}
	histogram_fini(&h);
}

static void what_is_out_of_range_counts_at_its_ends(void **state)
{
	struct histogram h;

	histogram_init(&h);
	assert_int_equal(histogram_percentile(&h, 50), 0);
	histogram_add(&h, -5);
	assert_int_equal(histogram_percentile(&h, 50), 0);
	histogram_add(&h, INT64_MAX);
	assert_int_equal(h.max, ((int64_t)1 << 62) - 1);
	assert_int_equal(histogram_percentile(&h, 100), ((int64_t)1 << 62) - 1);
	histogram_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_exact_below_2048),
		cmocka_unit_test(large_values_are_kept_to_one_part_in_a_thousand),
		cmocka_unit_test(what_is_out_of_range_counts_at_its_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
