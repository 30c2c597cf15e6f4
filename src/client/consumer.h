/*
 * consumer: fetches the records of assigned partitions from their leaders, in order within each
 * partition.
 *
 * 1. This code knows nothing of groups (member.h): partitions are assigned with the offset to start
 *    at, or with how to find one.
 * 2. While the records of one answer are handed out, the next fetch is under way.
 * 3. With read_committed, records of aborted transactions and records at or beyond the last stable
 *    offset are not seen; control records never are.
 * 4. Callbacks run from the loop. record() may stop the consumer, assign anew or ask for positions;
 *    it must not free it.
 *
 * Owner: the loop's thread.
 */
#ifndef ODRADEK_CLIENT_CONSUMER_H
#define ODRADEK_CLIENT_CONSUMER_H

#include "client/client.h"
#include "wire/batch.h"

struct consumer;

struct consumed {
	struct str topic;
	int32_t partition;
	const struct batch_header *batch;
	const struct record *record;
};

enum { OFFSET_LATEST = -1, OFFSET_EARLIEST = -2, OFFSET_NONE = -3 };

struct consumer_options {
	int8_t isolation; /* 1: read_committed */
	int32_t min_bytes;
	int32_t max_wait_ms;
	int32_t max_bytes;
	int32_t partition_max_bytes;
	bool check_crcs;
	int64_t reset; /* where to continue when an offset is out of range: OFFSET_*; NONE makes it an error */
	/* False: nothing more is read. */
	bool (*record)(void *arg, const struct consumed *r);
	/* A partition can no longer be read, and is not asked for any more. */
	void (*failed)(void *arg, struct str topic, int32_t partition, int err);
	void *arg;
};

#define CONSUMER_OPTIONS_DEFAULT                                                                                       \
	((struct consumer_options){.min_bytes = 1,                                                                     \
				   .max_wait_ms = 500,                                                                 \
				   .max_bytes = 50 << 20,                                                              \
				   .partition_max_bytes = 1 << 20,                                                     \
				   .check_crcs = true,                                                                 \
				   .reset = OFFSET_LATEST})

struct consumer_partition {
	struct str topic; /* copied */
	int32_t partition;
	int64_t offset; /* or OFFSET_LATEST, OFFSET_EARLIEST */
};
/* By topic, then by number; for qsort and bsearch. */
int consumer_partition_compare(const void *a, const void *b);

struct consumer *consumer_new(struct client *c, const struct consumer_options *options);
void consumer_free(struct consumer *c);

/* Replaces the previous assignment; partitions that stay start over at the given offset. */
void consumer_assign(struct consumer *c, const struct consumer_partition *v, int n);
int consumer_count(const struct consumer *c);
/* The i-th partition with the offset after the last record handed out; OFFSET_* when there is none yet. */
struct consumer_partition consumer_position(const struct consumer *c, int i);
/* Whether all partitions have an offset, so that records written from now on will be seen. */
bool consumer_is_placed(const struct consumer *c);

#endif
