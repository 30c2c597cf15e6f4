/*
 * members: members of one classic group that share the partitions of a topic, and what they were told.
 *
 * They join, sync, beat, commit ever larger offsets for what they own, pause, leave, and die and come back as somebody new, until each has
 * had enough commits acknowledged. Broken rules end the run by check():
 *
 * 1. No partition has two owners in one generation.
 * 2. A fetch gives no less than what was acknowledged before it was sent, and no more than what was sent.
 *
 * In a cluster a coordinator that is none any more, and does not know it, may tell what was committed before; so may a new one whose high watermark waits
 * for a second replica, as Kafka's does: only when the cluster is calm and has recovered does 2 hold.
 *
 * A loss (history.h) takes both back: what was not flushed may never have been.
 */
#ifndef ODRADEK_TESTS_SIM_MEMBERS_H
#define ODRADEK_TESTS_SIM_MEMBERS_H

#include "tests/sim/client.h"
#include "tests/sim/history.h"

enum { MEMBERS_MAX = 3, MEMBER_ID_MAX = 80 };

struct members;

struct member {
	struct members *of;
	struct client client;
	struct timer timer;
	char id[MEMBER_ID_MAX];
	int32_t generation;
	bool owns[HISTORY_PARTITIONS_MAX];
	bool working;
	int64_t floor[HISTORY_PARTITIONS_MAX]; /* what was acknowledged when the fetch was sent */
	int partition;			       /* of the commit under way */
	int64_t number;
	int n_commits; /* acknowledged */
	bool finished;
};

struct owner {
	int32_t generation;
	int partition;
	char id[MEMBER_ID_MAX];
};

struct members {
	/* given */
	int n; /* 0: there is no group in this run */
	int n_partitions;
	int n_commits;		       /* of each member */
	const struct brokers *brokers; /* NULL: one node has all */
	bool calm;
	/* what was told */
	struct owner *owners;
	int n_owners;
	int64_t acknowledged[HISTORY_PARTITIONS_MAX]; /* -1: none */
	int64_t sent;
	int n_finished;
	int64_t n_answers;
	/* their own */
	struct member v[MEMBERS_MAX];
	bool started;
};

/* How many there are follows from the seed. */
void members_draw(struct members *g, uint64_t seed, int n_partitions, bool short_run);
void members_start(struct members *g, struct loop *loop, const struct addr *to);
void members_hang_up(struct members *g);
void members_lost(struct members *g);
bool members_are_done(const struct members *g);
void members_fini(struct members *g);

#endif
