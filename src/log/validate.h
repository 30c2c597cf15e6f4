/*
 * validate: what Kafka's validator asks of a produced batch, before anything is locked.
 *
 * batch_check looks at the bytes in the memory they arrived in, walks the records (decompressing through a fixed
 * buffer), and patches what the topic's settings demand outside the payload: the max timestamp, LogAppendTime and
 * then the CRC. It is stateless: sequences and offsets are log_append's.
 *
 * 1. It never reads outside p[0..len) and never trusts a number inside; decompression is bounded while it runs.
 * 2. After an error the bytes are as they came.
 * Threads: any, with a struct codecs of one's own.
 */
#ifndef ODRADEK_LOG_VALIDATE_H
#define ODRADEK_LOG_VALIDATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "compress/compress.h"
#include "config/topic_config.h"
#include "wire/batch.h"

/* Who appends; the checks of sequences and of client manners differ. */
enum append_origin {
	ORIGIN_CLIENT,	    /* everything is checked */
	ORIGIN_COORDINATOR, /* ours: control batches are fine, no sequences */
	ORIGIN_REPLICATION, /* was checked by the leader; violations are only noted */
	ORIGIN_RAFT,	    /* the metadata log: offsets and epochs are set already */
};

/* What is known of the transaction that a batch is of; zeroed: nothing is asked. Whoever appends sets it, after the check. */
struct batch_transaction {
	bool must_be_verified; /* data: refused unless it is open here, or the guard is that of an answered question (log_verify) */
	uint64_t guard; /* 0: none */
	int8_t version; /* of a marker: the client's transaction.version */
};

/* What log_append needs to know of a checked batch. */
struct batch_info {
	struct batch_header header; /* as patched */
	enum append_origin origin;
	int32_t size;
	int64_t log_append_time_ms; /* -1 unless LogAppendTime */
	int64_t uncompressed_size;  /* of the records, as walked */
	bool recompress; /* the topic wants another codec, or offsets must be renumbered: batch_recompress comes first */
	int target_codec; /* the codec to store it with */
	struct batch_transaction transaction;
};

struct record_error {
	int32_t index;
	struct str message;
};

/* Why a batch was refused, from the arena. The message may be null: then the error's default stands. */
struct batch_problem {
	int error;
	struct str message;
	struct record_error *records; /* Produce v8 and later */
	int n_records;
};

struct batch_check {
	struct str topic; /* for messages */
	int32_t partition;
	const struct topic_config *config;
	enum append_origin origin;
	int64_t now_ms;
	int64_t decompressed_max; /* bytes of records a batch may unfold to; 0 = INT32_MAX */
	struct codecs *codecs;
	struct arena *arena; /* for a problem's texts only */
};

/*
 * ProduceRequest's own look at a partition's records: exactly one batch, of format 2, zstd only from version 7 on. 0,
 * or ERR_INVALID_RECORD, ERR_UNSUPPORTED_COMPRESSION_TYPE, ERR_CORRUPT_MESSAGE (Kafka answers these without a message).
 */
int batch_check_produce(struct bytes records, int16_t version);

/* 0 and *out; or problem->error, which is also returned. p holds one batch and nothing else. */
int batch_check(const struct batch_check *c, uint8_t *p, size_t len, struct batch_info *out,
		struct batch_problem *problem);

/*
 * Writes the batch anew with info->target_codec and the topic's level, appended to `out`; *info then describes the
 * new bytes. Takes as long as compression takes: a job. Errors as batch_check (ERR_MESSAGE_TOO_LARGE when it no
 * longer fits).
 */
int batch_recompress(const struct batch_check *c, const uint8_t *p, struct batch_info *info, struct buf *out,
		     struct batch_problem *problem);

#endif
