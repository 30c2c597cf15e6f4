#include "base/arena.h"

#include <string.h>

#include "tests/base/cm.h"

static void blocks_are_aligned_and_do_not_overlap(void **state)
{
	struct arena a;
	uint8_t *blocks[300];
	uint64_t chance = 1;

	arena_init(&a, 8 << 20);
	for (int i = 0; i < 300; i++) {
		size_t size = 1 + cm_random(&chance) % (i % 10 ? 300 : 90000);

		blocks[i] = arena_alloc(&a, size);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		memset(blocks[i], i & 0xff, size);
	}
	chance = 1;
	for (int i = 0; i < 300; i++) {
		size_t size = 1 + cm_random(&chance) % (i % 10 ? 300 : 90000);

		for (size_t j = 0; j < size; j++)
			assert_int_equal(blocks[i][j], i & 0xff);
	}
	arena_fini(&a);
}

static void a_spent_budget_refuses_and_stays_failed(void **state)
{
	struct arena a;
	size_t got = 0;

	arena_init(&a, 10000);
	while (arena_alloc(&a, 100))
		got += 100;
	assert_true(a.failed);
	assert_true(got >= 5000 && got <= 10000);
	assert_true(a.used <= 10000);
	assert_null(arena_alloc(&a, 1));
	arena_reset(&a);
	assert_false(a.failed);
	assert_non_null(arena_alloc(&a, 1));
	arena_fini(&a);
}

static void a_block_of_almost_any_size_is_refused_without_overflow(void **state)
{
	struct arena a;

	for (int i = 0; i < 40; i++) {
		arena_init(&a, 1 << 20);
		assert_null(arena_alloc(&a, SIZE_MAX - (size_t)i));
		assert_true(a.failed);
		arena_fini(&a);
	}
	arena_init(&a, 1 << 20);
	assert_null(arena_array(&a, SIZE_MAX / 2, 4));
	assert_true(a.failed);
	arena_fini(&a);
	arena_init(&a, 1 << 20);
	assert_null(arena_alloc(&a, 1 << 20));
	arena_fini(&a);
}

static void an_empty_block_is_not_null(void **state)
{
	struct arena a;

	arena_init(&a, 4096);
	assert_non_null(arena_alloc(&a, 0));
	assert_non_null(arena_str(&a, STR("")).p);
	assert_null(arena_str(&a, STR_NULL).p);
	assert_non_null(arena_array(&a, 0, 8));
	arena_fini(&a);
}

static void zeroed_blocks_are_zero_after_a_reset(void **state)
{
	struct arena a;
	char *p;

	arena_init(&a, 4096);
	memset(arena_alloc(&a, 500), 0xff, 500);
	arena_reset(&a);
	p = arena_zalloc(&a, 500);
	for (int i = 0; i < 500; i++)
		assert_int_equal(p[i], 0);
	arena_fini(&a);
}

static void a_reset_arena_gives_its_whole_budget_again(void **state)
{
	struct arena a;

	arena_init(&a, 100000);
	for (int round = 0; round < 5; round++) {
		assert_non_null(arena_alloc(&a, 40000));
		assert_non_null(arena_alloc(&a, 40000));
		arena_reset(&a);
	}
	arena_fini(&a);
}

static void note(void *arg)
{
	char *text = arg;

	text[strlen(text)] = (char)('a' + strlen(text));
}

static char order[4];

static void note_one(void *arg)
{
	strcat(order, "1");
}

static void note_two(void *arg)
{
	strcat(order, "2");
}

static void cleanups_run_once_in_reverse_order(void **state)
{
	struct arena a;
	char text[4] = "";

	arena_init(&a, 0); /* even without a budget */
	arena_cleanup(&a, note, text);
	arena_fini(&a);
	assert_string_equal(text, "a");
	arena_init(&a, 64);
	arena_cleanup(&a, note_one, NULL);
	arena_cleanup(&a, note_two, NULL);
	arena_reset(&a);
	assert_string_equal(order, "21");
	arena_fini(&a);
	assert_string_equal(order, "21");
}

static void what_is_wiped_is_nowhere_in_it(void **state)
{
	static const size_t sizes[] = {1, 100, 5000, 40000, 200000};
	char *blocks[5];
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	for (int i = 0; i < 5; i++) {
		blocks[i] = arena_alloc(&a, sizes[i]);
		memset(blocks[i], 'x', sizes[i]);
	}
	arena_wipe(&a);
	for (int i = 0; i < 5; i++)
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(blocks[i][k], 0);
	arena_fini(&a);
}

static void formatted_text_lives_in_the_arena(void **state)
{
	struct arena a;
	struct str s;

	arena_init(&a, 4096);
	s = arena_printf(&a, "%s-%d", "topic", 12);
	assert_int_equal(s.len, 8);
	assert_memory_equal(s.p, "topic-12", 9);
	assert_null(arena_printf(&a, "%5000d", 1).p);
	assert_true(a.failed);
	arena_fini(&a);
}

static void an_array_that_grows_keeps_its_elements(void **state)
{
	struct arena a;
	int *v = NULL, n = 0, cap = 0, before;

	(void)state;
	arena_init(&a, 1 << 20);
	for (; n < 1000; n++) {
		v = arena_grow(&a, v, n, &cap, sizeof(*v));
		assert_non_null(v);
		assert_true(n < cap && v[cap - 1] == 0);
		v[n] = n + 1;
	}
	for (int i = 0; i < n; i++)
		assert_int_equal(v[i], i + 1);
	do {
		before = cap;
		v = arena_grow(&a, v, cap, &cap, sizeof(*v));
	} while (v);
	assert_int_equal(cap, before); /* the budget is spent: nothing has changed */
	assert_true(a.failed);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_aligned_and_do_not_overlap),
		cmocka_unit_test(a_spent_budget_refuses_and_stays_failed),
		cmocka_unit_test(a_block_of_almost_any_size_is_refused_without_overflow),
		cmocka_unit_test(an_empty_block_is_not_null),
		cmocka_unit_test(zeroed_blocks_are_zero_after_a_reset),
		cmocka_unit_test(a_reset_arena_gives_its_whole_budget_again),
		cmocka_unit_test(cleanups_run_once_in_reverse_order),
		cmocka_unit_test(what_is_wiped_is_nowhere_in_it),
		cmocka_unit_test(formatted_text_lives_in_the_arena),
		cmocka_unit_test(an_array_that_grows_keeps_its_elements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
