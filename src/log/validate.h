/*
 * validate: Kafka's checks of a produced batch, made before anything is locked.
 *
 * batch_check looks at the bytes in the memory in which they arrived, walks the records
 * (decompressing through a fixed buffer), and patches what the topic's settings demand outside the
 * payload: the max timestamp, LogAppendTime, and then the CRC. It is stateless: sequences and
 * offsets are log_append's concern.
 *
 * 1. It never reads outside p[0..len) and never trusts a number inside; decompression is bounded
 *    while it runs.
 * 2. After an error the bytes are as they arrived.
 *
 * Threads: any, each with its own struct codecs.
 */
#ifndef ODRADEK_LOG_VALIDATE_H
#define ODRADEK_LOG_VALIDATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "compress/compress.h"
#include "config/topic_config.h"
#include "wire/batch.h"

/* Who appends. The checks of sequences and of client behaviour depend on it. */
enum append_origin {
	ORIGIN_CLIENT,	    /* everything is checked */
	ORIGIN_COORDINATOR, /* this node's: control batches are allowed, sequences are not checked */
	ORIGIN_REPLICATION, /* was checked by the leader; violations are only noted */
	ORIGIN_RAFT,	    /* the metadata log: offsets and epochs are already set */
};

/* The transaction of a batch, set by the appending code after the check; zeroed: nothing is checked. */
struct batch_transaction {
	/*
	 * data: refused unless the transaction is open here, or `guard` is that of an answered
	 * question (log_verify)
	 */
	bool must_be_verified;
	uint64_t guard; /* 0 = none */
	int8_t version; /* for a marker: the client's transaction.version */
};

/* What log_append needs to know about a checked batch. */
struct batch_info {
	struct batch_header header; /* as patched */
	enum append_origin origin;
	int32_t size;
	int64_t log_append_time_ms; /* -1 unless LogAppendTime */
	int64_t uncompressed_size;  /* of the records, as walked */
	bool recompress; /* the topic wants another codec, or offsets must be renumbered: call batch_recompress first */
	int target_codec; /* the codec to store it with */
	struct batch_transaction transaction;
};

struct record_error {
	int32_t index;
	struct str message;
};

/* Why a batch was refused, in the arena. A null message stands for the error's default message. */
struct batch_problem {
	int error;
	struct str message;
	struct record_error *records; /* for Produce v8 and later */
	int n_records;
};

struct batch_check {
	struct str topic; /* for messages */
	int32_t partition;
	const struct topic_config *config;
	enum append_origin origin;
	int64_t now_ms;
	int64_t decompressed_max; /* maximum decompressed size of a batch's records; 0 = INT32_MAX */
	struct codecs *codecs;
	struct arena *arena; /* for a problem's texts only */
};

/*
 * ProduceRequest's own check of a partition's records: exactly one batch, of format 2, zstd only
 * from version 7 on. 0, or ERR_INVALID_RECORD, ERR_UNSUPPORTED_COMPRESSION_TYPE,
 * ERR_CORRUPT_MESSAGE (for which Kafka gives no message).
 */
int batch_check_produce(struct bytes records, int16_t version);

/* 0 and *out, or problem->error, which is also returned. p holds one batch and nothing else. */
int batch_check(const struct batch_check *c, uint8_t *p, size_t len, struct batch_info *out,
		struct batch_problem *problem);

/*
 * Rewrites the batch with info->target_codec and the topic's level, appended to `out`; *info then
 * describes the new bytes. It compresses, so run it in a job. Errors as batch_check
 * (ERR_MESSAGE_TOO_LARGE when it no longer fits).
 */
int batch_recompress(const struct batch_check *c, const uint8_t *p, struct batch_info *info, struct buf *out,
		     struct batch_problem *problem);

#endif
