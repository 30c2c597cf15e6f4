/*
 * AlterPartitionReassignments and ListPartitionReassignments: move partitions to other replicas
 * (KIP-455, KIP-860). The controller decides.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/forward.h"
#include "protocol/alter_partition_reassignments.h"
#include "protocol/list_partition_reassignments.h"

static void alter_fail(struct request *r, int err, struct str message)
{
	const struct alter_partition_reassignments_request *in = r->in;
	struct alter_partition_reassignments_response *out = r->out;

	out->error_code = (int16_t)err;
	out->error_message = answer_api_words(err, message);
	out->allow_replication_factor_change = in->allow_replication_factor_change;
	if (!ANSWER_ARRAY(r, out->responses, alter_partition_reassignments_response_topic_schema, in->topics.n))
		out->responses.n = 0;
	for (int i = 0; i < out->responses.n; i++) {
		const struct alter_partition_reassignments_request_topic *from = &in->topics.v[i];
		struct alter_partition_reassignments_response_topic *to = &out->responses.v[i];

		to->name = from->name;
		if (!ANSWER_ARRAY(r, to->partitions, alter_partition_reassignments_response_partition_schema,
				  from->partitions.n))
			to->partitions.n = 0;
		for (int k = 0; k < to->partitions.n; k++) {
			to->partitions.v[k].partition_index = from->partitions.v[k].partition_index;
			to->partitions.v[k].error_code = (int16_t)err;
			to->partitions.v[k].error_message = answer_api_words(err, message);
		}
	}
}

static int32_t alter_timeout(const void *in)
{
	return ((const struct alter_partition_reassignments_request *)in)->timeout_ms;
}

const struct api api_alter_partition_reassignments = {
	.key = alter_partition_reassignments_request_KEY,
	.first = alter_partition_reassignments_request_FIRST,
	.last = alter_partition_reassignments_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.acl_operation = ACL_ALTER,
	.in = &alter_partition_reassignments_request_schema,
	.out = &alter_partition_reassignments_response_schema,
	.run = forward_run,
	.fail = alter_fail,
	.timeout_ms = alter_timeout,
};

static void list_fail(struct request *r, int err, struct str message)
{
	struct list_partition_reassignments_response *out = r->out;

	out->error_code = (int16_t)err;
	out->error_message = answer_api_words(err, message);
	out->topics.n = 0;
}

const struct api api_list_partition_reassignments = {
	.key = list_partition_reassignments_request_KEY,
	.first = list_partition_reassignments_request_FIRST,
	.last = list_partition_reassignments_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.acl_operation = ACL_DESCRIBE,
	.in = &list_partition_reassignments_request_schema,
	.out = &list_partition_reassignments_response_schema,
	.run = forward_run,
	.fail = list_fail,
};
