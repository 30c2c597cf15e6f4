/*
 * compacted: a compacted topic in a run, its producers, which use a few keys over and over, and its
 * reader. It is cleaned often, and tombstones are removed soon. follower.h says what must hold.
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
	/* Set by the owner. */
	uint64_t seed;
	bool losses_happen;
	bool writes_fail; /* disks are full, or fail */
	bool reads_fail;
	const struct brokers *brokers; /* NULL: a single node */
	bool clocks_jump;	       /* then a tombstone may be removed at any time */
	/* Internal. */
	int n_producers;  /* 0: the run has no such topic */
	int retention_ms; /* delete.retention.ms */
	int n_partitions;
	int n_finished;
	bool started;
	struct history history;
	struct producer producers[COMPACTED_PRODUCERS];
	struct follower follower;
	struct client admin;
	struct timer again;
};

/* Draws whether there is such a topic from the seed. The owner's fields must be set. */
void compacted_draw(struct compacted *c);
void compacted_start(struct compacted *c, struct loop *loop, const struct addr *to);
/* What was not flushed may never have existed. */
void compacted_lost(struct compacted *c);
bool compacted_is_done(const struct compacted *c);
/* Ends the writing; then the topic is read once more, or reading ends. */
void compacted_fini(struct compacted *c);
void compacted_read_again(struct compacted *c);
bool compacted_is_read(const struct compacted *c);
void compacted_end_reading(struct compacted *c);
void compacted_free(struct compacted *c);

#endif
