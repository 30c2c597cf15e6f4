/*
 * answer: helpers with which handlers fill an answer: arrays, endpoints, error messages, topics.
 *
 * Everything is allocated in the request's arena. A function that finds the arena spent returns
 * NULL or false; a handler then hangs up.
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
 * Appends the elements of array member `more` to those of `list` (both of the codec's shape), in
 * new memory. False when the arena is spent: `list` is then unchanged.
 */
bool answer_join(struct request *r, const struct schema *element, void *list, const void *more);

/* The message for an error: `message`, or the error's default message if that is null. */
struct str answer_words(int err, struct str message);
/* The same as in Kafka's ApiError, which has no message for an unknown error. */
struct str answer_api_words(int err, struct str message);

/* ---- nodes, as this client reaches them ---- */

struct answer_endpoint {
	struct str host;
	int32_t port;
};

/*
 * The endpoint of a broker on the listener by which this request came in; false when the broker is
 * not registered with that listener, or not registered.
 */
bool answer_broker_endpoint(struct request *r, const struct image *image, int32_t broker_id,
			    struct answer_endpoint *out);
/* The same, for brokers that are not fenced. */
bool answer_alive_endpoint(struct request *r, const struct image *image, int32_t broker_id,
			   struct answer_endpoint *out);
/* Can the partition's replica number i not be reached? Its broker is not alive, or its directory has failed. */
bool answer_replica_is_offline(struct request *r, const struct image *image, const struct image_partition *p, int i);
/* Some broker that is not fenced; -1 when there is none. Clients send their administrative requests to it. */
int32_t answer_any_broker(struct request *r, const struct image *image);

/*
 * Who leads, for answers that refuse with NOT_LEADER_OR_FOLLOWER (KIP-951). The leader's endpoint
 * is added once to `list`, the answer's array of node endpoints; with list NULL it is left out.
 */
void answer_leader(struct request *r, struct uuid topic_id, int32_t partition,
		   struct fetch_response_leader_id_and_epoch *out, void *list);

/* ---- topics ---- */

/* In `image`: by id unless that is zero, else by name. NULL when there is no such topic. */
const struct image_topic *answer_topic(const struct image *image, struct uuid id, struct str name);

#endif
