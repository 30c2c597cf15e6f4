/*
 * producers: what one log remembers of the idempotent and transactional producers that wrote to it (KIP-98, KIP-360).
 *
 * 1. Of each producer the last five batches of its current epoch are known, also after a restart (after one on a
 *    snapshot of Apache Kafka's the last one, and those behind the snapshot).
 * 2. Checking changes nothing; applying follows a successful write and cannot fail.
 * 3. `map_end` is the offset up to which batches were applied.
 * 4. A transaction is open from its first batch to its marker; decided but unreplicated until the high watermark
 *    passes the marker. The first unstable offset is the least first offset of both kinds.
 * Owner: the log.
 */
#ifndef ODRADEK_LOG_PRODUCERS_H
#define ODRADEK_LOG_PRODUCERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "log/log.h"
#include "wire/batch.h"

enum { PRODUCER_BATCHES = 5 };

struct producer_batch {
	int64_t last_offset;
	int64_t timestamp;
	int32_t last_sequence;
	int32_t offset_delta;
};

struct producer {
	struct map_node node;
	int64_t id;
	int64_t last_timestamp;
	int64_t txn_first_offset; /* -1 = none open */
	int32_t coordinator_epoch;
	int16_t epoch;
	uint8_t n; /* batches, oldest first */
	struct producer_batch batches[PRODUCER_BATCHES];
};

struct open_txn {
	int64_t first_offset;
	int64_t last_offset; /* of the marker; -1 while open */
	int64_t producer_id;
};

struct txn_list { /* by first offset */
	struct open_txn *v;
	int n;
	int cap;
};

struct producers {
	struct map map;
	struct txn_list open;
	struct txn_list unreplicated;
	int64_t map_end;
};

void producers_init(struct producers *p, uint64_t seed);
void producers_fini(struct producers *p);
void producers_clear(struct producers *p, int64_t map_end);
const struct producer *producers_find(const struct producers *p, int64_t id);

/* The batch among the last five that has the same epoch and sequences; NULL when it is new. */
const struct producer_batch *producers_duplicate(const struct producers *p, const struct batch_header *h);
/*
 * May this batch follow? 0, or ERR_INVALID_PRODUCER_EPOCH, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, ERR_INVALID_TXN_STATE.
 * Sequences are looked at for clients only.
 */
int producers_check_data(const struct producers *p, const struct batch_header *h, enum append_origin origin);
/* A marker: ERR_INVALID_PRODUCER_EPOCH, ERR_TRANSACTION_COORDINATOR_FENCED. */
int producers_check_marker(const struct producers *p, const struct batch_header *h, int32_t coordinator_epoch,
			   int8_t transaction_version);
/* Has this producer, in this epoch, an open transaction? */
bool producers_is_open(const struct producers *p, int64_t id, int16_t epoch);

void producers_apply_data(struct producers *p, const struct batch_header *h);

struct marker {
	enum control_type type;
	int32_t coordinator_epoch;
	int64_t timestamp;
};

/* What the transaction index must be told. */
struct completed_txn {
	int64_t producer_id;
	int64_t first_offset;
	int64_t last_offset;
	int64_t last_stable_offset;
	bool aborted;
};

/* True when a transaction with data has ended: *out. */
bool producers_apply_marker(struct producers *p, const struct batch_header *h, const struct marker *m,
			    struct completed_txn *out);
void producers_advance(struct producers *p, int64_t map_end);
void producers_high_watermark(struct producers *p, int64_t offset);
int64_t producers_first_unstable(const struct producers *p); /* -1 = none */
void producers_expire(struct producers *p, int64_t now_ms, int64_t expiration_ms);

/* ---- snapshots (%020d.snapshot) ---- */

void producers_snapshot(const struct producers *p, struct buf *out);
/*
 * Replaces the state. 0, or ERR_CORRUPT_MESSAGE: then it is empty. Entries silent for expiration_ms at now_ms are left
 * out.
 */
int producers_restore(struct producers *p, struct bytes snapshot, int64_t map_end, int64_t now_ms,
		      int64_t expiration_ms);

#endif
