/* str_index: each string has one number. */
#include <stdio.h>
#include <string.h>

#include "base/str_index.h"
#include "tests/base/cm.h"

static void each_string_has_one_number(void **state)
{
	static char names[1000][16];
	struct str_index x;

	(void)state;
	str_index_init(&x, 1);
	for (int i = 0; i < 1000; i++) {
		int *number;

		snprintf(names[i], sizeof(names[i]), "name-%d", i);
		number = str_index_at(&x, str_of(names[i]));
		assert_int_equal(*number, -1);
		*number = i;
	}
	for (int i = 0; i < 1000; i++) {
		char copy[16];

		memcpy(copy, names[i], sizeof(copy));
		assert_int_equal(*str_index_at(&x, str_of(copy)), i);
	}
	str_index_fini(&x);
}

static void null_and_empty_are_two(void **state)
{
	struct str_index x;

	(void)state;
	str_index_init(&x, 1);
	assert_false(str_index_has(&x, STR("")));
	*str_index_at(&x, STR("")) = 5;
	assert_true(str_index_has(&x, STR("")));
	assert_false(str_index_has(&x, STR_NULL));
	assert_int_equal(*str_index_at(&x, STR_NULL), -1);
	assert_int_equal(*str_index_at(&x, STR("")), 5);
	str_index_fini(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_string_has_one_number),
		cmocka_unit_test(null_and_empty_are_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
