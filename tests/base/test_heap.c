#include "base/heap.h"

#include "tests/base/cm.h"

static void members_leave_by_key_then_by_age(void **state)
{
	struct heap h = {0};
	struct heap_node nodes[500] = {{0}};
	const struct heap_node *last = NULL;
	uint64_t chance = 3;

	for (int i = 0; i < 500; i++)
		heap_insert(&h, &nodes[i], (int64_t)(cm_random(&chance) % 20) - 10);
	for (int i = 0; i < 500; i++) {
		struct heap_node *n = heap_min(&h);

		assert_non_null(n);
		if (last)
			assert_true(last->key < n->key || (last->key == n->key && last->seq < n->seq));
		heap_remove(&h, n);
		assert_int_equal(n->pos, 0);
		last = n;
	}
	assert_null(heap_min(&h));
	heap_fini(&h);
}

static void any_member_can_be_removed(void **state)
{
	struct heap h = {0};
	struct heap_node nodes[200] = {{0}};
	uint64_t chance = 9;
	int64_t last = INT64_MIN;

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 200; i++)
			if (!nodes[i].pos)
				heap_insert(&h, &nodes[i], (int64_t)(cm_random(&chance) % 1000));
		for (int i = 0; i < 150; i++) {
			struct heap_node *n = &nodes[cm_random(&chance) % 200];

			if (n->pos)
				heap_remove(&h, n);
		}
		for (size_t i = 1; i < h.n; i++)
			assert_true(h.v[(i - 1) / 2]->key <= h.v[i]->key);
	}
	while (h.n) {
		struct heap_node *n = heap_min(&h);

		assert_true(n->key >= last);
		last = n->key;
		heap_remove(&h, n);
	}
	heap_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_leave_by_key_then_by_age),
		cmocka_unit_test(any_member_can_be_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
