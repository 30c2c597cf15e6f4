/*
 * What the controller decides and nothing else is to be said about here: CreateTopics, DeleteTopics, CreatePartitions, UpdateFeatures,
 * DescribeQuorum.
 * A row each, and the answer when the request fails as a whole.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/forward.h"
#include "protocol/create_partitions.h"
#include "protocol/create_topics.h"
#include "protocol/delete_topics.h"
#include "protocol/describe_quorum.h"
#include "protocol/update_features.h"

/* ---- CreateTopics ---- */

static void create_topics_fail(struct request *r, int err, struct str message)
{
	const struct create_topics_request *in = r->in;
	struct create_topics_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->topics, create_topics_response_topic_schema, in->topics.n))
		out->topics.n = 0;
	for (int i = 0; i < out->topics.n; i++) {
		out->topics.v[i].name = in->topics.v[i].name;
		out->topics.v[i].error_code = (int16_t)err;
		out->topics.v[i].error_message = answer_words(err, message);
	}
}

static int32_t create_topics_timeout(const void *in)
{
	return ((const struct create_topics_request *)in)->timeout_ms;
}

const struct api api_create_topics = {
	.key = create_topics_request_KEY,
	.first = create_topics_request_FIRST,
	.last = create_topics_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.acl_operation = ACL_CREATE,
	.acl_resource = ACL_TOPIC,
	.in = &create_topics_request_schema,
	.out = &create_topics_response_schema,
	.run = forward_run,
	.fail = create_topics_fail,
	.timeout_ms = create_topics_timeout,
};

/* ---- DeleteTopics ---- */

static void delete_topics_fail(struct request *r, int err, struct str message)
{
	const struct delete_topics_request *in = r->in;
	struct delete_topics_response *out = r->out;
	int n = r->version >= 6 ? in->topics.n : in->topic_names.n;

	if (!ANSWER_ARRAY(r, out->responses, delete_topics_response_topic_schema, n))
		out->responses.n = 0;
	for (int i = 0; i < out->responses.n; i++) {
		out->responses.v[i].error_code = (int16_t)err;
		out->responses.v[i].error_message = answer_words(err, message);
		out->responses.v[i].name = r->version >= 6 ? in->topics.v[i].name : in->topic_names.v[i];
		if (r->version >= 6)
			out->responses.v[i].topic_id = in->topics.v[i].topic_id;
	}
}

static int32_t delete_topics_timeout(const void *in)
{
	return ((const struct delete_topics_request *)in)->timeout_ms;
}

const struct api api_delete_topics = {
	.key = delete_topics_request_KEY,
	.first = delete_topics_request_FIRST,
	.last = delete_topics_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.acl_operation = ACL_DELETE,
	.acl_resource = ACL_TOPIC,
	.in = &delete_topics_request_schema,
	.out = &delete_topics_response_schema,
	.run = forward_run,
	.fail = delete_topics_fail,
	.timeout_ms = delete_topics_timeout,
};

/* ---- CreatePartitions ---- */

static void create_partitions_fail(struct request *r, int err, struct str message)
{
	const struct create_partitions_request *in = r->in;
	struct create_partitions_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->results, create_partitions_response_result_schema, in->topics.n))
		out->results.n = 0;
	for (int i = 0; i < out->results.n; i++) {
		out->results.v[i].name = in->topics.v[i].name;
		out->results.v[i].error_code = (int16_t)err;
		out->results.v[i].error_message = answer_words(err, message);
	}
}

static int32_t create_partitions_timeout(const void *in)
{
	return ((const struct create_partitions_request *)in)->timeout_ms;
}

const struct api api_create_partitions = {
	.key = create_partitions_request_KEY,
	.first = create_partitions_request_FIRST,
	.last = create_partitions_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.acl_operation = ACL_ALTER,
	.acl_resource = ACL_TOPIC,
	.in = &create_partitions_request_schema,
	.out = &create_partitions_response_schema,
	.run = forward_run,
	.fail = create_partitions_fail,
	.timeout_ms = create_partitions_timeout,
};

/* ---- UpdateFeatures ---- */

static void update_features_fail(struct request *r, int err, struct str message)
{
	struct update_features_response *out = r->out;

	out->error_code = (int16_t)err;
	out->error_message = answer_words(err, message);
}

static int32_t update_features_timeout(const void *in)
{
	return ((const struct update_features_request *)in)->timeout_ms;
}

const struct api api_update_features = {
	.key = update_features_request_KEY,
	.first = update_features_request_FIRST,
	.last = update_features_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.acl_operation = ACL_ALTER,
	.acl_resource = ACL_CLUSTER,
	.in = &update_features_request_schema,
	.out = &update_features_response_schema,
	.run = forward_run,
	.fail = update_features_fail,
	.timeout_ms = update_features_timeout,
};

/* ---- DescribeQuorum ---- */

static void describe_quorum_fail(struct request *r, int err, struct str message)
{
	struct describe_quorum_response *out = r->out;

	out->error_code = (int16_t)err;
	out->error_message = answer_words(err, message);
}

const struct api api_describe_quorum = {
	.key = describe_quorum_request_KEY,
	.first = describe_quorum_request_FIRST,
	.last = describe_quorum_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.acl_operation = ACL_DESCRIBE,
	.acl_resource = ACL_CLUSTER,
	.in = &describe_quorum_request_schema,
	.out = &describe_quorum_response_schema,
	.run = forward_run,
	.fail = describe_quorum_fail,
};
