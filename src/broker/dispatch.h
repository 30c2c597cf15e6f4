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
#include "env/env.h"
#include "net/conn.h"

struct core;
struct identity;
struct node;
struct request;

/* One connection, as the broker knows it. Owner: its reactor. */
struct peer {
	struct core *core;
	struct request *current; /* in work */
	int listener;		 /* index into the node's */
	bool local_known;	 /* the address it has dialled was asked for */
	uint16_t local_port;	 /* 0: it is not known */
	char local_host[ADDR_TEXT_MAX];
	bool beats; /* a broker sends its heartbeats by it: */
	int32_t broker;
	int64_t broker_epoch;
	struct identity *identity; /* NULL: anonymous, and nobody has asked yet */
	struct advertise_conn advertise;
};

/* For net_new; the argument of its functions is the node. */
extern const struct net_handler dispatch_handler;

/* Requests that are kept for reuse. */
void requests_forget(struct core *c);

/* Every parked request is asked to end. */
void requests_hurry(struct core *c);

#endif
