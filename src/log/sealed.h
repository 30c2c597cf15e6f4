/*
 * sealed: batches that are sealed before they are written (atrest/seal.h), where the topic's odradek.encryption.enable says so, and opened when
 * they are read.
 *
 * 1. What a log is given, and what it gives, is in clear: a leader's batches and a follower's are sealed as they are appended, each node with
 *    its own key. Turned on or off, what lies there stays as it is until it is compacted.
 * 2. A log in which there may be a sealed batch has a file odradek.sealed, made before the first of them is written and on the platter
 *    before it is flushed; recovery makes it again. What such a log has on disk is read through here, and sent from memory; any other
 *    is sent from its file as ever.
 * 3. Without the key nothing is served and nothing is removed: the batch waits for the key. A batch that does not open is told with file and
 *    position; those before and behind it can be read.
 * 4. The metadata log and control batches are in clear.
 */
#ifndef ODRADEK_LOG_SEALED_H
#define ODRADEK_LOG_SEALED_H

#include <stdbool.h>
#include <stdint.h>

#include "atrest/seal.h"
#include "base/buf.h"
#include "base/str.h"
#include "wire/records.h"

struct log_dir;

/* A segment of a log. A plain value: the dir outlives its logs. */
struct sealed_at {
	struct log_dir *dir;
	struct seal_place place;
	int64_t segment;
	bool any; /* there may be sealed batches in it */
};

/*
 * Opens the batch at p, from position pos of the segment, in place, if it is sealed: *h is then of what it was. 0; ERR_KAFKA_STORAGE_ERROR:
 * the key is missing; ERR_CORRUPT_MESSAGE. Both are told, with the topic. Any thread.
 */
int sealed_open(const struct sealed_at *at, struct str topic, int64_t pos, uint8_t *p, struct batch_header *h);
/* Appends the batch at p, sealed, to `out`. ERR_KAFKA_STORAGE_ERROR without a key, which is told; ERR_RECORD_LIST_TOO_LARGE. Any thread. */
int sealed_put(const struct sealed_at *at, struct str topic, const uint8_t *p, struct batch_header *h, struct buf *out);
/*
 * Reads a range that log_read has named, in clear, to the end of `out`, and lets go of its file. Behind the first batch that does not open
 * nothing is given; its error is returned when it is the first. 0; as sealed_open; storage errors. Blocks: a job.
 */
int sealed_read(const struct sealed_at *at, struct str topic, struct records *range, struct buf *out);

#endif
