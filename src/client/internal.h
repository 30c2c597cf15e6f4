/*
 * internal: what the files of this room share: the nodes of a client.
 *
 * A node is an address that is known, in one lane: one of the bootstrap list (id < 0) or a broker of the metadata.
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
	bool gone; /* another address has taken its id */
};

struct client {
	struct channels channels;
	struct client_options options;
	char *client_id;
	struct list nodes;
	struct list homeless; /* calls that wait for metadata */
	struct call finding;  /* the request for metadata */
	struct arena finding_arena;
	char *why; /* of the last refusal; NULL */
	bool is_finding;
	bool is_known; /* the brokers are */
	struct client_broker *brokers;
	int n_brokers;
	int32_t controller;
	struct timer sweep; /* frees nodes that are gone: not inside of one's own call */
	uint32_t turn;	    /* which address an ANY call takes */
	int8_t lanes;	    /* given out */
};

/* client.c */
struct client_node *client_node_new(struct client *c, int32_t id, const char *host, int port, const char *rack);
void client_node_free(struct client_node *n);
/* An error that a refusal has ended it with gets its words. */
void client_explain(const struct client *c, struct call *call, int err);

/* discovery.c */
void discovery_start(struct client *c);
struct client_node *discovery_node(struct client *c, int32_t id, int lane); /* NULL: there is no such node */
/* Brokers whose ids or addresses cannot be are left out. */
struct metadata_response;
void discovery_take_metadata(struct client *c, const struct metadata_response *m);
void discovery_sweep(struct timer *t);
void discovery_clear(struct client *c);

#endif
