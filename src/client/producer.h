/*
 * producer: sends records to the partitions of one topic: gathers them in batches and sends these
 * to the leaders, idempotently if wanted (KIP-98).
 *
 * 1. A record with a key goes to murmur2(key) mod partitions, one without to a partition that
 *    changes with every batch (KIP-480).
 * 2. The batches of a partition are appended in the order in which they were sent, even when some
 *    are sent again: after a failure a partition waits until nothing of it is in flight. With
 *    idempotence no batch is appended twice.
 * 3. The bytes that wait are bounded: producer_is_full() tells the caller to wait for produced().
 * 4. With a transactional id everything sent belongs to a transaction, which begins with the first
 *    record and ends with producer_commit(). Such a producer is finished once it has given up a
 *    batch.
 * 5. produced() is called once for every batch; it runs from the loop, never inside a call of these
 *    functions.
 *
 * Owner: the loop's thread. Errors as in client.h.
 */
#ifndef ODRADEK_CLIENT_PRODUCER_H
#define ODRADEK_CLIENT_PRODUCER_H

#include "client/client.h"
#include "wire/batch.h"

struct producer;

struct produced {
	int32_t partition;
	int64_t base_offset; /* -1: unknown */
	int32_t n;
	size_t bytes; /* of keys and values */
	int err;
	struct str message;	/* the broker's, or null */
	const int64_t *sent_ns; /* for each record, with keep_times */
	const uint64_t *tags;	/* for each record, with keep_tags */
};

struct producer_options {
	const char *topic;
	int16_t acks;		      /* -1: all in-sync replicas */
	bool idempotent;	      /* only with acks -1 */
	const char *transactional_id; /* NULL: none; if set, the producer is idempotent whatever is set above */
	int32_t transaction_timeout_ms;
	bool keep_times, keep_tags;
	int codec; /* compress/compress.h */
	int level;
	size_t batch_bytes;
	size_t buffer_bytes;
	size_t request_bytes; /* limit for one request, and for one record */
	int64_t linger_ms;
	int32_t request_timeout_ms;
	int32_t delivery_timeout_ms;
	int retries;
	int32_t retry_backoff_ms;
	int max_in_flight; /* requests in flight per node */
	void (*produced)(void *arg, const struct produced *p);
	void (*committed)(void *arg, int err, struct str message); /* the result of producer_commit() */
	void *arg;
};

#define PRODUCER_OPTIONS_DEFAULT                                                                                       \
	((struct producer_options){.acks = -1,                                                                         \
				   .idempotent = true,                                                                 \
				   .level = INT32_MIN,                                                                 \
				   .transaction_timeout_ms = 60000,                                                    \
				   .batch_bytes = 16384,                                                               \
				   .buffer_bytes = 32 << 20,                                                           \
				   .request_bytes = 1 << 20,                                                           \
				   .linger_ms = 5,                                                                     \
				   .request_timeout_ms = 30000,                                                        \
				   .delivery_timeout_ms = 120000,                                                      \
				   .retries = INT32_MAX,                                                               \
				   .retry_backoff_ms = 100,                                                            \
				   .max_in_flight = 5})

struct producer *producer_new(struct client *c, const struct producer_options *options);
/* Nothing may be in flight: producer_waiting() == 0, or the client's calls will never be run. */
void producer_free(struct producer *p);

struct producer_record {
	struct bytes key; /* may be null */
	struct bytes value;
	const struct record_header *headers;
	int n_headers;
	int64_t timestamp;
	uint64_t tag; /* the caller's own */
};

/*
 * Returns 0, and the record is copied; or ERR_MESSAGE_TOO_LARGE. Until the topic is known records
 * wait without a partition.
 */
int producer_send(struct producer *p, const struct producer_record *r);
void producer_flush(struct producer *p); /* sends what waits now instead of after linger_ms */
/*
 * For a transactional producer: sends everything now and, once it is acknowledged, commits the
 * transaction. No record may be sent until committed() has run.
 */
void producer_commit(struct producer *p);
bool producer_is_full(const struct producer *p);
int64_t producer_waiting(const struct producer *p); /* records not reported yet */

#endif
