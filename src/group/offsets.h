/*
 * offsets: what groups have committed, by group, topic and partition.
 *
 * 1. Of a partition there are two values: what the log says (`now`), by which commits of transactions and expiry are decided, and what of
 *    it is committed, which is what OffsetFetch shows. They differ while a write waits for the high watermark; a chain of such changes, in
 *    the order of the log, is in the shard.
 * 2. An offset that a transaction has written is pending by its producer until the transaction's marker (KIP-447). A fetch that asks for
 *    stable offsets is told of it. Of two writes the one with the later offset in the log stands.
 * 3. Offsets may be there without their group, in a log that is being replayed; the group is made by the first of them.
 */
#ifndef ODRADEK_GROUP_OFFSETS_H
#define ODRADEK_GROUP_OFFSETS_H

#include "group/internal.h"

struct offset_value {
	int refs;
	int32_t leader_epoch;  /* -1: not known */
	int64_t record_offset; /* in the log of the shard */
	int64_t offset;
	int64_t commit_ms;
	int64_t expire_ms;    /* -1: by the group's rule */
	struct uuid topic_id; /* zero: not known */
	char *metadata;
};

struct offset_entry {
	struct offset_topic *topic;
	int32_t partition;
	int n_changes;		  /* not committed yet */
	struct list open;	  /* of struct txn_offset */
	struct offset_value *now; /* NULL: none */
	struct offset_value *committed;
};

struct offset_topic {
	struct map_node node;
	struct list link;
	struct group_offsets *group;
	char *name;
	struct offset_entry **v; /* by partition */
	int n;
};

struct group_offsets {
	struct map_node node; /* in the shard's, by group id */
	char *id;
	struct map by_name;
	struct list topics; /* in the order in which they came */
	int n_topics;
};

/* An offset that a producer's open transaction has written. */
struct txn_offset {
	struct list of_entry;
	struct list of_txn;
	struct offset_entry *entry;
	struct open_transaction *txn;
	struct offset_value *value;
};

struct open_transaction {
	struct map_node node; /* in the shard's, by producer id */
	int64_t producer_id;
	struct list offsets;
};

struct group_offsets *offsets_of(const struct group_shard *s, struct str group_id);			/* NULL: none */
struct offset_topic *offsets_topic(const struct group_offsets *o, struct str topic);			/* NULL: none */
struct offset_entry *offsets_entry(const struct group_offsets *o, struct str topic, int32_t partition); /* NULL: none */
static inline bool offset_is_pending(const struct offset_entry *e) { return !list_empty(&e->open); }

void offsets_put_tombstone(struct shard_step *step, struct str group_id, struct str topic, int32_t partition);
/* Tombstones of all that a group has. */
void offsets_put_all_tombstones(const struct group_shard *s, struct str group_id, struct shard_step *step);

group_apply_fn offsets_apply;
int offsets_end_transaction(struct group_shard *s, int64_t producer_id, bool commit, const struct shard_position *at);
void offsets_committed(struct group_shard *s, int64_t offset);
void offsets_free(struct group_shard *s);

/* ---- offset_commands.c, offset_expiry.c ---- */

group_command_fn offset_commit_command;
group_command_fn txn_offset_commit_command;
group_command_fn offset_fetch_command;
group_command_fn offset_delete_command;

void offsets_start_expiry(struct group_shard *s, int64_t now_ms);
void offsets_of_deleted_topics(struct group_shard *s, const struct image *old, struct shard_step *step);

#endif
