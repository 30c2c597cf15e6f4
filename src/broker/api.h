/*
 * api: a row an API, and what a handler is given.
 *
 * A row says who serves an API: on which listeners, in which versions, with which structs of the codec, by which function, and which
 * permission it needs. What has no row is not advertised, and a request for it closes the connection, as Kafka's does.
 *
 * A handler runs on the reactor of its connection. It reads `in`, fills `out` (default-filled by the codec) and returns an outcome:
 *
 *	REPLY	  out is complete: encode it, send it
 *	SILENT	  no answer is due (Produce with acks=0)
 *	PARKED	  the request waits; request_complete() or request_end() ends it later, on this reactor
 *	HANG_UP	  the connection is closed without an answer
 *
 * 1. All that a request needs lives in its arena, which has a budget; a handler that finds it spent returns HANG_UP.
 * 2. The image that a request began with is its image until it is answered.
 * 3. A parked request is ended by exactly one of the two calls, also when its connection has gone in the meantime: then nothing is sent.
 *    `hurry` is called, on its reactor, when there is no use in waiting on (the connection has gone, the node stops); it may end it.
 *
 * Adding an API: a file in api/, its row at the end of the file, a line in api.tbl, a line in module.am.
 */
#ifndef ODRADEK_BROKER_API_H
#define ODRADEK_BROKER_API_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/str.h"
#include "env/env.h"
#include "net/frame.h"
#include "security/acl.h"
#include "wire/chain.h"

struct conn;
struct core;
struct identity;
struct image;
struct kept_answer;
struct node;
struct peer;
struct request;
struct schema;

enum outcome { REPLY, SILENT, PARKED, HANG_UP };

enum api_flags {
	API_BROKER = 1,		/* served on listeners of the broker */
	API_CONTROLLER = 2,	/* served on listeners of the controller */
	API_FORWARD = 4,	/* the broker hands it to the controller */
	API_CLUSTER_ACTION = 8, /* Kafka's flag: between nodes */
	API_PLAIN_REFUSAL = 32, /* who lacks what the row asks for is told so in the error's own words */
	API_ADVERTISED_FROM_0 =
		16, /* Produce, for clients that look for version 0 before they compress (KAFKA-18659) */
};

struct api {
	int16_t key;
	int16_t first; /* the versions that are served */
	int16_t last;
	uint16_t flags;
	/* What the whole request needs, of ACL_CLUSTER (Kafka's authorizeClusterOperation); 0: nothing, or its handler asks for each thing in it. */
	uint8_t acl_operation;
	const struct schema *in;
	const struct schema *out;
	enum outcome (*run)(struct request *r);
	/* Fills `out` so that it says err throughout, as Kafka's getErrorResponse does. message null: the error's own where there is room. */
	void (*fail)(struct request *r, int err, struct str message);
	int32_t (*timeout_ms)(const void *in); /* of what is forwarded; NULL: it waits as long as it takes */
};

#define API_KEYS_MAX 95

/* A node's: the row of each key; NULL where it is not served. */
struct api_table {
	const struct api *by_key[API_KEYS_MAX];
};

void api_table_fill(struct api_table *t);
/* The i-th of the list; NULL behind its end. */
const struct api *api_row(int i);

static inline const struct api *api_find(const struct api_table *t, int key)
{
	return key >= 0 && key < API_KEYS_MAX ? t->by_key[key] : NULL;
}

/* ---- a request ---- */

struct request {
	struct arena arena;
	const struct api *api;
	struct node *node;
	struct core *core;	   /* this reactor's share of the broker */
	struct conn *conn;	   /* NULL when it has gone */
	struct peer *peer;	   /* NULL when it has gone */
	struct identity *identity; /* whose it is: request_identity() */
	const struct image *image; /* NULL before the first commit: then only ApiVersions is served */

	int16_t key;
	int16_t version;
	int32_t correlation_id;
	struct str client_id; /* never null: Kafka takes null for empty */
	struct str listener;  /* the name of the listener it came in by */
	bool from_controller; /* that is one of the controller's */
	struct frame frame;   /* in points into it; batches are patched in it */
	const void *in;
	void *out;
	struct envelope *envelope; /* it came in one; NULL: by itself */
	struct kept_answer *kept;  /* what it is answered with in place of out; NULL: out */
	struct chain chain;	   /* the encoded answer */
	int64_t began_ns;	   /* monotonic: when its frame was whole */

	/* throttle.h */
	int64_t handled_ns;   /* spent on it until it was parked; 0: it was not, or nobody counts */
	int32_t throttle_ms;  /* what its client is told to wait */
	uint8_t throttled_by; /* enum image_quota, with it */
	bool charged;	      /* the handler has counted it */
	bool exempt;	      /* a replica's */
	bool refused;	      /* for want of a permission on the cluster: it is nobody's between nodes */

	/* while PARKED */
	void *state; /* the handler's own, in the arena */
	void (*hurry)(struct request *r);
	struct list parked; /* in its core's list; of one that is no longer used: in its spare ones */
};

/* Whose request it is: its connection's, or its Envelope's. It lives as long as the request. */
const struct identity *request_identity(struct request *r);

/* Ends a parked request: encodes `out` and sends it. The request is gone afterwards. */
void request_complete(struct request *r);
/* Ends a parked request without an answer; close: the connection with it. */
void request_end(struct request *r, bool close);
/* Parks: the return value of a handler. */
enum outcome request_park(struct request *r, void *state, void (*hurry)(struct request *r));

/* Reads the body by the row: fills `in`, and `out` with its defaults. 0, Kafka's error or a negated errno. */
struct reader;
int request_read(struct request *r, struct reader *in);

/* The row's handler, for a principal that has what the row asks for; else CLUSTER_AUTHORIZATION_FAILED. */
enum outcome request_run(struct request *r);

/* The whole request fails: fills `out` by the row. The return value of a handler. */
enum outcome request_fail(struct request *r, int err, struct str message);
/* The same, where the principal lacks an operation on the cluster: with Kafka's words for it. */
enum outcome request_fail_cluster(struct request *r, enum acl_operation needed);

#endif
