/*
 * chain: the list of parts. The table of parts doubles inside the arena; old tables stay there
 * until the arena is released.
 */
#include "wire/chain.h"

#include <string.h>

#include "base/check.h"
#include "env/env.h"

void chain_init(struct chain *c, struct arena *a)
{
	*c = (struct chain){.arena = a, .cap = CHAIN_PARTS_FIRST};
	c->parts = c->first;
}

static struct chain_part *part_new(struct chain *c)
{
	if (c->failed)
		return NULL;
	if (c->n == c->cap) {
		struct chain_part *v = arena_alloc(c->arena, 2 * (size_t)c->cap * sizeof(*v));

		if (!v) {
			c->failed = true;
			return NULL;
		}
		memcpy(v, c->parts, (size_t)c->n * sizeof(*v));
		c->parts = v;
		c->cap *= 2;
	}
	return &c->parts[c->n++];
}

void chain_put(struct chain *c, const void *p, size_t len)
{
	struct chain_part *part = c->n ? &c->parts[c->n - 1] : NULL;

	if (len == 0 || c->failed)
		return;
	check(p);
	if (part && !part->file && part->p + part->len == p) {
		part->len += len;
	} else {
		part = part_new(c);
		if (!part)
			return;
		*part = (struct chain_part){.p = p, .len = len};
	}
	c->len += len;
	c->memory_len += len;
}

uint8_t *chain_reserve(struct chain *c, size_t len)
{
	uint8_t *p = c->failed ? NULL : arena_alloc(c->arena, len);

	if (!p) {
		c->failed = true;
		return NULL;
	}
	chain_put(c, p, len);
	return c->failed ? NULL : p;
}

static void file_drop(void *arg)
{
	struct file *f = arg;

	file_unref(&f);
}

void chain_put_file(struct chain *c, struct file *f, int64_t pos, size_t len)
{
	struct chain_part *part;

	check(pos >= 0);
	part = len ? part_new(c) : NULL;
	if (!part)
		return;
	*part = (struct chain_part){.file = file_ref(f), .pos = pos, .len = len};
	arena_cleanup(c->arena, file_drop, f);
	c->len += len;
}

void chain_copy(const struct chain *c, uint8_t *out)
{
	check(!c->failed && c->memory_len == c->len);
	for (int i = 0; i < c->n; i++) {
		memcpy(out, c->parts[i].p, c->parts[i].len);
		out += c->parts[i].len;
	}
}
