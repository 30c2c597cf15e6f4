/* api: the table of rows. */
#include "broker/api.h"
#include "tests/base/cm.h"

static void every_row_is_found_by_its_key_and_nothing_else_is(void **state)
{
	struct api_table t;

	(void)state;
	api_table_fill(&t);
	for (int key = 0; key < API_KEYS_MAX; key++) {
		const struct api *api = api_find(&t, key);

		assert_true(!api || api->key == key);
	}
	assert_non_null(api_find(&t, 0));
	assert_null(api_find(&t, -1));
	assert_null(api_find(&t, API_KEYS_MAX));
	assert_null(api_find(&t, INT16_MAX));
}

static void versions_are_a_range_and_every_row_can_fail(void **state)
{
	struct api_table t;

	(void)state;
	api_table_fill(&t);
	for (int key = 0; key < API_KEYS_MAX; key++) {
		const struct api *api = api_find(&t, key);

		if (!api)
			continue;
		assert_in_range(api->last, api->first, INT16_MAX);
		assert_true(api->flags & (API_BROKER | API_CONTROLLER));
		assert_non_null(api->in);
		assert_non_null(api->out);
		assert_non_null(api->fail);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_found_by_its_key_and_nothing_else_is),
		cmocka_unit_test(versions_are_a_range_and_every_row_can_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
