/*
 * dispatch: from a frame to its handler, and from an answer to the connection.
 *
 * What Kafka's broker closes a connection for closes it here: an unknown key, a key that the listener does not serve, a version that is
 * not served (ApiVersions excepted: it is answered in version 0), a header or a body that cannot be read.
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

/* The address that a client has dialled. */
struct peer_local {
	uint16_t port; /* 0: it is not known */
	char host[ADDR_TEXT_MAX];
};

/* One connection, as the broker knows it. Owner: its reactor. There may be very many that do nothing. */
struct peer {
	struct core *core;
	struct request *current;  /* in work */
	struct peer_local *local; /* NULL: it was not asked for */
	uint16_t listener;	  /* index into the node's */
	bool beats;		  /* a broker sends its heartbeats by it: */
	int32_t broker;
	int64_t broker_epoch;
	struct identity *identity; /* NULL: anonymous, and nobody has asked yet */
	struct sasl *sasl;	   /* NULL: nobody has to say who he is */
	struct advertise_conn advertise;
};

/* For net_new; the argument of its functions is the node. */
extern const struct net_handler dispatch_handler;

/* ---- for sasl.c, which takes frames of its own ---- */

/* Reads the header: api (NULL: it is not served on this listener), version, correlation id and client id; the body is left. 0 or an error. */
int request_open(struct request *r, struct reader *in);
bool request_is_of_version(const struct request *r); /* one that is served */
/* Goes on as with any request. */
void request_serve(struct request *r, struct reader *in);
/* Ends it: the connection is closed, and why is a line. */
void request_refuse(struct request *r, const char *why);
/* Ends it as a handler says. */
void request_finish(struct request *r, enum outcome outcome);
/* Answers with bytes of the arena, and no header. */
void request_answer_bytes(struct request *r, struct bytes answer);
/* Ends it: such a frame has no answer. */
void request_answer_nothing(struct request *r);

/* Requests that are kept for reuse. */
void requests_forget(struct core *c);

/* Every parked request is asked to end. */
void requests_hurry(struct core *c);

#endif
