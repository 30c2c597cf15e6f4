#include "base/buf.h"

#include <string.h>

#include "tests/base/cm.h"

static void bytes_stay_as_they_were_put(void **state)
{
	struct buf b = {0};

	for (int i = 0; i < 5000; i++)
		buf_put(&b, &(uint8_t){(uint8_t)i}, 1);
	assert_int_equal(b.len, 5000);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(b.p[i], i & 0xff);
	buf_fini(&b);
	assert_null(b.p);
}

static void a_secret_that_grows_stays_whole(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_put_secret(&b, "", 0);
	for (int i = 0; i < 10000; i++)
		buf_put_secret(&b, &(char){(char)i}, 1);
	buf_put_secret(&b, b.p, 0);
	assert_int_equal(b.len, 10000);
	for (int i = 0; i < 10000; i++)
		assert_int_equal((char)b.p[i], (char)i);
	buf_fini(&b);
}

static void formatted_text_is_appended_without_its_nul(void **state)
{
	struct buf b = {0};

	buf_printf(&b, "%s=%d", "a", 1);
	buf_put_str(&b, STR(" "));
	buf_printf(&b, "%0100d", 7);
	assert_int_equal(b.len, 104);
	assert_memory_equal(b.p, "a=1 00", 6);
	assert_int_equal(buf_str(&b).len, 104);
	buf_fini(&b);
}

static void an_empty_buf_is_an_empty_string_not_null(void **state)
{
	struct buf b = {0};

	buf_put(&b, NULL, 0);
	assert_non_null(buf_str(&b).p);
	assert_int_equal(buf_str(&b).len, 0);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_stay_as_they_were_put),
		cmocka_unit_test(a_secret_that_grows_stays_whole),
		cmocka_unit_test(formatted_text_is_appended_without_its_nul),
		cmocka_unit_test(an_empty_buf_is_an_empty_string_not_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
