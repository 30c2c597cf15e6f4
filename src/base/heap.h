/*
 * heap: an intrusive binary min-heap, ordered by (key, seq): equal keys leave in the order they
 * were inserted.
 */
#ifndef ODRADEK_BASE_HEAP_H
#define ODRADEK_BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t key;
	uint64_t seq;
	size_t pos; /* index + 1; 0 = not in a heap */
};

struct heap {
	struct heap_node **v;
	size_t n;
	size_t cap;
	uint64_t seq;
};

void heap_fini(struct heap *h); /* a zeroed struct is an empty heap */
void heap_insert(struct heap *h, struct heap_node *node, int64_t key);
void heap_remove(struct heap *h, struct heap_node *node);
struct heap_node *heap_min(const struct heap *h); /* NULL when empty */

#endif
