/*
 * codec_encode: a struct to bytes. The layout is at the head of codec_decode.c.
 *
 * There is one walk. Without memory to write into it only counts; so the size of a message, the size before a tagged
 * field and the bytes themselves cannot disagree. Records leave the walk as parts of the chain; in memory stands only
 * their length.
 */
#include "wire/codec.h"

#include <errno.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/varint.h"
#include "wire/records.h"
#include "wire/walk.h"

#define STRING_LEN_MAX 0x7fff
#define NULL_LEN (-1)

struct encoder {
	uint8_t *p;	     /* NULL: count only */
	size_t n;	     /* bytes in memory so far */
	size_t records_len;  /* bytes of records beside them */
	struct chain *chain; /* NULL: records are copied into memory */
	size_t listed;	     /* of n: are in the chain already */
	int version;
	bool flexible;
	bool copy_records;
	int err;
};

static void struct_write(struct encoder *e, const struct schema *s, const void *in);
static void field_write(struct encoder *e, const struct field *f, bool tagged, const void *in);

/* Where the next len bytes go; NULL while counting. */
static inline uint8_t *room(struct encoder *e, size_t len)
{
	uint8_t *p = e->p ? e->p + e->n : NULL;

	e->n += len;
	return p;
}

static void bytes_write(struct encoder *e, const void *v, size_t len)
{
	uint8_t *p = room(e, len);

	if (p && len > 0)
		memcpy(p, v, len);
}

static void uvarint_write(struct encoder *e, uint32_t v)
{
	uint8_t *p = room(e, (size_t)varint_size_u32(v));

	if (p)
		varint_write_u32(p, v);
}

static void i8_write(struct encoder *e, int8_t v)
{
	uint8_t *p = room(e, sizeof(v));

	if (p)
		*p = (uint8_t)v;
}

static void i16_write(struct encoder *e, int16_t v)
{
	uint8_t *p = room(e, sizeof(v));

	if (p)
		put_i16(p, v);
}

static void i32_write(struct encoder *e, int32_t v)
{
	uint8_t *p = room(e, sizeof(v));

	if (p)
		put_i32(p, v);
}

static void i64_write(struct encoder *e, int64_t v)
{
	uint8_t *p = room(e, sizeof(v));

	if (p)
		put_i64(p, v);
}

/* The first trouble counts. */
static void trouble(struct encoder *e, int err)
{
	if (e->err == 0)
		e->err = err;
}

/* A length or count, NULL_LEN for null. */
static void length_write(struct encoder *e, const struct field *f, bool may_be_null, bool is_array, int32_t len)
{
	if (len == NULL_LEN && !may_be_null)
		trouble(e, -EINVAL);
	if (field_is_compact(f, e->flexible))
		uvarint_write(e, (uint32_t)len + 1);
	else if (f->kind == FIELD_STRING && !is_array)
		i16_write(e, (int16_t)len);
	else
		i32_write(e, len);
}

static void string_write(struct encoder *e, const struct field *f, bool may_be_null, struct str s)
{
	if (s.len < 0 || s.len > STRING_LEN_MAX) {
		trouble(e, -EMSGSIZE);
		return;
	}
	length_write(e, f, may_be_null, false, s.p ? s.len : NULL_LEN);
	if (s.p)
		bytes_write(e, s.p, (size_t)s.len);
}

/* Lists what is in memory up to here, then the records. */
static void records_list(struct encoder *e, const struct records *r)
{
	if (!e->p || r->len == 0)
		return;
	chain_put(e->chain, e->p + e->listed, e->n - e->listed);
	e->listed = e->n;
	if (r->file)
		chain_put_file(e->chain, r->file, r->pos, (size_t)r->len);
	else
		chain_put(e->chain, r->p, (size_t)r->len);
}

static void records_write(struct encoder *e, const struct field *f, bool may_be_null, const struct records *r)
{
	bool null = records_is_null(*r);

	if (r->len < 0 || (e->copy_records && r->file)) {
		trouble(e, -EINVAL);
		return;
	}
	length_write(e, f, may_be_null, false, null ? NULL_LEN : r->len);
	if (null)
		return;
	if (e->copy_records) {
		bytes_write(e, r->p, (size_t)r->len);
		return;
	}
	e->records_len += (size_t)r->len;
	records_list(e, r);
}

/* One value: not an array's count, not whether a struct is null. */
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
		if (bytes->len < 0)
			trouble(e, -EINVAL);
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

static void array_write(struct encoder *e, const struct field *f, struct array a)
{
	size_t size = field_value_size(f);

	length_write(e, f, field_may_be_null(f, e->version), true, a.n < 0 ? NULL_LEN : a.n);
	for (int32_t i = 0; i < a.n && e->err == 0; i++)
		value_write(e, f, false, (const char *)a.v + (size_t)i * size);
}

static void pointer_write(struct encoder *e, const struct field *f, bool tagged, const void *in)
{
	bool may_be_null = field_may_be_null(f, e->version);

	if (!in && !may_be_null) {
		trouble(e, -EINVAL);
		return;
	}
	if (may_be_null && tagged)
		uvarint_write(e, in ? 1 : 0);
	else if (may_be_null)
		i8_write(e, in ? 1 : -1);
	if (in)
		struct_write(e, f->of, in);
}

static void field_write(struct encoder *e, const struct field *f, bool tagged, const void *in)
{
	if (f->flags & FIELD_ARRAY)
		array_write(e, f, array_get(in));
	else if (f->flags & FIELD_POINTER)
		pointer_write(e, f, tagged, pointer_get(in));
	else
		value_write(e, f, field_may_be_null(f, e->version), in);
}

static uint32_t field_len(const struct encoder *e, const struct field *f, const void *in)
{
	struct encoder counter = {.version = e->version, .flexible = e->flexible, .copy_records = true};

	field_write(&counter, f, true, in);
	return (uint32_t)counter.n;
}

static void tags_write(struct encoder *e, const struct schema *s, const void *in)
{
	uint32_t present[8] = {0}, n = 0; /* n_tagged is at most 255 */

	for (uint32_t i = 0; i < s->n_tagged; i++) {
		const struct field *f = &s->fields[s->tagged[i]];

		if (field_in(f, e->version) && !field_is_default(s, f, in)) {
			present[i / 32] |= 1u << i % 32;
			n++;
		}
	}
	uvarint_write(e, n);
	for (uint32_t i = 0; n > 0 && i < s->n_tagged; i++) {
		const struct field *f = &s->fields[s->tagged[i]];
		const void *value = (const char *)in + f->offset;

		if (!(present[i / 32] & 1u << i % 32))
			continue;
		uvarint_write(e, (uint32_t)f->tag);
		uvarint_write(e, field_len(e, f, value));
		field_write(e, f, true, value);
	}
}

static void struct_write(struct encoder *e, const struct schema *s, const void *in)
{
	const struct field *end = s->fields + s->n_fields;

	for (const struct field *f = s->fields; f < end; f++) {
		if (!field_in(f, e->version)) {
			if (!(f->flags & FIELD_IGNORABLE) && !field_is_default(s, f, in))
				trouble(e, ERR_UNSUPPORTED_VERSION);
		} else if (f->tag == TAG_NONE) {
			field_write(e, f, false, (const char *)in + f->offset);
		}
	}
	if (e->flexible)
		tags_write(e, s, in);
}

/* Counts. After it e is ready to write, but for where. */
static int measure(struct encoder *e, const struct schema *s, int version, const void *in)
{
	*e = (struct encoder){.version = version, .flexible = version >= s->flexible, .copy_records = e->copy_records};
	if (!schema_has_version(s, version))
		return ERR_UNSUPPORTED_VERSION;
	struct_write(e, s, in);
	if (e->err == 0 && e->n + e->records_len > INT32_MAX)
		e->err = -EMSGSIZE;
	return e->err;
}

static void write_into(struct encoder *e, const struct schema *s, const void *in, uint8_t *p)
{
	size_t expected = e->n;

	e->p = p;
	e->n = e->records_len = 0;
	struct_write(e, s, in);
	check(e->n == expected && e->err == 0);
}

int codec_size(const struct schema *s, int version, const void *in, size_t *len)
{
	struct encoder e = {.copy_records = false};
	int err = measure(&e, s, version, in);

	*len = err ? 0 : e.n + e.records_len;
	return err;
}

int codec_encode_bytes(const struct schema *s, int version, const void *in, void *p, size_t len)
{
	struct encoder e = {.copy_records = true};
	int err = measure(&e, s, version, in);

	if (err)
		return err;
	if (len != e.n)
		return -EINVAL;
	write_into(&e, s, in, p);
	return 0;
}

int codec_encode_buf(const struct schema *s, int version, const void *in, struct buf *out)
{
	struct encoder e = {.copy_records = true};
	int err = measure(&e, s, version, in);

	if (err)
		return err;
	buf_reserve(out, e.n + 1);
	write_into(&e, s, in, out->p + out->len);
	out->len += e.n;
	return 0;
}

int codec_encode(const struct schema *s, int version, const void *in, struct chain *out)
{
	struct encoder e = {.copy_records = false};
	int err = measure(&e, s, version, in);
	uint8_t *p;

	if (err)
		return err;
	p = arena_alloc(out->arena, e.n + 1);
	if (!p)
		return -ENOMEM;
	e.chain = out;
	write_into(&e, s, in, p);
	chain_put(out, p + e.listed, e.n - e.listed);
	return out->failed ? -ENOMEM : 0;
}
