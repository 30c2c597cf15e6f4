/*
 * transaction: what a transactional producer says to its coordinator (KIP-98): who it is, which partitions it is about to write to, and how
 * each transaction ends.
 *
 * 1. One question is under way at a time; it is asked again, of whoever is the coordinator then, while what keeps it from an answer passes.
 * 2. It speaks as clients do that know no KIP-890: a partition is named before it is written to, and one epoch does for all transactions.
 * 3. changed() runs from the loop when there is something new to ask of it. An error is for good: a new producer has to begin.
 * Owner: the loop's thread. Errors as in client.h.
 */
#ifndef ODRADEK_CLIENT_TRANSACTION_H
#define ODRADEK_CLIENT_TRANSACTION_H

#include "client/client.h"

struct transaction;

/* The highest version of Produce that such a client may speak: a higher one names the partition itself (KIP-890). */
enum { TRANSACTION_PRODUCE_VERSION = 11 };

struct transaction_options {
	const char *id;
	const char *topic;
	int32_t timeout_ms; /* after which the coordinator ends it */
	int32_t retry_backoff_ms;
	void (*changed)(void *arg);
	void *arg;
};

/* The strings are the caller's, and live as long. */
struct transaction *transaction_new(struct client *c, const struct transaction_options *options);
void transaction_free(struct transaction *t);

int transaction_error(const struct transaction *t, struct str *message);
/* The producer's id and epoch; false while they are not known. */
bool transaction_producer(const struct transaction *t, int64_t *id, int16_t *epoch);
/* Whether the partition belongs to this transaction; when not, it is being added from now on. */
bool transaction_includes(struct transaction *t, int32_t partition);
/* What was written to it has been acknowledged. One without partitions is ended by this. */
void transaction_commit(struct transaction *t);
/* From transaction_commit on, until it is done; then the next may begin. */
bool transaction_is_ending(const struct transaction *t);

#endif
