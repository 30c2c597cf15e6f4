/*
 * FindCoordinator: the broker that coordinates a group or a transactional id: the leader, in the
 * image, of its partition of __consumer_offsets or __transaction_state. The topic is created when
 * it is first needed; until it exists the answer is COORDINATOR_NOT_AVAILABLE, after which clients
 * ask again. Coordinators that are not served are refused with UNSUPPORTED_VERSION, which ends the
 * client's wait, and a message that clients pass on.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/coordinator.h"
#include "broker/permission.h"
#include "protocol/find_coordinator.h"

#define KEYS_SINCE 4
#define SHARE_SINCE 6

enum key_type { KEY_GROUP = 0, KEY_TRANSACTION = 1, KEY_SHARE = 2 };

struct found {
	int32_t node_id;
	struct answer_endpoint endpoint;
	struct str message; /* empty: no message */
};

/*
 * "group:topic id:partition", as checked by SharePartitionKey.validate: three parts, none empty,
 * with a uuid and a number.
 */
static bool share_key_is_valid(struct str key)
{
	int last = -1, before = -1;
	struct uuid id;
	int32_t partition;

	for (int i = 0; i < key.len; i++)
		if (key.p[i] == ':') {
			before = last;
			last = i;
		}
	if (before <= 0)
		return false;
	return uuid_parse((struct str){key.p + before + 1, last - before - 1}, &id) &&
	       str_to_i32((struct str){key.p + last + 1, key.len - last - 1}, &partition);
}

static int find_kind(struct request *r, enum coordinator_kind kind, struct str key, struct found *out)
{
	const struct image_topic *topic = image_topic_by_name(r->image, coordinator_topic(kind));
	int32_t partition = coordinator_partition(r->node, r->image, kind, key);
	const struct image_partition *p = topic ? image_topic_partition(topic, partition) : NULL;

	if (!topic)
		coordinator_make_topic(r->core, kind);
	if (!p || p->leader < 0 || !answer_alive_endpoint(r, r->image, p->leader, &out->endpoint))
		return ERR_COORDINATOR_NOT_AVAILABLE;
	out->node_id = p->leader;
	return 0;
}

static int find(struct request *r, int8_t type, struct str key, struct found *out)
{
	*out = (struct found){.node_id = -1, .endpoint = {.host = STR(""), .port = -1}, .message = STR("")};
	if (type == KEY_GROUP && !request_may(r, ACL_DESCRIBE, ACL_GROUP, key))
		return ERR_GROUP_AUTHORIZATION_FAILED;
	if (type == KEY_TRANSACTION && !request_may(r, ACL_DESCRIBE, ACL_TRANSACTIONAL_ID, key))
		return ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
	if (type == KEY_SHARE && (r->version < SHARE_SINCE || !share_key_is_valid(key)))
		return ERR_INVALID_REQUEST;
	if (type == KEY_GROUP)
		return find_kind(r, COORDINATOR_GROUP, key, out);
	if (type == KEY_TRANSACTION)
		return find_kind(r, COORDINATOR_TRANSACTION, key, out);
	out->message = STR("Share groups are not served yet.");
	return ERR_UNSUPPORTED_VERSION;
}

static enum outcome find_one(struct request *r)
{
	const struct find_coordinator_request *in = r->in;
	struct find_coordinator_response *out = r->out;
	struct found found;
	int err = find(r, in->key_type, in->key, &found);

	if (err)
		return request_fail(r, err, found.message.len > 0 ? found.message : STR_NULL);
	/* Kafka's message for no error, in versions with a field for it. */
	out->error_message = STR("NONE");
	out->node_id = found.node_id;
	out->host = found.endpoint.host;
	out->port = found.endpoint.port;
	return REPLY;
}

static enum outcome run(struct request *r)
{
	const struct find_coordinator_request *in = r->in;
	struct find_coordinator_response *out = r->out;

	if (!r->image)
		return HANG_UP;
	if (in->key_type < KEY_GROUP || in->key_type > KEY_SHARE)
		return request_fail(r, ERR_INVALID_REQUEST, STR_NULL);
	if (in->key_type == KEY_SHARE && r->version >= SHARE_SINCE && in->coordinator_keys.n > 0 &&
	    !request_may_cluster(r, ACL_CLUSTER_ACTION))
		return request_fail_cluster(r, ACL_CLUSTER_ACTION);
	if (r->version < KEYS_SINCE)
		return find_one(r);
	if (!ANSWER_ARRAY(r, out->coordinators, find_coordinator_response_coordinator_schema, in->coordinator_keys.n))
		return HANG_UP;
	for (int i = 0; i < in->coordinator_keys.n; i++) {
		struct find_coordinator_response_coordinator *o = &out->coordinators.v[i];
		struct found found;

		o->key = in->coordinator_keys.v[i];
		o->error_code = (int16_t)find(r, in->key_type, o->key, &found);
		o->error_message = found.message;
		o->node_id = found.node_id;
		o->host = found.endpoint.host;
		o->port = found.endpoint.port;
	}
	return REPLY;
}

static void fail(struct request *r, int err, struct str message)
{
	const struct find_coordinator_request *in = r->in;
	struct find_coordinator_response *out = r->out;

	if (str_is_null(message))
		message = str_of(err_message(err));
	if (r->version < KEYS_SINCE) {
		out->error_code = (int16_t)err;
		out->error_message = message;
		out->node_id = -1;
		out->port = -1;
		return;
	}
	if (!ANSWER_ARRAY(r, out->coordinators, find_coordinator_response_coordinator_schema, in->coordinator_keys.n))
		out->coordinators.n = 0;
	for (int i = 0; i < out->coordinators.n; i++) {
		out->coordinators.v[i].key = in->coordinator_keys.v[i];
		out->coordinators.v[i].error_code = (int16_t)err;
		out->coordinators.v[i].error_message = message;
		out->coordinators.v[i].node_id = -1;
		out->coordinators.v[i].port = -1;
	}
}

const struct api api_find_coordinator = {
	.key = find_coordinator_request_KEY,
	.first = find_coordinator_request_FIRST,
	.last = find_coordinator_request_LAST,
	.flags = API_BROKER | API_PLAIN_REFUSAL,
	.in = &find_coordinator_request_schema,
	.out = &find_coordinator_response_schema,
	.run = run,
	.fail = fail,
};
