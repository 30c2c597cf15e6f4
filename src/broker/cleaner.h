/*
 * cleaner: compaction of this node's logs, as Kafka's LogCleaner does it: the dirtiest log first,
 * log.cleaner.threads logs at a time.
 *
 * 1. It looks at all compacted logs, applies retention to them (upkeep applies it to the others),
 *    and picks the one with the highest share of dirty bytes among those that are dirty enough or
 *    overdue. When there is none, it looks again after log.cleaner.backoff.ms.
 * 2. A cleaning is a chain of short jobs, each a step under the partition's lock and a slice of
 *    work without it (log/clean.h). A topic that is deleted or truncated, a node that stops, and
 *    the node's other jobs therefore wait for one slice at most.
 * 3. log.cleaner.io.max.bytes.per.second covers the reads and writes of all cleanings together.
 * 4. A log that cannot be cleaned (a batch that cannot be read, a map without room for the keys of
 *    one batch) is left alone until the next start, with one line that says why.
 * 5. Memory: log.cleaner.dedupe.buffer.size and log.cleaner.io.buffer.size, divided by the number
 *    of threads, allocated only while a log is cleaned.
 *
 * Threads: reactor 0; the jobs anywhere. The settings are read again at each look (KIP-226).
 */
#ifndef ODRADEK_BROKER_CLEANER_H
#define ODRADEK_BROKER_CLEANER_H

#include <stdint.h>

struct cleaner;
struct node;

/* Call it when the logs are open and the node serves. NULL when log.cleaner.enable is false. */
struct cleaner *cleaner_new(struct node *n);
/* Running jobs end soon; the core waits for them. NULL is allowed. */
void cleaner_free(struct cleaner *c);

/* As of the last look and the last cleaning; the counts are since the start. */
struct cleaner_stats {
	int64_t cleanings;
	int64_t bytes_read;
	int64_t bytes_written;
	int64_t bytes_indexed;
	int64_t records_read;
	int64_t records_kept;
	int64_t records_invalid; /* records without a key */
	int64_t last_look_ms;	 /* wall clock */
	double max_dirty_ratio;	 /* of the logs at the last look */
	int64_t max_delay_ms;	 /* time beyond max.compaction.lag.ms */
	int64_t uncleanable_logs;
	int64_t uncleanable_bytes;
	double last_buffer_load; /* of the map of keys */
	double last_recopied;	 /* ratio of bytes written to bytes read */
	int64_t last_ms;	 /* duration of the last cleaning */
};
/* On reactor 0. */
void cleaner_stats(const struct cleaner *c, struct cleaner_stats *out);

#endif
