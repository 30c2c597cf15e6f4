/*
 * producers: the state that one log keeps of the idempotent and transactional producers that wrote
 * to it (KIP-98, KIP-360).
 *
 * 1. It has the last five batches of each producer's current epoch, also after a restart. (After a
 *    restart from one of Apache Kafka's snapshots: the last one, and those after the snapshot.)
 * 2. Checking changes nothing; applying follows a successful write and cannot fail.
 * 3. `map_end` is the offset up to which batches were applied.
 * 4. A transaction is open from its first batch to its marker, and then decided but unreplicated
 *    until the high watermark passes the marker. The first unstable offset is the least first
 *    offset of both kinds.
 *
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
	int64_t txn_first_offset; /* -1 = no open transaction */
	int32_t coordinator_epoch;
	int16_t epoch;
	uint8_t n; /* number of batches, oldest first */
	struct producer_batch batches[PRODUCER_BATCHES];
};

struct open_txn {
	int64_t first_offset;
	int64_t last_offset; /* of the marker; -1 while open */
	int64_t producer_id;
};

struct txn_list { /* sorted by first offset */
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

/* Finds the batch among the last five with the same epoch and sequences; NULL when this one is new. */
const struct producer_batch *producers_duplicate(const struct producers *p, const struct batch_header *h);
/*
 * May this batch follow? 0, or ERR_INVALID_PRODUCER_EPOCH, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
 * ERR_INVALID_TXN_STATE. Sequences are checked for clients only.
 */
int producers_check_data(const struct producers *p, const struct batch_header *h, enum append_origin origin);
/* May this marker follow? 0, or ERR_INVALID_PRODUCER_EPOCH, ERR_TRANSACTION_COORDINATOR_FENCED. */
int producers_check_marker(const struct producers *p, const struct batch_header *h, int32_t coordinator_epoch,
			   int8_t transaction_version);
/* Does this producer have an open transaction in this epoch? */
bool producers_is_open(const struct producers *p, int64_t id, int16_t epoch);

void producers_apply_data(struct producers *p, const struct batch_header *h);

struct marker {
	enum control_type type;
	int32_t coordinator_epoch;
	int64_t timestamp;
};

/* What goes into the transaction index. */
struct completed_txn {
	int64_t producer_id;
	int64_t first_offset;
	int64_t last_offset;
	int64_t last_stable_offset;
	bool aborted;
};

/* True, with *out, when a transaction that had data has ended. */
bool producers_apply_marker(struct producers *p, const struct batch_header *h, const struct marker *m,
			    struct completed_txn *out);
void producers_advance(struct producers *p, int64_t map_end);
void producers_high_watermark(struct producers *p, int64_t offset);
int64_t producers_first_unstable(const struct producers *p); /* -1 = none */
void producers_expire(struct producers *p, int64_t now_ms, int64_t expiration_ms);

/* ---- snapshots (%020d.snapshot) ---- */

void producers_snapshot(const struct producers *p, struct buf *out);
/*
 * Replaces the state. 0, or ERR_CORRUPT_MESSAGE: the state is then empty. Entries that at now_ms
 * have been silent for expiration_ms are left out.
 */
int producers_restore(struct producers *p, struct bytes snapshot, int64_t map_end, int64_t now_ms,
		      int64_t expiration_ms);

#endif
