/*
 * Membership of the cluster: UnregisterBroker and UnregisterController, for nodes that will not
 * come back, and AddRaftVoter and RemoveRaftVoter, for the quorum (KIP-853). The controller
 * decides; each answer is an error and its message.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/forward.h"
#include "protocol/add_raft_voter.h"
#include "protocol/remove_raft_voter.h"
#include "protocol/unregister_broker.h"
#include "protocol/unregister_controller.h"

static void unregister_broker_fail(struct request *r, int err, struct str message)
{
	struct unregister_broker_response *out = r->out;

	out->error_code = (int16_t)err;
	out->error_message = answer_words(err, message);
}

static void unregister_controller_fail(struct request *r, int err, struct str message)
{
	struct unregister_controller_response *out = r->out;

	out->error_code = (int16_t)err;
	out->error_message = answer_words(err, message);
}

static void add_raft_voter_fail(struct request *r, int err, struct str message)
{
	struct add_raft_voter_response *out = r->out;

	out->error_code = (int16_t)err;
	out->error_message = answer_words(err, message);
}

static void remove_raft_voter_fail(struct request *r, int err, struct str message)
{
	struct remove_raft_voter_response *out = r->out;

	out->error_code = (int16_t)err;
	out->error_message = answer_words(err, message);
}

static int32_t add_raft_voter_timeout(const void *in)
{
	return ((const struct add_raft_voter_request *)in)->timeout_ms;
}

#define ROW(name, more, timeout)                                                                                       \
	const struct api api_##name = {                                                                                \
		.key = name##_request_KEY,                                                                             \
		.first = name##_request_FIRST,                                                                         \
		.last = name##_request_LAST,                                                                           \
		.flags = API_BROKER | API_CONTROLLER | API_FORWARD | (more),                                           \
		.acl_operation = ACL_ALTER,                                                                            \
		.in = &name##_request_schema,                                                                          \
		.out = &name##_response_schema,                                                                        \
		.run = forward_run,                                                                                    \
		.fail = name##_fail,                                                                                   \
		.timeout_ms = (timeout),                                                                               \
	}

ROW(unregister_broker, 0, NULL);
ROW(unregister_controller, 0, NULL);
ROW(add_raft_voter, API_PLAIN_REFUSAL, add_raft_voter_timeout);
ROW(remove_raft_voter, API_PLAIN_REFUSAL, NULL);
