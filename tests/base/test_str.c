#include "base/str.h"

#include <string.h>

#include "base/mem.h"
#include "tests/base/cm.h"

static void null_is_not_empty(void **state)
{
	assert_true(str_is_null(STR_NULL));
	assert_false(str_is_null(STR("")));
	assert_false(str_eq(STR_NULL, STR("")));
	assert_true(str_eq(STR_NULL, STR_NULL));
	assert_true(str_eq(STR(""), STR("")));
	assert_true(str_is(STR_NULL, NULL));
	assert_null(str_dup(STR_NULL));
	assert_null(str_of(NULL).p);
	assert_true(bytes_eq(BYTES_NULL, BYTES_NULL));
	assert_false(bytes_eq(BYTES_NULL, (struct bytes){(const uint8_t *)"", 0}));
}

static void order_is_bytewise_and_shorter_first(void **state)
{
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("a"), STR("aa")) < 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
	assert_true(str_cmp(STR_NULL, STR("")) < 0);
	assert_int_equal(str_cmp(STR("x"), STR("x")), 0);
	assert_int_equal(str_cmp(STR_NULL, STR_NULL), 0);
	assert_false(str_eq(STR("ab"), STR("a")));
	assert_true(str_is(STR("ab"), "ab"));
}

static void white_space_around_it_is_what_java_trims(void **state)
{
	assert_true(str_is(str_trim(STR(" \t\r\n\x01 a b \x1f")), "a b"));
	assert_true(str_is(str_trim(STR("\xc2\xa0z")), "\xc2\xa0z"));
	assert_int_equal(str_trim(STR("  ")).len, 0);
	assert_true(str_is_null(str_trim(STR_NULL)));
}

static void a_copy_ends_in_nul(void **state)
{
	char *p = str_dup((struct str){"hello", 4});

	assert_string_equal(p, "hell");
	xfree(p);
}

/* The values are Java's "...".hashCode(). */
static void the_hash_is_javas(void **state)
{
	assert_int_equal(str_java_hash(STR("")), 0);
	assert_int_equal(str_java_hash(STR("a")), 97);
	assert_int_equal(str_java_hash(STR("my-group")), -1906497762);
	assert_int_equal(str_java_hash(STR("polygenelubricants")), INT32_MIN);
	assert_int_equal(str_java_hash(STR("\xc3\xa9")), 233);		   /* U+00E9 */
	assert_int_equal(str_java_hash(STR("\xf0\x9f\x98\x80")), 1772899); /* U+1F600: d83d de00 */
	assert_int_equal(str_java_hash(STR("\xff")), 0xfffd);
}

static void utf8_is_told_from_what_only_looks_like_it(void **state)
{
	static const struct str good[] = {STR(""),
					  STR("a\0b"),
					  STR("\xc2\x80"),
					  STR("\xdf\xbf"),
					  STR("\xe0\xa0\x80"),
					  STR("\xed\x9f\xbf"),
					  STR("\xee\x80\x80"),
					  STR("\xf0\x90\x80\x80"),
					  STR("\xf4\x8f\xbf\xbf")};
	static const struct str bad[] = {STR("\x80"),
					 STR("\xc0\x80"),
					 STR("\xc1\xbf"),
					 STR("\xc2"),
					 STR("\xc2 "),
					 STR("\xe0\x9f\xbf"),
					 STR("\xed\xa0\x80"),
					 STR("\xed\xbf\xbf"),
					 STR("\xe1\x80"),
					 STR("\xf0\x8f\xbf\xbf"),
					 STR("\xf4\x90\x80\x80"),
					 STR("\xf5\x80\x80\x80"),
					 STR("\xf0\x90\x80"),
					 STR("\xff"),
					 STR("a\xfe")};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(str_is_utf8(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(str_is_utf8(bad[i]));
}

static void distance_finds_the_name_that_was_meant(void **state)
{
	assert_int_equal(str_distance(STR("log.dirs"), STR("log.dirs"), 4), 0);
	assert_int_equal(str_distance(STR("log.dir"), STR("log.dirs"), 4), 1);
	assert_int_equal(str_distance(STR("LOG.dris"), STR("log.dirs"), 4), 2);
	assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 9), 3);
	assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 2), 2);
	assert_int_equal(str_distance(STR(""), STR("abc"), 9), 3);
	assert_int_equal(str_distance(STR("a"), STR("abcdefgh"), 3), 3);
}

static void an_int_is_read_as_java_reads_it(void **state)
{
	static const struct {
		struct str text;
		int32_t value;
	} good[] = {{STR("0"), 0},
		    {STR("-0"), 0},
		    {STR("+7"), 7},
		    {STR("007"), 7},
		    {STR("2147483647"), INT32_MAX},
		    {STR("-2147483648"), INT32_MIN}};
	static const struct str bad[] = {
		STR(""),   STR("-"),   STR("+"),	  STR(" 1"),	      STR("1 "),
		STR("1a"), STR("--1"), STR("2147483648"), STR("-2147483649"), STR("99999999999999999999"),
		STR("0x1")};
	int32_t v;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(str_to_i32(good[i].text, &v));
		assert_int_equal(v, good[i].value);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(str_to_i32(bad[i], &v));
}

static void true_is_true_in_any_case(void **state)
{
	(void)state;
	assert_true(str_is_true(STR("true")));
	assert_true(str_is_true(STR("TrUe")));
	assert_false(str_is_true(STR("true ")));
	assert_false(str_is_true(STR("tru")));
	assert_false(str_is_true(STR("yes!")));
	assert_false(str_is_true(STR_NULL));
}

static void a_prefix_is_taken_once_and_whole(void **state)
{
	struct str s = STR("n,n,a");

	(void)state;
	assert_true(str_take_prefix(&s, "n,"));
	assert_true(str_is(s, "n,a"));
	assert_false(str_take_prefix(&s, "n,b"));
	assert_false(str_take_prefix(&s, "n,a "));
	assert_true(str_take_prefix(&s, ""));
	assert_true(str_is(s, "n,a"));
	assert_true(str_take_prefix(&s, "n,a"));
	assert_int_equal(s.len, 0);
}

static void hexadecimal_digits_are_of_either_case(void **state)
{
	static const char DIGITS[] = "0123456789abcdef", CAPITALS[] = "0123456789ABCDEF";

	(void)state;
	for (int c = 0; c < 128; c++) {
		const char *at = c ? strchr(DIGITS, c) : NULL, *capital = c ? strchr(CAPITALS, c) : NULL;

		assert_int_equal(hex_digit((char)c), at ? at - DIGITS : capital ? capital - CAPITALS : -1);
	}
}

static void items_are_what_is_between_commas(void **state)
{
	static const char *const ITEMS[] = {"a", " b ", "", "c", ""};
	struct str item = STR_NULL;
	int32_t at = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(ITEMS) / sizeof(ITEMS[0]); i++) {
		assert_true(str_next_item(STR("a, b ,,c,"), &at, &item));
		assert_true(str_is(item, ITEMS[i]));
	}
	assert_false(str_next_item(STR("a, b ,,c,"), &at, &item));
	at = 0;
	assert_true(str_next_item(STR_NULL, &at, &item));
	assert_true(str_is(item, ""));
	assert_false(str_next_item(STR_NULL, &at, &item));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_is_not_empty),
		cmocka_unit_test(order_is_bytewise_and_shorter_first),
		cmocka_unit_test(a_copy_ends_in_nul),
		cmocka_unit_test(the_hash_is_javas),
		cmocka_unit_test(utf8_is_told_from_what_only_looks_like_it),
		cmocka_unit_test(distance_finds_the_name_that_was_meant),
		cmocka_unit_test(an_int_is_read_as_java_reads_it),
		cmocka_unit_test(white_space_around_it_is_what_java_trims),
		cmocka_unit_test(true_is_true_in_any_case),
		cmocka_unit_test(a_prefix_is_taken_once_and_whole),
		cmocka_unit_test(hexadecimal_digits_are_of_either_case),
		cmocka_unit_test(items_are_what_is_between_commas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
