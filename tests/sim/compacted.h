/*
 * compacted: a compacted topic in a run, its producers, who use few keys over and over, and its reader.
 *
 * It is cleaned often, and tombstones go soon. What must hold is follower.h's.
 */
#ifndef ODRADEK_TESTS_SIM_COMPACTED_H
#define ODRADEK_TESTS_SIM_COMPACTED_H

#include "tests/sim/client.h"
#include "tests/sim/follower.h"
#include "tests/sim/history.h"
#include "tests/sim/producer.h"

#define COMPACTED_TOPIC "k"

enum { COMPACTED_PRODUCERS = 2 };

struct compacted {
	/* given */
	uint64_t seed;
	bool losses_happen;
	bool writes_fail; /* disks are full, or fail */
	bool reads_fail;
	const struct brokers *brokers; /* NULL: one node has all */
	bool clocks_jump;	       /* then a tombstone may go at any time */
	/* its own */
	int n_producers; /* 0: there is no such topic in this run */
	int n_partitions;
	int n_finished;
	bool started;
	struct history history;
	struct producer producers[COMPACTED_PRODUCERS];
	struct follower follower;
	struct client admin;
	struct timer again;
};

/* `c` has what is given; whether there is such a topic follows from the seed. */
void compacted_draw(struct compacted *c);
void compacted_start(struct compacted *c, struct loop *loop, const struct addr *to);
/* What was not flushed may never have been. */
void compacted_lost(struct compacted *c);
bool compacted_is_done(const struct compacted *c);
/* No more is written; it is read once more, or is not read any more. */
void compacted_fini(struct compacted *c);
void compacted_read_again(struct compacted *c);
bool compacted_is_read(const struct compacted *c);
void compacted_end_reading(struct compacted *c);
void compacted_free(struct compacted *c);

#endif
