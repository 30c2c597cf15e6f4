/*
 * Requests that the controller decides and that need no further code here: UpdateFeatures,
 * DescribeQuorum. Each has a row, and its answer when the request fails as a whole.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/forward.h"
#include "protocol/describe_quorum.h"
#include "protocol/update_features.h"

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
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD | API_PLAIN_REFUSAL,
	.acl_operation = ACL_DESCRIBE,
	.in = &describe_quorum_request_schema,
	.out = &describe_quorum_response_schema,
	.run = forward_run,
	.fail = describe_quorum_fail,
};
