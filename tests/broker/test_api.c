/* api: the rows and their order. */
#include "broker/api.h"
#include "tests/base/cm.h"

static void rows_are_in_order_of_their_keys_and_below_the_bound(void **state)
{
	const struct api *row;
	int before = -1;

	(void)state;
	for (int i = 0; (row = api_row(i)); i++) {
		assert_in_range(row->key, before + 1, API_KEYS_MAX - 1);
		before = row->key;
	}
}

static void every_row_is_found_and_nothing_else_is(void **state)
{
	int found = 0, rows = 0;

	(void)state;
	while (api_row(rows)) {
		assert_ptr_equal(api_find(api_row(rows)->key), api_row(rows));
		rows++;
	}
	for (int key = -1; key <= API_KEYS_MAX; key++)
		found += api_find(key) != NULL;
	assert_int_equal(found, rows);
	assert_null(api_find(-1));
	assert_null(api_find(INT16_MAX));
}

static void versions_are_a_range_and_every_row_can_fail(void **state)
{
	const struct api *row;

	(void)state;
	for (int i = 0; (row = api_row(i)); i++) {
		assert_in_range(row->last, row->first, INT16_MAX);
		assert_true(row->flags & (API_BROKER | API_CONTROLLER));
		assert_non_null(row->in);
		assert_non_null(row->out);
		assert_non_null(row->fail);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_in_order_of_their_keys_and_below_the_bound),
		cmocka_unit_test(every_row_is_found_and_nothing_else_is),
		cmocka_unit_test(versions_are_a_range_and_every_row_can_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
