/*
 * internal: what the files of this room share: nodes and their connections.
 *
 * A node is an address that is known: one of the bootstrap list (id < 0) or a broker of the metadata. Its connection goes
 * IDLE -> RESOLVING -> DIALLING -> GREETING (ApiVersions) -> READY, and back to IDLE when it breaks, where it waits a little before the
 * next attempt when somebody wants it.
 */
#ifndef ODRADEK_CLIENT_INTERNAL_H
#define ODRADEK_CLIENT_INTERNAL_H

#include "base/buf.h"
#include "client/client.h"

enum { LANDING = 64 * 1024, KEYS_MAX = 128, ADDRESSES_MAX = 8, BACKOFF_FIRST_MS = 50, BACKOFF_MAX_MS = 1000 };

enum node_state { NODE_IDLE, NODE_RESOLVING, NODE_DIALLING, NODE_GREETING, NODE_READY };

struct api_range {
	int16_t min; /* min > max: not spoken */
	int16_t max;
};

struct resolving; /* a look-up of a name, under way */

struct client_node {
	struct list link;
	struct client *client;
	struct client_broker broker;
	int lane;
	bool gone; /* another address has taken its id */
	enum node_state state;
	struct resolving *resolving;
	struct addr addresses[ADDRESSES_MAX];
	int n_addresses;
	int next_address;
	struct sock *sock;
	struct timer flush;   /* once a turn: what was asked meanwhile leaves together */
	struct timer attempt; /* the next one, or the end of this one */
	int backoff_ms;
	struct list waiting;   /* calls that are not encoded yet */
	struct list sending;   /* encoded, not wholly written */
	struct list in_flight; /* written, in the order of their answers */
	size_t sent;	       /* bytes of the first of `sending` */
	struct api_range apis[KEYS_MAX];
	struct call greeting;
	struct arena greeting_arena;
	int greeting_version;
	/* The answer that is coming in. */
	uint8_t head[4];
	int head_len;
	uint8_t *frame;
	size_t frame_len;
	size_t frame_pos;
};

struct client {
	struct loop *loop;
	struct client_options options;
	char *client_id;
	struct list nodes;
	struct list homeless; /* calls that wait for metadata */
	struct call finding;  /* the request for metadata */
	struct arena finding_arena;
	bool is_finding;
	bool is_known; /* the brokers are */
	struct client_broker *brokers;
	int n_brokers;
	int32_t controller;
	uint32_t turn; /* which address an ANY call takes */
	int n_resolving;
	int32_t next_correlation;
	int8_t lanes; /* given out */
	uint8_t *landing;
};

/* client.c */
struct client_node *channel_new(struct client *c, int32_t id, const char *host, int port, const char *rack);
void call_finish(struct call *call, int err); /* runs done */
/* A connection has ended or could not be made: its calls go elsewhere or wait. */
void client_node_failed(struct client_node *n, int err, struct list *calls);

/* channel.c */
void channel_want(struct client_node *n); /* there are calls: dial, or send */
void channel_close(struct client_node *n);
void channel_free(struct client_node *n);
void channel_break(struct client_node *n, int err);

/* discovery.c */
void discovery_start(struct client *c);
struct client_node *discovery_node(struct client *c, int32_t id, int lane); /* NULL: there is no such node */
void discovery_clear(struct client *c);

#endif
