/*
 * classic: a classic group: members join, and the one chosen as leader assigns (the behaviour of
 * GroupMetadataManager and ClassicGroup).
 *
 *	EMPTY -> PREPARING (members join) -> COMPLETING (the leader assigns) -> STABLE, and from each of the
 *	last three back to PREPARING; PREPARING -> EMPTY when no member is left.
 *
 * 1. The log holds a group's last assignment: written when the leader has handed it in, or when the
 *    group has become empty. Members get it once it is committed, never before.
 * 2. Everything else is soft state: which members are joining or have not synced yet, and sessions.
 *    After a reload the group is STABLE with the members of its last assignment, or EMPTY.
 * 3. A member holds at most one JoinGroup and one SyncGroup; both are answered when the member
 *    leaves.
 * 4. Members are in the order in which they joined. (Kafka's order is that of a Java hash map.)
 */
#ifndef ODRADEK_GROUP_CLASSIC_H
#define ODRADEK_GROUP_CLASSIC_H

#include "base/str_index.h"
#include "group/internal.h"

enum classic_state { CLASSIC_EMPTY, CLASSIC_PREPARING, CLASSIC_COMPLETING, CLASSIC_STABLE };

/* A protocol a member offers: a name ("range") and bytes that only members interpret. */
struct classic_protocol {
	char *name;
	struct bytes metadata; /* xmalloc'd */
};

/* Contains each name once. */
struct classic_protocols {
	struct classic_protocol *v;
	int n;
};

struct classic_member {
	struct list link;	     /* in the group's list, in the order of joining */
	struct map_node node;	     /* in the group's map by id */
	struct map_node static_node; /* in the map by instance id, if it has one */
	struct classic_group *group;
	char *id;
	char *instance_id; /* NULL: dynamic */
	char *client_id;
	char *client_host;
	int32_t rebalance_timeout_ms;
	int32_t session_timeout_ms;
	struct classic_protocols protocols;
	struct bytes assignment;    /* xmalloc'd; never null */
	struct bytes writing;	    /* set while a record is being made */
	struct shard_command *join; /* the waiting JoinGroup, or NULL */
	struct shard_command *sync; /* the waiting SyncGroup, or NULL */
	bool is_new;		    /* its session runs even while it waits in its first join */
	bool owes_sync;
	struct group_timer session;
};

/* A member id that was handed out and waits for its owner to join with it (KIP-394). */
struct classic_pending {
	struct list link;
	struct map_node node;
	struct classic_group *group;
	char *id;
	struct group_timer session;
};

/* How many members offer a protocol. */
struct classic_support {
	struct map_node node; /* in the group's map by name */
	char *name;
	int n;
	int votes; /* used while members vote */
};

struct classic_group {
	struct group g;
	enum classic_state state;
	enum classic_state previous;
	int64_t state_ms;    /* wall clock: when it entered this state; -1 = unknown */
	char *protocol_type; /* NULL: no member has ever joined */
	char *protocol;	     /* NULL: none has been chosen */
	char *leader;	     /* NULL: none */
	int32_t generation;

	struct list members;
	struct map by_id;
	struct map by_instance;
	int n_members;
	int n_joining; /* members waiting in a join */
	int n_owe_sync;
	struct list pending; /* of classic_pending */
	struct map pending_by_id;
	int n_pending;
	struct map support; /* of classic_support */

	bool topics_known; /* the members' subscriptions could be read */
	char **topics;
	int n_topics;
	struct str_index topic_index;

	bool new_member_added; /* a member was added during the initial rebalance delay */
	int32_t delay_ms;      /* delay that the timer runs for in the initial rebalance */
	int32_t remaining_ms;
	struct group_timer rebalance; /* fires at the end of the join phase */
	struct group_timer syncing;   /* fires at the end of the sync phase */
};

extern const struct group_kind group_classic;

static inline bool group_is_classic(const struct group *g) { return g->kind == &group_classic; }
static inline struct classic_group *classic_of(struct group *g) { return container_of(g, struct classic_group, g); }

/* ---- classic.c: the group and its members ---- */

/* Creates an EMPTY group of generation 0 in the table. */
struct classic_group *classic_new(struct group_shard *s, struct str id, int64_t wall_ms);

struct classic_member_options {
	struct str id;
	struct str instance_id; /* null: none */
	struct str client_id;
	struct str client_host;
	int32_t rebalance_timeout_ms;
	int32_t session_timeout_ms;
	struct str protocol_type;
};

/* Takes ownership of the protocols. The first member determines the protocol type. */
struct classic_member *classic_add(struct group_shard *s, struct classic_group *g,
				   const struct classic_member_options *o, struct classic_protocols *protocols);
/* The member's commands must have been answered before. */
void classic_remove(struct group_shard *s, struct classic_group *g, struct classic_member *m);
struct classic_member *classic_member(const struct classic_group *g, struct str id);
struct classic_member *classic_static_member(const struct classic_group *g, struct str instance_id);
/* Gives the member another id. */
void classic_rename(struct classic_group *g, struct classic_member *m, struct str id);

struct classic_pending *classic_find_pending(const struct classic_group *g, struct str id);
struct classic_pending *classic_add_pending(struct classic_group *g, struct str id);
void classic_remove_pending(struct group_shard *s, struct classic_group *g, struct classic_pending *p);

void classic_set_join(struct classic_member *m, struct shard_command *c); /* c NULL: it no longer waits */
void classic_set_owes_sync(struct classic_member *m, bool owes);
void classic_set_assignment(struct classic_member *m, struct bytes assignment);
void classic_set_protocols(struct classic_member *m, struct classic_protocols *protocols);
bool classic_is_leader(const struct classic_group *g, const struct classic_member *m);
void classic_set_leader(struct classic_group *g, struct str id);
void classic_set_protocol(struct classic_group *g, struct str name);	  /* null: none */
void classic_set_type(struct classic_group *g, struct str protocol_type); /* null: none */
void classic_move(struct classic_group *g, enum classic_state state, int64_t wall_ms);
/* Returns 0, UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID. */
int classic_check_member(const struct classic_group *g, struct str id, struct str instance_id);

/* Null when the member does not offer this protocol. */
struct bytes classic_metadata(const struct classic_member *m, const char *protocol);
struct classic_protocol classic_protocol_make(struct str name, struct bytes metadata);
void classic_protocols_free(struct classic_protocols *p);
/* Whether all members offer a protocol of this name. */
bool classic_supports(const struct classic_group *g, struct str name);
/* The protocol most members prefer among those that all offer. */
struct str classic_vote(const struct classic_group *g);
/* Reads the topics from the members' subscriptions. */
void classic_note_topics(struct classic_group *g);
int32_t classic_rebalance_timeout_ms(const struct classic_group *g);

/* ---- classic_record.c ---- */

struct classic_assignment {
	struct str member_id;
	struct bytes assignment;
};
/*
 * Writes the group's record with these assignments; a member that is not listed gets an empty one.
 * v NULL: with the members' current assignments.
 */
void classic_put(struct classic_group *g, struct shard_step *step, const struct classic_assignment *v, int n);
void classic_put_new(struct classic_group *g, struct shard_step *step);
void classic_put_tombstones(struct group_shard *s, struct group *group, struct shard_step *step);
group_apply_fn classic_apply;

/* ---- classic_rebalance.c ---- */

void classic_start_session(struct group_shard *s, struct classic_member *m, int64_t now_ms, int64_t timeout_ms);
/* Starts a rebalance, or ends the join phase if it is time. */
void classic_rebalance(struct group_shard *s, struct classic_group *g, struct shard_step *step);
void classic_prepare(struct group_shard *s, struct classic_group *g, struct shard_step *step);
void classic_maybe_complete(struct group_shard *s, struct classic_group *g, struct shard_step *step);
void classic_complete(struct group_shard *s, struct classic_group *g, struct shard_step *step);
/* Answers the member's waiting JoinGroup or SyncGroup, if any, with an error. */
void classic_refuse_join(struct classic_member *m, struct shard_step *step, struct str member_id, int err);
void classic_refuse_sync(struct classic_member *m, struct shard_step *step, int err);
/*
 * Answers the member's waiting SyncGroup with its assignment, once that is committed: a new
 * coordinator may have loaded one that a change of leaders takes back, and its generation would be
 * given to others (Kafka answers at once).
 */
void classic_tell_assignment(struct classic_member *m, struct shard_step *step);
/* Answers every waiting SyncGroup with the member's assignment, or with the error. */
void classic_propagate(struct group_shard *s, struct classic_group *g, struct shard_step *step, int err);
void classic_has_synced(struct group_shard *s, struct classic_member *m);
group_timer_fn classic_pending_expired;

/* ---- classic_join.c, classic_sync.c ---- */

/* Builds the answer for a member of this generation; the leader's lists the members. */
void classic_answer_join(const struct classic_group *g, const struct classic_member *m, struct shard_command *c,
			 bool list_members);
group_command_fn classic_join_command;
group_command_fn classic_sync_command;
group_command_fn classic_heartbeat_command;
group_command_fn classic_leave_command;
void classic_leave(struct group_shard *s, struct group *group, struct shard_command *c, struct shard_step *step);
void classic_heartbeat(struct group_shard *s, struct group *group, struct shard_command *c, struct shard_step *step);
void classic_sync(struct group_shard *s, struct group *group, struct shard_command *c, struct shard_step *step);

#endif
