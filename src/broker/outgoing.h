/*
 * outgoing: what this node's connections to other nodes have in common:
 * socket.connection.setup.timeout.ms and its maximum, and how they are secured.
 */
#ifndef ODRADEK_BROKER_OUTGOING_H
#define ODRADEK_BROKER_OUTGOING_H

#include <stdbool.h>

#include "tls/tls.h"

struct channels;
struct config;
struct diag;
struct env;
struct jvm_options;
struct loop;
struct login_method;

/* A TLS context, and a mark of the settings and files from which it was made. */
struct secured {
	struct tls_slot slot;
	_Atomic uint64_t mark;
};

/* One per node. It lives as long as the node. */
struct outgoing {
	const struct config *config;
	struct env *env;
	const struct jvm_options *jvm; /* those of node_options */
	struct secured brokers;	       /* for the inter-broker listener; empty: it has no TLS */
	struct secured controllers;    /* for the controllers' listener */
	/* How this node authenticates (SASL); NULL: it need not. */
	struct login_method *brokers_login;
	struct login_method *controllers_login;
};

enum outgoing_to { OUTGOING_TO_BROKERS, OUTGOING_TO_CONTROLLERS };

/*
 * Reads how this node logs in to others: sasl.mechanism.inter.broker.protocol and
 * .controller.protocol, and the JAAS lines, which are those of the listener that is dialled. False
 * when it cannot; the reason is logged.
 */
bool outgoing_logins(struct outgoing *o, struct diag *diag);
void outgoing_fini(struct outgoing *o);

/* channels_init, and the settings above; o NULL: only channels_init. */
void outgoing_init(struct channels *all, struct loop *l, struct outgoing *o, enum outgoing_to to);

#endif
