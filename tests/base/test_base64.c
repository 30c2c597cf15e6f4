#include "base/base64.h"

#include <string.h>

#include "tests/base/cm.h"

static void assert_both(const char *plain, const char *padded, const char *url)
{
	const struct {
		enum base64_kind kind;
		const char *text;
	} v[] = {{BASE64_PADDED, padded}, {BASE64_URL, url}};
	struct bytes in = {(const uint8_t *)plain, (int32_t)strlen(plain)}, back;
	struct arena a;

	arena_init(&a, 1 << 20);
	for (int i = 0; i < 2; i++) {
		struct str text = base64_text(v[i].kind, in, &a);

		assert_true(str_is(text, v[i].text));
		assert_true(base64_read(v[i].kind, text, &a, &back));
		assert_true(bytes_eq(in, back));
	}
	arena_fini(&a);
}

/* RFC 4648, 10. */
static void the_vectors_of_the_rfc(void **state)
{
	(void)state;
	assert_both("", "", "");
	assert_both("f", "Zg==", "Zg");
	assert_both("fo", "Zm8=", "Zm8");
	assert_both("foo", "Zm9v", "Zm9v");
	assert_both("foob", "Zm9vYg==", "Zm9vYg");
	assert_both("fooba", "Zm9vYmE=", "Zm9vYmE");
	assert_both("foobar", "Zm9vYmFy", "Zm9vYmFy");
	assert_both("\xfb\xff\xfe", "+//+", "-__-");
}

static void refused(enum base64_kind kind, const char *text)
{
	struct arena a;
	struct bytes out;

	arena_init(&a, 1 << 20);
	assert_false(base64_read(kind, str_of(text), &a, &out));
	arena_fini(&a);
}

static void what_is_not_base64_is_refused(void **state)
{
	static const char *const padded[] = {"Zg",	 "Zg=",	 "Zg===", "=",	   "====",     "Z===",
					     "Zm9vYg=a", "Zm-_", "Zm 9",  "Zm\n9", "Zg==Zg==", "Zm9v\xc3\xa4"};
	static const char *const url[] = {"Zg==", "Z", "Zm9vY", "Zm+/", "Zm8="};

	(void)state;
	for (size_t i = 0; i < sizeof(padded) / sizeof(*padded); i++)
		refused(BASE64_PADDED, padded[i]);
	for (size_t i = 0; i < sizeof(url) / sizeof(*url); i++)
		refused(BASE64_URL, url[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_the_rfc),
		cmocka_unit_test(what_is_not_base64_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
