/*
 * follower: reads all partitions of a topic from their start, as records arrive, and reports them
 * to the history.
 *
 * For a compacted topic it makes one pass after another, from start to end. Records may be missing,
 * and at the end of each pass this must hold: for every key the last record acknowledged before the
 * pass began was read, or a later one; or that record is a tombstone, and no record of its key was
 * read at all.
 */
#ifndef ODRADEK_TESTS_SIM_FOLLOWER_H
#define ODRADEK_TESTS_SIM_FOLLOWER_H

#include "tests/sim/client.h"
#include "tests/sim/history.h"

/* The state of one key in this pass: offsets, -1 = none. */
struct followed_key {
	int64_t newest;	      /* read so far */
	int64_t acknowledged; /* when the pass began */
	bool is_tombstone;
};

struct follower {
	/* Set by the owner. */
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: a single node */
	struct history *history;
	const char *topic;
	int first; /* reads this partition and those after it: in a cluster each has a reader of its own */
	int n_partitions;
	bool losses_happen;
	/*
	 * devices fail, or descriptors run out: errors are then no mistake; a full disk does not
	 * affect reading
	 */
	bool storage_fails;
	bool compacted;
	/* delete.retention.ms: a pass that takes longer may read a record and miss its tombstone */
	int64_t tombstones_ms;
	/* Its progress. */
	int64_t next_offset[HISTORY_PARTITIONS_MAX];
	int64_t high_watermark[HISTORY_PARTITIONS_MAX]; /* -1: unknown since follower_start */
	int n_answers;
	int n_passes; /* over a compacted topic, since follower_start */
	/* Internal. */
	struct client client;
	struct timer again;
	int64_t began_ms;
	struct followed_key keys[HISTORY_PARTITIONS_MAX][HISTORY_KEYS_MAX];
};

/* Starts at the beginning. */
void follower_start(struct follower *f);
void follower_fini(struct follower *f);
/* What was read may be lost: starts again, on a new connection. */
void follower_start_over(struct follower *f);
/* Whether it has read up to the high watermark of each partition. */
bool follower_is_at_end(const struct follower *f);

#endif
