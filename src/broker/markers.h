/*
 * markers: the end of a transaction, written into partitions (KafkaApis.handleWriteTxnMarkersRequest).
 *
 * Of __consumer_offsets the marker goes to the group coordinator's shard, which has to know of it in the order of its log; of any other
 * partition it is appended here. Each partition is answered when its marker is replicated, or with what Kafka's broker says. Partitions that
 * other brokers lead are sent to them, one request at a time to each with all that waits, unless they are wanted here alone; what then goes wrong
 * on the way is NOT_LEADER_OR_FOLLOWER: whoever sends it is to look again who leads.
 *
 * Owner: the caller; done() is called once, later, on the same core. All on one core.
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
	/* the caller's */
	struct core *core;
	struct transaction_marker marker;
	struct transaction_marked *marked; /* err of each is the answer */
	int n;
	bool here_alone; /* another broker's request: it goes no further */
	void (*done)(struct markers *m);
	void *arg;

	/* ours */
	struct list link; /* in the core's */
	struct marker_part *parts;
	struct waking waking;
	struct timer timer;
	struct post post;
	int n_left;
	bool ended;
};

void markers_write(struct markers *m);
/* The core stops: who still waits is told that it took too long. */
void markers_hurry(struct core *core);

struct write_txn_markers_response;
/*
 * What a broker answers of this partition in the transaction of this producer: 0, Kafka's error, NOT_LEADER_OR_FOLLOWER where it says nothing.
 * It is looked for from *at on, the place among the answer's markers where the last one was found (0 at first): answers of Kafka's brokers and ours are in the
 * order of what was asked, and may be of very many transactions.
 */
int markers_answer(const struct write_txn_markers_response *r, int64_t producer_id,
		   const struct transaction_marked *marked, int *at);

#endif
