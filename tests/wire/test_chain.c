#include "wire/chain.h"

#include <string.h>
#include <unistd.h>
#include <stdio.h>

#include "env/env.h"
#include "env/real/real.h"
#include "tests/base/cm.h"

static void neighbours_in_memory_become_one_part(void **state)
{
	static const uint8_t bytes[10];
	struct arena a;
	struct chain c;

	arena_init(&a, 1000);
	chain_init(&c, &a);
	chain_put(&c, bytes, 3);
	chain_put(&c, bytes + 3, 2);
	chain_put(&c, bytes + 5, 0);
	chain_put(&c, bytes + 6, 4);
	assert_int_equal(c.n, 2);
	assert_int_equal(c.parts[0].len, 5);
	assert_ptr_equal(c.parts[1].p, bytes + 6);
	assert_int_equal(c.len, 9);
	assert_int_equal(c.memory_len, 9);
	assert_false(c.failed);
	arena_fini(&a);
}

static void reserved_bytes_are_the_chain_s(void **state)
{
	struct arena a;
	struct chain c;
	uint8_t *p;

	arena_init(&a, 10000);
	chain_init(&c, &a);
	p = chain_reserve(&c, 100);
	memset(p, 7, 100);
	assert_int_equal(c.len, 100);
	assert_ptr_equal(c.parts[0].p, p);
	arena_fini(&a);
}

static void a_chain_of_many_parts_keeps_them_in_order(void **state)
{
	static const uint8_t bytes[400];
	struct arena a;
	struct chain c;

	arena_init(&a, 100000);
	chain_init(&c, &a);
	for (int i = 0; i < 200; i++)
		chain_put(&c, bytes + 2 * i, 1);
	assert_int_equal(c.n, 200);
	for (int i = 0; i < 200; i++)
		assert_ptr_equal(c.parts[i].p, bytes + 2 * i);
	arena_fini(&a);
}

static void a_spent_arena_fails_the_chain_and_nothing_else(void **state)
{
	static const uint8_t bytes[400];
	struct arena a;
	struct chain c;

	arena_init(&a, 64);
	chain_init(&c, &a);
	for (int i = 0; i < 200; i++)
		chain_put(&c, bytes + 2 * i, 1);
	assert_true(c.failed);
	assert_null(chain_reserve(&c, 1));
	arena_fini(&a);
}

static void a_file_part_holds_its_file_until_the_arena_goes(void **state)
{
	struct diag diag = {.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};
	struct env *e = env_real_new(&diag);
	struct file *f;
	struct arena a;
	struct chain c;
	char path[64];

	snprintf(path, sizeof(path), "/tmp/odradek-test-chain-%d", (int)getpid());
	assert_int_equal(env_open(e, path, FILE_WRITE | FILE_CREATE, &f), 0);
	arena_init(&a, 1000);
	chain_init(&c, &a);
	chain_put(&c, "x", 1);
	chain_put_file(&c, f, 10, 0);
	chain_put_file(&c, f, 10, 20);
	chain_put_file(&c, f, 30, 5); /* ranges stay separate */
	assert_int_equal(c.n, 3);
	assert_int_equal(c.len, 26);
	assert_int_equal(c.memory_len, 1);
	assert_int_equal(f->refs, 3);
	arena_fini(&a);
	assert_int_equal(f->refs, 1);
	file_unref(&f);
	unlink(path);
	env_real_free(e);
}

static void a_chain_of_memory_is_copied_in_its_order(void **state)
{
	uint8_t out[6] = {0};
	struct arena a;
	struct chain c;

	(void)state;
	arena_init(&a, 1000);
	chain_init(&c, &a);
	chain_copy(&c, out);
	assert_int_equal(out[0], 0);
	chain_put(&c, "ab", 2);
	memcpy(chain_reserve(&c, 1), "c", 1);
	chain_put(&c, "de", 2);
	chain_copy(&c, out);
	assert_string_equal((char *)out, "abcde");
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_in_memory_become_one_part),
		cmocka_unit_test(reserved_bytes_are_the_chain_s),
		cmocka_unit_test(a_chain_of_many_parts_keeps_them_in_order),
		cmocka_unit_test(a_spent_arena_fails_the_chain_and_nothing_else),
		cmocka_unit_test(a_chain_of_memory_is_copied_in_its_order),
		cmocka_unit_test(a_file_part_holds_its_file_until_the_arena_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
