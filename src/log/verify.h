/*
 * verify: reading a segment's file for recovery: is there a whole, sound batch at this position, and where is the
 * next one?
 *
 * Where the page cache is believed (life.h) headers alone are looked at: what was written whole is as it was written.
 *
 * Reads through one large buffer and takes the CRC piece by piece: a batch's size is never allocated.
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
	uint8_t *bytes;	   /* VERIFY_BUFFER */
	bool headers;	   /* no CRC, but of formats 0 and 1 */
	int64_t last_size; /* of the batch before */
	int64_t from;
	int64_t len;
};

/* CRC-32 as zlib has it, of formats 0 and 1. */
uint32_t legacy_crc(uint32_t crc, const void *data, size_t len);

void verify_init(struct verify *v, struct file *file, int64_t base, int64_t size);
void verify_fini(struct verify *v);
/*
 * 0 and the header; ERR_CORRUPT_MESSAGE when there is no sound batch whose offsets begin at `next` or later; a negated
 * errno.
 */
int verify_at(struct verify *v, int64_t pos, int64_t next, struct batch_header *out);
/* The first sound batch at or behind pos: 0 and *at; -ENODATA; or another negated errno. */
int verify_find(struct verify *v, int64_t pos, int64_t next, int64_t *at, struct batch_header *out);

#endif
