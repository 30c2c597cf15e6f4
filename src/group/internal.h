/*
 * internal: what the files of src/group share.
 *
 *	group.c		the shard: its table of groups, timers, dispatch of commands and records
 *	classic*.c	classic groups (JoinGroup and its kin)
 *	consumer*.c	consumer groups (KIP-848)
 *	offsets.c	committed offsets, of groups of every kind
 *	admin.c		DescribeGroups, ListGroups, DeleteGroups
 *
 * 1. Every group begins with a `struct group`, and its `struct group_kind` implements its
 *    behaviour. Code common to all kinds goes through the kind and never looks inside.
 * 2. Logged state changes only in apply functions. Soft state (joins, sessions, timers) may change
 *    in a decision.
 * 3. Timers are in one heap; equal deadlines fire in the order in which they were inserted.
 * 4. Strings that are kept are copies.
 */
#ifndef ODRADEK_GROUP_INTERNAL_H
#define ODRADEK_GROUP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "coordinator/shard.h"
#include "group/group.h"

struct group;
struct group_offsets;
struct group_shard;
struct group_timer;
struct offset_value;

/* ---- timers ---- */

typedef void group_timer_fn(struct group_shard *s, struct group_timer *t, struct shard_step *step);

/*
 * A one-shot timer, embedded in what it is for; zeroed: not running. It is out of the heap when it
 * fires. Sessions are extended with every request of a member and hardly ever expire, so a timer
 * moved to a later time stays in the heap where it is and is reinserted when that time comes.
 */
struct group_timer {
	struct heap_node node; /* keyed by due_ms, or an earlier time */
	int64_t due_ms;
	group_timer_fn *fire;
};

/* Starting a running timer reschedules it. delay_ms < 0 counts as 0. */
void group_timer_start(struct group_shard *s, struct group_timer *t, group_timer_fn *fire, int64_t now_ms,
		       int64_t delay_ms);
void group_timer_stop(struct group_shard *s, struct group_timer *t); /* may be called when it is not running */
bool group_timer_is_running(const struct group_timer *t);

/* ---- groups ---- */

/* Kafka's Group.GroupType; the kind has the name. */
enum group_type { GROUP_CLASSIC, GROUP_CONSUMER, GROUP_STREAMS, GROUP_SHARE };

/* The identity of a committer, as in OffsetCommit or TxnOffsetCommit. */
struct group_committer {
	struct str member_id;
	struct str instance_id; /* null when it has none */
	int32_t generation;	/* or the member epoch */
	bool transactional;
	int16_t version; /* of the request */
};

/* Which of a group's offsets may expire (OffsetExpirationCondition). */
enum group_expiry {
	GROUP_EXPIRY_NONE,   /* none */
	GROUP_EXPIRY_COMMIT, /* by the time of their commit */
	GROUP_EXPIRY_SINCE,  /* by the time in *since_ms, from which on the group has been empty */
};

struct group_kind {
	enum group_type type;
	const char *name;				    /* "classic" */
	const char *(*state)(const struct group *g);	    /* "Stable", for ListGroups and DescribeGroups */
	struct str (*protocol_type)(const struct group *g); /* never null */
	bool (*is_empty)(const struct group *g);
	/*
	 * Frees everything. Its timers are stopped, its held commands have been answered, and it is
	 * in no table any more.
	 */
	void (*free)(struct group_shard *s, struct group *g);

	/* Offsets: 0, or the error with which Kafka refuses. */
	int (*may_commit)(struct group_shard *s, struct group *g, const struct group_committer *who);
	int (*may_fetch)(struct group_shard *s, struct group *g, struct str member_id, int32_t member_epoch);
	int (*may_delete_offsets)(struct group_shard *s, struct group *g);
	/*
	 * For one partition, after may_commit: 0, or its own error (the member no longer owns the
	 * partition, KIP-1251). NULL: every partition is permitted.
	 */
	int (*may_commit_partition)(struct group_shard *s, struct group *g, const struct group_committer *who,
				    struct uuid topic_id, struct str topic, int32_t partition);
	bool (*is_subscribed)(const struct group *g, struct str topic);
	enum group_expiry (*expiry)(const struct group *g, int64_t *since_ms);
	/*
	 * What a commit does to the member's session (in Kafka a commit keeps a classic member
	 * alive). NULL: nothing.
	 */
	void (*committed_by)(struct group_shard *s, struct group *g, const struct group_committer *who, int64_t now_ms);

	/*
	 * For DeleteGroups, and for removing a group that is empty and has no offsets: 0, or the
	 * refusal; then the tombstones of all its records.
	 */
	int (*may_delete)(const struct group *g);
	void (*put_tombstones)(struct group_shard *s, struct group *g, struct shard_step *step);

	/*
	 * The requests of classic members. NULL in a kind that does not serve them: they are
	 * refused as in Kafka. (JoinGroup comes here only while the group is not empty: an empty
	 * consumer group is converted to a classic one.)
	 */
	void (*join)(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step);
	void (*sync)(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step);
	void (*heartbeat)(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step);
	void (*leave)(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step);

	/* The log has been replayed: starts the sessions. */
	void (*loaded)(struct group_shard *s, struct group *g, struct shard_step *step);
	/* Refuses held commands with err. */
	void (*unload)(struct group_shard *s, struct group *g, struct shard_step *step, int err);
};

/* Every group begins with this. */
struct group {
	struct map_node node; /* in the shard's map, by id */
	const struct group_kind *kind;
	char *id;
};

/* The shard. */
struct group_shard {
	struct shard_options options;
	char node[12];		   /* the node's id, as settings name it */
	struct map groups;	   /* of struct group */
	struct map offsets;	   /* of struct group_offsets (offsets.h), by group id */
	struct map transactions;   /* of struct open_transaction (offsets.h), by producer id */
	struct list uncommitted;   /* of offset values that are applied but not committed, in log order */
	int64_t committed;	   /* everything below is committed */
	uint64_t topics_version;   /* counts the images that changed topics; from 1 */
	int64_t new_topics_offset; /* offset of the last image that had new topics */
	struct heap timers;
	struct group_timer expiry; /* runs every offsets.retention.check.interval.ms */
};

struct group *group_find(const struct group_shard *s, struct str id); /* NULL: none */
static inline struct str group_id(const struct group *g) { return str_of(g->id); }
/* Adds a group to the table, setting its kind and a copy of the id. The id must not exist yet. */
void group_add(struct group_shard *s, struct group *g, const struct group_kind *kind, struct str id);
/* Removes it from the table and frees it. */
void group_drop(struct group_shard *s, struct group *g);

/* ---- commands and records, by table (group.c) ---- */

typedef void group_command_fn(struct group_shard *s, struct shard_command *c, struct shard_step *step);

/*
 * key and value are the codec's structs of this record; value NULL: a tombstone. Returns 0, or an
 * error that makes the shard unusable.
 */
typedef int group_apply_fn(struct group_shard *s, const void *key, const void *value, const struct shard_position *at);

/* Gives an array of an answer n zeroed elements; false when the memory of the request is spent. */
#define GROUP_ARRAY(command, list, want)                                                                               \
	group_array((command)->arena, (void **)&(list).v, &(list).n, want, sizeof((list).v[0]))
bool group_array(struct arena *a, void **v, int32_t *n, int want, size_t size);
/* Fails the command; nothing of the step is written. */
void group_no_memory(struct shard_command *c, struct shard_step *step);

/* Adds a record of a decision: shard_put with the schemas of this record's name. */
#define GROUP_PUT(step, name, key, version, value)                                                                     \
	shard_put(step, &name##_key_schema, key, &name##_value_schema, version, value)
#define GROUP_PUT_TOMBSTONE(step, name, key) shard_put(step, &name##_key_schema, key, &name##_value_schema, 0, NULL)

/* The rebalance timeout of a JoinGroup; in version 0, which has none, the session timeout (classic_join.c). */
int32_t join_rebalance_timeout_ms(const struct shard_command *c);

/* ---- settings ---- */

int64_t group_setting(const struct group_shard *s, int config_id); /* INT or LONG, static */

#endif
