/*
 * kept_answer: the encoded answer to a question that many clients ask, used again while it is true: Metadata about all topics, ApiVersions.
 *
 * One core's; answers in flight hold references. It says what one image says to clients of one listener in one version; where it says another
 * thing to somebody (permissions, a throttle time, an address of his own) it is not kept, or not used.
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
	struct str host; /* of this node, as the client is told; null where it is not */
	int32_t port;
	int16_t kraft_version; /* which is in no image; 0 where it is not told */
};

/* True: there is one for r's API, and r is answered with it. */
bool kept_answer_use(struct request *r, const struct kept_key *key);
/* r's answer is complete: it is encoded now, kept for others, and r is answered with that. Does nothing for what is too large. */
void kept_answer_keep(struct request *r, const struct kept_key *key);
/* The chain points into k: whoever sends it holds a reference until then. */
void kept_answer_put(const struct kept_answer *k, struct chain *out);
void kept_answer_unref(struct kept_answer **k); /* NULL is fine; sets it to NULL */

/* The image has changed. */
void kept_answers_forget(struct core *c);
void kept_answers_free(struct core *c);

#endif
