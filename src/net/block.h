/*
 * block: memory that bytes arrive in, and the pool of a reactor that keeps some of it warm.
 *
 * 1. A block is referenced by the connection it fills for and by every frame taken from it; all on one reactor, without atomics.
 * 2. Small blocks have the size asked for and come from the heap. Others have a power of two from BLOCK_FIRST up; those to BLOCK_KEEP_MAX
 *    go back to the pool, since the first touch of fresh memory costs far more than the bytes that are put there.
 * 3. A charged block counts against the budget with its capacity, from block_charge to its last unref.
 * 4. The pool keeps POOL_KEEP bytes at most, and nothing that was not used between two calls of block_pool_trim.
 */
#ifndef ODRADEK_NET_BLOCK_H
#define ODRADEK_NET_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/budget.h"

#define BLOCK_SMALL_MAX ((size_t)8 * 1024)
#define BLOCK_FIRST ((size_t)64 * 1024)
#define BLOCK_KEEP_MAX ((size_t)16 * 1024 * 1024)
#define BLOCK_CLASSES 9 /* 64 KiB << 0 .. 8 */
#define POOL_KEEP ((size_t)16 * 1024 * 1024)

struct block {
	struct block *next; /* in the pool */
	struct block_pool *pool;
	size_t cap;
	uint32_t refs;
	bool charged;
	_Alignas(16) uint8_t data[];
};

struct block_pool {
	struct budget *budget;
	void (*released)(void *arg); /* bytes were given back to the budget, and somebody waits for such */
	void *arg;
	struct block *idle[BLOCK_CLASSES];
	int n_idle[BLOCK_CLASSES];
	int n_unused[BLOCK_CLASSES]; /* the least n_idle since the last trim */
	size_t kept;		     /* bytes in idle blocks */
	size_t n_live;		     /* blocks in use */
};

/* What a block for len bytes would be charged. */
size_t block_cap(size_t len);
/* One reference, not charged. */
struct block *block_new(struct block_pool *pool, size_t len);
/* Charges without asking. Charging a charged block does nothing. */
void block_charge(struct block *b);
void block_ref(struct block *b);
void block_unref(struct block **b); /* NULL is fine */

/* Frees what was idle since the last call. True while something is kept. */
bool block_pool_trim(struct block_pool *pool);
void block_pool_fini(struct block_pool *pool);

#endif
