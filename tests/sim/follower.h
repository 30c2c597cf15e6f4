/*
 * follower: reads all partitions of a topic from their start, as records come, and tells the history what it read.
 *
 * Of a compacted topic it makes one pass after another, from the start to the end. Records may be missing, and at the end of each pass this
 * must hold: of every key the last record that was acknowledged before the pass began was read, or one behind it; or it is a tombstone, and
 * nothing of its key was read at all.
 */
#ifndef ODRADEK_TESTS_SIM_FOLLOWER_H
#define ODRADEK_TESTS_SIM_FOLLOWER_H

#include "tests/sim/client.h"
#include "tests/sim/history.h"

/* Of one key in this pass: offsets, -1 = none. */
struct followed_key {
	int64_t newest;	      /* that was read */
	int64_t acknowledged; /* when the pass began */
	bool is_tombstone;
};

struct follower {
	/* given */
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: one node has all */
	struct history *history;
	const char *topic;
	int first; /* this partition and those behind it: in a cluster each has a reader of its own */
	int n_partitions;
	bool losses_happen;
	bool storage_fails; /* devices fail, or descriptors: that is no mistake then; on a full disk all is read as ever */
	bool compacted;
	int64_t tombstones_ms; /* delete.retention.ms: a pass that takes longer may miss one of which it has read the record */
	/* what it has come to */
	int64_t next_offset[HISTORY_PARTITIONS_MAX];
	int64_t high_watermark[HISTORY_PARTITIONS_MAX]; /* -1: not told since follower_start */
	int n_answers;
	int n_passes; /* since follower_start, of a compacted topic */
	/* its own */
	struct client client;
	struct timer again;
	int64_t began_ms;
	struct followed_key keys[HISTORY_PARTITIONS_MAX][HISTORY_KEYS_MAX];
};

/* From the start. */
void follower_start(struct follower *f);
void follower_fini(struct follower *f);
/* What was read may be lost: from the start again, on another connection. */
void follower_start_over(struct follower *f);
/* Has it read up to the high watermark of each partition? */
bool follower_is_at_end(const struct follower *f);

#endif
