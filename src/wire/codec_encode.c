/*
 * codec_encode: a struct to bytes. The layout is at the head of codec_decode.c.
 *
 * There is a single walk, which writes into a block of memory; when that is full the sink says
 * where to continue: a chain lists the block and begins another, a buf grows, a counter reuses the
 * same few bytes. So the size of a message, the size before a tagged field and the bytes themselves
 * cannot disagree. In a chain, records become parts of their own; only their length is written to
 * memory. After an error the chain and the buf are as they were.
 */
#include "wire/codec.h"

#include <errno.h>

#include "base/endian.h"
#include "base/err.h"
#include "base/varint.h"
#include "wire/records.h"
#include "wire/walk.h"

#define SCRATCH_LEN 64 /* more than any number takes */
#define BLOCK_FIRST 256
#define BLOCK_MAX 65536

struct encoder {
	uint8_t *p;	/* the next byte */
	uint8_t *end;	/* of the block */
	uint8_t *block; /* beginning of what the sink has not been given yet */
	size_t done;	/* bytes before the block, records included */
	struct chain *chain;
	struct buf *buf;
	size_t block_len; /* size of the chain's next block */
	int version;
	bool flexible;
	bool list_records; /* otherwise they are copied */
	int err;
	uint8_t scratch[SCRATCH_LEN];
};

static void struct_write(struct encoder *e, const struct schema *s, const void *in);
static inline void field_write(struct encoder *e, const struct field *f, bool tagged, const void *in);

/* ---- where the bytes go ---- */

/* Records the first error only. */
static void note_error(struct encoder *e, int err)
{
	if (e->err == 0)
		e->err = err;
}

static size_t total_len(const struct encoder *e)
{
	return e->done + (size_t)(e->p - e->block);
}

static void block_set(struct encoder *e, uint8_t *block, size_t len)
{
	e->p = e->block = block;
	e->end = len > 0 ? block + len : block;
}

/* Hands what has been written to the chain. */
static void block_list(struct encoder *e)
{
	size_t len = (size_t)(e->p - e->block);

	if (len > 0)
		chain_put(e->chain, e->block, len);
	e->done += len;
	e->block = e->p;
}

/* Makes room for len bytes. False while counting, and after an error: then there is room for one number. */
NOINLINE static bool grow(struct encoder *e, size_t len)
{
	size_t want;
	uint8_t *p;

	if (e->err == 0 && e->chain) {
		block_list(e);
		want = len > e->block_len ? len : e->block_len;
		p = arena_alloc(e->chain->arena, want);
		if (p) {
			block_set(e, p, want);
			e->block_len = want < BLOCK_MAX / 2 ? want * 2 : BLOCK_MAX;
			return true;
		}
		note_error(e, -ENOMEM);
	} else if (e->err == 0 && e->buf) {
		e->buf->len += (size_t)(e->p - e->block);
		e->done = total_len(e);
		buf_reserve(e->buf, len > BLOCK_FIRST ? len : BLOCK_FIRST);
		block_set(e, e->buf->p + e->buf->len, e->buf->cap - e->buf->len);
		return true;
	}
	e->done = total_len(e);
	block_set(e, e->scratch, SCRATCH_LEN);
	return false;
}

/* Room for the next few bytes: at most SCRATCH_LEN. */
static inline uint8_t *room(struct encoder *e, size_t len)
{
	uint8_t *p;

	if (__builtin_expect(len > (size_t)(e->end - e->p), 0))
		grow(e, len);
	p = e->p;
	e->p += len;
	return p;
}

static void bytes_write(struct encoder *e, const void *v, size_t len)
{
	if (len > (size_t)(e->end - e->p) && !grow(e, len)) {
		e->done += len;
		return;
	}
	if (len > 0)
		memcpy(e->p, v, len);
	e->p += len;
}

/* ---- values ---- */

static void uvarint_write(struct encoder *e, uint32_t v)
{
	if (v < 0x80)
		*room(e, 1) = (uint8_t)v;
	else
		varint_write_u32(room(e, (size_t)varint_size_u32(v)), v);
}

static void i8_write(struct encoder *e, int8_t v)
{
	*room(e, 1) = (uint8_t)v;
}

static void i16_write(struct encoder *e, int16_t v)
{
	put_i16(room(e, sizeof(v)), v);
}

static void i32_write(struct encoder *e, int32_t v)
{
	put_i32(room(e, sizeof(v)), v);
}

static void i64_write(struct encoder *e, int64_t v)
{
	put_i64(room(e, sizeof(v)), v);
}

/* Writes a length or count; NULL_LEN for null. */
static void length_write(struct encoder *e, const struct field *f, bool may_be_null, bool is_array, int32_t len)
{
	if (len < (may_be_null ? NULL_LEN : 0))
		note_error(e, -EINVAL);
	if (field_is_compact(f, e->flexible))
		uvarint_write(e, (uint32_t)len + 1);
	else if (f->kind == FIELD_STRING && !is_array)
		i16_write(e, (int16_t)len);
	else
		i32_write(e, len);
}

NOINLINE static void string_write(struct encoder *e, const struct field *f, bool may_be_null, struct str s)
{
	if (s.len < 0 || s.len > STRING_LEN_MAX) {
		note_error(e, -EMSGSIZE);
		return;
	}
	length_write(e, f, may_be_null, false, s.p ? s.len : NULL_LEN);
	if (s.p)
		bytes_write(e, s.p, (size_t)s.len);
}

/* Lists the memory written up to here, then the records. */
static void records_list(struct encoder *e, const struct records *r)
{
	if (e->chain && e->err == 0) {
		block_list(e);
		if (r->file)
			chain_put_file(e->chain, r->file, r->pos, (size_t)r->len);
		else
			chain_put(e->chain, r->p, (size_t)r->len);
	}
	e->done += (size_t)r->len;
}

NOINLINE static void records_write(struct encoder *e, const struct field *f, bool may_be_null, const struct records *r)
{
	bool null = records_is_null(*r);

	if (r->len < 0 || (r->file && !e->list_records)) {
		note_error(e, -EINVAL);
		return;
	}
	length_write(e, f, may_be_null, false, null ? NULL_LEN : r->len);
	if (null || r->len == 0)
		return;
	if (e->list_records)
		records_list(e, r);
	else
		bytes_write(e, r->p, (size_t)r->len);
}

/* Writes one value: not an array's count, and not whether a struct is null. */
static void value_write(struct encoder *e, const struct field *f, bool may_be_null, const void *in)
{
	const struct bytes *bytes;
	int16_t err;

	switch (f->kind) {
	case FIELD_BOOL:
		i8_write(e, *(const bool *)in);
		break;
	case FIELD_INT8:
		i8_write(e, *(const int8_t *)in);
		break;
	case FIELD_INT16:
	case FIELD_UINT16:
		i16_write(e, *(const int16_t *)in);
		break;
	case FIELD_INT32:
	case FIELD_UINT32:
		i32_write(e, *(const int32_t *)in);
		break;
	case FIELD_INT64:
	case FIELD_FLOAT64: {
		int64_t bits;

		memcpy(&bits, in, sizeof(bits));
		i64_write(e, bits);
		break;
	}
	case FIELD_UUID:
		bytes_write(e, in, sizeof(struct uuid));
		break;
	case FIELD_ERROR:
		err = *(const int16_t *)in;
		i16_write(e, err == ERR_UNKNOWN_SERVER_ERROR ? -1 : err);
		break;
	case FIELD_STRING:
		string_write(e, f, may_be_null, *(const struct str *)in);
		break;
	case FIELD_BYTES:
		bytes = in;
		length_write(e, f, may_be_null, false, bytes->p ? bytes->len : NULL_LEN);
		if (bytes->p && bytes->len > 0)
			bytes_write(e, bytes->p, (size_t)bytes->len);
		break;
	case FIELD_RECORDS:
		records_write(e, f, may_be_null, in);
		break;
	case FIELD_STRUCT:
		struct_write(e, f->of, in);
		break;
	}
}

NOINLINE static void array_write(struct encoder *e, const struct field *f, struct array a)
{
	size_t size = field_value_size(f);

	length_write(e, f, field_may_be_null(f, e->version), true, a.n < 0 ? NULL_LEN : a.n);
	for (int32_t i = 0; i < a.n && e->err == 0; i++)
		value_write(e, f, false, (const char *)a.v + (size_t)i * size);
}

NOINLINE static void pointer_write(struct encoder *e, const struct field *f, bool tagged, const void *in)
{
	bool may_be_null = field_may_be_null(f, e->version);

	if (!in && !may_be_null) {
		note_error(e, -EINVAL);
		return;
	}
	if (may_be_null && tagged)
		uvarint_write(e, in ? 1 : 0);
	else if (may_be_null)
		i8_write(e, in ? 1 : -1);
	if (in)
		struct_write(e, f->of, in);
}

static inline void field_write(struct encoder *e, const struct field *f, bool tagged, const void *in)
{
	if (f->flags & FIELD_ARRAY)
		array_write(e, f, array_get(in));
	else if (f->flags & FIELD_POINTER)
		pointer_write(e, f, tagged, pointer_get(in));
	else
		value_write(e, f, field_may_be_null(f, e->version), in);
}

static void counter_init(struct encoder *e, int version, bool flexible)
{
	*e = (struct encoder){.version = version, .flexible = flexible};
	block_set(e, e->scratch, SCRATCH_LEN);
}

static uint32_t field_len(const struct encoder *e, const struct field *f, const void *in)
{
	struct encoder counter;

	counter_init(&counter, e->version, e->flexible);
	field_write(&counter, f, true, in);
	return (uint32_t)total_len(&counter);
}

/* Writes the n tagged fields to be sent, in ascending order of tag. */
NOINLINE static void tags_write(struct encoder *e, const struct schema *s, uint32_t n, const void *in)
{
	uvarint_write(e, n);
	for (uint32_t i = 0; i < s->n_tagged; i++) {
		const struct field *f = &s->fields[s->tagged[i]];
		const void *value = (const char *)in + f->offset;

		if (!field_in(f, e->version) || field_is_default(s, f, in))
			continue;
		uvarint_write(e, (uint32_t)f->tag);
		uvarint_write(e, field_len(e, f, value));
		field_write(e, f, true, value);
	}
}

static void struct_write(struct encoder *e, const struct schema *s, const void *in)
{
	uint32_t n_tags = 0;

	fields_each(f, s)
	{
		if (!field_in(f, e->version)) {
			if (!(f->flags & FIELD_IGNORABLE) && !field_is_default(s, f, in))
				note_error(e, ERR_UNSUPPORTED_VERSION);
		} else if (f->tag == TAG_NONE) {
			field_write(e, f, false, (const char *)in + f->offset);
		} else if (!field_is_default(s, f, in)) {
			n_tags++;
		}
	}
	if (n_tags > 0)
		tags_write(e, s, n_tags, in);
	else if (e->flexible)
		*room(e, 1) = 0;
}

static int message_write(struct encoder *e, const struct schema *s, const void *in)
{
	if (!schema_has_version(s, e->version))
		return ERR_UNSUPPORTED_VERSION;
	struct_write(e, s, in);
	if (total_len(e) > INT32_MAX)
		note_error(e, -EMSGSIZE);
	return e->err;
}

int codec_size(const struct schema *s, int version, const void *in, size_t *len)
{
	struct encoder e;
	int err;

	counter_init(&e, version, version >= s->flexible);
	e.list_records = true;
	err = message_write(&e, s, in);
	*len = err ? 0 : total_len(&e);
	return err;
}

int codec_encode_upto(const struct schema *s, int version, const void *in, void *p, size_t room, size_t *len)
{
	struct encoder e;
	int err;

	counter_init(&e, version, version >= s->flexible);
	block_set(&e, p, room);
	err = message_write(&e, s, in);
	*len = err ? 0 : total_len(&e);
	return err;
}

int codec_encode_bytes(const struct schema *s, int version, const void *in, void *p, size_t len)
{
	size_t n;
	int err = codec_encode_upto(s, version, in, p, len, &n);

	return err == 0 && n != len ? -EINVAL : err;
}

int codec_encode_buf(const struct schema *s, int version, const void *in, struct buf *out)
{
	struct encoder e;
	size_t before = out->len;
	int err;

	counter_init(&e, version, version >= s->flexible);
	e.buf = out;
	block_set(&e, out->p ? out->p + out->len : e.scratch, out->p ? out->cap - out->len : 0);
	err = message_write(&e, s, in);
	if (err == 0 && out->p)
		out->len += (size_t)(e.p - e.block);
	else
		out->len = before;
	return err;
}

int codec_encode(const struct schema *s, int version, const void *in, struct chain *out)
{
	struct chain before = *out;
	struct chain_part last = out->n > 0 ? out->parts[out->n - 1] : (struct chain_part){0};
	struct encoder e;
	int err;

	counter_init(&e, version, version >= s->flexible);
	e.list_records = true;
	e.chain = out;
	e.block_len = BLOCK_FIRST;
	block_set(&e, e.scratch, 0);
	err = message_write(&e, s, in);
	if (err == 0) {
		block_list(&e);
		return out->failed ? -ENOMEM : 0;
	}
	*out = before;
	if (out->n > 0)
		out->parts[out->n - 1] = last;
	return err;
}
