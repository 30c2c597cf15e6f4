/*
 * throttle: clients are held to their quotas (KIP-13, KIP-124, KIP-219, KIP-599).
 *
 * 1. Without a quota in the image a request costs a look at the image it holds.
 * 2. What a client has used is counted for all its connections together, on whichever reactor they live, under one of a few locks that are
 *    held for a sum over a dozen numbers.
 * 3. An answer is never held back: it says how long the client has to wait, and its connection is muted for that long. Where several quotas
 *    are exceeded the longest wait counts.
 * 4. Requests between nodes are exempt once they are let in, and so are answers that no client waits for, but for the bytes they brought.
 * 5. Who has not been heard of for an hour is forgotten, and sooner when names take more than THROTTLE_BYTES_MAX in all, but nobody whose use
 *    still counts: client ids and addresses that there is no room for share what one of them may use.
 *
 * The time of a request is what its reactor spent on it between the whole frame and the answer: decoding and handling; not while it
 * was parked, and not sending. request_percentage counts in hundredths of one such thread.
 *
 * Any thread, but what takes a request: its reactor.
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

/* Before the answer in r->out is encoded: what it has cost is counted, the wait is told in it, and its connection is muted. */
void throttle_answer(struct request *r);
/* What was decided elsewhere may say how long the client has to wait. out: of the request's API. */
void throttle_decided(struct request *r, const void *out);
/* The same for a request without an answer. */
void throttle_silent(struct request *r);
/* The connection is closed instead of an answer: what a Produce brought is counted, part of it may have been written. */
void throttle_hang_up(struct request *r);
/* May throttle_answer() be left out? */
bool throttle_is_idle(const struct request *r);

/* A consumer's answer would be so long: true when it has to be empty, and r->throttle_ms says how long the client waits. */
bool throttle_fetch(struct request *r, int64_t bytes);
/* An answer with more than so many bytes would be throttled in any case. */
int32_t throttle_fetch_max(struct request *r, int32_t max_bytes);

/* ---- connections, on reactor 0 ---- */

/* The rates that addresses have now. */
void throttle_follow(struct throttle *t, const struct image *image);
/* One more from there: 0, or how long it is kept waiting before it is closed. */
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

/* Where the answer of an API says how long to wait; NULL: nowhere. */
int32_t *throttle_field(const struct throttle *t, int16_t key, void *out);

/* May n partitions be made or deleted? Counts them. */
bool mutations_take(struct mutations *m, int n);

/* ---- numbers ---- */

struct throttle_number {
	enum image_quota quota;
	struct image_quota_tags tags;
	double rate; /* bytes or changes a second; percent */
	double tokens;
	double throttle_ms; /* the mean of late; NaN */
};

#define THROTTLE_PRINTED_MAX 2048

/* Each, under its lock: nothing is kept. Those that were used last, when there are more than THROTTLE_PRINTED_MAX. */
void throttle_numbers(struct throttle *t, void (*each)(void *arg, const struct throttle_number *n), void *arg);
/* Percent of a thread that exempt requests take. */
double throttle_exempt_rate(struct throttle *t);
int64_t throttle_bytes(const struct throttle *t);
/* All of it, for Prometheus. */
struct buf;
void throttle_print(struct throttle *t, struct buf *out);

#endif
