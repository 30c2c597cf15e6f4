/*
 * answer: builds arrays, endpoints and leaders in answers.
 */
#include "broker/answer.h"

#include <string.h>

#include "base/err.h"

#include "broker/api.h"
#include "broker/core.h"
#include "broker/node.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "wire/codec.h"
#include "wire/walk.h"

void *answer_array(struct arena *a, const struct schema *element, int n)
{
	uint8_t *v = arena_array(a, n > 0 ? (size_t)n : 1, element->size);

	if (!v)
		return NULL;
	for (int i = 0; i < n; i++)
		memcpy(v + (size_t)i * element->size, element->defaults, element->size);
	return v;
}

bool answer_join(struct request *r, const struct schema *element, void *list, const void *more)
{
	struct array a = array_get(list), b = array_get(more);
	uint8_t *both = arena_array(&r->arena, (size_t)a.n + (size_t)b.n + 1, element->size);

	if (!both)
		return false;
	if (a.n > 0)
		memcpy(both, a.v, (size_t)a.n * element->size);
	if (b.n > 0)
		memcpy(both + (size_t)a.n * element->size, b.v, (size_t)b.n * element->size);
	array_set(list, both, a.n + b.n);
	return true;
}

struct str answer_words(int err, struct str message)
{
	return str_is_null(message) ? str_of(err_message(err)) : message;
}

struct str answer_api_words(int err, struct str message)
{
	return err == ERR_UNKNOWN_SERVER_ERROR && str_is_null(message) ? STR_NULL : answer_words(err, message);
}

/* ---- nodes ---- */

static bool node_endpoint(struct request *r, const struct image_node *broker, struct answer_endpoint *out)
{
	const struct image_endpoint *e = broker ? image_node_endpoint(broker, r->listener) : NULL;

	if (!e)
		return false;
	out->host = e->host;
	out->port = e->port;
	return node_reflects(r, broker, out);
}

bool answer_broker_endpoint(struct request *r, const struct image *image, int32_t broker_id,
			    struct answer_endpoint *out)
{
	return node_endpoint(r, image_broker(image, broker_id), out);
}

bool answer_alive_endpoint(struct request *r, const struct image *image, int32_t broker_id, struct answer_endpoint *out)
{
	const struct image_node *broker = image_broker(image, broker_id);

	return broker && !broker->fenced && node_endpoint(r, broker, out);
}

bool answer_replica_is_offline(struct request *r, const struct image *image, const struct image_partition *p, int i)
{
	const struct image_node *broker = image_broker(image, partition_replicas(p).v[i]);
	struct answer_endpoint e;

	return !broker || broker->fenced || !node_endpoint(r, broker, &e) ||
	       !image_node_has_directory(broker, partition_directory(p, i));
}

int32_t answer_any_broker(struct request *r, const struct image *image)
{
	uint64_t seen = 0;
	int32_t chosen = -1;
	struct image_iter it;
	const struct image_node *n;

	image_brokers(image, &it);
	while ((n = image_nodes_next(&it)))
		if (!n->fenced && env_random_below(r->core->loop->env, ++seen) == 0)
			chosen = n->id;
	return chosen;
}

/* Adds the node to the array of endpoints, unless it is already there. */
static void add_endpoint(struct request *r, const struct fetch_response_node_endpoint *node, void *list)
{
	struct array has = array_get(list);
	const struct fetch_response_node_endpoint *v = has.v;
	struct {
		const struct fetch_response_node_endpoint *v;
		int32_t n;
	} one = {node, 1};

	for (int i = 0; i < has.n; i++)
		if (v[i].node_id == node->node_id)
			return;
	/* If there is no room, the client asks for the metadata instead. */
	(void)answer_join(r, &fetch_response_node_endpoint_schema, list, &one);
}

void answer_leader(struct request *r, struct uuid topic_id, int32_t partition,
		   struct fetch_response_leader_id_and_epoch *out, void *list)
{
	const struct image_partition *p = image_partition(r->core->image, topic_id, partition);
	struct fetch_response_node_endpoint node = {.rack = STR_NULL};
	struct answer_endpoint at;

	if (!p)
		return;
	out->leader_id = p->leader;
	out->leader_epoch = p->leader_epoch;
	if (!list || !answer_alive_endpoint(r, r->core->image, p->leader, &at))
		return;
	node.node_id = p->leader;
	node.host = at.host;
	node.port = at.port;
	add_endpoint(r, &node, list);
}

const struct image_topic *answer_topic(const struct image *image, struct uuid id, struct str name)
{
	return uuid_is_zero(id) ? image_topic_by_name(image, name) : image_topic_by_id(image, id);
}
