/*
 * peer: what targets that talk to a whole node share: the fuzzer's input, taken byte by byte, and a raw connection that may say anything.
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

/* 0 when there is nothing left. */
uint8_t take(struct input *in);
/* n bytes, or what is left; they stay the input's. */
struct bytes take_bytes(struct input *in, size_t n);

struct peer {
	struct sock *sock; /* NULL: not connected */
	struct buf out;	   /* to be said */
	size_t sent;
	void (*hear)(struct peer *p, const uint8_t *bytes, size_t len); /* NULL: what comes is dropped */
	void (*closed)(struct peer *p);					/* NULL; also after peer_close */
};

/* Dials when it is not connected; what is said leaves as the socket takes it. On the loop's thread. */
void peer_say(struct peer *p, struct loop *l, const struct addr *to, const void *bytes, size_t len);
void peer_close(struct peer *p);

#endif
