/*
 * outgoing: what connections of this node to others have in common: socket.connection.setup.timeout.ms and its longest, and what secures them.
 */
#ifndef ODRADEK_BROKER_OUTGOING_H
#define ODRADEK_BROKER_OUTGOING_H

#include "tls/tls.h"

struct channels;
struct config;
struct loop;

/* A context, and what it was made of: settings and files. */
struct secured {
	struct tls_slot slot;
	_Atomic uint64_t mark;
};

/* The node's. It lives as long as the node. */
struct outgoing {
	const struct config *config;
	struct secured brokers;	    /* for the inter-broker listener; empty: it is plain */
	struct secured controllers; /* for the controllers' listener */
};

enum outgoing_to { OUTGOING_TO_BROKERS, OUTGOING_TO_CONTROLLERS };

/* channels_init, and what is said here; o NULL: nothing is. */
void outgoing_init(struct channels *all, struct loop *l, struct outgoing *o, enum outgoing_to to);

#endif
