#include "base/siphash.h"

#include <stdio.h>
#include <string.h>

#include "tests/base/cm.h"

/* The key and the messages 00, 00 01, ... of the paper's own test. */
static const struct siphash_key KEY = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

static void expect(int len, const char *hex)
{
	uint8_t message[64] = {0};
	uint8_t bytes[16];
	char text[33];

	for (int i = 0; i < len; i++)
		message[i] = (uint8_t)i;
	struct hash128 h = siphash(KEY, message, (size_t)len);
	memcpy(bytes, &h.hi, 8);
	memcpy(bytes + 8, &h.lo, 8);
	for (int i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	assert_string_equal(text, hex);
}

static void the_published_values_come_out(void **state)
{
	expect(0, "a3817f04ba25a8e66df67214c7550293");
	expect(1, "da87c1d86b99af44347659119b22fc45");
	expect(7, "a1f1ebbed8dbc153c0b84aa61ff08239");
	expect(8, "3b62a9ba6258f5610f83e264f31497b4");
}

static void another_key_gives_another_hash(void **state)
{
	struct hash128 a = siphash(KEY, "abc", 3);
	struct hash128 b = siphash((struct siphash_key){1, 2}, "abc", 3);

	assert_true(a.hi != b.hi && a.lo != b.lo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_values_come_out),
		cmocka_unit_test(another_key_gives_another_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
