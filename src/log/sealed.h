/*
 * sealed: batches that are sealed before they are written (atrest/seal.h), where the topic's
 * odradek.encryption.enable or the directory (odradek.log.encryption.dirs) says so, and opened when
 * they are read.
 *
 * 1. What goes into a log and comes out of it is plaintext: the leader and its followers each seal
 *    a batch as they append it, each node with its own key. When the setting changes, existing
 *    batches stay as they are until they are compacted.
 * 2. A log that may contain sealed batches has a file odradek.sealed. It is created before the first
 *    of them is written, and is on the platter before that batch is flushed; recovery recreates it.
 *    Such a log is read by the functions below and sent from memory; any other is sent from its file.
 * 3. Without the key nothing is served and nothing is removed: the batch waits for the key. A batch
 *    that cannot be opened is logged with file and position; the batches before and after it can be
 *    read.
 * 4. The metadata log and control batches are not sealed.
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
	bool any; /* the segment may contain sealed batches */
};

/*
 * Opens the batch at p, from position pos of the segment, in place, if it is sealed; *h then
 * describes the opened batch. 0; ERR_KAFKA_STORAGE_ERROR: the key is missing; ERR_CORRUPT_MESSAGE.
 * Both errors are logged, with the topic. Any thread.
 */
int sealed_open(const struct sealed_at *at, struct str topic, int64_t pos, uint8_t *p, struct batch_header *h);
/*
 * Appends the batch at p, sealed, to `out`. ERR_KAFKA_STORAGE_ERROR without a key, which is logged;
 * ERR_RECORD_LIST_TOO_LARGE. Any thread.
 */
int sealed_put(const struct sealed_at *at, struct str topic, const uint8_t *p, struct batch_header *h, struct buf *out);
/*
 * Reads a range that log_read has named, opens its batches, appends them to `out`, and releases the
 * file. Stops before the first batch that cannot be opened; its error is returned when it is the
 * first of the range. 0; errors as sealed_open; storage errors. Blocks: a job.
 */
int sealed_read(const struct sealed_at *at, struct str topic, struct records *range, struct buf *out);

#endif
