/* block: allocation by size class, and references that frames hold to blocks. */
#include "net/block.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "net/frame.h"

/* The class of a size that is a power of two from BLOCK_FIRST up. */
static int class_of(size_t cap)
{
	return __builtin_ctzll(cap) - __builtin_ctzll(BLOCK_FIRST);
}

static bool is_kept(size_t cap)
{
	return cap >= BLOCK_FIRST && cap <= BLOCK_KEEP_MAX;
}

size_t block_cap(size_t len)
{
	size_t cap = BLOCK_FIRST;

	if (len <= BLOCK_SMALL_MAX)
		return len;
	while (cap < len && cap < BLOCK_KEEP_MAX)
		cap *= 2;
	return cap < len ? len : cap;
}

static struct block *pool_take(struct block_pool *pool, int class)
{
	struct block *b = pool->idle[class];

	if (!b)
		return NULL;
	pool->idle[class] = b->next;
	pool->kept -= b->cap;
	if (--pool->n_idle[class] < pool->n_unused[class])
		pool->n_unused[class] = pool->n_idle[class];
	return b;
}

struct block *block_new(struct block_pool *pool, size_t len)
{
	size_t cap = block_cap(len);
	struct block *b = is_kept(cap) ? pool_take(pool, class_of(cap)) : NULL;

	if (!b) {
		b = xmalloc(sizeof(*b) + cap);
		b->pool = pool;
		b->cap = cap;
	}
	b->next = NULL;
	b->refs = 1;
	b->charged = false;
	pool->n_live++;
	return b;
}

void block_charge(struct block *b)
{
	if (b->charged)
		return;
	b->charged = true;
	budget_charge(b->pool->budget, (int64_t)b->cap);
}

void block_ref(struct block *b)
{
	check(b->refs > 0 && b->refs < UINT32_MAX);
	b->refs++;
}

static void block_put_back(struct block *b)
{
	struct block_pool *pool = b->pool;
	int class;

	if (!is_kept(b->cap) || pool->kept + b->cap > POOL_KEEP) {
		xfree(b);
		return;
	}
	class = class_of(b->cap);
	b->next = pool->idle[class];
	pool->idle[class] = b;
	pool->n_idle[class]++;
	pool->kept += b->cap;
}

void block_unref(struct block **bp)
{
	struct block *b = *bp;
	struct block_pool *pool;
	int64_t charge;

	*bp = NULL;
	if (!b)
		return;
	check(b->refs > 0);
	if (--b->refs > 0)
		return;
	pool = b->pool;
	charge = b->charged ? (int64_t)b->cap : 0;
	check(pool->n_live > 0);
	pool->n_live--;
	block_put_back(b);
	if (charge && budget_release(pool->budget, charge))
		pool->released(pool->arg);
}

bool block_pool_trim(struct block_pool *pool)
{
	for (int class = 0; class < BLOCK_CLASSES; class ++) {
		for (int n = pool->n_unused[class]; n > 0; n--)
			xfree(pool_take(pool, class));
		pool->n_unused[class] = pool->n_idle[class];
	}
	return pool->kept > 0;
}

void block_pool_fini(struct block_pool *pool)
{
	check(pool->n_live == 0);
	for (int class = 0; class < BLOCK_CLASSES; class ++)
		while (pool->idle[class])
			xfree(pool_take(pool, class));
}

/* Small frames do not keep a 64 KiB block alive: a parked Fetch costs only its own bytes. */
void frame_take(struct frame *to, struct frame *from)
{
	struct block *b = from->block;

	check(b && !to->block);
	to->len = from->len;
	if (from->len <= BLOCK_SMALL_MAX && b->cap >= BLOCK_FIRST) {
		to->block = block_new(b->pool, from->len);
		to->p = to->block->data;
		memcpy(to->p, from->p, from->len);
	} else {
		block_ref(b);
		to->block = b;
		to->p = from->p;
	}
	block_charge(to->block);
	*from = (struct frame){0};
}

void frame_release(struct frame *f)
{
	block_unref(&f->block);
	*f = (struct frame){0};
}
