/*
 * legacy: reads messages of formats 0 and 1. Every length is checked against what is left.
 */
#include "log/legacy.h"

#include <errno.h>

#include "base/err.h"
#include "log/verify.h"

enum { AT_CRC = 12, AT_ATTRIBUTES = 17, AT_TIMESTAMP = 18, APPEND_TIME = 0x08, SIZE_MIN = 26 };

static bool take_bytes(const uint8_t **p, const uint8_t *end, struct bytes *out)
{
	if (end - *p < 4)
		return false;
	int32_t len = get_i32(*p);
	*p += 4;
	*out = BYTES_NULL;
	if (len == -1)
		return true;
	if (len < 0 || len > end - *p)
		return false;
	*out = (struct bytes){*p, len};
	*p += len;
	return true;
}

/* Reads one message at p; returns its end, or NULL when it is malformed. */
static const uint8_t *read_message(const uint8_t *p, const uint8_t *end, int8_t magic, struct record *r,
				   uint8_t *attributes)
{
	if (end - p < SIZE_MIN)
		return NULL;
	int32_t size = get_i32(p + BATCH_AT_LENGTH);
	if (size < SIZE_MIN - BATCH_PREFIX_SIZE || size > end - p - BATCH_PREFIX_SIZE ||
	    (int8_t)p[BATCH_AT_MAGIC] != magic)
		return NULL;
	end = p + BATCH_PREFIX_SIZE + size;
	if (legacy_crc(0, p + BATCH_AT_MAGIC, (size_t)(end - p - BATCH_AT_MAGIC)) != get_u32(p + AT_CRC))
		return NULL;
	*attributes = p[AT_ATTRIBUTES];
	*r = (struct record){.offset = get_i64(p),
			     .timestamp = NO_TIMESTAMP,
			     .sequence = NO_SEQUENCE,
			     .size = size + BATCH_PREFIX_SIZE};
	p += AT_TIMESTAMP;
	if (magic > 0) {
		if (end - p < 8)
			return NULL;
		r->timestamp = get_i64(p);
		p += 8;
	}
	if (!take_bytes(&p, end, &r->key) || !take_bytes(&p, end, &r->value) || p != end)
		return NULL;
	return end;
}

/* Inner offsets of format 1 are relative: finds what to add so that the last one becomes the outer one's. */
static int find_base(struct legacy_set *s, int64_t outer)
{
	struct record r = {.offset = -1};
	uint8_t attributes;
	const uint8_t *p = s->p;

	while (p < s->end) {
		p = read_message(p, s->end, s->magic, &r, &attributes);
		if (!p || r.offset < 0)
			return ERR_CORRUPT_MESSAGE;
	}
	s->add = outer - r.offset;
	return r.offset < 0 || s->add < 0 ? ERR_CORRUPT_MESSAGE : 0;
}

int legacy_open(struct legacy_set *s, struct codecs *codecs, const uint8_t *p, const struct batch_header *h,
		size_t out_max, struct buf *inner)
{
	struct record outer;
	uint8_t attributes;

	*s = (struct legacy_set){.magic = h->magic, .p = p, .end = p + batch_size(h)};
	if (read_message(p, s->end, s->magic, &outer, &attributes) != s->end)
		return ERR_CORRUPT_MESSAGE;
	s->codec = attributes & BATCH_CODEC_MASK;
	s->append_time = s->magic > 0 && (attributes & APPEND_TIME);
	s->timestamp = outer.timestamp;
	s->outer = s->codec == CODEC_NONE;
	if (s->outer)
		return 0;
	if (!outer.value.p || s->codec > CODEC_LZ4)
		return ERR_CORRUPT_MESSAGE;
	inner->len = 0;
	int err = decode_all(codecs, s->codec, outer.value.p, (size_t)outer.value.len, out_max, inner);
	s->p = inner->p;
	s->end = inner->p + inner->len;
	return err || s->magic == 0 ? err : find_base(s, outer.offset);
}

int legacy_next(struct legacy_set *s, struct record *out)
{
	uint8_t attributes;

	if (s->p == s->end)
		return -ENODATA;
	s->p = read_message(s->p, s->end, s->magic, out, &attributes);
	if (!s->p || (!s->outer && (attributes & BATCH_CODEC_MASK))) {
		s->p = s->end;
		return ERR_CORRUPT_MESSAGE;
	}
	out->offset += s->add;
	if (s->append_time)
		out->timestamp = s->timestamp;
	return 0;
}
