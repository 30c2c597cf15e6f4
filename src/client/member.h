/*
 * member: a consumer's membership in a group, by the classic protocol or that of KIP-848. It joins,
 * assigns partitions when it is the leader of a classic group, reads committed offsets, gives its
 * consumer its partitions, sends heartbeats, commits and leaves.
 *
 * 1. Before a partition is given up, what was read from it is committed, unless the partition has
 *    been lost already. The consumer is the caller's; only the member assigns its partitions.
 * 2. Eager (range or roundrobin among the strategies): a rebalance begins by giving up everything.
 *    Cooperative (KIP-429, when cooperative-sticky is the only strategy; and KIP-848): a member
 *    gives up only what another one is to have, and keeps reading meanwhile.
 *
 * Owner: the loop's thread.
 */
#ifndef ODRADEK_CLIENT_MEMBER_H
#define ODRADEK_CLIENT_MEMBER_H

#include "client/client.h"
#include "client/consumer.h"

struct member;

/* How the leader of a classic group assigns, with Kafka's names for its own assignors. */
enum strategy { STRATEGY_RANGE, STRATEGY_ROUNDROBIN, STRATEGY_COOPERATIVE_STICKY, STRATEGIES };
/*
 * Accepts "range", "RangeAssignor", "org.apache.kafka.clients.consumer.RangeAssignor"; STRATEGIES:
 * unknown.
 */
enum strategy strategy_find(struct str name);

struct member_options {
	struct str group;
	struct str instance_id;		      /* null: a dynamic member */
	bool is_consumer;		      /* uses the protocol of KIP-848 */
	struct str assignor;		      /* the group's, for KIP-848; null: the broker's choice */
	enum strategy strategies[STRATEGIES]; /* for the classic protocol, most preferred first */
	int n_strategies;
	struct str rack; /* null: none */
	int32_t session_timeout_ms;
	int32_t rebalance_timeout_ms;
	int32_t heartbeat_ms; /* for the classic protocol; with KIP-848 the broker decides */
	bool commits;	      /* commits every commit_ms, before partitions are given up, and at the end */
	int32_t commit_ms;
	int64_t reset; /* where partitions without a committed offset start: OFFSET_* */
	/* Joining the group has failed for good. */
	void (*failed)(void *arg, int err);
	/*
	 * Partitions have been assigned, or are about to be revoked; their positions are available
	 * then. May be NULL.
	 */
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
/* Copies the topics, then joins or rejoins. */
void member_subscribe(struct member *m, const struct str *topics, int n);
/*
 * Commits what has been handed out and reports the result from the loop; also for a member that
 * commits by itself. One at a time.
 */
void member_commit(struct member *m, void (*done)(void *arg, int err));
/* Commits, leaves, then calls left() from the loop. */
void member_leave(struct member *m, void (*left)(void *arg));
void member_free(struct member *m);

#endif
