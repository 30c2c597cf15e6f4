/* codec: defaults, equality, and the search for errors. */
#include "wire/codec.h"

#include <stddef.h>

#include "base/str.h"
#include "base/uuid.h"
#include "wire/records.h"
#include "wire/walk.h"

const uint8_t field_kind_size[FIELD_KINDS] = {
	[FIELD_BOOL] = sizeof(bool),
	[FIELD_INT8] = sizeof(int8_t),
	[FIELD_INT16] = sizeof(int16_t),
	[FIELD_UINT16] = sizeof(uint16_t),
	[FIELD_INT32] = sizeof(int32_t),
	[FIELD_UINT32] = sizeof(uint32_t),
	[FIELD_INT64] = sizeof(int64_t),
	[FIELD_FLOAT64] = sizeof(double),
	[FIELD_UUID] = sizeof(struct uuid),
	[FIELD_ERROR] = sizeof(int16_t),
	[FIELD_STRING] = sizeof(struct str),
	[FIELD_BYTES] = sizeof(struct bytes),
	[FIELD_RECORDS] = sizeof(struct records),
};

void codec_init(const struct schema *s, void *out)
{
	memcpy(out, s->defaults, s->size);
}

static bool records_equal(const struct records *a, const struct records *b)
{
	if (records_is_null(*a) || records_is_null(*b))
		return records_is_null(*a) && records_is_null(*b);
	if (a->file || b->file)
		return a->file == b->file && a->pos == b->pos && a->len == b->len;
	return a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, (size_t)a->len) == 0);
}

/* Compares single values: not arrays or pointers. */
static bool value_equal(const struct field *f, const void *a, const void *b)
{
	switch (f->kind) {
	case FIELD_STRING:
		return str_eq(*(const struct str *)a, *(const struct str *)b);
	case FIELD_BYTES:
		return bytes_eq(*(const struct bytes *)a, *(const struct bytes *)b);
	case FIELD_RECORDS:
		return records_equal(a, b);
	case FIELD_STRUCT:
		return codec_equal(f->of, a, b);
	case FIELD_FLOAT64:
		return *(const double *)a == *(const double *)b || memcmp(a, b, sizeof(double)) == 0;
	default:
		return memcmp(a, b, field_kind_size[f->kind]) == 0;
	}
}

static bool array_equal(const struct field *f, struct array a, struct array b)
{
	size_t size = field_value_size(f);

	if (a.n != b.n)
		return false;
	for (int32_t i = 0; i < a.n; i++)
		if (!value_equal(f, (const char *)a.v + (size_t)i * size, (const char *)b.v + (size_t)i * size))
			return false;
	return true;
}

bool field_equal(const struct field *f, const void *a, const void *b)
{
	if (f->flags & FIELD_ARRAY)
		return array_equal(f, array_get(a), array_get(b));
	if (f->flags & FIELD_POINTER) {
		a = pointer_get(a);
		b = pointer_get(b);
		if (!a || !b)
			return a == b;
	}
	return value_equal(f, a, b);
}

bool codec_equal(const struct schema *s, const void *a, const void *b)
{
	fields_each(f, s)
	{
		if (!field_equal(f, (const char *)a + f->offset, (const char *)b + f->offset))
			return false;
	}
	return true;
}

static bool value_has_error(const struct field *f, const void *value, int err)
{
	if (f->kind == FIELD_STRUCT)
		return codec_has_error(f->of, value, err);
	return *(const int16_t *)value == err;
}

static bool array_has_error(const struct field *f, struct array a, int err)
{
	for (int32_t i = 0; i < a.n; i++)
		if (value_has_error(f, (const char *)a.v + (size_t)i * field_value_size(f), err))
			return true;
	return false;
}

static bool field_has_error(const struct field *f, const void *in, int err)
{
	if (f->kind != FIELD_ERROR && f->kind != FIELD_STRUCT)
		return false;
	if (f->flags & FIELD_ARRAY)
		return array_has_error(f, array_get(in), err);
	if (f->flags & FIELD_POINTER)
		in = pointer_get(in);
	return in && value_has_error(f, in, err);
}

bool codec_has_error(const struct schema *s, const void *in, int err)
{
	fields_each(f, s)
	{
		if (field_has_error(f, (const char *)in + f->offset, err))
			return true;
	}
	return false;
}
