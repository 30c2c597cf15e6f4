/*
 * offsets: what groups have committed, by group, topic and partition.
 *
 * 1. A partition has two values: what the log says (`now`), on which transactional commits and
 *    expiry are decided; and the committed part of it, which OffsetFetch returns. They differ while
 *    a write waits for the high watermark; the shard keeps such changes in a list, in log order.
 * 2. An offset written by a transaction is pending, by producer, until the transaction's marker
 *    (KIP-447). A fetch that asks for stable offsets is told so. Of two writes the one later in the
 *    log wins.
 * 3. While a log is being replayed, offsets may exist without their group; the first of them
 *    creates the group.
 */
#ifndef ODRADEK_GROUP_OFFSETS_H
#define ODRADEK_GROUP_OFFSETS_H

#include "group/internal.h"

struct offset_value {
	int refs;
	int32_t leader_epoch;  /* -1: unknown */
	int64_t record_offset; /* its offset in the log of the shard */
	int64_t offset;
	int64_t commit_ms;
	int64_t expire_ms;    /* -1: by the group's rule */
	struct uuid topic_id; /* zero: not known */
	int32_t metadata_len;
	char metadata[]; /* any text */
};

struct offset_entry {
	struct offset_topic *topic;
	int32_t partition;
	int n_changes;		  /* changes not committed yet */
	struct list open;	  /* of struct txn_offset */
	struct offset_value *now; /* NULL: no offset */
	struct offset_value *committed;
};

struct offset_topic {
	struct map_node node;
	struct list link;
	struct group_offsets *group;
	char *name;
	struct offset_entry **v; /* sorted by partition */
	int n;
};

struct group_offsets {
	struct map_node node; /* in the shard's map, by group id */
	char *id;
	struct map by_name;
	struct list topics; /* in order of arrival */
	int n_topics;
};

/* An offset written by a producer's open transaction. */
struct txn_offset {
	struct list of_entry;
	struct list of_txn;
	struct offset_entry *entry;
	struct open_transaction *txn;
	struct offset_value *value;
};

struct open_transaction {
	struct map_node node; /* in the shard's map, by producer id */
	int64_t producer_id;
	struct list offsets;
};

struct group_offsets *offsets_of(const struct group_shard *s, struct str group_id);			/* NULL: none */
struct offset_topic *offsets_topic(const struct group_offsets *o, struct str topic);			/* NULL: none */
struct offset_entry *offsets_entry(const struct group_offsets *o, struct str topic, int32_t partition); /* NULL: none */
static inline bool offset_is_pending(const struct offset_entry *e) { return !list_empty(&e->open); }

void offsets_put_tombstone(struct shard_step *step, struct str group_id, struct str topic, int32_t partition);
/* Writes tombstones for everything a group has committed. */
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
