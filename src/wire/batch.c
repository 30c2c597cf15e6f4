/*
 * batch: the header of a record batch, and iteration over batches and records. The layout is at the
 * head of batch.h.
 */
#include <errno.h>

#include "wire/batch.h"

#include "base/check.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/varint.h"

/* Formats 0 and 1 have none of the fields of format 2. */
static void read_legacy(struct batch_header *out)
{
	out->leader_epoch = NO_LEADER_EPOCH;
	out->base_timestamp = NO_TIMESTAMP;
	out->max_timestamp = NO_TIMESTAMP;
	out->producer_id = NO_PRODUCER_ID;
	out->producer_epoch = NO_PRODUCER_EPOCH;
	out->base_sequence = NO_SEQUENCE;
	out->count = 1;
}

static void read_current(const uint8_t *p, struct batch_header *out)
{
	out->leader_epoch = get_i32(p + BATCH_AT_LEADER_EPOCH);
	out->crc = get_u32(p + BATCH_AT_CRC);
	out->attributes = get_i16(p + BATCH_AT_ATTRIBUTES);
	out->last_offset_delta = get_i32(p + BATCH_AT_LAST_OFFSET_DELTA);
	out->base_timestamp = get_i64(p + BATCH_AT_BASE_TIMESTAMP);
	out->max_timestamp = get_i64(p + BATCH_AT_MAX_TIMESTAMP);
	out->producer_id = get_i64(p + BATCH_AT_PRODUCER_ID);
	out->producer_epoch = get_i16(p + BATCH_AT_PRODUCER_EPOCH);
	out->base_sequence = get_i32(p + BATCH_AT_BASE_SEQUENCE);
	out->count = get_i32(p + BATCH_AT_COUNT);
}

int batch_header_read(const uint8_t *p, size_t len, struct batch_header *out)
{
	if (len < BATCH_PREFIX_SIZE)
		return -ENODATA;
	*out = (struct batch_header){
		.base_offset = get_i64(p + BATCH_AT_BASE_OFFSET),
		.length = get_i32(p + BATCH_AT_LENGTH),
	};
	if (out->length < BATCH_LEGACY_SIZE_MIN)
		return ERR_CORRUPT_MESSAGE;
	if (len < BATCH_MAGIC_END)
		return -ENODATA;
	out->magic = (int8_t)p[BATCH_AT_MAGIC];
	if (out->magic < 0 || out->magic > BATCH_MAGIC)
		return ERR_CORRUPT_MESSAGE;
	if (out->magic < BATCH_MAGIC) {
		read_legacy(out);
		return 0;
	}
	if (out->length < BATCH_HEADER_SIZE - BATCH_PREFIX_SIZE)
		return ERR_CORRUPT_MESSAGE;
	if (len < BATCH_HEADER_SIZE)
		return -ENODATA;
	read_current(p, out);
	return 0;
}

int64_t batch_last_offset(const struct batch_header *h)
{
	return (int64_t)((uint64_t)h->base_offset + (uint64_t)(int64_t)h->last_offset_delta);
}

int32_t sequence_add(int32_t sequence, int32_t n)
{
	if (sequence > INT32_MAX - n)
		return n - (INT32_MAX - sequence) - 1;
	return sequence + n;
}

int32_t batch_last_sequence(const struct batch_header *h)
{
	if (h->base_sequence == NO_SEQUENCE || h->base_sequence < 0 || h->last_offset_delta < 0)
		return NO_SEQUENCE;
	return sequence_add(h->base_sequence, h->last_offset_delta);
}

bool batch_crc_ok(const uint8_t *p, const struct batch_header *h)
{
	if (h->magic < BATCH_MAGIC)
		return true;
	return crc32c(0, p + BATCH_AT_ATTRIBUTES, (size_t)batch_size(h) - BATCH_AT_ATTRIBUTES) == h->crc;
}

void batch_crc_set(uint8_t *p, size_t size)
{
	put_u32(p + BATCH_AT_CRC, crc32c(0, p + BATCH_AT_ATTRIBUTES, size - BATCH_AT_ATTRIBUTES));
}

void batch_header_put(uint8_t *p, size_t size, struct batch_header *h)
{
	check(size >= BATCH_HEADER_SIZE && size - BATCH_PREFIX_SIZE <= INT32_MAX);
	h->length = (int32_t)(size - BATCH_PREFIX_SIZE);
	batch_assign(p, h->base_offset, h->leader_epoch);
	put_i32(p + BATCH_AT_LENGTH, h->length);
	p[BATCH_AT_MAGIC] = BATCH_MAGIC;
	put_i16(p + BATCH_AT_ATTRIBUTES, h->attributes);
	put_i32(p + BATCH_AT_LAST_OFFSET_DELTA, h->last_offset_delta);
	put_i64(p + BATCH_AT_BASE_TIMESTAMP, h->base_timestamp);
	put_i64(p + BATCH_AT_MAX_TIMESTAMP, h->max_timestamp);
	put_i64(p + BATCH_AT_PRODUCER_ID, h->producer_id);
	put_i16(p + BATCH_AT_PRODUCER_EPOCH, h->producer_epoch);
	put_i32(p + BATCH_AT_BASE_SEQUENCE, h->base_sequence);
	put_i32(p + BATCH_AT_COUNT, h->count);
}

void batch_header_write(uint8_t *p, size_t size, struct batch_header *h)
{
	batch_header_put(p, size, h);
	batch_crc_set(p, size);
	h->crc = get_u32(p + BATCH_AT_CRC);
}

struct batch_iter batch_iter(const void *p, size_t len)
{
	return (struct batch_iter){.start = p, .len = len};
}

bool batch_next(struct batch_iter *it)
{
	if (it->error)
		return false;
	const uint8_t *p = it->start + it->pos;
	size_t left = it->len - it->pos;
	int err = batch_header_read(p, left, &it->header);

	if (err) {
		it->error = err > 0 ? err : 0;
		return false;
	}
	if ((uint64_t)batch_size(&it->header) > left)
		return false;
	it->p = p;
	it->pos += (size_t)batch_size(&it->header);
	return true;
}

struct record_iter record_iter(const struct batch_header *h, const void *p, size_t len)
{
	return (struct record_iter){.batch = h, .p = p, .end = (const uint8_t *)p + len, .left = h->count};
}

/* Takes a length and that many bytes; -1 is null. False when malformed. */
static bool take_bytes(const uint8_t **p, const uint8_t *end, struct bytes *out)
{
	int32_t len;
	int n = varint_read_i32(*p, end, &len);

	if (!n)
		return false;
	*p += n;
	if (len < 0) {
		*out = BYTES_NULL;
		return true;
	}
	if (len > end - *p)
		return false;
	*out = (struct bytes){*p, len};
	*p += len;
	return true;
}

bool record_header_next(struct bytes *rest, struct record_header *out)
{
	const uint8_t *p = rest->p;
	const uint8_t *end = p + rest->len;
	struct bytes key;

	if (!take_bytes(&p, end, &key) || !key.p || !take_bytes(&p, end, &out->value))
		return false;
	out->key = (struct str){(const char *)key.p, key.len};
	*rest = (struct bytes){p, (int32_t)(end - p)};
	return true;
}

static bool read_headers(const uint8_t *p, const uint8_t *end, struct record *out)
{
	int n = varint_read_i32(p, end, &out->n_headers);

	if (!n || out->n_headers < 0)
		return false;
	p += n;
	if (out->n_headers > end - p)
		return false;
	out->headers = (struct bytes){p, (int32_t)(end - p)};

	struct bytes rest = out->headers;
	struct record_header header;
	for (int32_t i = 0; i < out->n_headers; i++)
		if (!record_header_next(&rest, &header))
			return false;
	return rest.len == 0;
}

static bool read_record(const struct batch_header *h, const uint8_t *p, const uint8_t *end, struct record *out)
{
	int64_t timestamp_delta;
	int32_t offset_delta;
	int n;

	if (p == end)
		return false;
	out->attributes = (int8_t)*p++;
	if (!(n = varint_read_i64(p, end, &timestamp_delta)))
		return false;
	p += n;
	if (!(n = varint_read_i32(p, end, &offset_delta)))
		return false;
	p += n;
	out->timestamp = h->attributes & BATCH_LOG_APPEND_TIME
				 ? h->max_timestamp
				 : (int64_t)((uint64_t)h->base_timestamp + (uint64_t)timestamp_delta);
	out->offset = (int64_t)((uint64_t)h->base_offset + (uint64_t)(int64_t)offset_delta);
	out->sequence =
		h->base_sequence >= 0 && offset_delta >= 0 ? sequence_add(h->base_sequence, offset_delta) : NO_SEQUENCE;
	return take_bytes(&p, end, &out->key) && take_bytes(&p, end, &out->value) && read_headers(p, end, out);
}

bool record_next(struct record_iter *it, struct record *out)
{
	int32_t size;
	int n;

	if (it->error)
		return false;
	if (it->left <= 0) {
		if (it->p != it->end)
			it->error = ERR_INVALID_RECORD;
		return false;
	}
	n = varint_read_i32(it->p, it->end, &size);
	if (!n || size < 0 || size > it->end - it->p - n || !read_record(it->batch, it->p + n, it->p + n + size, out)) {
		it->error = ERR_INVALID_RECORD;
		return false;
	}
	out->size = n + size;
	it->p += n + size;
	it->left--;
	return true;
}

int control_type(struct bytes key)
{
	if (!key.p || key.len < 4 || get_i16(key.p) < 0)
		return -1;
	return get_i16(key.p + 2);
}

int control_coordinator_epoch(struct bytes value, int32_t *out)
{
	if (!value.p || value.len < 6 || get_i16(value.p) < 0)
		return ERR_INVALID_RECORD;
	*out = get_i32(value.p + 2);
	return 0;
}
