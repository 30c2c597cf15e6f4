/*
 * transaction: what a transactional producer tells its coordinator (KIP-98): its identity, which
 * partitions it is about to write to, and how each transaction ends.
 *
 * 1. One request is in flight at a time; after a transient failure it is sent again, to the
 *    coordinator of that moment.
 * 2. It behaves like clients that do not know KIP-890: a partition is added before it is written
 *    to, and one epoch is used for all transactions.
 * 3. changed() runs from the loop when its state has changed. An error is final: a new producer
 *    must be created.
 *
 * Owner: the loop's thread. Errors as in client.h.
 */
#ifndef ODRADEK_CLIENT_TRANSACTION_H
#define ODRADEK_CLIENT_TRANSACTION_H

#include "client/client.h"

struct transaction;

/*
 * The highest version of Produce such a client may use: a higher one adds the partition itself
 * (KIP-890).
 */
enum { TRANSACTION_PRODUCE_VERSION = 11 };

struct transaction_options {
	const char *id;
	const char *topic;
	int32_t timeout_ms; /* after which the coordinator aborts it */
	int32_t retry_backoff_ms;
	void (*changed)(void *arg);
	void *arg;
};

/* The strings are the caller's and must live as long as the transaction. */
struct transaction *transaction_new(struct client *c, const struct transaction_options *options);
void transaction_free(struct transaction *t);

int transaction_error(const struct transaction *t, struct str *message);
/* The producer's id and epoch; false while they are unknown. */
bool transaction_producer(const struct transaction *t, int64_t *id, int16_t *epoch);
/* Whether the partition belongs to this transaction. If not, it is now being added. */
bool transaction_includes(struct transaction *t, int32_t partition);
/* Everything written has been acknowledged: commit. A transaction without partitions ends at once. */
void transaction_commit(struct transaction *t);
/* True from transaction_commit until it is done; then the next transaction may begin. */
bool transaction_is_ending(const struct transaction *t);

#endif
