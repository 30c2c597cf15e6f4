/*
 * internal: what the files of this room share: the nodes of a client.
 *
 * A node is a known address, in one lane: from the bootstrap list (id < 0) or a broker from the
 * metadata.
 */
#ifndef ODRADEK_CLIENT_INTERNAL_H
#define ODRADEK_CLIENT_INTERNAL_H

#include "client/client.h"

struct client_node {
	struct list link;
	struct channel channel;
	struct client *client;
	int32_t id;
	char *rack; /* may be NULL */
	int lane;
	bool gone; /* another address now has its id */
};

struct client {
	struct channels channels;
	struct client_options options;
	char *client_id;
	struct list nodes;
	struct list homeless; /* calls waiting for metadata */
	struct call finding;  /* the request for metadata */
	struct arena finding_arena;
	char *why; /* of the last refusal, or NULL */
	bool is_finding;
	bool is_known; /* the brokers are known */
	struct client_broker *brokers;
	int n_brokers;
	int32_t controller;
	struct timer sweep; /* frees nodes that are gone, but never inside one of their own calls */
	uint32_t turn;	    /* selects the address for the next ANY call */
	int8_t lanes;	    /* number of lanes given out */
};

/* client.c */
struct client_node *client_node_new(struct client *c, int32_t id, const char *host, int port, const char *rack);
void client_node_free(struct client_node *n);
/* Adds the refusal's message to a call that ended with such an error. */
void client_explain(const struct client *c, struct call *call, int err);

/* discovery.c */
void discovery_start(struct client *c);
struct client_node *discovery_node(struct client *c, int32_t id, int lane); /* NULL: there is no such node */
/* Leaves out brokers with invalid ids or addresses. */
struct metadata_response;
void discovery_take_metadata(struct client *c, const struct metadata_response *m);
void discovery_sweep(struct timer *t);
void discovery_clear(struct client *c);

#endif
