#include "net/block.h"

#include <string.h>

#include "net/frame.h"
#include "tests/base/cm.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)

static int n_released;

static void count_release(void *arg)
{
	(void)arg;
	n_released++;
}

static void pool_make(struct block_pool *pool, struct budget *budget)
{
	*budget = (struct budget){.limit = (int64_t)MIB};
	*pool = (struct block_pool){.budget = budget, .released = count_release};
	n_released = 0;
}

static void small_blocks_have_the_size_asked_for_and_others_a_class(void **state)
{
	(void)state;
	assert_int_equal(block_cap(1), 1);
	assert_int_equal(block_cap(BLOCK_SMALL_MAX), BLOCK_SMALL_MAX);
	assert_int_equal(block_cap(BLOCK_SMALL_MAX + 1), BLOCK_FIRST);
	assert_int_equal(block_cap(BLOCK_FIRST), BLOCK_FIRST);
	assert_int_equal(block_cap(BLOCK_FIRST + 1), 2 * BLOCK_FIRST);
	assert_int_equal(block_cap(BLOCK_KEEP_MAX), BLOCK_KEEP_MAX);
	assert_int_equal(block_cap(BLOCK_KEEP_MAX + 1), BLOCK_KEEP_MAX + 1);
}

static void a_released_block_is_used_again(void **state)
{
	struct budget budget;
	struct block_pool pool;
	struct block *a, *b, *was;

	(void)state;
	pool_make(&pool, &budget);
	was = a = block_new(&pool, BLOCK_FIRST);
	block_unref(&a);
	assert_null(a);
	b = block_new(&pool, BLOCK_FIRST - 1);
	assert_ptr_equal(b, was);
	block_unref(&b);
	block_pool_fini(&pool);
}

static void a_charge_lasts_from_block_charge_to_the_last_reference(void **state)
{
	struct budget budget;
	struct block_pool pool;
	struct block *a, *b;

	(void)state;
	pool_make(&pool, &budget);
	a = b = block_new(&pool, 3 * BLOCK_FIRST);
	assert_int_equal(budget.used, 0);
	block_charge(a);
	block_charge(a);
	assert_int_equal(budget.used, 4 * BLOCK_FIRST);
	block_ref(b);
	block_unref(&a);
	assert_int_equal(budget.used, 4 * BLOCK_FIRST);
	block_unref(&b);
	assert_int_equal(budget.used, 0);
	assert_int_equal(n_released, 0); /* nothing is waiting */
	block_pool_fini(&pool);
}

static void who_waits_is_told_of_a_release(void **state)
{
	struct budget budget;
	struct block_pool pool;
	struct block *a;

	(void)state;
	pool_make(&pool, &budget);
	a = block_new(&pool, 10);
	block_charge(a);
	budget.waiting = 1;
	block_unref(&a);
	assert_int_equal(n_released, 1);
	block_pool_fini(&pool);
}

static void the_pool_keeps_what_was_used_lately_and_not_more_than_its_bound(void **state)
{
	struct budget budget;
	struct block_pool pool;
	struct block *v[20];

	(void)state;
	pool_make(&pool, &budget);
	for (int i = 0; i < 20; i++)
		v[i] = block_new(&pool, 2 * MIB);
	for (int i = 0; i < 20; i++)
		block_unref(&v[i]);
	assert_int_equal(pool.kept, POOL_KEEP);
	assert_true(block_pool_trim(&pool)); /* all were in use since the last trim */
	assert_int_equal(pool.kept, POOL_KEEP);
	v[0] = block_new(&pool, 2 * MIB);
	block_unref(&v[0]);
	assert_true(block_pool_trim(&pool));
	assert_int_equal(pool.kept, 2 * MIB);
	assert_false(block_pool_trim(&pool));
	assert_int_equal(pool.kept, 0);
	block_pool_fini(&pool);
}

static void a_small_frame_is_taken_as_a_copy_and_a_large_one_where_it_is(void **state)
{
	struct budget budget;
	struct block_pool pool;
	struct block *landing;
	struct frame small, large, mine = {0}, other = {0};

	(void)state;
	pool_make(&pool, &budget);
	landing = block_new(&pool, BLOCK_FIRST);
	memset(landing->data, 'x', landing->cap);
	small = (struct frame){.p = landing->data + 4, .len = 100, .block = landing};
	large = (struct frame){.p = landing->data + 104, .len = BLOCK_SMALL_MAX + 1, .block = landing};
	frame_take(&mine, &small);
	assert_null(small.p);
	assert_ptr_not_equal(mine.block, landing);
	assert_memory_equal(mine.p, landing->data + 4, 100);
	frame_take(&other, &large);
	assert_ptr_equal(other.p, landing->data + 104);
	assert_int_equal(landing->refs, 2);
	assert_int_equal(budget.used, 100 + BLOCK_FIRST);
	block_unref(&landing);
	frame_release(&mine);
	frame_release(&other);
	frame_release(&other);
	assert_int_equal(budget.used, 0);
	block_pool_fini(&pool);
}

static void a_budget_refuses_what_exceeds_it(void **state)
{
	struct budget b = {.limit = 100};

	(void)state;
	assert_true(budget_try(&b, 60));
	assert_false(budget_try(&b, 41));
	assert_true(budget_try(&b, 40));
	assert_false(budget_has_room(&b));
	assert_false(budget_try(&b, 1));
	assert_false(budget_try(&b, INT64_MAX));
	budget_release(&b, 1);
	assert_true(budget_has_room(&b));
}

static void a_budget_that_only_waiters_hold_lets_the_next_one_through(void **state)
{
	struct budget b = {.limit = 100};

	(void)state;
	assert_true(budget_try(&b, 500)); /* nothing is in use: a single frame may always be large */
	assert_false(budget_try(&b, 1));
	b.stalled = 500;
	assert_true(budget_try(&b, 8000));
	assert_false(budget_try(&b, 1));
	assert_false(budget_has_room(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_blocks_have_the_size_asked_for_and_others_a_class),
		cmocka_unit_test(a_released_block_is_used_again),
		cmocka_unit_test(a_charge_lasts_from_block_charge_to_the_last_reference),
		cmocka_unit_test(who_waits_is_told_of_a_release),
		cmocka_unit_test(the_pool_keeps_what_was_used_lately_and_not_more_than_its_bound),
		cmocka_unit_test(a_small_frame_is_taken_as_a_copy_and_a_large_one_where_it_is),
		cmocka_unit_test(a_budget_refuses_what_exceeds_it),
		cmocka_unit_test(a_budget_that_only_waiters_hold_lets_the_next_one_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
