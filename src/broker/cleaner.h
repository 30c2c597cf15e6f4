/*
 * cleaner: compaction of this node's logs, as Kafka's LogCleaner does it: the filthiest first, log.cleaner.threads of them at a time.
 *
 * 1. It looks at all compacted logs, applies retention to them (the others are upkeep's), and takes the one with the largest share of dirty
 *    bytes that is dirty enough or overdue. When there is none it looks again after log.cleaner.backoff.ms.
 * 2. A cleaning is a chain of short jobs, each a step under the partition's lock and a slice of work without it (log/clean.h). So a topic
 *    that is deleted or cut, and a node that stops, wait for a slice and no longer, and so do the other jobs of the node.
 * 3. log.cleaner.io.max.bytes.per.second counts what all of them read and write.
 * 4. A log that cannot be cleaned (a batch that cannot be read, a map that has no room for one batch's keys) is left alone until the next
 *    start, with one line that says why.
 * 5. Memory: log.cleaner.dedupe.buffer.size and log.cleaner.io.buffer.size, divided by the threads, taken while a log is cleaned only.
 *
 * Threads: reactor 0; the jobs anywhere. The settings are read anew at each look (KIP-226).
 */
#ifndef ODRADEK_BROKER_CLEANER_H
#define ODRADEK_BROKER_CLEANER_H

#include <stdint.h>

struct cleaner;
struct node;

/* When the logs are open and the node serves. NULL when log.cleaner.enable is false. */
struct cleaner *cleaner_new(struct node *n);
/* What runs ends soon and is the core's to wait for. NULL is fine. */
void cleaner_free(struct cleaner *c);

/* As of the last look and of the last cleaning; what is counted is since the start. */
struct cleaner_stats {
	int64_t cleanings;
	int64_t bytes_read;
	int64_t bytes_written;
	int64_t bytes_indexed;
	int64_t records_read;
	int64_t records_kept;
	int64_t records_invalid; /* without a key */
	int64_t last_look_ms;	 /* wall clock */
	double max_dirty_ratio;	 /* of the logs at the last look */
	int64_t max_delay_ms;	 /* beyond max.compaction.lag.ms */
	int64_t uncleanable_logs;
	int64_t uncleanable_bytes;
	double last_buffer_load; /* of the map of keys */
	double last_recopied;	 /* bytes written to bytes read */
	int64_t last_ms;	 /* how long it took */
};
/* On reactor 0. */
void cleaner_stats(const struct cleaner *c, struct cleaner_stats *out);

#endif
