/*
 * advertise: finds clients that were sent an address of this node and never came back to it.
 *
 * A client that reaches a bootstrap address, learns the advertised one and cannot reach that just hangs; the node can tell. A client is
 * its client id, at its address; those of this machine are one, whichever of its addresses they use.
 *
 * 1. A connection whose Metadata answer named this node is watched for ADVERTISE_WAIT_MS. If by then it is still open, and its client has
 *    neither sent a request that does work (here or elsewhere) nor opened another connection, one line names client and address.
 * 2. A client is named once in ADVERTISE_AGAIN_MS. At most ADVERTISE_WATCHED connections are watched; more go unwatched.
 * 3. The book-keeping is owned by one loop; the functions below run on the reactor of the connection and send it a message where something
 *    is new: two or three in a connection's life, none for a request after that.
 */
#ifndef ODRADEK_BROKER_ADVERTISE_H
#define ODRADEK_BROKER_ADVERTISE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define ADVERTISE_WAIT_MS 15000
#define ADVERTISE_AGAIN_MS 600000
#define ADVERTISE_WATCHED 1024

struct advertise;
struct conn;
struct env;
struct loop;

/* A connection's part: zeroed when it opens, kept by whoever keeps the connection's other state. */
struct advertise_conn {
	uint64_t client;
	bool seen;
	bool told;
	bool working;
};

struct advertise *advertise_new(struct env *env, struct loop *loop);
/* When no message is on its way any more: all connections are closed, and the loop has run since. */
void advertise_free(struct advertise *a);

/* A request has come. `prelude`: of a kind that a bootstrap connection sees as well: ApiVersions, Sasl*, Metadata. */
void advertise_request(struct advertise *a, struct advertise_conn *ac, const struct conn *c, struct str client_id,
		       bool prelude);
/* A Metadata answer to it has named this node as host:port. After advertise_request. */
void advertise_told(struct advertise *a, struct advertise_conn *ac, const struct conn *c, struct str client_id,
		    struct str host, int32_t port);
void advertise_closed(struct advertise *a, struct advertise_conn *ac, const struct conn *c);

#endif
