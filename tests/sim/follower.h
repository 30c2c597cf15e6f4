/*
 * follower: reads all partitions of a topic from their start, as records come, and tells the history what it read.
 */
#ifndef ODRADEK_TESTS_SIM_FOLLOWER_H
#define ODRADEK_TESTS_SIM_FOLLOWER_H

#include "tests/sim/client.h"
#include "tests/sim/history.h"

struct follower {
	/* given */
	struct loop *loop;
	struct addr to;
	struct history *history;
	const char *topic;
	int n_partitions;
	bool losses_happen;
	bool storage_fails; /* devices fail, or descriptors: that is no mistake then; on a full disk all is read as ever */
	uint64_t seed;
	/* what it has come to */
	int64_t next_offset[HISTORY_PARTITIONS_MAX];
	int64_t high_watermark[HISTORY_PARTITIONS_MAX]; /* -1: not told since follower_start */
	int n_answers;
	/* its own */
	struct client client;
	struct timer again;
};

void follower_start(struct follower *f);
void follower_fini(struct follower *f);
/* Has it read up to the high watermark of each partition? */
bool follower_is_at_end(const struct follower *f);

#endif
