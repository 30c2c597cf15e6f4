/*
 * mem, sim: each machine's heap is the list of its blocks.
 *
 * xmalloc gets no env, so this file knows whose code is running: `current`, which the scheduler sets
 * around every callback. That, the last world (for the message of a process that ends) and free
 * small blocks are all that this library keeps outside of a world.
 */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "env/sim/sim_priv.h"

/* 48 bytes, so that the memory after it is aligned like malloc's. */
struct block {
	struct list link;
	struct sim_env *owner;
	size_t size;
	uint64_t magic;
	uint64_t unused;
};

#define BLOCK_MAGIC 0x4f6472616465b10cu

static struct sim_env *current;

struct sim_env *sim_enter(struct sim_env *e)
{
	struct sim_env *before = current;

	current = e;
	return before;
}

void sim_leave(struct sim_env *before)
{
	current = before;
}

struct sim_env *sim_current(void)
{
	return current;
}

void *sim_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	check(p);
	return p;
}

void *sim_alloc_raw(size_t size)
{
	void *p = malloc(size ? size : 1);

	check(p);
	return p;
}

void sim_free(void *p)
{
	free(p);
}

/*
 * Small blocks are kept by size when they are freed, for reuse by any machine: most blocks live only
 * for a moment. Not with a sanitizer, which must see every allocation and every free.
 */
#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||               \
	__has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
enum { UNIT = 64, KEPT_SIZES = 0 };
#else
enum { UNIT = 64, KEPT_SIZES = 24 };
#endif

static struct list *kept[KEPT_SIZES + 1]; /* free blocks of each size, linked by `next` */

static size_t units(size_t size)
{
	return (sizeof(struct block) + size + UNIT - 1) / UNIT;
}

static struct block *block_new(size_t size)
{
	size_t n = units(size);
	struct list *free = n <= KEPT_SIZES ? kept[n] : NULL;

	if (!free)
		return malloc(n <= KEPT_SIZES ? n * UNIT : sizeof(struct block) + size);
	kept[n] = free->next;
	return container_of(free, struct block, link);
}

static void block_free(struct block *b)
{
	size_t n = units(b->size);

	if (n > KEPT_SIZES) {
		free(b);
		return;
	}
	b->link.next = kept[n];
	kept[n] = &b->link;
}

static void *own(struct block *b, size_t size)
{
	check(b);
	b->owner = current;
	b->size = size;
	b->magic = BLOCK_MAGIC;
	list_init(&b->link);
	if (current) {
		list_push(&current->blocks, &b->link);
		current->n_blocks++;
		current->n_bytes += (int64_t)size;
	}
	return b + 1;
}

static struct block *disown(void *p)
{
	struct block *b = (struct block *)p - 1;

	check(b->magic == BLOCK_MAGIC);
	list_remove(&b->link);
	b->magic = 0;
	if (b->owner) {
		b->owner->n_blocks--;
		b->owner->n_bytes -= (int64_t)b->size;
	}
	return b;
}

void *xmalloc(size_t size)
{
	check(size <= PTRDIFF_MAX - sizeof(struct block) - UNIT);
	return own(block_new(size), size);
}

void *xcalloc(size_t n, size_t size)
{
	size_t total;

	check(!__builtin_mul_overflow(n, size, &total) && total <= PTRDIFF_MAX - sizeof(struct block) - UNIT);
	if (units(total) > KEPT_SIZES)
		return own(calloc(1, sizeof(struct block) + total), total);
	return memset(own(block_new(total), total), 0, total);
}

void xhint_scattered(void *p, size_t size)
{
	(void)p;
	(void)size;
}

/* Moves the block to one that has room for `size` bytes, unless its own fits. */
static void *move(void *p, size_t size)
{
	size_t before = ((struct block *)p - 1)->size;
	void *to;

	if (units(before) > KEPT_SIZES && units(size) > KEPT_SIZES)
		return own(realloc(disown(p), sizeof(struct block) + size), size);
	if (units(before) == units(size))
		return own(disown(p), size);
	to = memcpy(own(block_new(size), size), p, before < size ? before : size);
	block_free(disown(p));
	return to;
}

void *xrealloc(void *p, size_t size)
{
	struct sim_env *owner, *before;

	if (!p)
		return xmalloc(size);
	check(size <= PTRDIFF_MAX - sizeof(struct block) - UNIT);
	owner = ((struct block *)p - 1)->owner;
	before = sim_enter(owner);
	p = move(p, size);
	sim_leave(before);
	return p;
}

void xfree(void *p)
{
	if (p)
		block_free(disown(p));
}

void sim_drop_heap(struct sim_env *e)
{
	list_each_safe(it, &e->blocks) block_free(container_of(it, struct block, link));
	list_init(&e->blocks);
	e->n_blocks = 0;
	e->n_bytes = 0;
}
