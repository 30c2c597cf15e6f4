/*
 * conn: one accepted connection: frames in, answers out, in order.
 *
 * 1. A connection lives on one reactor, from opened() to closed(); all calls below are made on that
 *    reactor's loop.
 * 2. One request is in progress at a time: after frame() no other frame of this connection is shown
 *    until the request has ended with exactly one of conn_reply, conn_no_reply and conn_close,
 *    inside frame() or at any later time.
 * 3. No handler function and no sent() runs inside a call of these functions: what they cause
 *    happens later in the same turn of the loop.
 * 4. Answers leave in the order of conn_reply, those of one turn together. While answers wait for a
 *    slow reader no frame is shown.
 * 5. closed() is the last call for a connection, and comes once for each opened(). Before it,
 *    sent() has been called for every answer. A request still in progress then has lost its
 *    connection: its owner drops it, and must not call conn_reply.
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
	/*
	 * Whether this address may open another connection: 0 if so, otherwise how many ms the
	 * connection is held before it is closed. Called on reactor 0; NULL: always 0.
	 */
	int64_t (*admit)(void *arg, const struct addr *from);
	/* A connection has been opened. Call conn_set_data here. */
	void (*opened)(void *arg, struct conn *);
	/* A whole frame has arrived; its length may be 0. */
	void (*frame)(void *arg, struct conn *, struct frame *);
	/*
	 * The TLS handshake has succeeded or failed. Called within a turn: only take note of it.
	 * NULL: not wanted.
	 */
	void (*secured)(void *arg, struct conn *, bool ok);
	/* The connection is gone, for whatever reason. */
	void (*closed)(void *arg, struct conn *);
};

/*
 * Ends the request with an answer. sent(arg) is called when its last byte has left, or the
 * connection is gone: release the arena there.
 */
void conn_reply(struct conn *c, struct chain *answer, void (*sent)(void *arg), void *arg);
/* Ends the request without an answer (acks=0). */
void conn_no_reply(struct conn *c);
/*
 * Closes the connection. Answers given before are sent first, if the peer takes them. reason: a
 * static text for the log; NULL: none.
 */
void conn_close(struct conn *c, const char *reason);
/*
 * Neither shows nor reads frames for delay_ms from now (KIP-219); answers still leave. Delays do
 * not add up: the latest end counts.
 */
void conn_mute(struct conn *c, int64_t delay_ms);
/*
 * From now on, frames longer than max close the connection. This is the limit before
 * authentication, lifted afterwards.
 */
void conn_set_frame_max(struct conn *c, size_t max);

/* The peer has been identified: the connection is no longer a stranger's. */
void conn_know(struct conn *c);
/*
 * Bytes received from now on may hold secrets: they are wiped wherever they are moved away from or
 * dropped. Wiping a taken frame is up to its owner.
 */
void conn_set_secret(struct conn *c, bool secret);

void *conn_data(const struct conn *c);
void conn_set_data(struct conn *c, void *data);

/* The reactor it lives on. */
int conn_reactor(const struct conn *c); /* 0 .. net_reactors() - 1 */
struct loop *conn_loop(const struct conn *c);
int conn_listener(const struct conn *c); /* index into the listeners given to net_listen */
/* Unique among the connections of this net, for as long as the process lives. */
uint64_t conn_id(const struct conn *c);
const struct addr *conn_peer_addr(const struct conn *c);
/* The address the peer dialled, as this machine sees it. Returns 0 or a negated errno. */
int conn_local_addr(const struct conn *c, struct addr *out);
/*
 * Appends the name in the peer's certificate, as Java prints it. False: the connection is not TLS,
 * or there was no certificate.
 */
bool conn_peer_name(const struct conn *c, struct buf *out);

#endif
