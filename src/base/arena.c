/*
 * arena: allocates by bumping a pointer. arena_twin.c is the same interface with one malloc per
 * block; the build uses one of the two.
 *
 * All chunks are in one list, newest first. A block too large for a chunk gets a chunk of its own
 * that is put behind the newest, so that the room left in that one is not lost.
 */
#include "base/arena.h"

#include <string.h>

#include "base/arena_priv.h"
#include "base/check.h"
#include "base/mem.h"

enum { ARENA_ALIGN = 16, ARENA_FIRST = 1024, ARENA_CHUNK_MAX = 64 * 1024, ARENA_KEPT_MAX = ARENA_CHUNK_MAX / 4 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of the bytes after this header */
};

void arena_init(struct arena *a, size_t budget)
{
	*a = (struct arena){.budget = budget};
}

static uint8_t *chunk_bytes(struct arena_chunk *c)
{
	return (uint8_t *)(c + 1);
}

static void free_chunks(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *next = c->next;

		xfree(c);
		c = next;
	}
}

void arena_wipe(struct arena *a)
{
	arena_run_cleanups(a);
	for (struct arena_chunk *c = a->chunks; c; c = c->next)
		explicit_bzero(chunk_bytes(c), c->size);
}

void arena_fini(struct arena *a)
{
	arena_run_cleanups(a);
	free_chunks(a->chunks);
	*a = (struct arena){.budget = a->budget};
}

/* Removes the largest chunk that may be kept; NULL when there is none. */
static struct arena_chunk *take_kept(struct arena_chunk **chunks)
{
	struct arena_chunk **best = NULL, *kept;

	for (struct arena_chunk **at = chunks; *at; at = &(*at)->next)
		if ((*at)->size <= ARENA_KEPT_MAX && (!best || (*at)->size > (*best)->size))
			best = at;
	if (!best)
		return NULL;
	kept = *best;
	*best = kept->next;
	kept->next = NULL;
	return kept;
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *kept = take_kept(&a->chunks);

	arena_run_cleanups(a);
	free_chunks(a->chunks);
	*a = (struct arena){.chunks = kept, .budget = a->budget};
	if (!kept)
		return;
	a->used = sizeof(*kept) + kept->size;
	a->next = chunk_bytes(kept);
	a->end = a->next + kept->size;
}

static struct arena_chunk *new_chunk(struct arena *a, size_t size)
{
	struct arena_chunk *c;

	if (size > a->budget - a->used || a->budget - a->used - size < sizeof(*c)) {
		a->failed = true;
		return NULL;
	}
	c = xmalloc(sizeof(*c) + size);
	c->size = size;
	a->used += sizeof(*c) + size;
	return c;
}

static void *alloc_alone(struct arena *a, size_t size)
{
	struct arena_chunk *c = new_chunk(a, size);

	if (!c)
		return NULL;
	if (a->chunks) {
		c->next = a->chunks->next;
		a->chunks->next = c;
	} else {
		c->next = NULL;
		a->chunks = c;
	}
	return chunk_bytes(c);
}

/*
 * Adds a chunk twice as large as the last, or what the budget still permits if that is enough for
 * the block.
 */
static bool grow(struct arena *a, size_t size)
{
	size_t want = a->end ? 2 * a->chunks->size : ARENA_FIRST;
	size_t left = a->budget - a->used;
	struct arena_chunk *c;

	want = want > ARENA_CHUNK_MAX ? ARENA_CHUNK_MAX : want;
	want = want < size ? size : want;
	if (left > sizeof(*c) && want > left - sizeof(*c) && size <= left - sizeof(*c))
		want = size;
	c = new_chunk(a, want);
	if (!c)
		return false;
	c->next = a->chunks;
	a->chunks = c;
	a->next = chunk_bytes(c);
	a->end = a->next + want;
	return true;
}

void *arena_alloc(struct arena *a, size_t size)
{
	uint8_t *p;

	if (a->failed || size > a->budget || size > SIZE_MAX - ARENA_ALIGN) {
		a->failed = true;
		return NULL;
	}
	size = ((size ? size : 1) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (size > ARENA_CHUNK_MAX / 4)
		return alloc_alone(a, size);
	if ((size_t)(a->end - a->next) < size && !grow(a, size))
		return NULL;
	p = a->next;
	a->next += size;
	return p;
}
