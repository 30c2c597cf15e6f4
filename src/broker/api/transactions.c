/*
 * ListTransactions and DescribeTransactions: what there is to say without a transaction coordinator: none is open here, and of a
 * transactional id this node is not the coordinator, as Kafka says where __transaction_state does not lie (KIP-664).
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "protocol/describe_transactions.h"
#include "protocol/list_transactions.h"

static bool is_state(struct str name)
{
	static const char *const STATES[] = {"Empty",	       "Ongoing",	"PrepareCommit", "PrepareAbort",
					     "CompleteCommit", "CompleteAbort", "Dead",		 "PrepareEpochFence"};

	for (size_t i = 0; i < sizeof(STATES) / sizeof(STATES[0]); i++)
		if (str_is(name, STATES[i]))
			return true;
	return false;
}

static enum outcome list(struct request *r)
{
	const struct list_transactions_request *in = r->in;
	struct list_transactions_response *out = r->out;

	out->unknown_state_filters.v =
		arena_array(&r->arena, (size_t)in->state_filters.n, sizeof(*out->unknown_state_filters.v));
	if (!out->unknown_state_filters.v)
		return HANG_UP;
	for (int i = 0; i < in->state_filters.n; i++) {
		struct str name = in->state_filters.v[i];
		bool again = false;

		for (int k = 0; k < out->unknown_state_filters.n && !again; k++)
			again = str_eq(out->unknown_state_filters.v[k], name);
		if (!is_state(name) && !again)
			out->unknown_state_filters.v[out->unknown_state_filters.n++] = name;
	}
	return REPLY;
}

static void list_fail(struct request *r, int err, struct str message)
{
	struct list_transactions_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)err;
}

const struct api api_list_transactions = {
	.key = list_transactions_request_KEY,
	.first = list_transactions_request_FIRST,
	.last = list_transactions_request_LAST,
	.flags = API_BROKER,
	.acl_operation = ACL_DESCRIBE,
	.acl_resource = ACL_TRANSACTIONAL_ID,
	.in = &list_transactions_request_schema,
	.out = &list_transactions_response_schema,
	.run = list,
	.fail = list_fail,
};

/* err 0: each by what is to be said of it. */
static bool describe_all(struct request *r, int err)
{
	const struct describe_transactions_request *in = r->in;
	struct describe_transactions_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->transaction_states, describe_transactions_response_transaction_schema,
			  in->transactional_ids.n))
		return false;
	for (int i = 0; i < in->transactional_ids.n; i++) {
		struct str id = in->transactional_ids.v[i];
		int own = id.len == 0 ? ERR_INVALID_REQUEST : ERR_NOT_COORDINATOR;

		out->transaction_states.v[i].transactional_id = id;
		out->transaction_states.v[i].error_code = (int16_t)(err ? err : own);
	}
	return true;
}

static enum outcome describe(struct request *r)
{
	return describe_all(r, 0) ? REPLY : HANG_UP;
}

static void describe_fail(struct request *r, int err, struct str message)
{
	(void)message;
	describe_all(r, err);
}

const struct api api_describe_transactions = {
	.key = describe_transactions_request_KEY,
	.first = describe_transactions_request_FIRST,
	.last = describe_transactions_request_LAST,
	.flags = API_BROKER,
	.acl_operation = ACL_DESCRIBE,
	.acl_resource = ACL_TRANSACTIONAL_ID,
	.in = &describe_transactions_request_schema,
	.out = &describe_transactions_response_schema,
	.run = describe,
	.fail = describe_fail,
};
