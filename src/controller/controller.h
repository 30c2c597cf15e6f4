/*
 * controller: what shall become true: checks each command against the state and yields an answer
 * and records.
 *
 *	decide	controller_create_topics(...) etc.: looks at the tip image and the soft state, fills `out` and
 *		`records`, changes nothing that is logged. 0, or one error for the whole request (then nothing
 *		is to be written).
 *	append	the carrier gives the records to raft, in one batch where record_list.atomic says so
 *	apply	controller_apply: the tip moves; nothing else changes logged state
 *	answer	the carrier answers when the high watermark has passed the end at which the answer was decided
 *
 * 1. A refusal leaves nothing to undo. Error codes and messages are Kafka's
 *    (ReplicationControlManager, ConfigurationControlManager, ClientQuotaControlManager,
 *    FeatureControlManager, ClusterControlManager, ProducerIdControlManager).
 * 2. Besides the tip there is soft state: when each broker was last heard from, how far it has
 *    read, which brokers wait for a controlled shutdown. Losing the leadership drops both.
 * 3. No clock, no chance, no I/O: they come with the context.
 *
 * Owner: one thread (the quorum's loop). Memory of answers and records: the arena of the context.
 */
#ifndef ODRADEK_CONTROLLER_CONTROLLER_H
#define ODRADEK_CONTROLLER_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/uuid.h"
#include "metadata/image.h"
#include "metadata/record.h"

struct config;
struct controller;

/* A feature that this release can serve. */
struct controller_feature {
	const char *name;
	int16_t min;
	int16_t max;	 /* the highest level that we can replay and carry */
	int16_t own_max; /* what our own format finalizes: the highest level that is fully served */
};

/* The features of this release, ended by a NULL name. */
extern const struct controller_feature CONTROLLER_FEATURES[];
/* A broker with a key to encrypt logs announces this one when it registers. It is never finalized. */
#define FEATURE_ENCRYPTION "odradek.encryption"
const struct controller_feature *controller_feature_find(struct str name);
/* The level that Kafka finalizes by default in a cluster with this metadata.version. */
int controller_feature_default(const struct controller_feature *f, int metadata_version);

/* What a decision may use besides the state. */
struct controller_context {
	int64_t now_ms; /* monotonic */
	int64_t wall_ms;
	const struct principal *principal;
	int16_t version;       /* of the request */
	int16_t kraft_version; /* of the quorum, as of the end of its log */
	/*
	 * From this very process, which holds the locks of its directories: an earlier incarnation
	 * of its broker is gone for certain.
	 */
	bool own_node;
	uint64_t (*random)(void *arg); /* chance */
	void *random_arg;
	/*
	 * Raises kraft.version, which is raft's; or (validate_only) checks whether that is
	 * possible. 0, or a Kafka error with its message in *why, in the arena.
	 */
	int (*raise_kraft_version)(void *arg, int16_t to, bool validate_only, struct arena *a, struct str *why);
	void *raise_arg;
	bool (*is_address)(struct str text); /* is it an IP address? */
	/*
	 * May n more partitions be created or deleted, by the quota of the requester (KIP-599)?
	 * Counts them. NULL: any number.
	 */
	bool (*may_change)(void *arg, int n);
	void *change_arg;
	struct arena *arena;
	struct str *why; /* NULL, or where the message of an error for the whole request goes */
};

struct controller_config {
	int32_t node_id;
	struct str cluster_id;
	/* the node's own: defaults of topics, session timeout, delete.topic.enable; outlives the controller */
	const struct config *config;
};

struct controller *controller_new(const struct controller_config *config);
void controller_free(struct controller *c);

/*
 * This node becomes the leader: the tip is what is in the log, including a metadata transaction
 * that was left open. Soft state is empty: every broker that is not fenced has a full session
 * timeout in which to be heard from.
 */
struct replay;
void controller_lead(struct controller *c, const struct replay *log, int64_t now_ms);
/*
 * After controller_lead: this broker's process was last heard from at that time (monotonic), so its
 * session began then. Kafka gives it a whole new session, in addition to the time that the election
 * took. It may be alive all the same, cut off until now: at least two heartbeat intervals are left
 * to it.
 */
void controller_heard(struct controller *c, int32_t broker_id, int64_t at_ms);
void controller_resign(struct controller *c);
bool controller_is_active(const struct controller *c);

/* The records of a decision were appended: the tip moves to `last_offset`. */
int controller_apply(struct controller *c, const struct record_list *records, int64_t last_offset, int32_t epoch,
		     int64_t wall_ms, const char **why);
/*
 * Not NULL while active; not referenced for the caller. The tip, and the part of it that may be
 * shown: without an open metadata transaction.
 */
const struct image *controller_tip(const struct controller *c);
const struct image *controller_image(const struct controller *c);

/*
 * The records that a new leader writes first: bootstrap on an empty log, an abort of a transaction
 * left open, nothing otherwise.
 */
int controller_activate(struct controller *c, const struct controller_context *ctx, const struct record_list *bootstrap,
			struct record_list *records);

/*
 * What happens by time: fences a broker whose session has ended, one per call; moves leadership
 * back to preferred replicas; holds unclean elections; removes expired tokens. *next_ms is when to
 * call again (monotonic; early enough for the session of any broker that is unfenced meanwhile).
 * The no-op records of an idle log are the carrier's.
 */
int controller_tick(struct controller *c, const struct controller_context *ctx, struct record_list *records,
		    int64_t *next_ms);

/*
 * A broker's process is known to be gone, in this epoch: fences it and ends its session. No records
 * if that has happened already.
 */
void controller_fence(struct controller *c, int32_t broker_id, int64_t broker_epoch, struct record_list *records);

/*
 * The reason for the last fencing of a broker during this leadership, for log lines; NULL: it was
 * not fenced. A constant.
 */
const char *controller_fence_reason(const struct controller *c, int32_t broker_id);

/* Time since the broker was last heard from; -1: it was not, in this leadership. */
int64_t controller_heartbeat_age_ms(const struct controller *c, int32_t broker_id, int64_t now_ms);

/* ---- commands; requests and responses are the codec's structs ---- */

#define CONTROLLER_COMMAND(name)                                                                                       \
	struct name##_request;                                                                                         \
	struct name##_response;                                                                                        \
	int controller_##name(struct controller *c, const struct controller_context *ctx,                              \
			      const struct name##_request *in, struct name##_response *out,                            \
			      struct record_list *records)

CONTROLLER_COMMAND(create_topics);
CONTROLLER_COMMAND(delete_topics);
CONTROLLER_COMMAND(create_partitions);
CONTROLLER_COMMAND(incremental_alter_configs);
/*
 * The old request, which sets everything it names and deletes the rest; it has the same structs
 * (alter_configs.msg).
 */
int controller_alter_configs(struct controller *c, const struct controller_context *ctx,
			     const struct incremental_alter_configs_request *in,
			     struct incremental_alter_configs_response *out, struct record_list *records);
CONTROLLER_COMMAND(alter_client_quotas);
CONTROLLER_COMMAND(update_features);
CONTROLLER_COMMAND(broker_registration);
CONTROLLER_COMMAND(broker_heartbeat);
CONTROLLER_COMMAND(unregister_broker);
CONTROLLER_COMMAND(unregister_controller);
CONTROLLER_COMMAND(controller_registration);
CONTROLLER_COMMAND(allocate_producer_ids);
CONTROLLER_COMMAND(alter_partition);
CONTROLLER_COMMAND(create_acls);
CONTROLLER_COMMAND(delete_acls);
CONTROLLER_COMMAND(elect_leaders);
CONTROLLER_COMMAND(assign_replicas_to_dirs);
CONTROLLER_COMMAND(alter_partition_reassignments);
CONTROLLER_COMMAND(list_partition_reassignments);
CONTROLLER_COMMAND(alter_user_scram_credentials);
CONTROLLER_COMMAND(create_delegation_token);
CONTROLLER_COMMAND(renew_delegation_token);
CONTROLLER_COMMAND(expire_delegation_token);

#endif
