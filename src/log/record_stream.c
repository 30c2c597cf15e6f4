/*
 * record_stream: a reader that is refilled piece by piece. After an error it returns zeros, and the
 * error stays.
 */
#include "log/record_stream.h"

#include <string.h>

#include "base/err.h"
#include "base/varint.h"

static bool fail(struct record_stream *s, int err)
{
	if (!s->error)
		s->error = err;
	s->p = s->end = NULL;
	s->last = true;
	return false;
}

/* Makes p..end not empty; false at the end. */
static bool refill(struct record_stream *s)
{
	size_t len;

	if (s->last)
		return false;
	int err = decode_next(s->codecs, &s->p, &len);
	if (err)
		return fail(s, err);
	s->last = len == 0;
	if (s->last)
		return fail(s, 0);
	s->end = s->p + len;
	return true;
}

void record_stream_init(struct record_stream *s, struct codecs *codecs, const struct batch_header *h,
			const uint8_t *batch, size_t out_max)
{
	size_t len = (size_t)(batch_size(h) - BATCH_HEADER_SIZE);

	*s = (struct record_stream){.batch = h, .codecs = codecs, .left = h->count};
	if (batch_codec(h) == CODEC_NONE) {
		s->p = batch + BATCH_HEADER_SIZE;
		s->end = s->p + len;
		s->last = true;
		return;
	}
	int err = decode_begin(codecs, batch_codec(h), batch + BATCH_HEADER_SIZE, len, out_max);
	if (err)
		fail(s, err);
}

static uint8_t take_byte(struct record_stream *s)
{
	if (s->p == s->end && !refill(s)) {
		fail(s, ERR_INVALID_RECORD);
		return 0;
	}
	if (--s->left_in_record < 0) {
		fail(s, ERR_INVALID_RECORD);
		return 0;
	}
	return *s->p++;
}

/* Reads a varint that may extend over two pieces. */
static uint64_t take_varint_slowly(struct record_stream *s, int max)
{
	uint8_t bytes[VARINT64_MAX];
	uint64_t v = 0;
	int n = 0;

	do
		bytes[n] = take_byte(s);
	while ((bytes[n++] & 0x80) && n < max);
	if (!varint_read_u64(bytes, bytes + n, &v))
		fail(s, ERR_INVALID_RECORD);
	return v;
}

static inline int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Most numbers in a record are one byte long. */
static inline bool take_short(struct record_stream *s, int64_t *out)
{
	if (s->p == s->end || (*s->p & 0x80))
		return false;
	*out = unzigzag(*s->p++);
	s->left_in_record--;
	return true;
}

static int32_t take_int(struct record_stream *s)
{
	int64_t one;
	int32_t v;

	if (take_short(s, &one))
		return (int32_t)one;
	int n = s->end - s->p >= VARINT32_MAX ? varint_read_i32(s->p, s->end, &v) : 0;

	if (n) {
		s->p += n;
		s->left_in_record -= n;
		return v;
	}
	uint64_t wide = take_varint_slowly(s, VARINT32_MAX);
	if (wide > UINT32_MAX)
		fail(s, ERR_INVALID_RECORD);
	return s->error ? 0 : (int32_t)unzigzag(wide);
}

static int64_t take_long(struct record_stream *s)
{
	int64_t v;

	if (take_short(s, &v))
		return v;
	int n = s->end - s->p >= VARINT64_MAX ? varint_read_i64(s->p, s->end, &v) : 0;

	if (n) {
		s->p += n;
		s->left_in_record -= n;
		return v;
	}
	return unzigzag(take_varint_slowly(s, VARINT64_MAX));
}

static void skip(struct record_stream *s, int64_t len)
{
	if (len <= 0)
		return;
	if (len > s->left_in_record) {
		fail(s, ERR_INVALID_RECORD);
		return;
	}
	s->left_in_record -= len;
	while (len > s->end - s->p) {
		len -= s->end - s->p;
		s->p = s->end;
		if (!refill(s)) {
			fail(s, ERR_INVALID_RECORD);
			return;
		}
	}
	s->p += len;
}

static void skip_headers(struct record_stream *s)
{
	int32_t n = take_int(s);

	if (n < 0 || n > s->left_in_record)
		fail(s, ERR_INVALID_RECORD);
	while (n-- > 0 && !s->error) {
		int32_t key_len = take_int(s);

		if (key_len < 0)
			fail(s, ERR_INVALID_RECORD);
		skip(s, key_len);
		skip(s, take_int(s));
	}
}

/* ---- the fast path: one record ---- */

/*
 * Reads a number of up to four bytes; four bytes must be readable, however long the number is. A
 * longer number sets *bad.
 */
static inline uint32_t quick_number(const uint8_t **p, uint32_t *bad)
{
	uint32_t w;

	memcpy(&w, *p, sizeof(w));
	if (!(w & 0x80)) {
		*p += 1;
		return w & 0x7f;
	}
	if (!(w & 0x8000)) {
		*p += 2;
		return (w & 0x7f) | (w >> 1 & 0x3f80);
	}
	if (!(w & 0x800000)) {
		*p += 3;
		return (w & 0x7f) | (w >> 1 & 0x3f80) | (w >> 2 & 0x1fc000);
	}
	*bad |= w & 0x80000000;
	*p += 4;
	return (w & 0x7f) | (w >> 1 & 0x3f80) | (w >> 2 & 0x1fc000) | (w >> 3 & 0xfe00000);
}

static inline int32_t quick_int(const uint8_t **p, uint32_t *bad)
{
	uint32_t v = quick_number(p, bad);

	return (int32_t)(v >> 1) ^ -(int32_t)(v & 1);
}

/* The maximum size of five numbers and an attribute, and of two numbers. */
#define BEFORE_KEY 20
#define BEHIND_KEY 8

/*
 * Reads a record of the usual kind: whole in p..end, short numbers, no headers. Returns false, with
 * nothing changed, for all others, valid or not: they take the slow path. Numbers may be read
 * beyond the record's end, but not beyond the piece's.
 */
static bool take_quickly(struct record_stream *s, struct stream_record *out, int64_t *timestamp_delta)
{
	const uint8_t *p = s->p, *end = s->end, *record;
	uint32_t bad = 0;
	int32_t size, len;

	if (end - p < BEFORE_KEY)
		return false;
	size = quick_int(&p, &bad);
	if (bad || size < 0 || size > end - p || (s->record_max > 0 && size > s->record_max))
		return false;
	record = p;
	p++; /* attributes */
	*timestamp_delta = unzigzag(quick_number(&p, &bad));
	out->offset_delta = quick_int(&p, &bad);
	out->key_len = quick_int(&p, &bad);
	if (out->key_len > 0) {
		if (out->key_len > end - p)
			return false;
		p += out->key_len;
	}
	if (end - p < BEHIND_KEY)
		return false;
	out->value_len = len = quick_int(&p, &bad);
	if (len > 0) {
		if (len >= end - p)
			return false;
		p += len;
	}
	if (bad || *p++ != 0 || p != record + size) /* no headers, and nothing left over */
		return false;
	s->size += p - s->p;
	s->p = p;
	return true;
}

/* ---- the fast path: many records ---- */

#define NEGATIVE 1 /* sign bit of a zigzag-encoded number */

static inline int32_t least(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

static inline int32_t most(int32_t a, int32_t b)
{
	return a > b ? a : b;
}

/*
 * Reads one record and notes it in *g; NULL for one that must take the slow path. Its end is
 * computed from its size alone, so that the next record need not wait for this one's fields, which
 * are only checked against that end.
 */
static inline const uint8_t *glance_at(const uint8_t *p, const uint8_t *end, uint32_t size_max, struct record_glance *g)
{
	uint32_t bad = 0, size, key_len, len;
	const uint8_t *behind;
	int32_t delta;

	if (end - p < BEFORE_KEY)
		return NULL;
	size = quick_number(&p, &bad);
	bad |= size & NEGATIVE;
	size >>= 1;
	if (size > size_max || size > end - p)
		return NULL;
	behind = p + size;
	p++; /* attributes */
	delta = quick_int(&p, &bad);
	bad |= quick_number(&p, &bad) ^ (uint32_t)g->n << 1;
	key_len = quick_number(&p, &bad);
	if (!(key_len & NEGATIVE))
		p += key_len >> 1 < size ? key_len >> 1 : size;
	if (end - p < BEHIND_KEY)
		return NULL;
	len = quick_number(&p, &bad);
	len = len & NEGATIVE ? 0 : len >> 1;
	if (bad || behind - p != (int64_t)len + 1 || behind[-1] != 0) /* no headers, and nothing left over */
		return NULL;
	g->keyless |= key_len;
	g->delta_min = least(g->delta_min, delta);
	g->delta_max = most(g->delta_max, delta);
	g->n++;
	return behind;
}

void record_stream_glance(struct record_stream *s, struct record_glance *out)
{
	uint32_t size_max = (uint32_t)(s->record_max > 0 ? s->record_max : INT32_MAX);
	const uint8_t *p = s->p, *next;
	struct record_glance g = *out;
	int32_t left = s->left;

	while (left > 0 && (next = glance_at(p, s->end, size_max, &g))) {
		p = next;
		left--;
	}
	s->size += p - s->p;
	s->p = p;
	s->left = left;
	*out = g;
}

/* ---- the next record ---- */

static bool at_end(struct record_stream *s)
{
	if (s->p != s->end || refill(s))
		return fail(s, ERR_INVALID_RECORD); /* more bytes than records */
	return false;
}

static bool take_slowly(struct record_stream *s, struct stream_record *out, int64_t *timestamp_delta)
{
	s->left_in_record = VARINT32_MAX;
	int32_t size = take_int(s);
	if (s->record_max > 0 && size > s->record_max && !s->error) {
		s->refused_size = size;
		return false;
	}
	s->size += VARINT32_MAX - s->left_in_record + size;
	s->left_in_record = size;
	take_byte(s); /* attributes */
	*timestamp_delta = take_long(s);
	out->offset_delta = take_int(s);
	out->key_len = take_int(s);
	skip(s, out->key_len);
	out->value_len = take_int(s);
	skip(s, out->value_len);
	skip_headers(s);
	return !s->error && size >= 0 && s->left_in_record == 0;
}

bool record_stream_next(struct record_stream *s, struct stream_record *out)
{
	const struct batch_header *h = s->batch;

	if (s->error)
		return false;
	if (s->left <= 0)
		return s->left < 0 ? fail(s, ERR_INVALID_RECORD) : at_end(s);
	s->left--;
	int64_t timestamp_delta;
	if (!take_quickly(s, out, &timestamp_delta) && !take_slowly(s, out, &timestamp_delta))
		return fail(s, ERR_INVALID_RECORD);
	out->offset = (int64_t)((uint64_t)h->base_offset + (uint64_t)(int64_t)out->offset_delta);
	out->timestamp = h->attributes & BATCH_LOG_APPEND_TIME
				 ? h->max_timestamp
				 : (int64_t)((uint64_t)h->base_timestamp + (uint64_t)timestamp_delta);
	return true;
}
