/*
 * kept_answer: caches the encoded answer to a question that many clients ask, for as long as it is
 * valid: Metadata about all topics, ApiVersions.
 *
 * It belongs to one core; answers in flight hold references. It is what one image tells clients of
 * one listener in one version. An answer that depends on the client (permissions, a throttle time,
 * the client's own address) is not kept, and such a client does not get a kept one.
 */
#ifndef ODRADEK_BROKER_KEPT_ANSWER_H
#define ODRADEK_BROKER_KEPT_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "wire/chain.h"

struct core;
struct image;
struct kept_answer;
struct request;

struct kept_key {
	const struct image *image; /* NULL: none yet */
	int16_t version;
	struct str listener;
	struct str host; /* this node's host as the client is told it; null where it is not part of the answer */
	int32_t port;
	int16_t kraft_version; /* not part of an image; 0 where it is not part of the answer */
};

/* True: there is one for r's API, and r is answered with it. */
bool kept_answer_use(struct request *r, const struct kept_key *key);
/*
 * r's answer is complete: encodes it now, keeps it for others, and answers r with it. Does nothing
 * if it is too large.
 */
void kept_answer_keep(struct request *r, const struct kept_key *key);
/* The chain points into k: whoever sends it holds a reference until it is sent. */
void kept_answer_put(const struct kept_answer *k, struct chain *out);
void kept_answer_unref(struct kept_answer **k); /* NULL is allowed; sets it to NULL */

/* The image has changed. */
void kept_answers_forget(struct core *c);
void kept_answers_free(struct core *c);

#endif
