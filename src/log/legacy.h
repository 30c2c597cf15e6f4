/*
 * legacy: records of formats 0 and 1, found in segments from before Kafka 0.11. They are only read
 * by cleaning, which writes them as format 2.
 *
 *    0  8  offset of the message; of a compressed one: of the last message in it
 *    8  4  size of what follows
 *   12  4  CRC-32 of 16..end
 *   16  1  format, 0 or 1
 *   17  1  attributes: 0x07 codec, 0x08 timestamps are append times
 *   18  8  timestamp, format 1 only
 *   ..  4  length of the key, -1 = none; the key
 *   ..  4  length of the value, -1 = none; the value. The value of a compressed message holds messages of the
 *          same format. In format 0 their offsets are absolute; in format 1 they are relative, such that the last
 *          one's is that of the outer message.
 */
#ifndef ODRADEK_LOG_LEGACY_H
#define ODRADEK_LOG_LEGACY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "compress/compress.h"
#include "wire/batch.h"

struct legacy_set {
	int codec;
	bool append_time;
	int8_t magic;
	int64_t timestamp; /* of the outer message; -1 in format 0 */
	const uint8_t *p;  /* messages not read yet */
	const uint8_t *end;
	int64_t add; /* what to add to an inner offset */
	bool outer;  /* p is a single uncompressed message */
};

/*
 * Opens a whole message at p[0..batch_size(h)). Inner messages are decompressed into *inner, which
 * stays the caller's, up to out_max bytes. 0; ERR_CORRUPT_MESSAGE,
 * ERR_UNSUPPORTED_COMPRESSION_TYPE, ERR_MESSAGE_TOO_LARGE.
 */
int legacy_open(struct legacy_set *s, struct codecs *codecs, const uint8_t *p, const struct batch_header *h,
		size_t out_max, struct buf *inner);
/* 0 and a record; -ENODATA at the end; ERR_CORRUPT_MESSAGE. */
int legacy_next(struct legacy_set *s, struct record *out);

#endif
