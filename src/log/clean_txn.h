/*
 * clean_txn: what a cleaning knows of transactions while it goes through a log, batch by batch.
 *
 * 1. All that it sees is decided: cleaning stops before the last stable offset. Which transactions were aborted is known ahead, from the
 *    transaction indexes.
 * 2. Data of an aborted transaction goes, whatever its keys. A marker may go when no batch of its transaction was seen any more; Kafka then
 *    keeps it for delete.retention.ms, so that a reader who is in the middle of the transaction still meets it.
 * Owner: one pass of one cleaning.
 */
#ifndef ODRADEK_LOG_CLEAN_TXN_H
#define ODRADEK_LOG_CLEAN_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "log/producers.h"
#include "wire/batch.h"

/* Of a log, by first offset. */
struct aborted_txns {
	struct completed_txn *v;
	int64_t n;
	int64_t cap;
};

void aborted_txns_add(struct aborted_txns *a, const struct completed_txn *t);
void aborted_txns_sort(struct aborted_txns *a);
void aborted_txns_fini(struct aborted_txns *a);

struct clean_txns {
	const struct aborted_txns *all;
	int64_t next; /* of `all`: those before it were met */
	int64_t from; /* transactions that ended before it are passed over */
	struct map aborted;
	struct map committed;
};

void clean_txns_init(struct clean_txns *t, const struct aborted_txns *all, int64_t from, uint64_t seed);
void clean_txns_fini(struct clean_txns *t);

/* A data batch: true when it belongs to an aborted transaction. */
bool clean_txns_data(struct clean_txns *t, const struct batch_header *h);

/* A control batch with a marker (or, with CONTROL_NONE, without any record left). */
struct clean_marker {
	bool may_go;  /* nothing of its transaction is left */
	bool indexed; /* it stays, and so does the index's entry of its transaction: */
	struct completed_txn aborted;
};

#define CONTROL_NONE (-1)

struct clean_marker clean_txns_marker(struct clean_txns *t, const struct batch_header *h, int type);

#endif
