/*
 * clean_txn: tracks transactions while a cleaning goes through a log, batch by batch.
 *
 * 1. Every transaction it meets is decided, because cleaning stops before the last stable offset.
 *    The aborted ones are known in advance, from the transaction indexes.
 * 2. Data of an aborted transaction is dropped, whatever its keys. A marker may go once no batch of
 *    its transaction is left; Kafka then keeps it for delete.retention.ms, so that a reader in the
 *    middle of the transaction still meets it.
 *
 * Owner: one pass of one cleaning.
 */
#ifndef ODRADEK_LOG_CLEAN_TXN_H
#define ODRADEK_LOG_CLEAN_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "log/producers.h"
#include "wire/batch.h"

/* The aborted transactions of a log, by first offset. */
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
	int64_t next; /* index into `all`: earlier entries have been met */
	int64_t from; /* transactions that ended before it are skipped */
	struct map aborted;
	struct map committed;
};

void clean_txns_init(struct clean_txns *t, const struct aborted_txns *all, int64_t from, uint64_t seed);
void clean_txns_fini(struct clean_txns *t);

/* For a data batch: true when it belongs to an aborted transaction. */
bool clean_txns_data(struct clean_txns *t, const struct batch_header *h);

/* What happens to a control batch with a marker (or, with CONTROL_NONE, without any record left). */
struct clean_marker {
	bool may_go;  /* no data of its transaction is left */
	bool indexed; /* it stays, and `aborted` stays in the index */
	struct completed_txn aborted;
};

#define CONTROL_NONE (-1)

struct clean_marker clean_txns_marker(struct clean_txns *t, const struct batch_header *h, int type);

#endif
