/*
 * outgoing: what connections of this node to others have in common: socket.connection.setup.timeout.ms and its longest, and what secures them.
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

/* A context, and what it was made of: settings and files. */
struct secured {
	struct tls_slot slot;
	_Atomic uint64_t mark;
};

/* The node's. It lives as long as the node. */
struct outgoing {
	const struct config *config;
	struct env *env;
	const struct jvm_options *jvm; /* node_options' */
	struct secured brokers;	       /* for the inter-broker listener; empty: it is plain */
	struct secured controllers;    /* for the controllers' listener */
	/* How this node says who it is (SASL); NULL: nobody asks. */
	struct login_method *brokers_login;
	struct login_method *controllers_login;
};

enum outgoing_to { OUTGOING_TO_BROKERS, OUTGOING_TO_CONTROLLERS };

/*
 * Reads how this node logs in to others: sasl.mechanism.inter.broker.protocol and .controller.protocol, and their JAAS lines, which are those of
 * the listener that is dialled. False when it cannot, which is told.
 */
bool outgoing_logins(struct outgoing *o, struct diag *diag);
void outgoing_fini(struct outgoing *o);

/* channels_init, and what is said here; o NULL: nothing is. */
void outgoing_init(struct channels *all, struct loop *l, struct outgoing *o, enum outgoing_to to);

#endif
