/*
 * mem, sim: each machine's heap is the list of its blocks.
 *
 * xmalloc has no env to ask, so this file knows whose code is running: `current`, set by the
 * scheduler around every callback. That and the last world (for die()) are the only state outside a
 * world.
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

void sim_free(void *p)
{
	free(p);
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
	check(size < SIZE_MAX - sizeof(struct block));
	return own(malloc(sizeof(struct block) + size), size);
}

void *xcalloc(size_t n, size_t size)
{
	size_t total;

	check(!__builtin_mul_overflow(n, size, &total) && total < SIZE_MAX - sizeof(struct block));
	return own(calloc(1, sizeof(struct block) + total), total);
}

void xhint_scattered(void *p, size_t size)
{
	(void)p;
	(void)size;
}

void *xrealloc(void *p, size_t size)
{
	struct sim_env *owner, *before;

	if (!p)
		return xmalloc(size);
	check(size < SIZE_MAX - sizeof(struct block));
	owner = ((struct block *)p - 1)->owner;
	before = sim_enter(owner);
	p = own(realloc(disown(p), sizeof(struct block) + size), size);
	sim_leave(before);
	return p;
}

void xfree(void *p)
{
	if (p)
		free(disown(p));
}

void sim_drop_heap(struct sim_env *e)
{
	list_each_safe(it, &e->blocks) free(container_of(it, struct block, link));
	list_init(&e->blocks);
	e->n_blocks = 0;
	e->n_bytes = 0;
}
