/*
 * codec_random: random values for tests, of any message in any version.
 *
 * Half of all scalars are small or at the limits of their type. Strings are valid UTF-8 (Java would
 * not return others unchanged), numbers are never NaN, an error is never -1 (in memory that is
 * 32767). Arrays are short, and shorter the deeper they are nested; a few are long enough for a
 * count of two bytes.
 */
#include "wire/codec.h"

#include <errno.h>
#include <math.h>

#include "base/str.h"
#include "base/uuid.h"
#include "wire/records.h"
#include "wire/walk.h"

#define BYTES_MAX 300

struct dice {
	struct codec_chance *chance;
	struct arena *arena;
	int version;
	int depth;
	bool failed;
};

static void struct_fill(struct dice *d, const struct schema *s, void *out);

uint64_t codec_chance_next(struct codec_chance *c)
{
	uint64_t z = (c->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint32_t draw_below(struct dice *d, uint32_t bound)
{
	return (uint32_t)((codec_chance_next(d->chance) >> 32) * bound >> 32);
}

static void *dice_alloc(struct dice *d, size_t size)
{
	void *p = arena_alloc(d->arena, size);

	if (!p)
		d->failed = true;
	return p;
}

/* A number of `bits` bits, sign-extended. */
static int64_t draw_integer(struct dice *d, int bits)
{
	uint64_t max = UINT64_MAX >> (65 - bits);

	switch (draw_below(d, 8)) {
	case 0:
		return 0;
	case 1:
		return -1;
	case 2:
		return (int64_t)max;
	case 3:
		return -(int64_t)max - 1;
	case 4:
		return (int64_t)(draw_below(d, 300) & max);
	default:
		return (int64_t)(codec_chance_next(d->chance) << (64 - bits)) >> (64 - bits);
	}
}

static double draw_number(struct dice *d)
{
	static const double ends[] = {0.0, 1.0, -1.5, 1e7, 0.001, 1e-3 / 3, 1.7976931348623157e308, 5e-324, 123456.789};
	uint64_t bits = codec_chance_next(d->chance);
	double v;

	memcpy(&v, &bits, sizeof(v));
	if (!isfinite(v) || draw_below(d, 2) == 0)
		return ends[draw_below(d, sizeof(ends) / sizeof(ends[0]))];
	return v;
}

/* Lengths on both sides of the points where their encoding grows by a byte. */
static int32_t draw_length(struct dice *d)
{
	static const int32_t ends[] = {0, 1, 126, 127, 128};

	if (draw_below(d, 3) == 0)
		return ends[draw_below(d, sizeof(ends) / sizeof(ends[0]))];
	return (int32_t)draw_below(d, draw_below(d, 10) == 0 ? BYTES_MAX : 12);
}

static struct str draw_string(struct dice *d)
{
	/* Characters of one to four bytes. */
	static const char *const pieces[] = {
		"a",
		"Z",
		"0",
		".",
		"-",
		" ",
		"\"",
		"\\",
		"\n",
		"\x01",
		"\x7f",
		"\xc3\xa9",
		"\xe2\x82\xac",
		"\xf0\x9f\x8e\xb2",
	};
	int32_t max = draw_below(d, 2000) == 0 ? STRING_LEN_MAX : draw_length(d), len = 0;
	char *p = dice_alloc(d, (size_t)max + 1);

	if (!p)
		return STR_NULL;
	while (len < max) {
		const char *piece = pieces[draw_below(d, sizeof(pieces) / sizeof(pieces[0]))];
		int32_t more = (int32_t)strlen(piece);

		if (more > max - len)
			piece = "x", more = 1;
		memcpy(p + len, piece, (size_t)more);
		len += more;
	}
	return (struct str){p, len};
}

static struct bytes random_bytes(struct dice *d)
{
	int32_t len = draw_length(d);
	uint8_t *p = dice_alloc(d, (size_t)len + 1);

	if (!p)
		return BYTES_NULL;
	for (int32_t i = 0; i < len; i++)
		p[i] = (uint8_t)draw_below(d, 256);
	return (struct bytes){p, len};
}

static struct uuid draw_uuid(struct dice *d)
{
	struct uuid u = UUID_ZERO;

	if (draw_below(d, 5) == 0)
		return u;
	for (size_t i = 0; i < sizeof(u.b); i++)
		u.b[i] = (uint8_t)draw_below(d, 256);
	return u;
}

static void value_fill(struct dice *d, const struct field *f, bool may_be_null, void *out)
{
	bool null = may_be_null && draw_below(d, 5) == 0;
	struct bytes b;

	switch (f->kind) {
	case FIELD_BOOL:
		*(bool *)out = draw_below(d, 2);
		break;
	case FIELD_INT8:
		*(int8_t *)out = (int8_t)draw_integer(d, 8);
		break;
	case FIELD_INT16:
	case FIELD_UINT16:
		*(int16_t *)out = (int16_t)draw_integer(d, 16);
		break;
	case FIELD_ERROR:
		*(int16_t *)out = (int16_t)draw_integer(d, 16);
		if (*(int16_t *)out == -1)
			*(int16_t *)out = INT16_MAX;
		break;
	case FIELD_INT32:
	case FIELD_UINT32:
		*(int32_t *)out = (int32_t)draw_integer(d, 32);
		break;
	case FIELD_INT64:
		*(int64_t *)out = draw_integer(d, 64);
		break;
	case FIELD_FLOAT64:
		*(double *)out = draw_number(d);
		break;
	case FIELD_UUID:
		*(struct uuid *)out = draw_uuid(d);
		break;
	case FIELD_STRING:
		*(struct str *)out = null ? STR_NULL : draw_string(d);
		break;
	case FIELD_BYTES:
		*(struct bytes *)out = null ? BYTES_NULL : random_bytes(d);
		break;
	case FIELD_RECORDS:
		b = null ? BYTES_NULL : random_bytes(d);
		*(struct records *)out = (struct records){.p = b.p, .len = b.len};
		break;
	case FIELD_STRUCT:
		struct_fill(d, f->of, out);
		break;
	}
}

/* -1 for null. */
static int32_t draw_count(struct dice *d, const struct field *f)
{
	if (field_may_be_null(f, d->version) && draw_below(d, 5) == 0)
		return -1;
	if (f->kind != FIELD_STRUCT && draw_below(d, 30) == 0)
		return 120 + (int32_t)draw_below(d, 20);
	return (int32_t)draw_below(d, d->depth > 2 ? 3 : 4);
}

static void array_fill(struct dice *d, const struct field *f, void *out)
{
	int32_t n = draw_count(d, f);
	size_t size = field_value_size(f);
	char *v = n > 0 ? dice_alloc(d, (size_t)n * size) : NULL;

	for (int32_t i = 0; v && i < n; i++)
		value_fill(d, f, false, v + (size_t)i * size);
	array_set(out, v, n > 0 && !v ? 0 : n);
}

static void pointer_fill(struct dice *d, const struct field *f, void *out)
{
	bool null = field_may_be_null(f, d->version) && draw_below(d, 4) == 0;
	void *v = null ? NULL : dice_alloc(d, f->of->size);

	if (v)
		struct_fill(d, f->of, v);
	pointer_set(out, v);
}

static void struct_fill(struct dice *d, const struct schema *s, void *out)
{
	codec_init(s, out);
	d->depth++;
	fields_each(f, s)
	{
		void *at = (char *)out + f->offset;

		if (!field_in(f, d->version) || (f->tag != TAG_NONE && draw_below(d, 4) == 0))
			continue;
		if (f->flags & FIELD_ARRAY)
			array_fill(d, f, at);
		else if (f->flags & FIELD_POINTER)
			pointer_fill(d, f, at);
		else
			value_fill(d, f, field_may_be_null(f, d->version), at);
	}
	d->depth--;
}

int codec_random(const struct schema *s, int version, struct codec_chance *c, struct arena *a, void *out)
{
	struct dice d = {.chance = c, .arena = a, .version = version};

	struct_fill(&d, s, out);
	return d.failed ? -ENOMEM : 0;
}
