/*
 * conn: one accepted connection: frames in, answers out, in order.
 *
 * 1. A connection lives on one reactor, from opened() to closed(); all calls below are made on that reactor's loop.
 * 2. One request is in work at a time: after frame() no other frame of this connection is shown until the request has ended by exactly
 *    one of conn_reply, conn_no_reply and conn_close, in frame() or at any later time.
 * 3. No handler function and no sent() runs inside a call of these functions: what they cause happens later in the same turn of the loop.
 * 4. Answers leave in the order of conn_reply, those of one turn together. While answers wait for a slow reader no frame is shown.
 * 5. closed() is the last call for a connection, and comes once for each opened(). Before it, sent() has been called for every answer.
 *    A request that is in work then has no connection any more: it is dropped by its owner, and conn_reply may not be called.
 */
#ifndef ODRADEK_NET_CONN_H
#define ODRADEK_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "env/env.h"
#include "net/frame.h"

struct buf;
struct chain;
struct conn;

struct net_handler {
	/* May this address open another connection? 0, or for how many ms it is held before it is closed. On reactor 0; NULL: always. */
	int64_t (*admit)(void *arg, const struct addr *from);
	/* A connection is there. Set conn_set_data here. */
	void (*opened)(void *arg, struct conn *);
	/* A frame is whole, len 0 included. */
	void (*frame)(void *arg, struct conn *, struct frame *);
	/* TLS was agreed on, or could not be. In a turn: to be noted. NULL: nobody wants to know. */
	void (*secured)(void *arg, struct conn *, bool ok);
	/* It is gone, for whatever reason. */
	void (*closed)(void *arg, struct conn *);
};

/* Ends the request with an answer. sent(arg) is called when the last byte has left, or the connection is gone: release the arena there. */
void conn_reply(struct conn *c, struct chain *answer, void (*sent)(void *arg), void *arg);
/* Ends the request without one (acks=0). */
void conn_no_reply(struct conn *c);
/* Closes: answers given before leave first, if the peer takes them. reason: a static text for the diagnostics; NULL: nothing to say. */
void conn_close(struct conn *c, const char *reason);
/* Shows and reads no frame for delay_ms from now (KIP-219); answers leave. Calls do not add up: the later end counts. */
void conn_mute(struct conn *c, int64_t delay_ms);
/* Frames longer than max close the connection from now on: the bound before authentication, lifted after it. */
void conn_set_frame_max(struct conn *c, size_t max);

/* It is known who this is: it is a stranger's no more. */
void conn_know(struct conn *c);
/* What is received from now on may hold secrets: wherever it was moved away from, or is given up, it is wiped. A frame that is taken is its taker's. */
void conn_set_secret(struct conn *c, bool secret);

void *conn_data(const struct conn *c);
void conn_set_data(struct conn *c, void *data);

/* Where it lives. */
int conn_reactor(const struct conn *c); /* 0 .. net_reactors() - 1 */
struct loop *conn_loop(const struct conn *c);
int conn_listener(const struct conn *c); /* index into the listeners given to net_listen */
/* Differs from every other connection of this net, for as long as the process lives. */
uint64_t conn_id(const struct conn *c);
const struct addr *conn_peer_addr(const struct conn *c);
/* The address that the peer has dialled, as this machine sees it. 0 or a negated errno. */
int conn_local_addr(const struct conn *c, struct addr *out);
/* Appends the name in the certificate that the peer has shown, as Java prints it. False: it is not TLS, or there was none. */
bool conn_peer_name(const struct conn *c, struct buf *out);

#endif
