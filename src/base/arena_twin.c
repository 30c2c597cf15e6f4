/*
 * arena_twin: the arena for developers: one malloc per block, so that sanitizers see an overrun of
 * a single block and any use after arena_fini. Budgets are as in arena.c, except for the unused
 * room at the end of its chunks.
 */
#include <string.h>

#include "base/arena_priv.h"
#include "base/mem.h"

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
};

void arena_init(struct arena *a, size_t budget)
{
	*a = (struct arena){.budget = budget};
}

void arena_wipe(struct arena *a)
{
	arena_run_cleanups(a);
	for (struct arena_chunk *c = a->chunks; c; c = c->next)
		explicit_bzero(c + 1, c->size);
}

void arena_fini(struct arena *a)
{
	arena_run_cleanups(a);
	while (a->chunks) {
		struct arena_chunk *c = a->chunks;

		a->chunks = c->next;
		xfree(c);
	}
	*a = (struct arena){.budget = a->budget};
}

void arena_reset(struct arena *a)
{
	arena_fini(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c;

	if (a->failed || size > a->budget - a->used || a->budget - a->used - size < sizeof(*c)) {
		a->failed = true;
		return NULL;
	}
	c = xmalloc(sizeof(*c) + size);
	*c = (struct arena_chunk){.next = a->chunks, .size = size};
	a->chunks = c;
	a->used += sizeof(*c) + size;
	return c + 1;
}
