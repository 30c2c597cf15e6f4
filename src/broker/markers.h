/*
 * markers: writes the end of a transaction into partitions
 * (KafkaApis.handleWriteTxnMarkersRequest).
 *
 * For __consumer_offsets the marker goes to the group coordinator's shard, which must learn of it
 * in the order of its log; for any other partition it is appended here. Each partition is answered
 * when its marker is replicated, or with the error that Kafka's broker would give. Markers for
 * partitions led by other brokers are sent to them (unless here_alone), one request at a time to
 * each broker, with everything that waits. An error on the way becomes NOT_LEADER_OR_FOLLOWER: the
 * sender has to look again who leads. With here_alone, a partition without a replica here is
 * UNKNOWN_TOPIC_OR_PARTITION, as in Kafka.
 *
 * Owner: the caller. done() is called once, later. Everything happens on one core.
 */
#ifndef ODRADEK_BROKER_MARKERS_H
#define ODRADEK_BROKER_MARKERS_H

#include <stdbool.h>

#include "base/list.h"
#include "broker/partition.h"
#include "env/env.h"
#include "transaction/transaction.h"

struct core;
struct marker_part;

struct markers {
	/* set by the caller */
	struct core *core;
	struct transaction_marker marker;
	struct transaction_marked *marked; /* err of each is the answer */
	int n;
	bool here_alone; /* another broker's request: not to be passed on */
	void (*done)(struct markers *m);
	void *arg;

	/* internal */
	struct list link; /* in the core's list */
	struct marker_part *parts;
	struct waking waking;
	struct timer timer;
	struct post post;
	int n_left;
	bool ended;
};

void markers_write(struct markers *m);
/* The core stops: those that still wait are answered that it took too long. */
void markers_hurry(struct core *core);

struct write_txn_markers_response;
/*
 * A broker's answer for this partition in the transaction of this producer: 0, a Kafka error, or
 * NOT_LEADER_OR_FOLLOWER where the answer lacks it. The search begins at *at, the place among the
 * answer's markers where the last one was found (0 at first): answers, both Kafka's and ours, are
 * in the order of the request, and may be about very many transactions.
 */
int markers_answer(const struct write_txn_markers_response *r, int64_t producer_id,
		   const struct transaction_marked *marked, int *at);

#endif
