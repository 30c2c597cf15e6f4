/*
 * frame: the bytes of one request, without the length prefix, in one contiguous piece of memory.
 *
 * 1. The frame shown to a handler belongs to net and ends with the call. frame_take moves it to a
 *    struct frame of the caller's (usually a member of its request), which then owns the memory
 *    until frame_release. Take it before decoding: small frames are copied out of the buffer they
 *    share with their neighbours, so p changes; larger ones stay where they were received.
 * 2. The bytes may be written to: a batch gets its offset in place.
 * 3. A taken frame counts against queued.max.request.bytes until it is released.
 *
 * Owner: the connection's reactor. frame_release is called there, at any time before net_free; the
 * connection may already be gone.
 */
#ifndef ODRADEK_NET_FRAME_H
#define ODRADEK_NET_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct block;

struct frame {
	uint8_t *p;
	size_t len;
	struct block *block; /* net's; NULL when there is nothing to release */
};

/* *to must be unused or released; *from becomes empty. */
void frame_take(struct frame *to, struct frame *from);
/* A zeroed or released frame is fine. */
void frame_release(struct frame *f);

#endif
