/*
 * peer: what fuzz targets that talk to a whole node share: the fuzzer's input, consumed byte by
 * byte, and a raw connection that may send anything.
 */
#ifndef ODRADEK_TESTS_FUZZ_PEER_H
#define ODRADEK_TESTS_FUZZ_PEER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "env/env.h"

struct input {
	const uint8_t *p;
	size_t left;
};

/* Takes the next byte; 0 when none is left. */
uint8_t take(struct input *in);
/* Takes n bytes, or as many as are left; a view of the input. */
struct bytes take_bytes(struct input *in, size_t n);

struct peer {
	struct sock *sock; /* NULL: not connected */
	struct buf out;	   /* to be sent */
	size_t sent;
	void (*hear)(struct peer *p, const uint8_t *bytes, size_t len); /* NULL: received data is dropped */
	void (*closed)(struct peer *p);					/* may be NULL; also called after peer_close */
};

/* Connects if necessary; the bytes leave as the socket accepts them. On the loop's thread. */
void peer_say(struct peer *p, struct loop *l, const struct addr *to, const void *bytes, size_t len);
void peer_close(struct peer *p);

#endif
