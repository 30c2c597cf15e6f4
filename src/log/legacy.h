/*
 * legacy: records of formats 0 and 1, which lie in segments from before Kafka 0.11; read to be cleaned, then written as format 2.
 *
 *    0  8  offset of the message; of a compressed one: of the last message in it
 *    8  4  size of what follows
 *   12  4  CRC-32 of 16..end
 *   16  1  format, 0 or 1
 *   17  1  attributes: 0x07 codec, 0x08 timestamps are append times
 *   18  8  timestamp, format 1 only
 *   ..  4  length of the key, -1 = none; the key
 *   ..  4  length of the value, -1 = none; the value. Of a compressed message: messages of the same format, their offsets as they are in
 *          format 0, counted so that the last one's is the outer one's in format 1
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
	int64_t add; /* to an inner offset */
	bool outer;  /* p is the one message, uncompressed */
};

/*
 * A whole message at p[0..batch_size(h)). Inner messages are decompressed into *inner, which stays the caller's, up to out_max bytes. 0;
 * ERR_CORRUPT_MESSAGE, ERR_UNSUPPORTED_COMPRESSION_TYPE, ERR_MESSAGE_TOO_LARGE.
 */
int legacy_open(struct legacy_set *s, struct codecs *codecs, const uint8_t *p, const struct batch_header *h,
		size_t out_max, struct buf *inner);
/* 0 and a record; -ENODATA at the end; ERR_CORRUPT_MESSAGE. */
int legacy_next(struct legacy_set *s, struct record *out);

#endif
