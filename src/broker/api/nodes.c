/*
 * Requests between nodes on the controller's listener. The controller decides BrokerRegistration,
 * BrokerHeartbeat, ControllerRegistration, AllocateProducerIds, AlterPartition and
 * AssignReplicasToDirs. Raft answers the requests between the nodes of the quorum other than Fetch:
 * Vote, BeginQuorumEpoch, EndQuorumEpoch, FetchSnapshot, UpdateRaftVoter. Each has a row, and its
 * answer when the request fails as a whole.
 */
#include "broker/api.h"
#include "broker/dispatch.h"
#include "broker/forward.h"
#include "protocol/allocate_producer_ids.h"
#include "protocol/alter_partition.h"
#include "protocol/assign_replicas_to_dirs.h"
#include "protocol/begin_quorum_epoch.h"
#include "protocol/broker_heartbeat.h"
#include "protocol/broker_registration.h"
#include "protocol/controller_registration.h"
#include "protocol/end_quorum_epoch.h"
#include "protocol/fetch_snapshot.h"
#include "protocol/update_raft_voter.h"
#include "protocol/vote.h"

#define ROW_RUN(name, more, run_)                                                                                      \
	static void name##_fail(struct request *r, int err, struct str message)                                        \
	{                                                                                                              \
		struct name##_response *out = r->out;                                                                  \
                                                                                                                       \
		(void)message;                                                                                         \
		out->error_code = (int16_t)err;                                                                        \
	}                                                                                                              \
                                                                                                                       \
	const struct api api_##name = {                                                                                \
		.key = name##_request_KEY,                                                                             \
		.first = name##_request_FIRST,                                                                         \
		.last = name##_request_LAST,                                                                           \
		.flags = API_CONTROLLER | (more),                                                                      \
		.acl_operation = ACL_CLUSTER_ACTION,                                                                   \
		.in = &name##_request_schema,                                                                          \
		.out = &name##_response_schema,                                                                        \
		.run = (run_),                                                                                         \
		.fail = name##_fail,                                                                                   \
	}

#define ROW(name, more) ROW_RUN(name, more, forward_run)

/* Notes which broker's heartbeats come by this connection: if it breaks, the broker may be gone. */
static enum outcome run_heartbeat(struct request *r)
{
	const struct broker_heartbeat_request *in = r->in;

	r->peer->beats = !in->want_fence;
	r->peer->broker = in->broker_id;
	r->peer->broker_epoch = in->broker_epoch;
	return forward_run(r);
}

ROW(allocate_producer_ids, API_FORWARD);
ROW(alter_partition, API_FORWARD);
ROW(assign_replicas_to_dirs, API_FORWARD);
ROW_RUN(broker_heartbeat, API_FORWARD, run_heartbeat);
ROW(broker_registration, API_FORWARD);
ROW(controller_registration, API_FORWARD);
ROW(begin_quorum_epoch, 0);
ROW(end_quorum_epoch, 0);
ROW(fetch_snapshot, 0);
ROW(update_raft_voter, 0);
ROW(vote, 0);
