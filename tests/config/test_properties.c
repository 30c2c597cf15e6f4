#include "config/properties.h"

#include <string.h>

#include "tests/base/cm.h"

static struct arena arena;

static int begin(void **state)
{
	arena_init(&arena, 1 << 20);
	return 0;
}

static int end(void **state)
{
	arena_fini(&arena);
	return 0;
}

/* All pairs as "name=value;", in the arena. */
static const char *read_all(const char *text)
{
	struct properties p;
	struct str name, value, all = STR("");

	properties_init(&p, str_of(text), &arena);
	while (properties_next(&p, &name, &value))
		all = arena_printf(&arena, "%.*s%.*s=%.*s;", STR_ARG(all), STR_ARG(name), STR_ARG(value));
	if (p.malformed)
		all = arena_printf(&arena, "%.*smalformed at %d", STR_ARG(all), p.line);
	return arena_printf(&arena, "%.*s", STR_ARG(all)).p;
}

static void names_and_values_are_parted_by_the_first_sign_or_blank(void **state)
{
	assert_string_equal(read_all("a=b"), "a=b;");
	assert_string_equal(read_all("a:b=c\n"), "a=b=c;");
	assert_string_equal(read_all("a b c\n"), "a=b c;");
	assert_string_equal(read_all("a \t = \f b\n"), "a=b;");
	assert_string_equal(read_all("a = = b\n"), "a== b;");
	assert_string_equal(read_all("a\n"), "a=;");
	assert_string_equal(read_all("=b\n"), "=b;");
	assert_string_equal(read_all("a=b  \n"), "a=b  ;");
	assert_string_equal(read_all("listeners=PLAINTEXT://:9092\n"), "listeners=PLAINTEXT://:9092;");
}

static void comments_and_blank_lines_are_passed_over(void **state)
{
	assert_string_equal(read_all(""), "");
	assert_string_equal(read_all("\n\r\n  \t\f\n"), "");
	assert_string_equal(read_all("# a=b\n  ! c=d\ne=f"), "e=f;");
	assert_string_equal(read_all("# a comment does not go on \\\na=b\n"), "a=b;");
	assert_string_equal(read_all("a=#b\n"), "a=#b;");
}

static void an_odd_number_of_backslashes_joins_lines(void **state)
{
	assert_string_equal(read_all("a=b,\\\n   c\n"), "a=b,c;");
	assert_string_equal(read_all("a=b\\\r\n\tc\r\nd=e"), "a=bc;d=e;");
	assert_string_equal(read_all("a=b\\\\\nc=d\n"), "a=b\\;c=d;");
	assert_string_equal(read_all("a=b\\\\\\\nc=d\n"), "a=b\\c=d;");
	assert_string_equal(read_all("a=b\\\n# no comment\n"), "a=b# no comment;");
	assert_string_equal(read_all("a=b\\"), "a=b;");
	assert_string_equal(read_all("a=b\\\n"), "a=b;");
	assert_string_equal(read_all("a=b\\\n\nc=d\n"), "a=b;c=d;");
	assert_string_equal(read_all("\\\n"), "=;");
	assert_string_equal(read_all("\\\r"), "=;");
	assert_string_equal(read_all("\\\r\n"), "");
	assert_string_equal(read_all("a\\\n  b = c\n"), "ab=c;");
}

static void escapes_are_undone(void **state)
{
	assert_string_equal(read_all("a\\ b\\=c\\:d=e"), "a b=c:d=e;");
	assert_string_equal(read_all("a=\\tb\\nc\\rd\\fe"), "a=\tb\nc\rd\fe;");
	assert_string_equal(read_all("a=C:\\\\x\\y"), "a=C:\\xy;");
	assert_string_equal(read_all("a=\\ b"), "a= b;");
	assert_string_equal(read_all("a=\\u0041\\u00e9\\u20AC"), "a=A\xc3\xa9\xe2\x82\xac;");
	assert_string_equal(read_all("a=\\ud83d\\ude00"), "a=\xf0\x9f\x98\x80;");
	assert_string_equal(read_all("a=\\ud83dx"), "a=?x;");
	assert_string_equal(read_all("a=\\ude00\\ud83d"), "a=??;");
}

static void bytes_are_latin_1(void **state)
{
	assert_string_equal(read_all("a=\xe9"), "a=\xc3\xa9;");
	assert_string_equal(read_all("a=\xc3\xa9"), "a=\xc3\x83\xc2\xa9;");
}

static void a_malformed_escape_ends_the_reading_and_names_its_line(void **state)
{
	assert_string_equal(read_all("a=b\n\nc=\\u12\n"), "a=b;malformed at 3");
	assert_string_equal(read_all("a=\\u"), "malformed at 1");
	assert_string_equal(read_all("a=\\u12g4"), "malformed at 1");
	assert_string_equal(read_all("\\u00=b"), "malformed at 1");
}

static void lines_are_counted_whatever_ends_them(void **state)
{
	struct properties p;
	struct str name, value;
	static const int lines[] = {1, 3, 4, 6, 9};

	properties_init(&p, STR("a=1\r\n\r\nb=2\rc=3\n#\nd=\\\n\\\n4\ne=5"), &arena);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		assert_true(properties_next(&p, &name, &value));
		assert_int_equal(p.line, lines[i]);
	}
	assert_false(properties_next(&p, &name, &value));
	assert_false(properties_next(&p, &name, &value));
}

static void every_length_of_a_text_can_be_read(void **state)
{
	static const char text[] = " # x\n a\\\n b = \\u00e9\\ud83d\\ude00 \\\r\n c\\\\\n!y\r=\\\n";

	for (int len = 0; len < (int)sizeof(text); len++) {
		struct properties p;
		struct str name, value;
		char *copy = arena_alloc(&arena, (size_t)len);

		memcpy(copy, text, (size_t)len);
		properties_init(&p, (struct str){copy, len}, &arena);
		for (int n = 0; properties_next(&p, &name, &value); n++)
			assert_true(n < len && str_is_utf8(name) && str_is_utf8(value));
	}
}

static void a_text_beyond_the_memory_ends_the_reading(void **state)
{
	struct arena small;
	struct properties p;
	struct str name, value;

	arena_init(&small, 16);
	properties_init(&p, STR("a=0123456789012345678901234567890123456789"), &small);
	assert_false(properties_next(&p, &name, &value));
	assert_true(small.failed);
	arena_fini(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_values_are_parted_by_the_first_sign_or_blank),
		cmocka_unit_test(comments_and_blank_lines_are_passed_over),
		cmocka_unit_test(an_odd_number_of_backslashes_joins_lines),
		cmocka_unit_test(escapes_are_undone),
		cmocka_unit_test(bytes_are_latin_1),
		cmocka_unit_test(a_malformed_escape_ends_the_reading_and_names_its_line),
		cmocka_unit_test(lines_are_counted_whatever_ends_them),
		cmocka_unit_test(every_length_of_a_text_can_be_read),
		cmocka_unit_test(a_text_beyond_the_memory_ends_the_reading),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
