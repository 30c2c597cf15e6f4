/*
 * verify: finds sound batches in a file.
 */
#include "log/verify.h"

#include <errno.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/mem.h"

enum {
	LEGACY_AT_CRC = 12,
	/* beyond this distance, reading only the next header is cheaper than reading everything before it */
	FAR = 8192,
};

void verify_init(struct verify *v, struct file *file, int64_t base, int64_t size)
{
	*v = (struct verify){.file = file, .base = base, .size = size, .bytes = xmalloc(VERIFY_BUFFER)};
}

void verify_fini(struct verify *v)
{
	xfree(v->bytes);
}

/* Returns bytes from pos on: at least `least` of them (<= VERIFY_BUFFER), if the file has as many. */
static int view(struct verify *v, int64_t pos, int64_t least, const uint8_t **p, int64_t *len)
{
	int64_t left = v->size - pos;

	if (least > left)
		least = left;
	if (pos < v->from || pos + least > v->from + v->len) {
		int64_t want = v->headers && v->last_size > FAR ? least : left < VERIFY_BUFFER ? left : VERIFY_BUFFER;
		int err = file_read_full(v->file, v->bytes, (size_t)want, pos);

		v->from = pos;
		v->len = err ? 0 : want;
		if (err)
			return err;
	}
	*p = v->bytes + (pos - v->from);
	*len = v->from + v->len - pos;
	return 0;
}

/* Is such a header possible, whatever follows it? */
static bool plausible(const struct verify *v, const struct batch_header *h, int64_t pos, int64_t next)
{
	if (h->base_offset < next || batch_size(h) > v->size - pos || h->last_offset_delta < 0)
		return false;
	if (h->base_offset - v->base > INT32_MAX || h->base_offset - v->base + h->last_offset_delta > INT32_MAX)
		return false;
	return h->magic < BATCH_MAGIC ||
	       (h->count >= 0 && (h->attributes & ~(BATCH_KAFKA_ATTRIBUTES | BATCH_SEALED)) == 0);
}

/* One bit at a time: such batches are few, and old. */
uint32_t legacy_crc(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320u & (0 - (crc & 1)));
	}
	return ~crc;
}

static int crc_of(struct verify *v, int64_t pos, int64_t end, uint32_t (*add)(uint32_t, const void *, size_t),
		  uint32_t *crc)
{
	const uint8_t *p;
	int64_t len;

	*crc = 0;
	while (pos < end) {
		int err = view(v, pos, 1, &p, &len);

		if (err)
			return err;
		if (len > end - pos)
			len = end - pos;
		*crc = add(*crc, p, (size_t)len);
		pos += len;
	}
	return 0;
}

int verify_at(struct verify *v, int64_t pos, int64_t next, struct batch_header *out)
{
	const uint8_t *p;
	int64_t len;
	uint32_t crc;
	int err = view(v, pos, BATCH_HEADER_SIZE, &p, &len);

	if (!err)
		err = batch_header_read(p, (size_t)len, out);
	if (err)
		return err == -ENODATA ? ERR_CORRUPT_MESSAGE : err;
	if (!plausible(v, out, pos, next))
		return ERR_CORRUPT_MESSAGE;
	v->last_size = batch_size(out);
	/* a torn batch of format 2 can look like one: zeros where its magic was */
	bool legacy = out->magic < BATCH_MAGIC;
	uint32_t wanted = legacy ? get_u32(p + LEGACY_AT_CRC) : out->crc;
	if (v->headers && !legacy)
		return 0;
	if (legacy)
		err = crc_of(v, pos + BATCH_AT_MAGIC, pos + batch_size(out), legacy_crc, &crc);
	else
		err = crc_of(v, pos + BATCH_AT_ATTRIBUTES, pos + batch_size(out), crc32c, &crc);
	if (err)
		return err;
	return crc == wanted ? 0 : ERR_CORRUPT_MESSAGE;
}

int verify_find(struct verify *v, int64_t pos, int64_t next, int64_t *at, struct batch_header *out)
{
	while (v->size - pos >= BATCH_HEADER_SIZE) {
		const uint8_t *p;
		int64_t len;
		int err = view(v, pos, BATCH_HEADER_SIZE, &p, &len);

		if (err)
			return err;
		const uint8_t *magic = memchr(p + BATCH_AT_MAGIC, BATCH_MAGIC, (size_t)(len - BATCH_AT_MAGIC));
		if (!magic) {
			pos += len - BATCH_AT_MAGIC;
			continue;
		}
		pos += magic - p - BATCH_AT_MAGIC;
		err = verify_at(v, pos, next, out);
		if (err <= 0) {
			*at = pos;
			return err;
		}
		pos++;
	}
	return -ENODATA;
}
