/*
 * counter: a member of a consumer group (KIP-848; for a classic one see members.h) that counts in
 * its committed offsets: for an assigned partition it fetches the committed offset, checks that no
 * acknowledged commit is lost or moved back, and commits the next number. Now and then it leaves,
 * or dies silently, and comes back as a new member.
 *
 * In a cluster, a former coordinator that does not know it has been replaced may return an old
 * offset: the check holds only in calm.
 */
#ifndef ODRADEK_TESTS_SIM_COUNTER_H
#define ODRADEK_TESTS_SIM_COUNTER_H

#include "tests/sim/client.h"
#include "tests/sim/history.h"

/* What all members of a group were told. */
struct counter_history {
	int64_t committed[HISTORY_PARTITIONS_MAX]; /* the highest that was acknowledged; 0: none */
	int64_t n_commits;
	int64_t n_joins;
};

struct counter {
	/* Set by the owner. */
	int index;
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: a single node */
	struct counter_history *history;
	const char *topic;
	int n_partitions;
	/* Internal. */
	struct client client;
	struct timer next;
	bool calm; /* stays in the group from now on */
	char id[40];
	int incarnation;
	int32_t epoch; /* 0: joining */
	bool has_coordinator;
	/*
	 * an answer, and an assignment in it, may have been lost: only a member that reports
	 * everything is sent it again
	 */
	bool says_all;
	bool owns[HISTORY_PARTITIONS_MAX];
	int partition; /* the partition in which it counts now */
	int64_t floor; /* lower bound for the result of its fetch */
	struct uuid topic_id;
};

void counter_start(struct counter *m);
void counter_fini(struct counter *m);
/* Whether each of n_partitions has one owner among the n, and all members have counted. */
bool counters_have_settled(const struct counter *v, int n, const struct counter_history *counted, int n_partitions);

#endif
