/*
 * member: a consumer's membership of a group, by the classic protocol or by the one of KIP-848: it joins, assigns as leader where the
 * protocol has leaders, reads the committed offsets, gives its consumer what is its share, beats, commits and leaves.
 *
 * 1. Before a partition is given up what was read of it is committed, unless it has been lost already. The consumer is the caller's and is
 *    assigned by the member alone.
 * 2. Eager (range, roundrobin among the strategies): a rebalance begins with giving up everything. Cooperative (KIP-429: no other strategy
 *    than cooperative-sticky; and KIP-848): a member gives up only what another one shall have, and reads on meanwhile.
 * Owner: the loop's thread.
 */
#ifndef ODRADEK_CLIENT_MEMBER_H
#define ODRADEK_CLIENT_MEMBER_H

#include "client/client.h"
#include "client/consumer.h"

struct member;

/* How a leader of a classic group assigns: Kafka's names of its own assignors. */
enum strategy { STRATEGY_RANGE, STRATEGY_ROUNDROBIN, STRATEGY_COOPERATIVE_STICKY, STRATEGIES };
/* "range", "RangeAssignor", "org.apache.kafka.clients.consumer.RangeAssignor"; STRATEGIES: none of them. */
enum strategy strategy_find(struct str name);

struct member_options {
	struct str group;
	struct str instance_id;		      /* null: dynamic */
	bool is_consumer;		      /* by KIP-848 */
	struct str assignor;		      /* of KIP-848: the group's; null: the broker's choice */
	enum strategy strategies[STRATEGIES]; /* of the classic protocol, the first is liked best */
	int n_strategies;
	struct str rack; /* null: none */
	int32_t session_timeout_ms;
	int32_t rebalance_timeout_ms;
	int32_t heartbeat_ms; /* of the classic protocol; by KIP-848 the broker says */
	bool commits;	      /* every commit_ms, before partitions are given up and at the end */
	int32_t commit_ms;
	int64_t reset; /* where partitions without a committed offset begin: OFFSET_* */
	/* The group cannot be joined, for good. */
	void (*failed)(void *arg, int err);
	/* May be NULL: partitions that have come, or are about to go; they may be asked for their position then. */
	void (*assigned)(void *arg, const struct consumer_partition *v, int n);
	void (*revoked)(void *arg, const struct consumer_partition *v, int n);
	void *arg;
};

#define MEMBER_OPTIONS_DEFAULT                                                                                         \
	((struct member_options){.strategies = {STRATEGY_RANGE, STRATEGY_COOPERATIVE_STICKY},                          \
				 .n_strategies = 2,                                                                    \
				 .session_timeout_ms = 45000,                                                          \
				 .rebalance_timeout_ms = 300000,                                                       \
				 .heartbeat_ms = 3000,                                                                 \
				 .commits = true,                                                                      \
				 .commit_ms = 5000,                                                                    \
				 .reset = OFFSET_LATEST})

struct member *member_new(struct client *c, struct consumer *consumer, const struct member_options *options);
/* The topics are copied. Joins, or joins anew. */
void member_subscribe(struct member *m, const struct str *topics, int n);
/* Commits what has been handed out, then tells how that went, from the loop; of a member that commits by itself too. One at a time. */
void member_commit(struct member *m, void (*done)(void *arg, int err));
/* Commits, leaves, then calls left(), from the loop. */
void member_leave(struct member *m, void (*left)(void *arg));
void member_free(struct member *m);

#endif
