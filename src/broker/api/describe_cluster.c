/*
 * DescribeCluster: the brokers on a broker's listener, the controllers on a controller's (KIP-700,
 * KIP-919).
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "broker/permitted.h"
#include "metadata/version.h"
#include "protocol/describe_cluster.h"

enum endpoint_type { ENDPOINT_BROKER = 1, ENDPOINT_CONTROLLER = 2 };

static const char *endpoint_name(int8_t type)
{
	return type == ENDPOINT_BROKER ? "BROKER" : "CONTROLLER";
}

static void fail(struct request *r, int err, struct str message)
{
	struct describe_cluster_response *out = r->out;

	out->error_code = (int16_t)err;
	out->error_message = str_is_null(message) ? str_of(err_message(err)) : message;
	out->cluster_id = STR("");
}

/* 0, or the error if the requested type does not fit this listener. */
static int check_type(struct request *r, int8_t expected, struct str *message)
{
	const struct describe_cluster_request *in = r->in;

	if (in->endpoint_type != ENDPOINT_BROKER && in->endpoint_type != ENDPOINT_CONTROLLER) {
		*message = arena_printf(&r->arena, "Unsupported endpoint type %d", in->endpoint_type);
		return ERR_UNSUPPORTED_ENDPOINT_TYPE;
	}
	if (in->endpoint_type != expected) {
		*message = arena_printf(
			&r->arena,
			"The request was sent to an endpoint of type %s, but we wanted an endpoint of type %s",
			endpoint_name(expected), endpoint_name(in->endpoint_type));
		return ERR_MISMATCHED_ENDPOINT_TYPE;
	}
	return 0;
}

static bool fill_brokers(struct request *r, struct describe_cluster_response *out)
{
	const struct describe_cluster_request *in = r->in;
	const struct image_node *node;
	struct image_iter it;
	int n = 0;

	if (!ANSWER_ARRAY(r, out->brokers, describe_cluster_response_broker_schema, image_broker_count(r->image)))
		return false;
	image_brokers(r->image, &it);
	while ((node = image_nodes_next(&it))) {
		struct describe_cluster_response_broker *b = &out->brokers.v[n];
		struct answer_endpoint e;

		if ((node->fenced && !in->include_fenced_brokers) || !answer_broker_endpoint(r, r->image, node->id, &e))
			continue;
		b->broker_id = node->id;
		b->host = e.host;
		b->port = e.port;
		b->rack = node->rack;
		b->is_fenced = node->fenced;
		n++;
	}
	out->brokers.n = n;
	return true;
}

static bool fill_controllers(struct request *r, struct describe_cluster_response *out)
{
	const struct image_node *node;
	struct image_iter it;
	int n = 0;

	image_controllers(r->image, &it);
	while (image_nodes_next(&it))
		n++;
	if (!ANSWER_ARRAY(r, out->brokers, describe_cluster_response_broker_schema, n))
		return false;
	n = 0;
	image_controllers(r->image, &it);
	while ((node = image_nodes_next(&it))) {
		const struct image_endpoint *e = image_node_endpoint(node, r->listener);

		if (!e)
			continue;
		out->brokers.v[n].broker_id = node->id;
		out->brokers.v[n].host = e->host;
		out->brokers.v[n++].port = e->port;
	}
	out->brokers.n = n;
	return true;
}

/* Clients talk to controllers where controllers register (KIP-919); Kafka looks at that first. */
static int check_direct(const struct request *r, struct str *message)
{
	if (!r->image || image_metadata_version(r->image) == 0)
		*message = STR("There is no finalized MetadataVersion, so direct-to-controller communication is not "
			       "supported.");
	else if (image_metadata_version(r->image) < METADATA_VERSION_CONTROLLER_REGISTRATION)
		*message = STR("Direct-to-controller communication is not supported with the current MetadataVersion.");
	return str_is_null(*message) ? 0 : ERR_UNSUPPORTED_VERSION;
}

static enum outcome run(struct request *r)
{
	const struct describe_cluster_request *in = r->in;
	struct describe_cluster_response *out = r->out;
	int8_t type = r->from_controller ? ENDPOINT_CONTROLLER : ENDPOINT_BROKER;
	struct str message = STR_NULL;
	int err = r->from_controller ? check_direct(r, &message) : 0;

	if (err)
		return request_fail(r, err, message);
	if (r->from_controller && !request_may_cluster(r, ACL_ALTER))
		return request_fail_cluster(r, ACL_ALTER);
	err = check_type(r, type, &message);
	if (err) /* version 0 has no error code for an endpoint of the wrong type */
		return request_fail(r, r->version < 1 ? ERR_INVALID_REQUEST : err, message);
	if (!r->image)
		return request_fail(r, ERR_UNSUPPORTED_VERSION, STR_NULL);
	out->endpoint_type = type;
	out->cluster_id = r->node->cluster_id;
	if (in->include_cluster_authorized_operations)
		out->cluster_authorized_operations = permitted_on_cluster(r);
	if (r->from_controller) {
		out->controller_id = quorum_leader_id(r->node->quorum);
		return fill_controllers(r, out) ? REPLY : HANG_UP;
	}
	out->controller_id = answer_any_broker(r, r->image);
	return fill_brokers(r, out) ? REPLY : HANG_UP;
}

const struct api api_describe_cluster = {
	.key = describe_cluster_request_KEY,
	.first = describe_cluster_request_FIRST,
	.last = describe_cluster_request_LAST,
	.flags = API_BROKER | API_CONTROLLER,
	.in = &describe_cluster_request_schema,
	.out = &describe_cluster_response_schema,
	.run = run,
	.fail = fail,
};
