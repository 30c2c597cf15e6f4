/*
 * clean_filter: which batches and records of a log stay when it is cleaned, and what is written of them. The rules are Kafka's
 * (Cleaner.cleanInto and MemoryRecords.filterTo):
 *
 *	a record         stays while it is the newest of its key, or lies behind what the keys were gathered from; a tombstone (no value) not
 *	                 beyond its batch's delete horizon; a record without a key never
 *	a batch          goes with its last record, but for the last one of each producer (its sequence is needed) and the one just before
 *	                 the high watermark (the end of the log is): those stay without records
 *	a transaction    see clean_txn.h
 *	a horizon        (KIP-534) is set on a batch in which a tombstone, or a marker whose transaction is gone, stays for the first time: the
 *	                 base timestamp becomes now + delete.retention.ms, and an attribute says so
 *
 * 1. A batch of which all stays is copied as it is. Another is written anew: same base offset and last offset, same producer and
 *    sequence, same codec; its records keep their offsets and timestamps.
 * 2. Formats 0 and 1 are written as format 2.
 * 3. A batch's checksum is verified before anything is taken from it.
 * 4. A compressed batch that unfolds to more than plain_max is kept as it is: what it shadows, and what shadows it, stays too.
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

/* The last of each producer, by id. */
struct last_record {
	int64_t producer_id;
	int64_t last_offset; /* of data; -1 = only a marker is known */
	int16_t epoch;
};

struct kept_record;

struct clean_filter {
	/* given */
	struct key_map *keys;
	int64_t latest; /* keys were gathered from what lies at or below it */
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
	int64_t records_invalid; /* without a key */
	int64_t batches_too_large;

	/* its own */
	struct buf plain;
	struct buf rebuilt;
	struct kept_record *kept;
	int64_t n_kept;
	int64_t cap_kept;
};

void clean_filter_fini(struct clean_filter *f);
/* A whole batch. 0; ERR_CORRUPT_MESSAGE and the like: it cannot be read. */
int clean_filter_batch(struct clean_filter *f, const uint8_t *p, const struct batch_header *h);
/*
 * The other pass: the keys of a whole batch from offset `from` on are put into f->keys. *full: there was no room for all of them. Sets
 * nothing but the map and the transactions.
 */
int clean_gather_keys(struct clean_filter *f, const uint8_t *p, const struct batch_header *h, int64_t from, bool *full);

#endif
