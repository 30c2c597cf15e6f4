/*
 * throttle: enforces the quotas of clients (KIP-13, KIP-124, KIP-219, KIP-599).
 *
 * 1. Without a quota in the image, a request costs one look at the image that it holds.
 * 2. Usage is counted for all connections of a client together, on whichever reactor they live,
 *    under one of a few locks that are held while a dozen numbers are added up.
 * 3. An answer is never held back: it tells the client how long to wait, and its connection is
 *    muted for that long. If several quotas are exceeded, the longest wait counts.
 * 4. Requests between nodes are exempt once they are authorized. So are requests whose answer
 *    nobody waits for, except for the bytes they brought.
 * 5. A client that was silent for an hour is forgotten, and sooner when the names take more than
 *    THROTTLE_BYTES_MAX in all, but not while its usage still counts. Client ids and addresses for
 *    which there is no room share allowances.
 *
 * The time of a request is what its reactor spent on it between the complete frame and the answer:
 * decoding and handling, but not the time for which it was parked, and not sending.
 * request_percentage is in percent of one such thread.
 *
 * Any thread; functions that take a request: its reactor.
 */
#ifndef ODRADEK_BROKER_THROTTLE_H
#define ODRADEK_BROKER_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "metadata/quota.h"

#define THROTTLE_BYTES_MAX (16 << 20)

struct config;
struct env;
struct request;
struct throttle;

struct throttle *throttle_new(struct env *env, const struct config *config);
void throttle_free(struct throttle *t);

/* ---- requests ---- */

/* Before the answer in r->out is encoded: counts its cost, puts the wait into it, and mutes its connection. */
void throttle_answer(struct request *r);
/* An answer made elsewhere may contain a throttle time of its own. out: of the request's API. */
void throttle_decided(struct request *r, const void *out);
/* The same for a request without an answer. */
void throttle_silent(struct request *r);
/*
 * The request used more than the partition has (capacity.h): the client waits this long, or as long
 * as its own quotas require if that is longer.
 */
void throttle_at_least(struct request *r, int32_t ms);
/*
 * The connection is closed instead of an answer: counts what a Produce brought, part of which may
 * have been written.
 */
void throttle_hang_up(struct request *r);
/* May throttle_answer() be left out? */
bool throttle_is_idle(const struct request *r);

/*
 * A consumer's answer would have this length: true when it has to be empty, and r->throttle_ms is
 * how long the client waits.
 */
bool throttle_fetch(struct request *r, int64_t bytes);
/* The size beyond which an answer would be throttled in any case. */
int32_t throttle_fetch_max(struct request *r, int32_t max_bytes);

/* ---- connections, on reactor 0 ---- */

/* Sets the connection rates of addresses. */
void throttle_follow(struct throttle *t, const struct image *image);
/* One more connection from there: 0, or how long it is kept waiting before it is closed. */
struct addr;
int64_t throttle_connection(struct throttle *t, const struct addr *from);

/* ---- changes of partitions, at the controller ---- */

struct mutations {
	struct throttle *throttle; /* NULL: there are no quotas */
	const struct image *image;
	struct str user;
	struct str client_id;
	bool strict; /* nothing more is done once the quota is exceeded */
	int32_t throttle_ms;
};

/* The field of an API's answer for the time to wait; NULL: it has none. */
int32_t *throttle_field(const struct throttle *t, int16_t key, void *out);

/* May n partitions be created or deleted? Counts them. */
bool mutations_take(struct mutations *m, int n);

/* ---- numbers ---- */

struct throttle_number {
	enum image_quota quota;
	struct image_quota_tags tags;
	double rate; /* bytes or changes per second; percent */
	double tokens;
	double throttle_ms; /* the recent mean; NaN without any */
};

#define THROTTLE_PRINTED_MAX 2048

/*
 * Calls each() for every sensor, under its lock: nothing may be kept. If there are more than
 * THROTTLE_PRINTED_MAX, only for those used last.
 */
void throttle_numbers(struct throttle *t, void (*each)(void *arg, const struct throttle_number *n), void *arg);
/* The percentage of a thread used by exempt requests. */
double throttle_exempt_rate(struct throttle *t);
int64_t throttle_bytes(const struct throttle *t);
/* All of it, for Prometheus. */
struct buf;
void throttle_print(struct throttle *t, struct buf *out);

#endif
