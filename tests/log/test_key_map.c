#include "log/key_map.h"

#include <stdio.h>
#include <string.h>

#include "tests/base/cm.h"

static struct bytes key_of(int i, char out[32])
{
	return (struct bytes){(const uint8_t *)out, snprintf(out, 32, "the key %d", i)};
}

static bool put(struct key_map *m, struct bytes key, int64_t offset)
{
	return key_map_put(m, key_map_hash(m, key), offset);
}

static int64_t get(const struct key_map *m, struct bytes key)
{
	return key_map_get(m, key_map_hash(m, key));
}

static void all_keys_are_found_until_it_is_full_and_after(void **state)
{
	enum { SLOTS = 20000 };
	struct key_map m;
	char text[32];
	int n = 0;

	key_map_init(&m, (struct siphash_key){1, 2}, SLOTS * KEY_MAP_ENTRY, 0.9);
	while (put(&m, key_of(n, text), 3 * n))
		n++;
	assert_in_range(n, SLOTS * 85 / 100, SLOTS * 9 / 10);
	assert_true(key_map_load(&m) <= 0.9);
	for (int i = 0; i < n; i++)
		assert_int_equal(get(&m, key_of(i, text)), 3 * i);
	for (int i = n; i < 2 * n; i++)
		assert_int_equal(get(&m, key_of(i, text)), -1);
	for (int i = 0; i < n; i++)
		assert_true(put(&m, key_of(i, text), 5 * i)); /* there is always room for an existing key */
	for (int i = 0; i < n; i++)
		assert_int_equal(get(&m, key_of(i, text)), 5 * i);
	key_map_clear(&m);
	assert_int_equal(get(&m, key_of(0, text)), -1);
	assert_true(put(&m, key_of(0, text), 0));
	assert_int_equal(get(&m, key_of(0, text)), 0);
	key_map_fini(&m);
}

static void a_map_of_any_size_holds_a_key(void **state)
{
	for (int bytes = 0; bytes < 5000; bytes += 7) {
		struct key_map m;
		char text[32];
		int n = 0;

		key_map_init(&m, (struct siphash_key){1, 2}, bytes, 0.5);
		while (put(&m, key_of(n, text), n))
			n++;
		assert_true(n >= 1 && n <= 1 + bytes / KEY_MAP_ENTRY / 2);
		for (int i = 0; i < n; i++)
			assert_int_equal(get(&m, key_of(i, text)), i);
		key_map_fini(&m);
	}
}

static void an_empty_key_is_a_key(void **state)
{
	struct key_map m;

	key_map_init(&m, (struct siphash_key){1, 2}, 1000, 0.9);
	assert_true(put(&m, (struct bytes){(const uint8_t *)"", 0}, 4));
	assert_int_equal(get(&m, (struct bytes){(const uint8_t *)"", 0}), 4);
	key_map_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_keys_are_found_until_it_is_full_and_after),
		cmocka_unit_test(a_map_of_any_size_holds_a_key),
		cmocka_unit_test(an_empty_key_is_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
