/*
 * counter: a member of a consumer group (KIP-848; members.h is a classic one) that counts in its committed offsets: for a partition that it was given it fetches the
 * committed offset, checks that no acknowledged commit is lost or moved back, and commits the next. Now and then it leaves, or dies
 * without a word, and comes back as another.
 *
 * In a cluster a coordinator that is none any more, and does not know it, may tell what was committed before: only in calm does the check hold.
 */
#ifndef ODRADEK_TESTS_SIM_COUNTER_H
#define ODRADEK_TESTS_SIM_COUNTER_H

#include "tests/sim/client.h"
#include "tests/sim/history.h"

/* What all members of a group were told. */
struct counter_history {
	int64_t committed[HISTORY_PARTITIONS_MAX]; /* the largest that was acknowledged; 0: none */
	int64_t n_commits;
	int64_t n_joins;
};

struct counter {
	/* given */
	int index;
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: one node has all */
	struct counter_history *history;
	const char *topic;
	int n_partitions;
	/* its own */
	struct client client;
	struct timer next;
	bool calm; /* it stays from now on */
	char id[40];
	int incarnation;
	int32_t epoch; /* 0: it joins */
	bool has_coordinator;
	bool says_all; /* an answer may have been lost, and an assignment with it: only who says all of himself is told it again */
	bool owns[HISTORY_PARTITIONS_MAX];
	int partition; /* that it counts in now */
	int64_t floor; /* what its fetch may not be below */
	struct uuid topic_id;
};

void counter_start(struct counter *m);
void counter_fini(struct counter *m);
/* Each of n_partitions has one owner among the n, and all of them have counted. */
bool counters_have_settled(const struct counter *v, int n, const struct counter_history *counted, int n_partitions);

#endif
