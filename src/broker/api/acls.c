/*
 * DescribeAcls, CreateAcls and DeleteAcls: what Kafka answers without an authorizer: SECURITY_DISABLED.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "protocol/create_acls.h"
#include "protocol/delete_acls.h"
#include "protocol/describe_acls.h"

static enum outcome refuse(struct request *r)
{
	return request_fail(r, ERR_SECURITY_DISABLED, STR("No Authorizer is configured."));
}

static void describe_fail(struct request *r, int err, struct str message)
{
	struct describe_acls_response *out = r->out;

	out->error_code = (int16_t)err;
	out->error_message = answer_words(err, message);
}

static enum outcome describe(struct request *r)
{
	return request_fail(r, ERR_SECURITY_DISABLED, STR("No Authorizer is configured on the broker"));
}

static void create_fail(struct request *r, int err, struct str message)
{
	const struct create_acls_request *in = r->in;
	struct create_acls_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->results, create_acls_response_result_schema, in->creations.n))
		return;
	for (int i = 0; i < out->results.n; i++) {
		out->results.v[i].error_code = (int16_t)err;
		out->results.v[i].error_message = answer_words(err, message);
	}
}

static void delete_fail(struct request *r, int err, struct str message)
{
	const struct delete_acls_request *in = r->in;
	struct delete_acls_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->filter_results, delete_acls_response_filter_result_schema, in->filters.n))
		return;
	for (int i = 0; i < out->filter_results.n; i++) {
		out->filter_results.v[i].error_code = (int16_t)err;
		out->filter_results.v[i].error_message = answer_words(err, message);
	}
}

#define ROW(name, operation, handler, failing)                                                                         \
	const struct api api_##name = {                                                                                \
		.key = name##_request_KEY,                                                                             \
		.first = name##_request_FIRST,                                                                         \
		.last = name##_request_LAST,                                                                           \
		.flags = API_BROKER | API_CONTROLLER,                                                                  \
		.acl_operation = (operation),                                                                          \
		.acl_resource = ACL_CLUSTER,                                                                           \
		.in = &name##_request_schema,                                                                          \
		.out = &name##_response_schema,                                                                        \
		.run = (handler),                                                                                      \
		.fail = (failing),                                                                                     \
	}

ROW(describe_acls, ACL_DESCRIBE, describe, describe_fail);
ROW(create_acls, ACL_ALTER, refuse, create_fail);
ROW(delete_acls, ACL_ALTER, refuse, delete_fail);
