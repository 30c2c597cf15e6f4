/*
 * ElectLeaders: elects the preferred replica or, in an unclean election, any live replica (KIP-183,
 * KIP-460). The controller decides.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/forward.h"
#include "protocol/elect_leaders.h"

#define ERROR_OF_ALL_SINCE 1

static void fail(struct request *r, int err, struct str message)
{
	const struct elect_leaders_request *in = r->in;
	struct elect_leaders_response *out = r->out;
	int n = in->topic_partitions.n < 0 ? 0 : in->topic_partitions.n;

	if (r->version >= ERROR_OF_ALL_SINCE)
		out->error_code = (int16_t)err;
	if (!ANSWER_ARRAY(r, out->replica_election_results, elect_leaders_response_topic_schema, n))
		out->replica_election_results.n = 0;
	for (int i = 0; i < out->replica_election_results.n; i++) {
		const struct elect_leaders_request_topic *from = &in->topic_partitions.v[i];
		struct elect_leaders_response_topic *to = &out->replica_election_results.v[i];

		to->topic = from->topic;
		if (!ANSWER_ARRAY(r, to->partition_result, elect_leaders_response_partition_schema, from->partitions.n))
			to->partition_result.n = 0;
		for (int k = 0; k < to->partition_result.n; k++) {
			to->partition_result.v[k].partition_id = from->partitions.v[k];
			to->partition_result.v[k].error_code = (int16_t)err;
			to->partition_result.v[k].error_message = answer_api_words(err, message);
		}
	}
}

static int32_t timeout(const void *in)
{
	return ((const struct elect_leaders_request *)in)->timeout_ms;
}

const struct api api_elect_leaders = {
	.key = elect_leaders_request_KEY,
	.first = elect_leaders_request_FIRST,
	.last = elect_leaders_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.acl_operation = ACL_ALTER,
	.in = &elect_leaders_request_schema,
	.out = &elect_leaders_response_schema,
	.run = forward_run,
	.fail = fail,
	.timeout_ms = timeout,
};
