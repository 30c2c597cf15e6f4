/*
 * batch: a record batch of format version 2 (KIP-98), as on the wire and in a segment.
 *
 *    0  8  base offset            27  8  base timestamp (the delete horizon when that bit is set)
 *    8  4  length after it        35  8  max timestamp (the append time with LogAppendTime)
 *   12  4  leader epoch           43  8  producer id, -1 = none
 *   16  1  magic = 2              51  2  producer epoch
 *   17  4  CRC-32C of 21..end     53  4  base sequence
 *   21  2  attributes             57  4  number of records
 *   23  4  last offset delta      61  .. the records, as one compressed block when a codec is set
 *
 * 1. The base offset and the leader epoch are outside the CRC: they are assigned in place.
 * 2. Nothing here allocates except the builder, and nothing decompresses (log/validate.h and
 *    log/record_stream.h do).
 * 3. All bytes come from outside: every length is compared with what is left.
 */
#ifndef ODRADEK_WIRE_BATCH_H
#define ODRADEK_WIRE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/endian.h"
#include "base/str.h"

enum {
	BATCH_PREFIX_SIZE = 12,	    /* base offset and length */
	BATCH_MAGIC_END = 17,	    /* bytes needed to tell the format */
	BATCH_HEADER_SIZE = 61,	    /* format 2; the records follow */
	BATCH_LEGACY_SIZE_MIN = 14, /* the minimum value of the length field in formats 0 and 1 */
	BATCH_MAGIC = 2,
};

/* Positions of the fields, for code that patches them. */
enum {
	BATCH_AT_BASE_OFFSET = 0,
	BATCH_AT_LENGTH = 8,
	BATCH_AT_LEADER_EPOCH = 12,
	BATCH_AT_MAGIC = 16,
	BATCH_AT_CRC = 17,
	BATCH_AT_ATTRIBUTES = 21,
	BATCH_AT_LAST_OFFSET_DELTA = 23,
	BATCH_AT_BASE_TIMESTAMP = 27,
	BATCH_AT_MAX_TIMESTAMP = 35,
	BATCH_AT_PRODUCER_ID = 43,
	BATCH_AT_PRODUCER_EPOCH = 51,
	BATCH_AT_BASE_SEQUENCE = 53,
	BATCH_AT_COUNT = 57,
};

enum batch_attribute {
	BATCH_CODEC_MASK = 0x07,
	BATCH_LOG_APPEND_TIME = 0x08,
	BATCH_TRANSACTIONAL = 0x10,
	BATCH_CONTROL = 0x20,
	BATCH_DELETE_HORIZON = 0x40,
	BATCH_KAFKA_ATTRIBUTES = 0x7f, /* bits that Kafka has defined */
	BATCH_SEALED = 0x80,	       /* Odradek's own, in segments only: the records are encrypted (atrest/seal.h) */
};

enum control_type {
	CONTROL_ABORT = 0,
	CONTROL_COMMIT = 1,
	CONTROL_LEADER_CHANGE = 2,
	CONTROL_SNAPSHOT_HEADER = 3,
	CONTROL_SNAPSHOT_FOOTER = 4,
	CONTROL_KRAFT_VERSION = 5,
	CONTROL_KRAFT_VOTERS = 6,
};

#define NO_TIMESTAMP (-1)
#define NO_PRODUCER_ID (-1)
#define NO_PRODUCER_EPOCH (-1)
#define NO_SEQUENCE (-1)
#define NO_LEADER_EPOCH (-1)

struct batch_header {
	int64_t base_offset;
	int64_t base_timestamp;
	int64_t max_timestamp;
	int64_t producer_id;
	int32_t length; /* bytes after the length field */
	int32_t leader_epoch;
	uint32_t crc;
	int32_t last_offset_delta;
	int32_t base_sequence;
	int32_t count;
	int16_t attributes;
	int16_t producer_epoch;
	int8_t magic;
};

/*
 * Reads the header at p. For formats 0 and 1, which old logs may still contain, only base_offset
 * (there: the last offset of the message set), length and magic are read; the rest is set to what
 * an old batch implies (no producer, no epoch).
 * Returns 0; -ENODATA when len is too small for the header; ERR_CORRUPT_MESSAGE for an impossible
 * length or magic. It is up to the caller to check that the whole batch is there (batch_size(h) <=
 * len).
 */
int batch_header_read(const uint8_t *p, size_t len, struct batch_header *out);

static inline int64_t batch_size(const struct batch_header *h) { return (int64_t)h->length + BATCH_PREFIX_SIZE; }
int64_t batch_last_offset(const struct batch_header *h);
int32_t batch_last_sequence(const struct batch_header *h); /* wraps to 0 after INT32_MAX; -1 without a sequence */
int32_t sequence_add(int32_t sequence, int32_t n);	   /* wraps the same way */
static inline int batch_codec(const struct batch_header *h) { return h->attributes & BATCH_CODEC_MASK; }
static inline bool batch_is_control(const struct batch_header *h) { return h->attributes & BATCH_CONTROL; }
static inline bool batch_is_transactional(const struct batch_header *h) { return h->attributes & BATCH_TRANSACTIONAL; }
static inline bool batch_is_sealed(const struct batch_header *h) { return h->attributes & BATCH_SEALED; }
static inline bool batch_has_producer(const struct batch_header *h) { return h->producer_id > NO_PRODUCER_ID; }

/* As batch_header_write, but leaves the CRC unchanged. */
void batch_header_put(uint8_t *p, size_t size, struct batch_header *h);
/*
 * Writes *h in front of the records of the whole batch at p, which is `size` bytes long, in the
 * current format with length and CRC; both are set in *h too.
 */
void batch_header_write(uint8_t *p, size_t size, struct batch_header *h);
/*
 * Whether the CRC at p is right. `p` holds the whole batch (batch_size bytes). Always true for
 * formats 0 and 1, whose checksums are not verified.
 */
bool batch_crc_ok(const uint8_t *p, const struct batch_header *h);
/* Computes and stores the CRC of the whole batch at p. */
void batch_crc_set(uint8_t *p, size_t size);
/* Sets the fields that are outside the CRC. */
static inline void batch_assign(uint8_t *p, int64_t base_offset, int32_t leader_epoch)
{
	put_i64(p + BATCH_AT_BASE_OFFSET, base_offset);
	put_i32(p + BATCH_AT_LEADER_EPOCH, leader_epoch);
}

/* ---- walking the batches of a range of memory ---- */

/*
 * for (struct batch_iter it = batch_iter(p, len); batch_next(&it);) uses it.header, it.p.
 * Stops at the end, at an incomplete batch (it.error = 0; it.pos is the end of the last whole one)
 * or at an invalid one (it.error > 0).
 */
struct batch_iter {
	const uint8_t *start;
	size_t len;
	size_t pos; /* end of the current batch */
	const uint8_t *p;
	struct batch_header header;
	int error;
};

struct batch_iter batch_iter(const void *p, size_t len);
bool batch_next(struct batch_iter *it);

/* ---- the records of an uncompressed batch, or of decompressed bytes ---- */

struct record_header {
	struct str key;
	struct bytes value; /* may be null */
};

/* Views into the batch. */
struct record {
	int64_t offset;
	int64_t timestamp;
	int32_t sequence; /* -1 without a producer */
	int32_t size;	  /* including its length field */
	int8_t attributes;
	struct bytes key;   /* may be null */
	struct bytes value; /* may be null */
	int32_t n_headers;
	struct bytes headers; /* encoded: record_header_next */
};

/*
 * Iterates over the header->count records in p[0..len), the bytes after the header (decompressed if
 * a codec is set). record_next returns true with a record; false at the end (it.error 0), or when a
 * record is malformed, records are missing or bytes are left over (it.error ERR_INVALID_RECORD).
 */
struct record_iter {
	const struct batch_header *batch;
	const uint8_t *p;
	const uint8_t *end;
	int32_t left;
	int error;
};

struct record_iter record_iter(const struct batch_header *h, const void *p, size_t len);
bool record_next(struct record_iter *it, struct record *out);
/*
 * Takes the next header off `rest` (start with record.headers and call it n_headers times); false
 * when malformed.
 */
bool record_header_next(struct bytes *rest, struct record_header *out);

/* ---- control records ---- */

/*
 * The type of a control record, from its key; -1 if the key is invalid. Unknown key versions are
 * read like version 0.
 */
int control_type(struct bytes key);
/*
 * Reads the coordinator epoch from the value of an end-of-transaction marker. Returns 0 or
 * ERR_INVALID_RECORD.
 */
int control_coordinator_epoch(struct bytes value, int32_t *out);

/* ---- building ---- */

/*
 * Appends one batch to `out`: begin, add, end. It is uncompressed; timestamps are absolute. The CRC
 * is written by batch_end.
 *
 *	struct batch_builder b;
 *	batch_begin(&b, &buf, &(struct batch_options){ .base_offset = o, .leader_epoch = e, .producer_id = -1, ... });
 *	batch_add(&b, now, key, value);
 *	size_t size = batch_end(&b);
 */
struct batch_options {
	int64_t base_offset;
	int32_t leader_epoch;
	int16_t attributes; /* BATCH_CONTROL, BATCH_TRANSACTIONAL, BATCH_LOG_APPEND_TIME */
	int64_t producer_id;
	int16_t producer_epoch;
	int32_t base_sequence;
};

#define BATCH_OPTIONS_NONE                                                                                             \
	((struct batch_options){.producer_id = NO_PRODUCER_ID,                                                         \
				.producer_epoch = NO_PRODUCER_EPOCH,                                                   \
				.base_sequence = NO_SEQUENCE,                                                          \
				.leader_epoch = NO_LEADER_EPOCH})

struct batch_builder {
	struct buf *out;
	size_t start;
	struct batch_options options;
	int64_t base_timestamp;
	int64_t max_timestamp;
	int32_t count;
};

void batch_begin(struct batch_builder *b, struct buf *out, const struct batch_options *options);
/* Offsets are consecutive from the base offset. Headers may be NULL when n is 0. */
void batch_add(struct batch_builder *b, int64_t timestamp, struct bytes key, struct bytes value);
void batch_add_headers(struct batch_builder *b, int64_t timestamp, struct bytes key, struct bytes value,
		       const struct record_header *headers, int n);
/* Returns the size of the batch; 0, with nothing written, when no record was added. */
size_t batch_end(struct batch_builder *b);
/* Appends a batch that consists of one end-of-transaction marker. */
size_t batch_build_marker(struct buf *out, const struct batch_options *options, int64_t timestamp,
			  enum control_type type, int32_t coordinator_epoch);

#endif
