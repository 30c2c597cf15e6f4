/*
 * heap: an array of pointers; v[0] is the smallest, the children of v[i] are v[2i+1] and v[2i+2].
 */
#include "base/heap.h"

#include "base/check.h"
#include "base/mem.h"

static int less(const struct heap_node *a, const struct heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

static void put(struct heap *h, size_t i, struct heap_node *node)
{
	h->v[i] = node;
	node->pos = i + 1;
}

static void sift_up(struct heap *h, size_t i, struct heap_node *node)
{
	while (i > 0 && less(node, h->v[(i - 1) / 2])) {
		put(h, i, h->v[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(h, i, node);
}

static void sift_down(struct heap *h, size_t i, struct heap_node *node)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= h->n)
			break;
		if (child + 1 < h->n && less(h->v[child + 1], h->v[child]))
			child++;
		if (!less(h->v[child], node))
			break;
		put(h, i, h->v[child]);
		i = child;
	}
	put(h, i, node);
}

void heap_fini(struct heap *h)
{
	for (size_t i = 0; i < h->n; i++)
		h->v[i]->pos = 0;
	xfree(h->v);
	*h = (struct heap){0};
}

void heap_insert(struct heap *h, struct heap_node *node, int64_t key)
{
	check(node->pos == 0);
	if (h->n == h->cap) {
		h->cap = h->cap ? 2 * h->cap : 8;
		h->v = xreallocarray(h->v, h->cap, sizeof(*h->v));
	}
	node->key = key;
	node->seq = h->seq++;
	sift_up(h, h->n++, node);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
	size_t i = node->pos - 1;
	struct heap_node *last;

	check(node->pos > 0 && i < h->n && h->v[i] == node);
	node->pos = 0;
	last = h->v[--h->n];
	if (last == node)
		return;
	if (i > 0 && less(last, h->v[(i - 1) / 2]))
		sift_up(h, i, last);
	else
		sift_down(h, i, last);
}

struct heap_node *heap_min(const struct heap *h)
{
	return h->n ? h->v[0] : NULL;
}
