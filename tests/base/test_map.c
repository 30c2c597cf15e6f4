#include "base/map.h"

#include <string.h>

#include "base/list.h"
#include "tests/base/cm.h"

struct item {
	struct map_node node;
	uint64_t key;
	int seen;
};

static bool has_key(const struct map_node *n, const void *key)
{
	return container_of(n, struct item, node)->key == *(const uint64_t *)key;
}

static struct item *find(struct map *m, uint64_t key)
{
	struct map_node *n = map_find(m, hash_u64(m->seed, key), has_key, &key);

	return n ? container_of(n, struct item, node) : NULL;
}

static void members_are_found_until_they_are_removed(void **state)
{
	static struct item items[3000];
	struct map m;

	map_init(&m, 42);
	assert_null(find(&m, 1));
	for (uint64_t i = 0; i < 3000; i++) {
		items[i].key = i * i;
		map_insert(&m, &items[i].node, hash_u64(m.seed, i * i));
	}
	for (uint64_t i = 0; i < 3000; i++)
		assert_ptr_equal(find(&m, i * i), &items[i]);
	assert_null(find(&m, 2));
	for (uint64_t i = 0; i < 3000; i += 2)
		map_remove(&m, &items[i].node);
	for (uint64_t i = 0; i < 3000; i++)
		assert_ptr_equal(find(&m, i * i), i % 2 ? &items[i] : NULL);
	assert_int_equal(m.n, 1500);
	map_fini(&m);
}

static void a_walk_sees_each_member_once_and_may_remove_it(void **state)
{
	static struct item items[1000];
	struct map m;

	map_init(&m, 1);
	for (uint64_t i = 0; i < 1000; i++) {
		items[i].key = i;
		map_insert(&m, &items[i].node, hash_u64(m.seed, i % 7)); /* long chains */
	}
	map_each(it, &m)
	{
		container_of(it, struct item, node)->seen++;
		map_remove(&m, it);
	}
	assert_int_equal(m.n, 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(items[i].seen, 1);
	map_fini(&m);
}

static void hashes_spread_and_depend_on_seed_length_and_every_byte(void **state)
{
	uint8_t key[64] = {0};
	unsigned buckets[256] = {0};

	for (size_t len = 0; len < 64; len++)
		assert_int_not_equal(hash_bytes(1, key, len), hash_bytes(1, key, len + 1));
	for (size_t i = 0; i < 64; i++) {
		uint64_t before = hash_bytes(5, key, 64);

		key[i] ^= 1;
		assert_int_not_equal(before, hash_bytes(5, key, 64));
	}
	assert_int_not_equal(hash_bytes(5, key, 64), hash_bytes(6, key, 64));
	for (uint64_t i = 0; i < 25600; i++)
		buckets[hash_u64(9, i << 20) & 255]++;
	for (int i = 0; i < 256; i++)
		assert_in_range(buckets[i], 50, 170);
	memset(buckets, 0, sizeof(buckets));
	for (uint32_t i = 0; i < 25600; i++)
		buckets[hash_bytes(9, &i, 4) & 255]++;
	for (int i = 0; i < 256; i++)
		assert_in_range(buckets[i], 50, 170);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found_until_they_are_removed),
		cmocka_unit_test(a_walk_sees_each_member_once_and_may_remove_it),
		cmocka_unit_test(hashes_spread_and_depend_on_seed_length_and_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
