/*
 * answer: what many handlers need to fill an answer: arrays, endpoints, what is allowed.
 *
 * Everything is put into the request's arena. A function that finds the arena spent says so by NULL or false; a handler then hangs up.
 */
#ifndef ODRADEK_BROKER_ANSWER_H
#define ODRADEK_BROKER_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "metadata/image.h"
#include "protocol/fetch.h"

struct request;
struct schema;

/* n elements with every field at its default; never NULL for n == 0. */
void *answer_array(struct arena *a, const struct schema *element, int n);

/* Gives array member `list` (of the codec's shape) n elements of `element`; false when the arena is spent. */
#define ANSWER_ARRAY(request, list, element, count)                                                                    \
	((list).n = (count), ((list).v = answer_array(&(request)->arena, &(element), (list).n)) != NULL)

/*
 * Puts the elements of array member `more` behind those of `list` (both of the codec's shape), in new memory. False when the arena is spent:
 * then `list` is as it was.
 */
bool answer_join(struct request *r, const struct schema *element, void *list, const void *more);

/* The words of an error: its own where nobody has better ones. */
struct str answer_words(int err, struct str message);

/* ---- nodes, as this client reaches them ---- */

struct answer_endpoint {
	struct str host;
	int32_t port;
};

/* Where a broker is reached by the listener this request came in by; false when the broker is not registered there, or not at all. */
bool answer_broker_endpoint(struct request *r, const struct image *image, int32_t broker_id,
			    struct answer_endpoint *out);
/* The same, for brokers that are not fenced. */
bool answer_alive_endpoint(struct request *r, const struct image *image, int32_t broker_id,
			   struct answer_endpoint *out);
/* Any broker that is not fenced; -1 when there is none. Clients send their administration to it. */
int32_t answer_any_broker(struct request *r, const struct image *image);

/*
 * Who leads, for answers that refuse with NOT_LEADER_OR_FOLLOWER (KIP-951). Where the leader is comes into `list`, the answer's array of node endpoints,
 * once; list NULL: it is not said.
 */
void answer_leader(struct request *r, struct uuid topic_id, int32_t partition,
		   struct fetch_response_leader_id_and_epoch *out, void *list);

/* ---- topics ---- */

/* As of `image`: by id where that is not zero, else by name. NULL when there is none. */
const struct image_topic *answer_topic(const struct image *image, struct uuid id, struct str name);

#endif
