/*
 * outgoing: what connections of this node to others have in common: socket.connection.setup.timeout.ms and its longest, and what secures them.
 */
#ifndef ODRADEK_BROKER_OUTGOING_H
#define ODRADEK_BROKER_OUTGOING_H

struct channels;
struct config;
struct loop;
struct tls_context;

/* The node's. It lives as long as the node. */
struct outgoing {
	const struct config *config;
	struct tls_context *brokers;	 /* for the inter-broker listener; NULL: it is plain */
	struct tls_context *controllers; /* for the controllers' listener */
};

enum outgoing_to { OUTGOING_TO_BROKERS, OUTGOING_TO_CONTROLLERS };

/* channels_init, and what is said here; o NULL: nothing is. */
void outgoing_init(struct channels *all, struct loop *l, const struct outgoing *o, enum outgoing_to to);

#endif
