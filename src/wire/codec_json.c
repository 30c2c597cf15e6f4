/*
 * codec_json: a struct as one line of JSON, as Kafka's converters and Jackson print it: no spaces,
 * fields in declaration order, text in UTF-8 with only quotes, backslashes and control characters
 * escaped, float64 numbers as printed by Java's Double.toString.
 */
#include "wire/codec.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"
#include "wire/records.h"
#include "wire/walk.h"

struct printer {
	struct buf *out;
	int version;
	bool sizes_only;
};

static void struct_print(struct printer *p, const struct schema *s, const void *in);

static void text_put(struct buf *out, const char *text)
{
	buf_put_str(out, str_of(text));
}

/* The length of the valid UTF-8 sequence at the start of s, or 0. */
static int32_t sequence_len(struct str s)
{
	for (int32_t len = 1; len <= 4 && len <= s.len; len++)
		if (str_is_utf8((struct str){s.p, len}))
			return len;
	return 0;
}

static void char_put(struct buf *out, char c)
{
	static const char escapes[] = "\bb\tt\nn\ff\rr\"\"\\\\";

	for (const char *e = escapes; *e; e += 2) {
		if (c == *e) {
			buf_printf(out, "\\%c", e[1]);
			return;
		}
	}
	if ((unsigned char)c < 0x20)
		buf_printf(out, "\\u%04X", (unsigned int)c);
	else
		buf_put(out, &c, 1);
}

static void string_put(struct buf *out, struct str s)
{
	text_put(out, "\"");
	while (s.len > 0) {
		int32_t len = sequence_len(s);

		if (len == 1)
			char_put(out, *s.p);
		else if (len > 1)
			buf_put(out, s.p, (size_t)len);
		else
			text_put(out, "\xef\xbf\xbd"); /* U+FFFD, as when Java decodes invalid UTF-8 */
		len = len > 0 ? len : 1;
		s.p += len;
		s.len -= len;
	}
	text_put(out, "\"");
}

static void binary_put(struct buf *out, const uint8_t *p, size_t len)
{
	text_put(out, "\"");
	buf_reserve(out, BASE64_LEN(len));
	out->len += base64_put(BASE64_PADDED, p, len, (char *)out->p + out->len);
	text_put(out, "\"");
}

/*
 * Prints the fewest digits that read back as v: 1.5, 1.0E10, 1.0E-5. Numbers that JSON does not
 * have become strings.
 */
static void double_put(struct buf *out, double v)
{
	char digits[32], *point;
	int precision = 0, exponent;

	if (!isfinite(v)) {
		text_put(out, isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
		return;
	}
	do {
		snprintf(digits, sizeof(digits), "%.*e", precision, v);
	} while (strtod(digits, NULL) != v && precision++ < DBL_DECIMAL_DIG);
	point = strchr(digits, 'e');
	exponent = atoi(point + 1);
	if (v != 0 && (exponent < -3 || exponent >= 7)) {
		buf_printf(out, "%.*s%sE%d", (int)(point - digits), digits, precision == 0 ? ".0" : "", exponent);
		return;
	}
	buf_printf(out, "%.*f", precision - exponent > 1 ? precision - exponent : 1, v);
}

static void records_put(struct buf *out, const struct records *r)
{
	if (records_is_null(*r))
		text_put(out, "null");
	else
		binary_put(out, r->p, (size_t)r->len);
}

static void value_print(struct printer *p, const struct field *f, const void *in)
{
	struct buf *out = p->out;
	char text[UUID_TEXT_LEN + 1];
	const struct bytes *bytes = in;

	switch (f->kind) {
	case FIELD_BOOL:
		text_put(out, *(const bool *)in ? "true" : "false");
		break;
	case FIELD_INT8:
		buf_printf(out, "%d", *(const int8_t *)in);
		break;
	case FIELD_INT16:
		buf_printf(out, "%d", *(const int16_t *)in);
		break;
	case FIELD_ERROR:
		buf_printf(out, "%d", *(const int16_t *)in == ERR_UNKNOWN_SERVER_ERROR ? -1 : *(const int16_t *)in);
		break;
	case FIELD_UINT16:
		buf_printf(out, "%u", *(const uint16_t *)in);
		break;
	case FIELD_INT32:
		buf_printf(out, "%" PRId32, *(const int32_t *)in);
		break;
	case FIELD_UINT32:
		buf_printf(out, "%" PRIu32, *(const uint32_t *)in);
		break;
	case FIELD_INT64:
		buf_printf(out, "%" PRId64, *(const int64_t *)in);
		break;
	case FIELD_FLOAT64:
		double_put(out, *(const double *)in);
		break;
	case FIELD_UUID:
		buf_printf(out, "\"%s\"", uuid_text(*(const struct uuid *)in, text));
		break;
	case FIELD_STRING:
		if (((const struct str *)in)->p)
			string_put(out, *(const struct str *)in);
		else
			text_put(out, "null");
		break;
	case FIELD_BYTES:
		if (bytes->p)
			binary_put(out, bytes->p, (size_t)bytes->len);
		else
			text_put(out, "null");
		break;
	case FIELD_RECORDS:
		records_put(out, in);
		break;
	case FIELD_STRUCT:
		struct_print(p, f->of, in);
		break;
	}
}

static void array_print(struct printer *p, const struct field *f, struct array a)
{
	size_t size = field_value_size(f);

	if (a.n < 0) {
		text_put(p->out, "null");
		return;
	}
	text_put(p->out, "[");
	for (int32_t i = 0; i < a.n; i++) {
		if (i > 0)
			text_put(p->out, ",");
		value_print(p, f, (const char *)a.v + (size_t)i * size);
	}
	text_put(p->out, "]");
}

static bool records_as_size(const struct printer *p, const struct field *f, const void *in)
{
	const struct records *r = in;

	return f->kind == FIELD_RECORDS && !records_is_null(*r) && (p->sizes_only || r->file);
}

static void field_print(struct printer *p, const struct field *f, const void *in)
{
	if (records_as_size(p, f, in)) {
		buf_printf(p->out, "\"%sSizeInBytes\":%" PRId32, f->name, ((const struct records *)in)->len);
		return;
	}
	buf_printf(p->out, "\"%s\":", f->name);
	if (f->flags & FIELD_ARRAY)
		array_print(p, f, array_get(in));
	else if (!(f->flags & FIELD_POINTER))
		value_print(p, f, in);
	else if (pointer_get(in))
		struct_print(p, f->of, pointer_get(in));
	else
		text_put(p->out, "null");
}

static void struct_print(struct printer *p, const struct schema *s, const void *in)
{
	bool any = false;

	text_put(p->out, "{");
	fields_each(f, s)
	{
		if (!field_in(f, p->version) || (f->tag != TAG_NONE && field_is_default(s, f, in)))
			continue;
		if (any)
			text_put(p->out, ",");
		any = true;
		field_print(p, f, (const char *)in + f->offset);
	}
	text_put(p->out, "}");
}

void codec_json(const struct schema *s, int version, const void *in, bool sizes_only, struct buf *out)
{
	struct printer p = {.out = out, .version = version, .sizes_only = sizes_only};

	struct_print(&p, s, in);
}
