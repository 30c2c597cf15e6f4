/*
 * internal: what the files of src/group share.
 *
 *	group.c		the shard: its table of groups, timers, which command and which record goes where
 *	classic*.c	classic groups (JoinGroup and its kin)
 *	consumer*.c	consumer groups (KIP-848)
 *	offsets.c	committed offsets, of groups of every kind
 *	admin.c		DescribeGroups, ListGroups, DeleteGroups
 *
 * 1. A group of any kind is a `struct group` at the head of its own struct, and one `struct group_kind` says what it does. What is the
 *    same for all kinds asks the kind and never looks inside.
 * 2. Logged state changes in apply functions alone. Soft state (joins, sessions, timers) may change in a decision.
 * 3. Timers are in one heap; equal deadlines fire in the order they came into it.
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
 * Embedded in what it is for; zeroed: it does not run. One shot: it is out of the heap when it fires. Sessions are moved on with every
 * request of a member and next to never end: what is moved to a later time stays in the heap where it is, and goes on from there.
 */
struct group_timer {
	struct heap_node node; /* at due_ms, or earlier */
	int64_t due_ms;
	group_timer_fn *fire;
};

/* Starting one that runs moves it. delay_ms < 0 counts as 0. */
void group_timer_start(struct group_shard *s, struct group_timer *t, group_timer_fn *fire, int64_t now_ms,
		       int64_t delay_ms);
void group_timer_stop(struct group_shard *s, struct group_timer *t); /* not running is fine */
bool group_timer_is_running(const struct group_timer *t);

/* ---- groups ---- */

/* Kafka's Group.GroupType; the text is the kind's. */
enum group_type { GROUP_CLASSIC, GROUP_CONSUMER, GROUP_STREAMS, GROUP_SHARE };

/* Who commits, as an OffsetCommit or TxnOffsetCommit says it. */
struct group_committer {
	struct str member_id;
	struct str instance_id; /* null when it has none */
	int32_t generation;	/* or member epoch */
	bool transactional;
	int16_t version; /* of the request */
};

/* Which of the offsets of a group may expire (OffsetExpirationCondition). */
enum group_expiry {
	GROUP_EXPIRY_NONE,   /* none */
	GROUP_EXPIRY_COMMIT, /* by the time of the commit */
	GROUP_EXPIRY_SINCE,  /* by the time in *since_ms: the group has been empty from then on */
};

struct group_kind {
	enum group_type type;
	const char *name;				    /* "classic" */
	const char *(*state)(const struct group *g);	    /* "Stable": of ListGroups and DescribeGroups */
	struct str (*protocol_type)(const struct group *g); /* never null */
	bool (*is_empty)(const struct group *g);
	/* Gives up all memory. Its timers are stopped, its held commands were answered. The group is in no table any more. */
	void (*free)(struct group_shard *s, struct group *g);

	/* Offsets: 0, or what Kafka refuses with. */
	int (*may_commit)(struct group_shard *s, struct group *g, const struct group_committer *who);
	int (*may_fetch)(struct group_shard *s, struct group *g, struct str member_id, int32_t member_epoch);
	int (*may_delete_offsets)(struct group_shard *s, struct group *g);
	/*
	 * Of one partition, after may_commit: 0, or its own error (a member that owns the partition no more, KIP-1251). NULL: every
	 * partition may.
	 */
	int (*may_commit_partition)(struct group_shard *s, struct group *g, const struct group_committer *who,
				    struct uuid topic_id, struct str topic, int32_t partition);
	bool (*is_subscribed)(const struct group *g, struct str topic);
	enum group_expiry (*expiry)(const struct group *g, int64_t *since_ms);
	/* Sets what a commit by this member does to its session (Kafka: classic members stay alive by committing). NULL: nothing. */
	void (*committed_by)(struct group_shard *s, struct group *g, const struct group_committer *who, int64_t now_ms);

	/* DeleteGroups, and the end of a group that is empty and has no offsets: 0, or the refusal; then the tombstones of all its records. */
	int (*may_delete)(const struct group *g);
	void (*put_tombstones)(struct group_shard *s, struct group *g, struct shard_step *step);

	/*
	 * The requests of classic members. NULL in a kind that takes none: they are refused there as Kafka does. (JoinGroup comes here
	 * only while the group is not empty: an empty consumer group is turned into a classic one.)
	 */
	void (*join)(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step);
	void (*sync)(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step);
	void (*heartbeat)(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step);
	void (*leave)(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step);

	/* The log is replayed: sessions begin. */
	void (*loaded)(struct group_shard *s, struct group *g, struct shard_step *step);
	/* Held commands are refused with err. */
	void (*unload)(struct group_shard *s, struct group *g, struct shard_step *step, int err);
};

/* At the head of every group. */
struct group {
	struct map_node node; /* in the shard's table, by id */
	const struct group_kind *kind;
	char *id;
};

/* The shard. */
struct group_shard {
	struct shard_options options;
	struct map groups;	 /* of struct group */
	struct map offsets;	 /* of struct group_offsets (offsets.h), by group id */
	struct map transactions; /* of struct open_transaction (offsets.h), by producer id */
	struct list uncommitted; /* of values of offsets that are applied and not committed, in the order of the log */
	int64_t committed;	 /* all below it is committed */
	uint64_t topics_version; /* counts the images in which topics changed; from 1 */
	int64_t new_topics_offset; /* of the last image in which there were new topics */
	struct heap timers;
	struct group_timer expiry; /* offsets.retention.check.interval.ms */
};

struct group *group_find(const struct group_shard *s, struct str id); /* NULL when there is none */
static inline struct str group_id(const struct group *g) { return str_of(g->id); }
/* Puts a group into the table: sets kind and a copy of the id. There is none of this id. */
void group_add(struct group_shard *s, struct group *g, const struct group_kind *kind, struct str id);
/* Takes it out and frees it. */
void group_drop(struct group_shard *s, struct group *g);

/* ---- commands and records, by table (group.c) ---- */

typedef void group_command_fn(struct group_shard *s, struct shard_command *c, struct shard_step *step);

/* value NULL: a tombstone. The codec's structs of this record. 0, or an error that makes the shard unusable. */
typedef int group_apply_fn(struct group_shard *s, const void *key, const void *value, const struct shard_position *at);

/* Gives an array of an answer n zeroed elements; false when the memory of the request is spent. */
#define GROUP_ARRAY(command, list, want)                                                                               \
	group_array((command)->arena, (void **)&(list).v, &(list).n, want, sizeof((list).v[0]))
bool group_array(struct arena *a, void **v, int32_t *n, int want, size_t size);
/* Then nothing of the step is written. */
void group_no_memory(struct shard_command *c, struct shard_step *step);

/* Writes the records of one decision: shard_put with the schemas of this record's name. */
#define GROUP_PUT(step, name, key, version, value)                                                                     \
	shard_put(step, &name##_key_schema, key, &name##_value_schema, version, value)
#define GROUP_PUT_TOMBSTONE(step, name, key) shard_put(step, &name##_key_schema, key, &name##_value_schema, 0, NULL)

/* ---- settings ---- */

int64_t group_setting(const struct group_shard *s, int config_id); /* INT, LONG: static */

#endif
