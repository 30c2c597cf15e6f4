/*
 * verify: reads a segment's file for recovery: is there a whole, sound batch at this position, and
 * where is the next one?
 *
 * If the page cache can be believed (life.h), only headers are checked: what was written whole is
 * as it was written.
 *
 * It reads through one large buffer and computes the CRC piece by piece, so it never allocates a
 * batch's size.
 */
#ifndef ODRADEK_LOG_VERIFY_H
#define ODRADEK_LOG_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"
#include "wire/batch.h"

enum { VERIFY_BUFFER = 256 * 1024 };

struct verify {
	struct file *file;
	int64_t size;	   /* of the file */
	int64_t base;	   /* of the segment */
	uint8_t *bytes;	   /* VERIFY_BUFFER bytes */
	bool headers;	   /* skip the CRC, except for formats 0 and 1 */
	int64_t last_size; /* of the previous batch */
	int64_t from;
	int64_t len;
};

/* CRC-32 as in zlib, for formats 0 and 1. */
uint32_t legacy_crc(uint32_t crc, const void *data, size_t len);

void verify_init(struct verify *v, struct file *file, int64_t base, int64_t size);
void verify_fini(struct verify *v);
/*
 * 0 and the header; ERR_CORRUPT_MESSAGE when there is no sound batch here whose offsets begin at
 * `next` or later; a negated errno.
 */
int verify_at(struct verify *v, int64_t pos, int64_t next, struct batch_header *out);
/* Finds the first sound batch at or after pos: 0 and *at; -ENODATA; or another negated errno. */
int verify_find(struct verify *v, int64_t pos, int64_t next, int64_t *at, struct batch_header *out);

#endif
