/*
 * dispatch: from a frame to its handler, and from an answer to the connection.
 *
 * It closes a connection for the same reasons as Kafka's broker: an unknown key, a key that the
 * listener does not serve, a version that is not served (except of ApiVersions, which is answered
 * in version 0), a header or a body that cannot be read.
 */
#ifndef ODRADEK_BROKER_DISPATCH_H
#define ODRADEK_BROKER_DISPATCH_H

#include <stdbool.h>

#include "broker/advertise.h"
#include "broker/api.h"
#include "env/env.h"
#include "net/conn.h"

struct core;
struct identity;
struct node;
struct reader;
struct sasl;

/* The address to which a client has connected. */
struct peer_local {
	uint16_t port; /* 0: not known */
	char host[ADDR_TEXT_MAX];
};

/*
 * One connection, as the broker knows it. Owner: its reactor. There may be very many idle ones, so
 * keep it small.
 */
struct peer {
	struct core *core;
	struct request *current;  /* in progress */
	struct peer_local *local; /* NULL: not asked for yet */
	uint16_t listener;	  /* index into the node's listeners */
	/* a broker sends its heartbeats on this connection: broker and broker_epoch are valid */
	bool beats;
	int32_t broker;
	int64_t broker_epoch;
	struct identity *identity; /* NULL: anonymous, and not made yet */
	struct sasl *sasl;	   /* NULL: the listener does not require authentication */
	struct advertise_conn advertise;
};

/* For net_new; the argument of its functions is the node. */
extern const struct net_handler dispatch_handler;

/* ---- for sasl.c, which takes frames of its own ---- */

/*
 * Reads the header: api (NULL: not served on this listener), version, correlation id and client id;
 * leaves the body. 0 or an error.
 */
int request_open(struct request *r, struct reader *in);
bool request_is_of_version(const struct request *r); /* a version that is served */
/* Continues as with any request. */
void request_serve(struct request *r, struct reader *in);
/* Ends it: closes the connection, and logs why. */
void request_refuse(struct request *r, const char *why);
/* Ends it with a handler's outcome. */
void request_finish(struct request *r, enum outcome outcome);
/* Answers with bytes of the arena, and no header. */
void request_answer_bytes(struct request *r, struct bytes answer);
/* Ends it without an answer, for a frame that has none. */
void request_answer_nothing(struct request *r);

/* Frees the requests kept for reuse. */
void requests_forget(struct core *c);

/* Asks every parked request to end. */
void requests_hurry(struct core *c);

#endif
