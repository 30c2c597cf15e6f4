/*
 * peer: a scripted client of the echo in the simulator: what it sends, how, and what it must
 * receive. Answers are compared with the script byte by byte. Its memory belongs to the machine it
 * runs on: peer_* functions are called as code of that machine.
 */
#ifndef ODRADEK_TESTS_NET_PEER_H
#define ODRADEK_TESTS_NET_PEER_H

#include "base/buf.h"
#include "env/env.h"

struct peer {
	struct loop *loop;
	struct addr to;
	struct sock *sock;
	struct buf out;
	size_t sent;
	struct buf expected;
	size_t got;
	size_t pace;  /* maximum bytes per write; 0: unlimited */
	bool deaf;    /* never reads */
	bool lingers; /* stays connected when everything is sent and received */
	bool wrong;   /* something else was received */
	bool closed;  /* by the node, or reset */
	bool done;    /* everything is sent and received, or the connection is closed */
	int64_t done_ms;
	int64_t closed_ms;
};

void peer_start(struct peer *p);
void peer_stop(struct peer *p); /* closes, and frees the script */

/* Parts of a script. */
void peer_says(struct peer *p, const void *bytes, size_t len); /* raw bytes, not answered */
void peer_asks(struct peer *p, char what, size_t len);	       /* a frame of len bytes, echoed */
void peer_asks_bytes(struct peer *p, uint32_t len);
void peer_asks_file(struct peer *p, uint32_t pos, uint32_t len);

#endif
