/*
 * codec_decode: bytes to a struct. See codec.h for what is trusted (nothing) and where memory comes
 * from.
 *
 * Encodings on the wire, in versions before the flexible ones, and in those (KIP-482):
 *
 *	string		int16, -1 null			uvarint of length + 1, 0 null
 *	bytes, records	int32, -1 null			uvarint of length + 1, 0 null
 *	array		int32, -1 null			uvarint of count + 1, 0 null
 *	nullable struct	int8, < 0 null, else 1		the same; tagged: uvarint, 0 null, else 1
 *	a struct's end	-				uvarint count of tagged fields,
 *							each: uvarint tag, uvarint size, value
 */
#include "wire/codec.h"

#include <errno.h>

#include "base/err.h"
#include "wire/records.h"
#include "wire/walk.h"

struct decoder {
	struct reader r;
	struct arena *arena;
	int version;
	bool flexible;
	bool no_memory;
};

static void struct_read(struct decoder *d, const struct schema *s, void *out);

/* A length or count: NULL_LEN, or at least 0. It has not been checked against anything yet. */
static int64_t length_read(struct decoder *d, const struct field *f, bool is_array)
{
	int64_t len;

	if (field_is_compact(f, d->flexible))
		return (int64_t)reader_uvarint(&d->r) - 1;
	len = f->kind == FIELD_STRING && !is_array ? reader_i16(&d->r) : reader_i32(&d->r);
	return len < 0 ? NULL_LEN : len;
}

static void *memory(struct decoder *d, size_t size)
{
	void *p = arena_alloc(d->arena, size);

	if (!p) {
		d->no_memory = true;
		reader_fail(&d->r);
	}
	return p;
}

/* The length of a string, bytes or records that is not null; -1 for null, and after a failure. */
static int32_t view_length_read(struct decoder *d, const struct field *f, bool may_be_null)
{
	int64_t len = length_read(d, f, false);

	if (len == NULL_LEN && may_be_null)
		return NULL_LEN;
	if (len < 0 || len > INT32_MAX || (f->kind == FIELD_STRING && len > STRING_LEN_MAX)) {
		reader_fail(&d->r);
		return NULL_LEN;
	}
	return (int32_t)len;
}

NOINLINE static void view_read(struct decoder *d, const struct field *f, bool may_be_null, void *out)
{
	int32_t len = view_length_read(d, f, may_be_null);
	const uint8_t *p = len < 0 ? NULL : reader_take(&d->r, (size_t)len);

	if (p && d->r.plain && f->kind == FIELD_STRING && !(f->flags & FIELD_FREE_TEXT) && memchr(p, 0, (size_t)len))
		d->r.found_nul = true;
	if (!p)
		len = 0;
	if (f->kind == FIELD_STRING)
		*(struct str *)out = (struct str){(const char *)p, len};
	else if (f->kind == FIELD_BYTES)
		*(struct bytes *)out = (struct bytes){p, len};
	else
		*(struct records *)out = (struct records){.p = p, .len = len};
}

static int16_t error_read(struct decoder *d)
{
	int16_t err = reader_i16(&d->r);

	return err == -1 ? ERR_UNKNOWN_SERVER_ERROR : err;
}

/* Reads one value: not an array's count, and not whether a struct is null. */
static void value_read(struct decoder *d, const struct field *f, bool in_array, void *out)
{
	switch (f->kind) {
	case FIELD_BOOL:
		*(bool *)out = reader_i8(&d->r) != 0;
		break;
	case FIELD_INT8:
		*(int8_t *)out = reader_i8(&d->r);
		break;
	case FIELD_INT16:
	case FIELD_UINT16:
		*(int16_t *)out = reader_i16(&d->r);
		break;
	case FIELD_INT32:
	case FIELD_UINT32:
		*(int32_t *)out = reader_i32(&d->r);
		break;
	case FIELD_INT64:
		*(int64_t *)out = reader_i64(&d->r);
		break;
	case FIELD_FLOAT64:
		*(double *)out = reader_f64(&d->r);
		break;
	case FIELD_UUID:
		*(struct uuid *)out = reader_uuid(&d->r);
		break;
	case FIELD_ERROR:
		*(int16_t *)out = error_read(d);
		break;
	case FIELD_STRING:
	case FIELD_BYTES:
	case FIELD_RECORDS:
		view_read(d, f, !in_array && field_may_be_null(f, d->version), out);
		break;
	case FIELD_STRUCT:
		struct_read(d, f->of, out);
		break;
	}
}

/* The minimum encoded size of an element. */
static size_t element_min_len(const struct field *f)
{
	switch (f->kind) {
	case FIELD_STRUCT:
		return f->of->min_len;
	case FIELD_STRING:
	case FIELD_BYTES:
		return 1;
	default:
		return field_kind_size[f->kind];
	}
}

NOINLINE static void array_read(struct decoder *d, const struct field *f, void *out)
{
	int64_t n = length_read(d, f, true);
	size_t size = field_value_size(f);
	char *v = NULL;

	if (n == NULL_LEN) {
		if (!field_may_be_null(f, d->version))
			reader_fail(&d->r);
		array_set(out, NULL, d->r.failed ? 0 : NULL_LEN);
		return;
	}
	if ((uint64_t)n > reader_left(&d->r) / element_min_len(f) || n > INT32_MAX) {
		reader_fail(&d->r);
		return;
	}
	if (n > 0 && !(v = memory(d, (size_t)n * size)))
		return;
	for (int64_t i = 0; i < n && !d->r.failed; i++)
		value_read(d, f, true, v + (size_t)i * size);
	array_set(out, v, (int32_t)n);
}

NOINLINE static void pointer_read(struct decoder *d, const struct field *f, bool tagged, void *out)
{
	bool null = false;
	void *v;

	if (field_may_be_null(f, d->version))
		null = tagged ? reader_uvarint(&d->r) == 0 : reader_i8(&d->r) < 0;
	if (null) {
		pointer_set(out, NULL);
		return;
	}
	v = memory(d, f->of->size);
	if (!v)
		return;
	struct_read(d, f->of, v);
	pointer_set(out, v);
}

static inline void field_read(struct decoder *d, const struct field *f, bool tagged, void *out)
{
	if (f->flags & FIELD_ARRAY)
		array_read(d, f, out);
	else if (f->flags & FIELD_POINTER)
		pointer_read(d, f, tagged, out);
	else
		value_read(d, f, false, out);
}

static const struct field *tag_find(const struct schema *s, uint32_t tag)
{
	for (int i = 0; i < s->n_tagged; i++)
		if ((uint32_t)s->fields[s->tagged[i]].tag == tag)
			return &s->fields[s->tagged[i]];
	return NULL;
}

static void tags_read(struct decoder *d, const struct schema *s, void *out)
{
	uint32_t n = reader_uvarint(&d->r);

	for (uint32_t i = 0; i < n && !d->r.failed; i++) {
		const struct field *f = tag_find(s, reader_uvarint(&d->r));
		uint32_t size = reader_uvarint(&d->r);

		if (!f)
			reader_take(&d->r, size);
		else if (field_in(f, d->version))
			field_read(d, f, true, (char *)out + f->offset);
		else
			reader_fail(&d->r);
	}
}

static void struct_read(struct decoder *d, const struct schema *s, void *out)
{
	codec_init(s, out);
	fields_each(f, s)
	{
		if (f->tag == TAG_NONE && field_in(f, d->version))
			field_read(d, f, false, (char *)out + f->offset);
	}
	if (d->flexible)
		tags_read(d, s, out);
}

int codec_read(const struct schema *s, int version, struct reader *r, struct arena *a, void *out)
{
	struct decoder d = {.r = *r, .arena = a, .version = version, .flexible = version >= s->flexible};

	if (!schema_has_version(s, version)) {
		reader_fail(r);
		return ERR_UNSUPPORTED_VERSION;
	}
	struct_read(&d, s, out);
	*r = d.r;
	if (d.no_memory)
		return -ENOMEM;
	return d.r.failed ? ERR_INVALID_REQUEST : 0;
}

static int decode_whole(const struct schema *s, int version, struct reader *r, struct arena *a, void *out)
{
	int err = codec_read(s, version, r, a, out);

	return err == 0 && reader_left(r) > 0 ? ERR_INVALID_REQUEST : err;
}

int codec_decode(const struct schema *s, int version, const void *p, size_t len, struct arena *a, void *out)
{
	struct reader r;

	reader_init(&r, p, len);
	return decode_whole(s, version, &r, a, out);
}

int codec_decode_plain(const struct schema *s, int version, const void *p, size_t len, struct arena *a, void *out)
{
	struct reader r;
	int err;

	reader_init(&r, p, len);
	r.plain = true;
	err = decode_whole(s, version, &r, a, out);
	return err == 0 && r.found_nul ? ERR_INVALID_REQUEST : err;
}
