/* The set of a transaction's partitions, with more topics than are searched one by one. */
#include <stdio.h>

#include "tests/base/cm.h"
#include "transaction/internal.h"

#define N 3000

/* "Aa" and "BB" have one hash in Java: names of eleven such pairs share one. */
static struct str name_of(int i, char *buf)
{
	for (int bit = 0; bit < 11; bit++)
		snprintf(buf + 2 * bit, 3, "%s", i >> bit & 1 ? "BB" : "Aa");
	snprintf(buf + 22, 16, "%d", i >> 11);
	return str_of(buf);
}

static void expect_in(const struct transaction_partitions *p, int from, int to)
{
	char buf[64];

	for (int i = 0; i < N; i++) {
		assert_int_equal(transaction_partitions_have(p, name_of(i, buf), i % 7), i >= from && i < to);
		assert_false(transaction_partitions_have(p, name_of(i, buf), i % 7 + 1));
	}
}

static void names_that_share_a_hash_are_told_apart(void **state)
{
	struct transaction_partitions p = {0}, copy;
	char buf[64];

	(void)state;
	for (int i = 0; i < N; i++) {
		transaction_partitions_add(&p, name_of(i, buf), i % 7);
		transaction_partitions_add(&p, name_of(i, buf), i % 7);
		if (i == 14 || i == 15 || i == 16 || i == 40 || i == 2500)
			expect_in(&p, 0, i + 1);
	}
	assert_int_equal(p.n, N);
	assert_int_equal(p.n_topics, N);
	transaction_partitions_copy(&copy, &p);
	for (int i = 0; i < 1000; i++)
		transaction_partitions_remove(&copy, name_of(i, buf), i % 7);
	transaction_partitions_rehash(&copy);
	expect_in(&copy, 1000, N);
	expect_in(&p, 0, N);
	transaction_partitions_add(&copy, name_of(5, buf), 5);
	assert_int_equal(copy.n_topics, N);
	transaction_partitions_add(&copy, STR("another"), 0);
	assert_true(transaction_partitions_have(&copy, STR("another"), 0));
	assert_false(transaction_partitions_have(&p, STR("another"), 0));
	transaction_partitions_fini(&p);
	transaction_partitions_fini(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_share_a_hash_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
