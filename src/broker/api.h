/*
 * api: the table of APIs (one row per API), and what a handler gets.
 *
 * A row says how an API is served: on which listeners, in which versions, with which structs of the
 * codec, by which function, and which permission it requires. An API without a row is not
 * advertised, and a request for it closes the connection, as in Kafka.
 *
 * A handler runs on the reactor of its connection. It reads `in`, fills `out` (default-filled by
 * the codec) and returns an outcome:
 *
 *	REPLY	  out is complete: encode and send it
 *	SILENT	  there is no answer (Produce with acks=0)
 *	PARKED	  the request waits; request_complete() or request_end() ends it later, on this reactor
 *	HANG_UP	  close the connection without an answer
 *
 * 1. Everything that a request needs lives in its arena, which has a budget; a handler that finds
 *    the arena spent returns HANG_UP.
 * 2. A request keeps the image with which it began until it is answered.
 * 3. A parked request is ended by exactly one of the two calls, even if its connection has gone in
 *    the meantime: nothing is sent then. `hurry` is called, on its reactor, when waiting has become
 *    pointless (the connection has gone, the node stops); it may end the request.
 *
 * To add an API: a file in api/, its row at the end of that file, a line in api.tbl, a line in
 * module.am.
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
	API_BROKER = 1,		    /* served on listeners of the broker */
	API_CONTROLLER = 2,	    /* served on listeners of the controller */
	API_FORWARD = 4,	    /* the broker forwards it to the controller */
	API_CLUSTER_ACTION = 8,	    /* Kafka's flag: between nodes */
	API_PLAIN_REFUSAL = 32,	    /* without the required permission, the refusal has the error's default message */
	API_ADVERTISED_FROM_0 = 16, /* for Produce: clients look for version 0 before they compress (KAFKA-18659) */
	API_WITHOUT_NUL = 64, /* a name with a NUL byte is INVALID_REQUEST: coordinators keep names as C strings */
};

struct api {
	int16_t key;
	int16_t first; /* `first` to `last`: the versions that are served */
	int16_t last;
	uint16_t flags;
	/*
	 * The operation that the whole request requires on ACL_CLUSTER (Kafka's
	 * authorizeClusterOperation); 0: none, or the handler checks each item of the request.
	 */
	uint8_t acl_operation;
	const struct schema *in;
	const struct schema *out;
	enum outcome (*run)(struct request *r);
	/*
	 * Fills `out` so that every part of it reports err, as Kafka's getErrorResponse does.
	 * message null: the error's default message, where there is a field for it.
	 */
	void (*fail)(struct request *r, int err, struct str message);
	int32_t (*timeout_ms)(const void *in); /* timeout of a forwarded request; NULL: it waits as long as it takes */
};

#define API_KEYS_MAX 95

/* One per node: the row of each key; NULL where the key is not served. */
struct api_table {
	const struct api *by_key[API_KEYS_MAX];
};

void api_table_fill(struct api_table *t);
/* The i-th row of the list; NULL past its end. */
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
	struct core *core;	   /* the part of the broker that belongs to this reactor */
	struct conn *conn;	   /* NULL when it has gone */
	struct peer *peer;	   /* NULL when it has gone */
	struct identity *identity; /* of the sender; read it by request_identity() */
	const struct image *image; /* NULL before the first commit: only ApiVersions is served then */

	int16_t key;
	int16_t version;
	int32_t correlation_id;
	struct str client_id; /* never null: a null id counts as empty, as in Kafka */
	struct str listener;  /* the name of the listener on which it arrived */
	bool from_controller; /* that listener is one of the controller's */
	struct frame frame;   /* `in` points into it; batches are patched in it */
	const void *in;
	void *out;
	struct envelope *envelope; /* the Envelope in which it arrived; NULL: none */
	struct kept_answer *kept;  /* sent in place of `out`; NULL: `out` is sent */
	struct chain chain;	   /* the encoded answer */
	int64_t began_ns;	   /* monotonic: when its frame was complete */

	/* for throttle.h */
	int64_t handled_ns;   /* time spent on it until it was parked; 0: it was not parked, or nobody counts */
	int32_t throttle_ms;  /* how long the client is told to wait */
	uint8_t throttled_by; /* enum image_quota: the quota behind throttle_ms; IMAGE_QUOTAS: not a client quota */
	bool charged;	      /* the handler has counted it */
	bool exempt;	      /* sent by a replica */
	/* refused for lack of a permission on the cluster: quotas apply, even to an inter-node API */
	bool refused;
	bool has_nul; /* in a name, where API_WITHOUT_NUL forbids it */

	/* while PARKED */
	void *state; /* the handler's own, in the arena */
	void (*hurry)(struct request *r);
	/* in its core's list; when the request is no longer used, in the core's list of spare ones */
	struct list parked;
};

/* Whose request it is: the identity of its connection, or of its Envelope. It lives as long as the request. */
const struct identity *request_identity(struct request *r);

/* Ends a parked request: encodes `out` and sends it. The request is gone afterwards. */
void request_complete(struct request *r);
/* Ends a parked request without an answer; close: closes the connection as well. */
void request_end(struct request *r, bool close);
/* Parks the request: the return value of a handler. */
enum outcome request_park(struct request *r, void *state, void (*hurry)(struct request *r));

/*
 * Reads the body according to the row: fills `in`, and `out` with its defaults. 0, a Kafka error or
 * a negated errno.
 */
struct reader;
int request_read(struct request *r, struct reader *in);

/*
 * Runs the row's handler if the principal has the permission that the row requires; else
 * CLUSTER_AUTHORIZATION_FAILED.
 */
enum outcome request_run(struct request *r);

/* Fails the whole request: fills `out` by the row's fail(). The return value of a handler. */
enum outcome request_fail(struct request *r, int err, struct str message);
/* The same for a principal that lacks an operation on the cluster, with Kafka's message. */
enum outcome request_fail_cluster(struct request *r, enum acl_operation needed);

#endif
