/*
 * advertise: finds clients that were sent an address of this node and never came back to it.
 *
 * A client that reaches a bootstrap address, learns the advertised one and cannot reach that simply
 * hangs; only the node can tell. A client is identified by its client id and address; all clients
 * on this machine with one id count as one, whichever of its addresses they use.
 *
 * 1. A connection whose Metadata answer named this node is watched for ADVERTISE_WAIT_MS. If it is
 *    then still open, and its client has neither sent a request that does work (on any connection)
 *    nor opened another connection, one line names client and address.
 * 2. A client is named at most once in ADVERTISE_AGAIN_MS. At most ADVERTISE_WATCHED connections
 *    are watched; further ones are not.
 * 3. One loop owns the records. The functions below run on the reactor of the connection and send
 *    that loop a message when something is new: two or three in the life of a connection, none per
 *    request after that.
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

/* A connection's part: zeroed when the connection opens, stored with its other state. */
struct advertise_conn {
	uint64_t client;
	bool seen;
	bool told;
	bool working;
};

struct advertise *advertise_new(struct env *env, struct loop *loop);
/*
 * Call it when no message can be on its way any more: all connections are closed, and the loop has
 * run since.
 */
void advertise_free(struct advertise *a);

/*
 * A request has arrived. `prelude`: of a kind that is also sent on a bootstrap connection:
 * ApiVersions, Sasl*, Metadata.
 */
void advertise_request(struct advertise *a, struct advertise_conn *ac, const struct conn *c, struct str client_id,
		       bool prelude);
/* A Metadata answer on the connection has named this node as host:port. After advertise_request. */
void advertise_told(struct advertise *a, struct advertise_conn *ac, const struct conn *c, struct str client_id,
		    struct str host, int32_t port);
void advertise_closed(struct advertise *a, struct advertise_conn *ac, const struct conn *c);

#endif
