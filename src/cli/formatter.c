/* formatter: the tables of formatters and deserializers, and what each prints. */
#include "cli/formatter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/endian.h"
#include "cli/coordinator_record.h"

enum { ARENA_MAX = 256 << 20 };

/* ---- deserializers: print what Java's classes of these names print ---- */

static bool print_number(struct bytes b, int len, struct buf *out)
{
	int64_t v = 0;

	if (b.len != len)
		return false;
	for (int i = 0; i < len; i++)
		v = (int64_t)((uint64_t)v << 8 | b.p[i]);
	if (len < 8)
		v = (int64_t)((uint64_t)v << (64 - 8 * len)) >> (64 - 8 * len);
	buf_printf(out, "%" PRId64, v);
	return true;
}

static bool of_long(struct bytes b, struct buf *out)
{
	return print_number(b, 8, out);
}
static bool of_integer(struct bytes b, struct buf *out)
{
	return print_number(b, 4, out);
}
static bool of_short(struct bytes b, struct buf *out)
{
	return print_number(b, 2, out);
}

static bool of_string(struct bytes b, struct buf *out)
{
	buf_put(out, b.p, (size_t)b.len);
	return true;
}

static bool of_boolean(struct bytes b, struct buf *out)
{
	if (b.len != 1 || b.p[0] > 1)
		return false;
	buf_printf(out, b.p[0] ? "true" : "false");
	return true;
}

/*
 * The shortest digits that denote the same number, with a point, as Java prints numbers between
 * 10^-3 and 10^7.
 */
static void put_double(double v, int digits, struct buf *out)
{
	char text[40];

	for (int n = 1; n <= digits; n++) {
		double back;

		snprintf(text, sizeof(text), "%.*g", n, v);
		sscanf(text, "%lf", &back);
		if (back == v || (digits < 17 && (float)back == (float)v))
			break;
	}
	buf_printf(out, "%s%s", text, strpbrk(text, ".en") ? "" : ".0");
}

static bool of_double(struct bytes b, struct buf *out)
{
	uint64_t bits;
	double v;

	if (b.len != 8)
		return false;
	bits = (uint64_t)get_i64(b.p);
	memcpy(&v, &bits, sizeof(v));
	put_double(v, 17, out);
	return true;
}

static bool of_float(struct bytes b, struct buf *out)
{
	uint32_t bits;
	float v;

	if (b.len != 4)
		return false;
	bits = (uint32_t)get_i32(b.p);
	memcpy(&v, &bits, sizeof(v));
	put_double((double)v, 9, out);
	return true;
}

/* Like org.apache.kafka.common.utils.Bytes: printable characters as they are, others as \xNN. */
static bool of_bytes(struct bytes b, struct buf *out)
{
	for (int32_t i = 0; i < b.len; i++)
		if (b.p[i] >= ' ' && b.p[i] <= '~' && b.p[i] != '\\')
			buf_put(out, &b.p[i], 1);
		else
			buf_printf(out, "\\x%02X", b.p[i]);
	return true;
}

static const struct {
	const char *name; /* without the prefix org.apache.kafka.common.serialization. */
	deserialize_fn *text;
} DESERIALIZERS[] = {
	{"StringDeserializer", of_string}, {"LongDeserializer", of_long},	{"IntegerDeserializer", of_integer},
	{"ShortDeserializer", of_short},   {"BooleanDeserializer", of_boolean}, {"DoubleDeserializer", of_double},
	{"FloatDeserializer", of_float},   {"BytesDeserializer", of_bytes},	{"UUIDDeserializer", of_string},
};

static deserialize_fn *deserializer_named(struct formatter *f, const char *name)
{
	static const char OF_KAFKA[] = "org.apache.kafka.common.serialization.";
	const char *last = strncmp(name, OF_KAFKA, sizeof(OF_KAFKA) - 1) == 0 ? name + sizeof(OF_KAFKA) - 1 : name;

	for (size_t i = 0; i < sizeof(DESERIALIZERS) / sizeof(DESERIALIZERS[0]); i++)
		if (strcmp(DESERIALIZERS[i].name, last) == 0)
			return DESERIALIZERS[i].text;
	tool_die(
		f->tool,
		"%s: there are no Java classes here; known are Kafka's own deserializers of strings, numbers and bytes",
		name);
}

/* ---- the default formatter ---- */

static bool put_value(struct formatter *f, deserialize_fn *text, struct bytes b)
{
	if (!b.p)
		b = (struct bytes){(const uint8_t *)f->null_literal.p, f->null_literal.len};
	if (text)
		return text(b, &f->text);
	buf_put(&f->text, b.p, (size_t)b.len);
	return true;
}

static void put_separator(struct formatter *f, bool more)
{
	buf_put_str(&f->text, more ? f->key_separator : f->line_separator);
}

static bool put_headers(struct formatter *f, const struct record *r)
{
	struct bytes rest = r->headers;
	struct record_header h;

	if (r->n_headers == 0)
		buf_printf(&f->text, "NO_HEADERS");
	for (int32_t i = 0; i < r->n_headers && record_header_next(&rest, &h); i++) {
		if (i > 0)
			buf_put_str(&f->text, f->headers_separator);
		buf_printf(&f->text, "%.*s:", STR_ARG(h.key));
		if (!put_value(f, f->header_text, h.value))
			return false;
	}
	return true;
}

static const char *timestamp_type(const struct consumed *c)
{
	return c->batch->attributes & BATCH_LOG_APPEND_TIME ? "LogAppendTime" : "CreateTime";
}

static bool write_default(struct formatter *f, const struct consumed *c)
{
	const struct record *r = c->record;
	bool ok = true;

	if (f->timestamp) {
		buf_printf(&f->text, "%s:%" PRId64, timestamp_type(c), r->timestamp);
		put_separator(f,
			      f->partition || f->offset || f->delivery || f->epoch || f->headers || f->key || f->value);
	}
	if (f->partition) {
		buf_printf(&f->text, "Partition:%d", c->partition);
		put_separator(f, f->offset || f->delivery || f->epoch || f->headers || f->key || f->value);
	}
	if (f->offset) {
		buf_printf(&f->text, "Offset:%" PRId64, r->offset);
		put_separator(f, f->delivery || f->epoch || f->headers || f->key || f->value);
	}
	if (f->delivery) {
		buf_printf(&f->text, "Delivery:NOT_PRESENT");
		put_separator(f, f->epoch || f->headers || f->key || f->value);
	}
	if (f->epoch) { /* kafka-console-consumer does not pass it to its formatter */
		buf_printf(&f->text, "Epoch:NOT_PRESENT");
		put_separator(f, f->headers || f->key || f->value);
	}
	if (f->headers) {
		ok = put_headers(f, r);
		put_separator(f, f->key || f->value);
	}
	if (f->key) {
		ok = put_value(f, f->key_text, r->key) && ok;
		put_separator(f, f->value);
	}
	if (f->value) {
		ok = put_value(f, f->value_text, r->value) && ok;
		buf_put_str(&f->text, f->line_separator);
	}
	return ok;
}

static bool write_nothing(struct formatter *f, const struct consumed *c)
{
	return true;
}

static bool write_logging(struct formatter *f, const struct consumed *c)
{
	fprintf(stderr, "%s:%" PRId64 ", key:%.*s%s, value:%.*s\n", timestamp_type(c), c->record->timestamp,
		c->record->key.p ? (int)c->record->key.len : 4,
		c->record->key.p ? (const char *)c->record->key.p : "null", c->record->key.p ? "" : " ",
		c->record->value.p ? (int)c->record->value.len : 4,
		c->record->value.p ? (const char *)c->record->value.p : "null");
	return write_default(f, c);
}

/* ---- records of coordinators ---- */

struct coordinator_kind {
	const char *name; /* last part of the class name */
	enum coordinator_family family;
	uint32_t types; /* one bit each */
};

static const struct coordinator_kind COORDINATORS[] = {
	{"OffsetsMessageFormatter", COORDINATOR_GROUP, 1 << 0 | 1 << 1},
	{"GroupMetadataMessageFormatter", COORDINATOR_GROUP, 1 << 2},
	{"ShareGroupMessageFormatter", COORDINATOR_GROUP, 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15},
	{"TransactionLogMessageFormatter", COORDINATOR_TRANSACTION, 1 << 0},
	{"ShareGroupStateMessageFormatter", COORDINATOR_SHARE, 1 << 0 | 1 << 1},
};

static bool write_coordinator(struct formatter *f, const struct consumed *c)
{
	const struct coordinator_kind *kind = f->kind;
	struct bytes key = c->record->key, value = c->record->value;
	int type = coordinator_record_type(key), version, err;
	struct buf json = {0};

	if (type < 0 || type > 31 || !(kind->types & 1u << type))
		return true;
	err = coordinator_key_json(kind->family, key, &f->arena, &json);
	if (err == 0)
		buf_printf(&f->text, "{\"key\":{\"type\":%d,\"data\":%.*s},\"value\":", type, (int)json.len,
			   (const char *)json.p);
	json.len = 0;
	if (err == 0 && value.p)
		err = coordinator_value_json(kind->family, key, value, &f->arena, &version, &json);
	if (err == 0 && value.p)
		buf_printf(&f->text, "{\"version\":%d,\"data\":%.*s}}", version, (int)json.len, (const char *)json.p);
	else if (err == 0)
		buf_printf(&f->text, "null}");
	buf_fini(&json);
	arena_reset(&f->arena);
	return err == 0 || err == ERR_UNSUPPORTED_VERSION;
}

/* ---- --json: one line per record ---- */

/* As text if it is valid UTF-8, otherwise in base64 as NAMEBase64. */
static void set_bytes(json_t *to, const char *name, struct bytes b)
{
	struct str s = {(const char *)b.p, b.len};
	struct buf text = {0};
	char other[32];

	if (!b.p || str_is_utf8(s)) {
		json_object_set_new(to, name, json_str(s));
		return;
	}
	snprintf(other, sizeof(other), "%sBase64", name);
	buf_reserve(&text, BASE64_LEN((size_t)b.len));
	text.len = base64_put(BASE64_PADDED, b.p, (size_t)b.len, (char *)text.p);
	json_object_set_new(to, other, json_stringn((const char *)text.p, text.len));
	buf_fini(&text);
}

static bool write_json(struct formatter *f, const struct consumed *c)
{
	json_t *one = json_pack("{s:o,s:i,s:I,s:I,s:s,s:[]}", "topic", json_str(c->topic), "partition",
				(int)c->partition, "offset", (json_int_t)c->record->offset, "timestamp",
				(json_int_t)c->record->timestamp, "timestampType", timestamp_type(c), "headers");
	struct bytes rest = c->record->headers;
	struct record_header h;
	char *text;

	for (int32_t i = 0; i < c->record->n_headers && record_header_next(&rest, &h); i++) {
		json_t *header = json_object();

		json_object_set_new(header, "key", json_str(h.key));
		set_bytes(header, "value", h.value);
		json_array_append_new(json_object_get(one, "headers"), header);
	}
	set_bytes(one, "key", c->record->key);
	set_bytes(one, "value", c->record->value);
	text = json_dumps(one, JSON_COMPACT);
	buf_printf(&f->text, "%s\n", text);
	free(text);
	json_decref(one);
	return true;
}

/* ---- choosing ---- */

static const char *last_part(const char *class)
{
	const char *dot = strrchr(class, '.');

	return dot ? dot + 1 : class;
}

static void choose_class(struct formatter *f, const char *class)
{
	const char *name = last_part(class);

	if (strcmp(name, "DefaultMessageFormatter") == 0)
		f->write = write_default;
	if (strcmp(name, "NoOpMessageFormatter") == 0)
		f->write = write_nothing;
	if (strcmp(name, "LoggingMessageFormatter") == 0)
		f->write = write_logging;
	for (size_t i = 0; i < sizeof(COORDINATORS) / sizeof(COORDINATORS[0]); i++)
		if (strcmp(COORDINATORS[i].name, name) == 0) {
			f->write = write_coordinator;
			f->kind = &COORDINATORS[i];
		}
	if (!f->write)
		tool_die(f->tool,
			 "--formatter %s: there are no Java classes here, and none of Kafka's formatters is called so",
			 class);
}

static void set_property(void *arg, const char *name, const char *value)
{
	struct formatter *f = arg;
	const struct {
		const char *name;
		bool *flag;
		struct str *text;
		deserialize_fn **class;
	} rows[] = {
		{"print.timestamp", &f->timestamp, NULL, NULL},
		{"print.key", &f->key, NULL, NULL},
		{"print.value", &f->value, NULL, NULL},
		{"print.offset", &f->offset, NULL, NULL},
		{"print.delivery", &f->delivery, NULL, NULL},
		{"print.epoch", &f->epoch, NULL, NULL},
		{"print.partition", &f->partition, NULL, NULL},
		{"print.headers", &f->headers, NULL, NULL},
		{"key.separator", NULL, &f->key_separator, NULL},
		{"line.separator", NULL, &f->line_separator, NULL},
		{"headers.separator", NULL, &f->headers_separator, NULL},
		{"null.literal", NULL, &f->null_literal, NULL},
		{"key.deserializer", NULL, NULL, &f->key_text},
		{"value.deserializer", NULL, NULL, &f->value_text},
		{"headers.deserializer", NULL, NULL, &f->header_text},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		if (rows[i].flag)
			*rows[i].flag = tool_is_true(value);
		else if (rows[i].text)
			*rows[i].text = str_of(value);
		else
			*rows[i].class = deserializer_named(f, value);
	}
}

void formatter_init(struct formatter *f, struct tool *t)
{
	*f = (struct formatter){.tool = t,
				.value = true,
				.key_separator = STR("\t"),
				.line_separator = STR("\n"),
				.headers_separator = STR(","),
				.null_literal = STR("null")};
	arena_init(&f->arena, ARENA_MAX);
	choose_class(f, tool_has(t, "formatter") ? tool_value(t, "formatter") : "DefaultMessageFormatter");
	if (t->json && f->write == write_default)
		f->write = write_json;
	if (tool_has(t, "formatter-config"))
		tool_each_property(t, tool_value(t, "formatter-config"), set_property, f);
	if (tool_has(t, "key-deserializer"))
		set_property(f, "key.deserializer", tool_value(t, "key-deserializer"));
	if (tool_has(t, "value-deserializer"))
		set_property(f, "value.deserializer", tool_value(t, "value-deserializer"));
	tool_each_pair(t, "formatter-property", set_property, f);
	tool_each_pair(t, "property", set_property, f);
}

bool formatter_write(struct formatter *f, const struct consumed *r)
{
	bool ok;

	f->text.len = 0;
	ok = f->write(f, r);
	if (ok)
		fwrite(f->text.p, 1, f->text.len, stdout);
	return ok;
}
