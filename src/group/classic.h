/*
 * classic: a classic group: members that join, a leader among them that assigns (GroupMetadataManager's and ClassicGroup's behaviour).
 *
 *	EMPTY -> PREPARING (members join) -> COMPLETING (the leader assigns) -> STABLE, and from each of the last three back to PREPARING;
 *	PREPARING -> EMPTY when nobody is left.
 *
 * 1. What is in the log of a group is its last assignment: written when the leader has handed it in, or when the group has become empty.
 *    Members get it when it is committed, never before.
 * 2. The rest is soft: who is joining, who has not synced yet, sessions. A reload finds the group STABLE with the members of its last
 *    assignment, or EMPTY.
 * 3. A member holds at most one JoinGroup and one SyncGroup; both are answered when the member goes.
 * 4. Members are in the order in which they joined. (Kafka's is that of a Java hash map.)
 */
#ifndef ODRADEK_GROUP_CLASSIC_H
#define ODRADEK_GROUP_CLASSIC_H

#include "base/str_index.h"
#include "group/internal.h"

enum classic_state { CLASSIC_EMPTY, CLASSIC_PREPARING, CLASSIC_COMPLETING, CLASSIC_STABLE };

/* What a member offers: a name ("range") and bytes that are the members' own. */
struct classic_protocol {
	char *name;
	struct bytes metadata; /* xmalloc'd */
};

/* Each name once. */
struct classic_protocols {
	struct classic_protocol *v;
	int n;
};

struct classic_member {
	struct list link;	     /* in the group, by joining */
	struct map_node node;	     /* by id */
	struct map_node static_node; /* by instance id, where there is one */
	struct classic_group *group;
	char *id;
	char *instance_id; /* NULL: dynamic */
	char *client_id;
	char *client_host;
	int32_t rebalance_timeout_ms;
	int32_t session_timeout_ms;
	struct classic_protocols protocols;
	struct bytes assignment;    /* xmalloc'd; never null */
	struct bytes writing;	    /* while a record is made */
	struct shard_command *join; /* waits */
	struct shard_command *sync; /* waits */
	bool is_new;		    /* its session counts while it waits to join for the first time */
	bool owes_sync;
	struct group_timer session;
};

/* An id that was given away and waits for its owner to join with it (KIP-394). */
struct classic_pending {
	struct list link;
	struct map_node node;
	struct classic_group *group;
	char *id;
	struct group_timer session;
};

/* How many members offer a protocol. */
struct classic_support {
	struct map_node node; /* in the group, by name */
	char *name;
	int n;
	int votes; /* while the members vote */
};

struct classic_group {
	struct group g;
	enum classic_state state;
	enum classic_state previous;
	int64_t state_ms;    /* wall: since when it is in this state; -1 = not known */
	char *protocol_type; /* NULL: no member has ever joined */
	char *protocol;	     /* NULL: none is chosen */
	char *leader;	     /* NULL: none */
	int32_t generation;

	struct list members;
	struct map by_id;
	struct map by_instance;
	int n_members;
	int n_joining; /* of them wait to join */
	int n_owe_sync;
	struct list pending; /* of classic_pending */
	struct map pending_by_id;
	int n_pending;
	struct map support; /* of classic_support */

	bool topics_known; /* the subscription could be read */
	char **topics;
	int n_topics;
	struct str_index topic_index;

	bool new_member_added; /* while the first rebalance waits */
	int32_t delay_ms;      /* of the first rebalance: the timer's */
	int32_t remaining_ms;
	struct group_timer rebalance; /* the end of joining */
	struct group_timer syncing;   /* the end of syncing */
};

extern const struct group_kind group_classic;

static inline bool group_is_classic(const struct group *g) { return g->kind == &group_classic; }
static inline struct classic_group *classic_of(struct group *g) { return container_of(g, struct classic_group, g); }

/* ---- classic.c: the group and its members ---- */

/* An EMPTY group of generation 0, in the table. */
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

/* Takes the protocols over. The first member decides the protocol type. */
struct classic_member *classic_add(struct group_shard *s, struct classic_group *g,
				   const struct classic_member_options *o, struct classic_protocols *protocols);
/* Its commands were answered. */
void classic_remove(struct group_shard *s, struct classic_group *g, struct classic_member *m);
struct classic_member *classic_member(const struct classic_group *g, struct str id);
struct classic_member *classic_static_member(const struct classic_group *g, struct str instance_id);
/* The member is known by another id from now on. */
void classic_rename(struct classic_group *g, struct classic_member *m, struct str id);

struct classic_pending *classic_find_pending(const struct classic_group *g, struct str id);
struct classic_pending *classic_add_pending(struct classic_group *g, struct str id);
void classic_remove_pending(struct group_shard *s, struct classic_group *g, struct classic_pending *p);

void classic_set_join(struct classic_member *m, struct shard_command *c); /* c NULL: it waits no more */
void classic_set_owes_sync(struct classic_member *m, bool owes);
void classic_set_assignment(struct classic_member *m, struct bytes assignment);
void classic_set_protocols(struct classic_member *m, struct classic_protocols *protocols);
bool classic_is_leader(const struct classic_group *g, const struct classic_member *m);
void classic_set_leader(struct classic_group *g, struct str id);
void classic_set_protocol(struct classic_group *g, struct str name);	  /* null: none */
void classic_set_type(struct classic_group *g, struct str protocol_type); /* null: none */
void classic_move(struct classic_group *g, enum classic_state state, int64_t wall_ms);
/* 0, UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID. */
int classic_check_member(const struct classic_group *g, struct str id, struct str instance_id);

struct bytes classic_metadata(const struct classic_member *m,
			      const char *protocol); /* null when it offers no such one */
struct classic_protocol classic_protocol_make(struct str name, struct bytes metadata);
void classic_protocols_free(struct classic_protocols *p);
/* Do all members offer a protocol of this name? */
bool classic_supports(const struct classic_group *g, struct str name);
/* What most members would rather have, of what all offer. */
struct str classic_vote(const struct classic_group *g);
/* Reads the topics out of the members' subscriptions. */
void classic_note_topics(struct classic_group *g);
int32_t classic_rebalance_timeout_ms(const struct classic_group *g);

/* ---- classic_record.c ---- */

struct classic_assignment {
	struct str member_id;
	struct bytes assignment;
};
/* With these assignments, or, where a member has none there, an empty one. v NULL: those the members have. */
void classic_put(struct classic_group *g, struct shard_step *step, const struct classic_assignment *v, int n);
void classic_put_new(struct classic_group *g, struct shard_step *step);
void classic_put_tombstones(struct group_shard *s, struct group *group, struct shard_step *step);
group_apply_fn classic_apply;

/* ---- classic_rebalance.c ---- */

void classic_start_session(struct group_shard *s, struct classic_member *m, int64_t now_ms, int64_t timeout_ms);
/* A rebalance begins, or joining ends, if the time has come. */
void classic_rebalance(struct group_shard *s, struct classic_group *g, struct shard_step *step);
void classic_prepare(struct group_shard *s, struct classic_group *g, struct shard_step *step);
void classic_maybe_complete(struct group_shard *s, struct classic_group *g, struct shard_step *step);
void classic_complete(struct group_shard *s, struct classic_group *g, struct shard_step *step);
/* Answers the member's JoinGroup or SyncGroup with an error, if it waits. */
void classic_refuse_join(struct classic_member *m, struct shard_step *step, struct str member_id, int err);
void classic_refuse_sync(struct classic_member *m, struct shard_step *step, int err);
/* Answers the member's SyncGroup with its assignment. */
void classic_tell_assignment(struct classic_member *m, struct shard_step *step);
/* Every member gets its assignment, or the error. */
void classic_propagate(struct group_shard *s, struct classic_group *g, struct shard_step *step, int err);
void classic_has_synced(struct group_shard *s, struct classic_member *m);
group_timer_fn classic_pending_expired;

/* ---- classic_join.c, classic_sync.c ---- */

/* The answer that a member of this generation gets; members are listed to its leader. */
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
