/*
 * clean_filter: decides which batches and records of a log survive its cleaning, and writes them.
 * The rules are Kafka's (Cleaner.cleanInto and MemoryRecords.filterTo):
 *
 *	a record         stays while it is the newest of its key, or lies beyond the range from which keys were
 *	                 gathered; a tombstone (no value) does not outlive its batch's delete horizon; a record
 *	                 without a key never stays
 *	a batch          goes with its last record, with two exceptions, which stay without records: the last
 *	                 batch of each producer (its sequence is needed), and the batch just before the high
 *	                 watermark (it marks the end of the log)
 *	a transaction    see clean_txn.h
 *	a horizon        (KIP-534) is set on a batch when a tombstone in it, or a marker whose transaction is
 *	                 gone, survives for the first time: the base timestamp becomes
 *	                 now + delete.retention.ms, and an attribute says so
 *
 * 1. A batch that survives whole is copied as it is. Any other is rebuilt with the same base offset
 *    and last offset, the same producer and sequence, and the same codec; its records keep their
 *    offsets and timestamps.
 * 2. Formats 0 and 1 are written as format 2.
 * 3. A batch's checksum is verified before anything is taken from it.
 * 4. A compressed batch that decompresses to more than plain_max is kept as it is, and so is what
 *    it shadows and what shadows it.
 *
 * Owner: one cleaning.
 */
#ifndef ODRADEK_LOG_CLEAN_FILTER_H
#define ODRADEK_LOG_CLEAN_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "compress/compress.h"
#include "log/clean_txn.h"
#include "log/key_map.h"
#include "wire/batch.h"

/* The last batch of each producer, sorted by producer id. */
struct last_record {
	int64_t producer_id;
	int64_t last_offset; /* last offset with data; -1 = only a marker is known */
	int16_t epoch;
};

struct kept_record;

struct clean_filter {
	/* input */
	struct key_map *keys;
	int64_t latest; /* keys were gathered from offsets up to and including this one */
	int64_t now_ms;
	int64_t delete_retention_ms;
	bool keep_legacy_tombstones;
	int64_t high_watermark;
	int64_t plain_max;
	struct clean_txns *txns;
	const struct last_record *last;
	int64_t n_last;
	struct codecs *codecs;

	/* results */
	struct buf out;							  /* batches to be written */
	void (*retain_aborted)(void *arg, const struct completed_txn *t); /* for the transaction index */
	void *arg;
	int64_t records_read;
	int64_t records_kept;
	int64_t records_invalid; /* records without a key */
	int64_t batches_too_large;

	/* internal */
	struct buf plain;
	struct buf rebuilt;
	struct kept_record *kept;
	int64_t n_kept;
	int64_t cap_kept;
};

void clean_filter_fini(struct clean_filter *f);
/* Filters one whole batch. 0; ERR_CORRUPT_MESSAGE and the like when it cannot be read. */
int clean_filter_batch(struct clean_filter *f, const uint8_t *p, const struct batch_header *h);
/*
 * The gathering pass: puts the keys of a whole batch, from offset `from` on, into f->keys. *full:
 * there was no room for all of them. Changes nothing but the map and the transactions.
 */
int clean_gather_keys(struct clean_filter *f, const uint8_t *p, const struct batch_header *h, int64_t from, bool *full);

#endif
