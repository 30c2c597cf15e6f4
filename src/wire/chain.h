/*
 * chain: bytes to be sent, as a list of parts, each either memory or a range of a file. Written by
 * the codec's encoder, sent by net.
 *
 * 1. A chain lives in an arena, and so does everything it refers to: copied bytes, part tables,
 *    file references. Releasing the arena releases the chain; there is no fini.
 * 2. chain_put does not copy: the memory must stay unchanged for as long as the chain lives.
 *    Adjacent memory parts become one.
 * 3. A file part holds a reference to its file. The range is read when it is sent, so it must lie
 *    within a part of the file that never changes.
 * 4. When the arena's budget is spent the chain is `failed` and its parts are incomplete: it is
 *    enough to check once, at the end.
 * 5. The frame's length prefix is not in the chain: net writes it, from len.
 *
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

/* State of net's, used from conn_reply until sent() has been called. */
struct chain_out {
	struct chain *next;
	void (*sent)(void *arg);
	void *arg;
	uint8_t frame_len[4];
	int part;   /* the first part that is not completely sent; -1 until frame_len is */
	size_t pos; /* bytes of that part already sent */
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
/* Adds the bytes at p, which must outlive the chain. Length 0 adds nothing. */
void chain_put(struct chain *c, const void *p, size_t len);
/*
 * Adds len bytes of arena memory, which the caller fills before the chain is sent; NULL when the
 * chain has failed.
 */
uint8_t *chain_reserve(struct chain *c, size_t len);
/* Adds a range of a file. The chain takes its own reference. */
void chain_put_file(struct chain *c, struct file *f, int64_t pos, size_t len);
/* Copies all bytes of a chain that consists of memory only to `out`, which has room for `len` bytes. */
void chain_copy(const struct chain *c, uint8_t *out);

#endif
