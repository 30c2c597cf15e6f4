/*
 * chain: bytes to be sent, as a list of parts: memory, or ranges of files. Written by the codec's encoder, sent by net.
 *
 * 1. A chain lives in an arena, and so does everything it lists: copied bytes, part tables, references of files. Releasing the arena
 *    releases the chain; there is no fini.
 * 2. Memory parts are not copied by chain_put: they stay unchanged as long as the chain. Neighbours in memory become one part.
 * 3. A file part holds a reference of its file. The range is read when it is sent: it must lie within what never changes.
 * 4. When the arena's budget is spent the chain is `failed`, its parts are incomplete: look once, at the end.
 * 5. The length before a frame is not in the chain: net writes it, from len.
 * Owner: one thread at a time.
 */
#ifndef ODRADEK_WIRE_CHAIN_H
#define ODRADEK_WIRE_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct file;

struct chain_part {
	struct file *file; /* NULL: memory */
	union {
		const uint8_t *p;
		int64_t pos;
	};
	size_t len; /* > 0 */
};

/* Net's own, from conn_reply until sent() was called. */
struct chain_out {
	struct chain *next;
	void (*sent)(void *arg);
	void *arg;
	uint8_t frame_len[4];
	int part;   /* the first that is not wholly sent; -1 while frame_len is not */
	size_t pos; /* what was sent of it */
};

#define CHAIN_PARTS_FIRST 4

struct chain {
	struct arena *arena;
	struct chain_part *parts;
	int n;
	int cap;
	size_t len;	   /* of all parts */
	size_t memory_len; /* of the parts in memory */
	bool failed;
	struct chain_part first[CHAIN_PARTS_FIRST];
	struct chain_out out;
};

void chain_init(struct chain *c, struct arena *a);
/* The bytes at p, which outlive the chain. len 0 adds nothing. */
void chain_put(struct chain *c, const void *p, size_t len);
/* len bytes of the arena at the end of the chain, for the caller to fill before it is sent; NULL when the chain has failed. */
uint8_t *chain_reserve(struct chain *c, size_t len);
/* A range of a file. The chain takes a reference of its own. */
void chain_put_file(struct chain *c, struct file *f, int64_t pos, size_t len);
/* All bytes of a chain of memory alone, one behind the other, to `out`, which has room for len of them. */
void chain_copy(const struct chain *c, uint8_t *out);

#endif
