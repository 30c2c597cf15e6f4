/*
 * records: record batches as a message carries them: bytes in memory, or a range of a file that is
 * never read here.
 *
 * Null is p == NULL and file == NULL. A decoded value points into the frame. The value holds no
 * reference to its file: the chain it is encoded into takes one (chain.h).
 */
#ifndef ODRADEK_WIRE_RECORDS_H
#define ODRADEK_WIRE_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

struct file;

struct records {
	const uint8_t *p;
	struct file *file;
	int64_t pos; /* position in the file */
	int32_t len;
};

static inline bool records_is_null(struct records r) { return !r.p && !r.file; }

#endif
