/*
 * What nodes tell and ask their controller, on its own listener: BrokerRegistration and BrokerHeartbeat, ControllerRegistration,
 * AllocateProducerIds, AlterPartition, AssignReplicasToDirs; and FetchSnapshot, of the metadata log. The controller decides; a row each, and the answer when the request fails as a
 * whole.
 */
#include "broker/api.h"
#include "broker/forward.h"
#include "protocol/allocate_producer_ids.h"
#include "protocol/alter_partition.h"
#include "protocol/assign_replicas_to_dirs.h"
#include "protocol/broker_heartbeat.h"
#include "protocol/broker_registration.h"
#include "protocol/controller_registration.h"
#include "protocol/fetch_snapshot.h"

#define ROW(name)                                                                                                      \
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
		.flags = API_CONTROLLER | API_FORWARD,                                                                 \
		.acl_operation = ACL_CLUSTER_ACTION,                                                                   \
		.acl_resource = ACL_CLUSTER,                                                                           \
		.in = &name##_request_schema,                                                                          \
		.out = &name##_response_schema,                                                                        \
		.run = forward_run,                                                                                    \
		.fail = name##_fail,                                                                                   \
	}

ROW(allocate_producer_ids);
ROW(alter_partition);
ROW(assign_replicas_to_dirs);
ROW(broker_heartbeat);
ROW(broker_registration);
ROW(controller_registration);
ROW(fetch_snapshot);
