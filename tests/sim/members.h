/*
 * members: members of one classic group that share the partitions of a topic, and what they were
 * told.
 *
 * They join, sync, send heartbeats, commit increasing offsets for what they own, pause, leave, and
 * die and come back as new members, until each has had enough commits acknowledged. A violation
 * ends the run by check():
 *
 * 1. No partition has two owners in one generation.
 * 2. A fetch returns at least what was acknowledged before it was sent, and at most what was sent.
 * 3. A commit of the generation before is refused.
 *
 * In a cluster, a former coordinator that does not know it has been replaced may return an old
 * offset; so may a new one whose high watermark waits for a second replica, as in Kafka: 2 only
 * holds when the cluster is calm and has recovered. A loss (history.h) resets both: what was not
 * flushed may never have existed.
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
	int64_t floor[HISTORY_PARTITIONS_MAX]; /* what had been acknowledged when the fetch was sent */
	int partition;			       /* of the current commit */
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
	/* Set by the owner. */
	int n; /* 0: the run has no such group */
	int n_partitions;
	int n_commits;		       /* of each member */
	bool some_late;		       /* some commits are of the generation before */
	const struct brokers *brokers; /* NULL: a single node */
	bool calm;
	/* What was told. */
	struct owner *owners;
	int n_owners;
	int64_t acknowledged[HISTORY_PARTITIONS_MAX]; /* -1: none */
	int64_t sent;
	int n_finished;
	int64_t n_answers;
	int64_t n_late; /* commits of the generation before that were refused */
	/* Internal. */
	struct member v[MEMBERS_MAX];
	bool started;
};

/* The seed determines how many there are. */
void members_draw(struct members *g, uint64_t seed, int n_partitions, bool short_run);
void members_start(struct members *g, struct loop *loop, const struct addr *to);
void members_hang_up(struct members *g);
void members_lost(struct members *g);
bool members_are_done(const struct members *g);
void members_fini(struct members *g);

#endif
