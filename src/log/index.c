/*
 * index: binary search in index files. The first steps read single entries; the last block of 4 KiB
 * is read whole.
 */
#include "log/index.h"

#include <errno.h>

#include "base/endian.h"

enum { BLOCK_BYTES = 4096 };

void index_put(uint8_t out[INDEX_ENTRY], struct index_entry e)
{
	put_i32(out, e.offset);
	put_i32(out + 4, e.pos);
}

void time_put(uint8_t out[TIME_ENTRY], struct time_entry e)
{
	put_i64(out, e.timestamp);
	put_i32(out + 8, e.offset);
}

struct index_entry index_get(const uint8_t *p)
{
	return (struct index_entry){.offset = get_i32(p), .pos = get_i32(p + 4)};
}

struct time_entry time_get(const uint8_t *p)
{
	return (struct time_entry){.timestamp = get_i64(p), .offset = get_i32(p + 8)};
}

static int32_t entry_size(enum index_key key)
{
	return key == KEY_TIMESTAMP ? TIME_ENTRY : INDEX_ENTRY;
}

static int64_t key_of(enum index_key key, const uint8_t *p)
{
	switch (key) {
	case KEY_OFFSET:
		return index_get(p).offset;
	case KEY_POSITION:
		return index_get(p).pos;
	case KEY_TIMESTAMP:
		return time_get(p).timestamp;
	}
	return 0;
}

int index_read(struct file *file, enum index_key key, int32_t i, uint8_t *out)
{
	return file_read_full(file, out, (size_t)entry_size(key), (int64_t)i * entry_size(key));
}

int index_search(struct file *file, int32_t n, enum index_key key, int64_t want, uint8_t *out)
{
	uint8_t block[BLOCK_BYTES];
	int32_t size = entry_size(key);
	int32_t low = 0; /* entries below it have keys <= want, once one was seen */
	int32_t high = n;

	while (high - low > BLOCK_BYTES / size) {
		int32_t mid = low + (high - low) / 2;
		int err = index_read(file, key, mid, out);

		if (err)
			return err;
		if (key_of(key, out) <= want)
			low = mid;
		else
			high = mid;
	}
	if (high == low)
		return -1;
	int err = file_read_full(file, block, (size_t)(high - low) * (size_t)size, (int64_t)low * size);
	if (err)
		return err;
	int32_t first = low;
	while (low < high) {
		int32_t mid = low + (high - low) / 2;

		if (key_of(key, block + (mid - first) * size) <= want)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == first)
		return -1;
	for (int32_t i = 0; i < size; i++)
		out[i] = block[(low - 1 - first) * size + i];
	return low - 1;
}

struct counting {
	int64_t last_key;
	int64_t last_pos;
	int64_t log_size;
};

static bool follows(struct counting *c, enum index_key key, const uint8_t *p)
{
	if (key == KEY_TIMESTAMP) {
		struct time_entry e = time_get(p);

		if (e.timestamp <= c->last_key || e.offset < 0 || (e.timestamp == 0 && e.offset == 0))
			return false;
		c->last_key = e.timestamp;
		return true;
	}
	struct index_entry e = index_get(p);
	if (e.offset <= c->last_key || e.pos <= c->last_pos || e.pos >= c->log_size)
		return false;
	c->last_key = e.offset;
	c->last_pos = e.pos;
	return true;
}

int32_t index_count(struct file *file, enum index_key key, int64_t log_size)
{
	/* Position 0 is never indexed; a timestamp of 0 at offset 0 is what a hole reads as. */
	struct counting c = {.last_key = -1, .last_pos = 0, .log_size = log_size};
	uint8_t block[BLOCK_BYTES - BLOCK_BYTES % (INDEX_ENTRY * TIME_ENTRY)];
	int32_t size = entry_size(key);
	int64_t left = file_size(file);
	int32_t n = 0;

	if (left < 0)
		return (int32_t)left;
	while (left >= size && n < INT32_MAX / size) {
		int64_t len = left < (int64_t)sizeof(block) ? left - left % size : (int64_t)sizeof(block);
		int err = file_read_full(file, block, (size_t)len, (int64_t)n * size);

		if (err)
			return err;
		for (int64_t at = 0; at < len; at += size, n++)
			if (!follows(&c, key, block + at))
				return n;
		left -= len;
	}
	return n;
}
