#include "base/uuid.h"

#include <string.h>

#include "tests/base/cm.h"

static void text_and_bytes_go_back_and_forth(void **state)
{
	struct uuid u, back;
	char text[UUID_TEXT_LEN + 1];
	uint64_t chance = 5;

	assert_string_equal(uuid_text(UUID_ZERO, text), "AAAAAAAAAAAAAAAAAAAAAA");
	assert_string_equal(uuid_text(UUID_METADATA_TOPIC, text), "AAAAAAAAAAAAAAAAAAAAAQ");
	memset(u.b, 0xff, sizeof(u.b));
	assert_string_equal(uuid_text(u, text), "_____________________w");
	for (int i = 0; i < 1000; i++) {
		for (int j = 0; j < 16; j++)
			u.b[j] = (uint8_t)cm_random(&chance);
		assert_true(uuid_parse(str_of(uuid_text(u, text)), &back));
		assert_true(uuid_eq(u, back));
	}
}

static void padded_text_is_taken_and_other_text_is_not(void **state)
{
	struct uuid u;

	assert_true(uuid_parse(STR("AAAAAAAAAAAAAAAAAAAAAQ=="), &u));
	assert_true(uuid_eq(u, UUID_METADATA_TOPIC));
	assert_true(uuid_parse(STR("AAAAAAAAAAAAAAAAAAAAAf"), &u)); /* excess bits are dropped */
	assert_true(uuid_eq(u, UUID_METADATA_TOPIC));
	assert_false(uuid_parse(STR("AAAAAAAAAAAAAAAAAAAAAQ="), &u));
	assert_false(uuid_parse(STR("AAAAAAAAAAAAAAAAAAAAA"), &u));
	assert_false(uuid_parse(STR("AAAAAAAAAAAAAAAAAAAAAAA"), &u));
	assert_false(uuid_parse(STR("AAAAAAAAAAAAAAAAAAAAA+"), &u));
	assert_false(uuid_parse(STR("AAAAAAAAAAAAAAAAAAAAA\0"), &u));
	assert_false(uuid_parse(STR_NULL, &u));
	assert_false(uuid_parse(STR(""), &u));
}

static void a_random_one_is_version_four_and_has_no_dash(void **state)
{
	uint64_t chance = 11;
	int refused = 0;

	for (int i = 0; i < 2000; i++) {
		uint8_t random[16];
		char text[UUID_TEXT_LEN + 1];
		struct uuid u;

		for (int j = 0; j < 16; j++)
			random[j] = (uint8_t)cm_random(&chance);
		if (!uuid_from_random(random, &u)) {
			assert_non_null(strchr(uuid_text(u, text), '-'));
			refused++;
			continue;
		}
		assert_null(strchr(uuid_text(u, text), '-'));
		assert_int_equal(u.b[6] >> 4, 4);
		assert_int_equal(u.b[8] >> 6, 2);
	}
	assert_in_range(refused, 400, 800); /* 1 - (63/64)^22 of them */
}

static void order_is_javas_signed_one(void **state)
{
	struct uuid low = UUID_ZERO, high = UUID_ZERO, negative = UUID_ZERO;

	high.b[15] = 1;
	negative.b[0] = 0x80;
	assert_true(uuid_cmp(low, high) < 0);
	assert_true(uuid_cmp(negative, low) < 0);
	negative = UUID_ZERO;
	negative.b[8] = 0x80;
	assert_true(uuid_cmp(negative, low) < 0);
	assert_int_equal(uuid_cmp(high, UUID_METADATA_TOPIC), 0);
	assert_true(uuid_is_zero(low));
	assert_false(uuid_is_zero(high));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_bytes_go_back_and_forth),
		cmocka_unit_test(padded_text_is_taken_and_other_text_is_not),
		cmocka_unit_test(a_random_one_is_version_four_and_has_no_dash),
		cmocka_unit_test(order_is_javas_signed_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
