/*
 * arena: the memory of one request, or of one step: allocated by bumping a pointer, released all at
 * once.
 *
 * 1. Chunks double from ARENA_FIRST up to ARENA_CHUNK_MAX; blocks larger than a quarter of that get
 *    a chunk of their own.
 * 2. An arena has a budget in bytes, which counts whole chunks. When it is spent, arena_alloc
 *    returns NULL and the arena stays `failed`: it is enough to check once, at the end.
 * 3. Memory is not zeroed unless asked for; alignment is 16.
 * 4. Cleanups (drop this reference, close this file) run in reverse order at arena_fini.
 *
 * Developer builds allocate every block separately, so that sanitizers can see each one.
 * Owner: one thread at a time.
 */
#ifndef ODRADEK_BASE_ARENA_H
#define ODRADEK_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena_chunk;
struct arena_cleanup;

struct arena {
	struct arena_chunk *chunks;
	struct arena_cleanup *cleanups;
	uint8_t *next;
	uint8_t *end;
	size_t used; /* bytes taken from the budget */
	size_t budget;
	bool failed;
};

void arena_init(struct arena *a, size_t budget);
void arena_fini(struct arena *a);
/*
 * For an arena that holds secrets, call this before arena_fini: it runs the cleanups and overwrites
 * all blocks.
 */
void arena_wipe(struct arena *a);
/*
 * Runs the cleanups and forgets all blocks. One chunk is kept, so that a user needing as much again
 * allocates nothing.
 */
void arena_reset(struct arena *a);
/* Sets the budget of an arena that has just been reset, for its next use. */
void arena_set_budget(struct arena *a, size_t budget);

void *arena_alloc(struct arena *a, size_t size);	   /* NULL when the budget is spent */
void *arena_zalloc(struct arena *a, size_t size);	   /* zeroed */
void *arena_array(struct arena *a, size_t n, size_t size); /* zeroed, n * size checked */
/*
 * Room for one more in an array that holds n of *cap elements: the array itself, or a copy twice as
 * large, whose other elements are zero; NULL, with *cap unchanged, when the budget is spent. v is
 * NULL and *cap 0 at first.
 */
void *arena_grow(struct arena *a, void *v, int n, int *cap, size_t size);
struct str arena_str(struct arena *a, struct str s); /* a copy; null stays null */
struct str arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_cleanup(struct arena *a, void (*run)(void *), void *arg);

#endif
