/*
 * java_order: simulates a Java hash table: it has 16 buckets, doubled whenever the keys exceed
 * three quarters of them; within a bucket keys are in insertion order. (Java makes trees of buckets
 * of eight and more, whose iteration order is the same.)
 */
#include "cli/java_order.h"

#include <stdlib.h>
#include <string.h>

struct bucket {
	uint32_t index;
	int at;
};

static int by_bucket(const void *a, const void *b)
{
	const struct bucket *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return x->at - y->at;
}

void java_order_of_hashes(struct tool *t, const int32_t *hashes, int n, int *order)
{
	struct bucket *buckets = arena_array(&t->arena, (size_t)n + 1, sizeof(*buckets));
	uint32_t size = 16;

	while ((uint32_t)n > size / 4 * 3)
		size *= 2;
	for (int i = 0; i < n; i++) {
		uint32_t hash = (uint32_t)hashes[i];

		buckets[i] = (struct bucket){(hash ^ hash >> 16) & (size - 1), i};
	}
	qsort(buckets, (size_t)n, sizeof(*buckets), by_bucket);
	for (int i = 0; i < n; i++)
		order[i] = buckets[i].at;
}

void java_order_of_strings(struct tool *t, const struct str *keys, int n, int *order)
{
	int32_t *hashes = arena_array(&t->arena, (size_t)n + 1, sizeof(*hashes));

	for (int i = 0; i < n; i++)
		hashes[i] = str_java_hash(keys[i]);
	java_order_of_hashes(t, hashes, n, order);
}

void java_order_ids(struct tool *t, struct id_list l)
{
	int *order = arena_array(&t->arena, (size_t)l.n + 1, sizeof(*order));
	int32_t *copy = arena_array(&t->arena, (size_t)l.n + 1, sizeof(*copy));

	if (l.n > 0)
		memcpy(copy, l.v, (size_t)l.n * sizeof(*copy));
	java_order_of_hashes(t, copy, l.n, order); /* an Integer's hash is its value */
	for (int i = 0; i < l.n; i++)
		l.v[i] = copy[order[i]];
}
