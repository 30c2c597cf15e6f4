/*
 * block: the memory that received bytes go into, and a reactor's pool that keeps some of it warm.
 *
 * 1. A block is referenced by the connection that fills it and by every frame taken from it; all on
 *    one reactor, without atomics.
 * 2. Small blocks have the size asked for and come from the heap. Others have a power of two from
 *    BLOCK_FIRST up; those up to BLOCK_KEEP_MAX return to the pool, since touching fresh memory for
 *    the first time costs far more than copying the bytes into it.
 * 3. A charged block counts against the budget with its capacity, from block_charge to its last
 *    unref.
 * 4. The pool keeps at most POOL_KEEP bytes, and nothing that was unused between two calls of
 *    block_pool_trim.
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
	struct block *next; /* next idle block in the pool */
	struct block_pool *pool;
	size_t cap;
	uint32_t refs;
	bool charged;
	_Alignas(16) uint8_t data[];
};

struct block_pool {
	struct budget *budget;
	/* called when bytes were returned to the budget and a connection is waiting for some */
	void (*released)(void *arg);
	void *arg;
	struct block *idle[BLOCK_CLASSES];
	int n_idle[BLOCK_CLASSES];
	int n_unused[BLOCK_CLASSES]; /* the lowest n_idle since the last trim */
	size_t kept;		     /* bytes in idle blocks */
	size_t n_live;		     /* blocks in use */
};

/* What a block for len bytes would be charged. */
size_t block_cap(size_t len);
/* Returns a block with one reference, not charged. */
struct block *block_new(struct block_pool *pool, size_t len);
/* Charges the block even if the budget is exceeded. Charging a charged block does nothing. */
void block_charge(struct block *b);
void block_ref(struct block *b);
void block_unref(struct block **b); /* NULL is fine */

/* Frees the blocks that were idle since the last call. True while the pool still keeps some. */
bool block_pool_trim(struct block_pool *pool);
void block_pool_fini(struct block_pool *pool);

#endif
