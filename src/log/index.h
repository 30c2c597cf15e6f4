/*
 * index: searches the sorted arrays in .index and .timeindex files.
 *
 *	.index       8 bytes: int32 last offset of a batch - base offset, int32 position of the batch; both increase
 *	.timeindex  12 bytes: int64 timestamp, int32 last offset of the batch that has it - base offset; timestamps
 *	            increase
 *
 * Files are read with pread, a block at a time; nothing is mapped. Kafka leaves the files of the
 * active segment long and filled with zeros: index_count finds where the entries end.
 */
#ifndef ODRADEK_LOG_INDEX_H
#define ODRADEK_LOG_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

enum { INDEX_ENTRY = 8, TIME_ENTRY = 12 };

enum index_key { KEY_OFFSET, KEY_POSITION, KEY_TIMESTAMP };

struct index_entry {
	int32_t offset; /* relative to the base */
	int32_t pos;
};

struct time_entry {
	int64_t timestamp;
	int32_t offset; /* relative to the base */
};

void index_put(uint8_t out[INDEX_ENTRY], struct index_entry e);
void time_put(uint8_t out[TIME_ENTRY], struct time_entry e);
struct index_entry index_get(const uint8_t *p);
struct time_entry time_get(const uint8_t *p);

/*
 * Returns the number of the last entry whose key is <= `want`, with its bytes in `out` (12 are
 * enough); -1 when there is none; or a negated errno < -1.
 */
int index_search(struct file *file, int32_t n, enum index_key key, int64_t want, uint8_t *out);
/* Reads entry i: 0 or a negated errno. */
int index_read(struct file *file, enum index_key key, int32_t i, uint8_t *out);

/*
 * Returns the number of entries, from the front, that are consistent: offsets (or timestamps)
 * increase, positions increase and stay below log_size. A file of zeros, as Kafka preallocates it,
 * gives 0. Or a negated errno.
 */
int32_t index_count(struct file *file, enum index_key key, int64_t log_size);

#endif
