/*
 * scan: walks the batch headers in a segment's file through a small buffer, without reading the
 * bytes in between.
 *
 * It verifies only that a header is plausible: a segment that is being read was verified when it
 * was written or recovered.
 */
#ifndef ODRADEK_LOG_SCAN_H
#define ODRADEK_LOG_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"
#include "wire/batch.h"

enum { SCAN_BUFFER = 4096 };

struct scan {
	struct file *file;
	int64_t pos; /* after the current batch */
	int64_t end; /* of the file's valid bytes */
	int64_t at;  /* of the current batch */
	struct batch_header header;
	int error; /* 0, ERR_CORRUPT_MESSAGE or a negated errno */
	bool nowait;
	bool cold; /* with nowait: the bytes at `pos` are not in memory */
	int64_t have_from;
	int64_t have_len;
	uint8_t have[SCAN_BUFFER];
};

void scan_init(struct scan *s, struct file *file, int64_t pos, int64_t end);
/*
 * True with the next header in s->header; false at the end, at a batch that is not whole, or with
 * s->error or s->cold set.
 */
bool scan_next(struct scan *s);
/* Finds the first batch from here whose last offset is >= offset: true, and that batch is the current one. */
bool scan_to(struct scan *s, int64_t offset);

#endif
