/* line_reader: splits a line into headers, key and value. */
#include "cli/line_reader.h"

#include <string.h>

static void set(void *arg, const char *name, const char *value)
{
	struct line_reader *r = arg;
	const struct {
		const char *name;
		bool *flag;
		struct str *text;
	} rows[] = {
		{"parse.key", &r->parse_key, NULL},
		{"parse.headers", &r->parse_headers, NULL},
		{"ignore.error", &r->ignore_error, NULL},
		{"key.separator", NULL, &r->key_separator},
		{"headers.delimiter", NULL, &r->headers_delimiter},
		{"headers.separator", NULL, &r->headers_separator},
		{"headers.key.separator", NULL, &r->headers_key_separator},
		{"null.marker", NULL, &r->null_marker},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		if (rows[i].flag)
			*rows[i].flag = tool_is_true(value);
		else
			*rows[i].text = str_of(value);
	}
}

static void differ(struct line_reader *r, struct str a, struct str b, const char *message)
{
	if (str_eq(a, b))
		tool_die(r->tool, "%s", message);
}

static void check_all(struct line_reader *r)
{
	differ(r, r->headers_delimiter, r->headers_separator,
	       "headers.delimiter and headers.separator may not be equal");
	differ(r, r->headers_delimiter, r->headers_key_separator,
	       "headers.delimiter and headers.key.separator may not be equal");
	differ(r, r->headers_separator, r->headers_key_separator,
	       "headers.separator and headers.key.separator may not be equal");
	differ(r, r->key_separator, r->null_marker, "null.marker and key.separator may not be equal");
	differ(r, r->headers_separator, r->null_marker, "null.marker and headers.separator may not be equal");
	differ(r, r->headers_delimiter, r->null_marker, "null.marker and headers.delimiter may not be equal");
	differ(r, r->headers_key_separator, r->null_marker, "null.marker and headers.key.separator may not be equal");
}

void line_reader_init(struct line_reader *r, struct tool *t)
{
	const char *class = tool_value(t, "line-reader");

	*r = (struct line_reader){.tool = t,
				  .key_separator = STR("\t"),
				  .headers_delimiter = STR("\t"),
				  .headers_separator = STR(","),
				  .headers_key_separator = STR(":")};
	if (class && strcmp(class, "org.apache.kafka.tools.LineMessageReader") != 0)
		tool_die(
			t,
			"--line-reader %s: there are no Java classes here; lines are read by org.apache.kafka.tools.LineMessageReader's rules",
			class);
	if (tool_has(t, "reader-config"))
		tool_each_property(t, tool_value(t, "reader-config"), set, r);
	tool_each_pair(t, "reader-property", set, r);
	tool_each_pair(t, "property", set, r);
	check_all(r);
}

/* ---- a line ---- */

static const char *find(struct str in, struct str what)
{
	return what.len <= 0 ? in.p : memmem(in.p, (size_t)in.len, what.p, (size_t)what.len);
}

static struct str after(struct str s, const char *at, struct str separator)
{
	const char *from = at + separator.len;

	return (struct str){from, (int32_t)(s.p + s.len - from)};
}

/* Only the first error of a line is kept. */
#define WRONG(r, ...) ((r)->wrong = str_is_null((r)->wrong) ? arena_printf(&(r)->tool->arena, __VA_ARGS__) : (r)->wrong)

/* Removes and returns the part of *rest before the separator; null if there is no separator. */
static struct str take(struct line_reader *r, struct str line, struct str *rest, struct str separator, const char *name)
{
	const char *at = find(*rest, separator);
	struct str part;

	if (!at && !r->ignore_error)
		WRONG(r, "No %s found on line number %lld: '%.*s'", name, (long long)r->line, STR_ARG(line));
	if (!at)
		return STR_NULL;
	part = (struct str){rest->p, (int32_t)(at - rest->p)};
	*rest = after(*rest, at, separator);
	return part;
}

static struct bytes or_null(const struct line_reader *r, struct str s)
{
	return str_eq(s, r->null_marker) || !s.p ? BYTES_NULL : (struct bytes){(const uint8_t *)s.p, s.len};
}

static void read_header(struct line_reader *r, struct str pair, struct record_header *out)
{
	const char *at = find(pair, r->headers_key_separator);

	if (!at && !r->ignore_error)
		WRONG(r, "No header key separator found in pair '%.*s' on line number %lld", STR_ARG(pair),
		      (long long)r->line);
	*out = (struct record_header){pair, BYTES_NULL};
	if (!at)
		return;
	out->key.len = (int32_t)(at - pair.p);
	out->value = or_null(r, after(pair, at, r->headers_key_separator));
	if (str_eq(out->key, r->null_marker))
		WRONG(r, "Header keys should not be equal to the null marker '%.*s' as they can't be null",
		      STR_ARG(r->null_marker));
}

static int read_headers(struct line_reader *r, struct str text, struct record_header *out)
{
	int n = 0;

	while (n < LINE_HEADERS_MAX) {
		const char *at = find(text, r->headers_separator);
		struct str pair = {text.p, at ? (int32_t)(at - text.p) : text.len};

		read_header(r, pair, &out[n++]);
		if (!at)
			return n;
		text = after(text, at, r->headers_separator);
		if (text.len == 0)
			return n;
	}
	WRONG(r, "more than %d headers on line number %lld", LINE_HEADERS_MAX, (long long)r->line);
	return n;
}

bool line_read(struct line_reader *r, struct str line, struct producer_record *out, struct record_header *headers)
{
	struct str rest = line, part;

	r->line++;
	r->wrong = STR_NULL;
	if (r->parse_headers) {
		part = take(r, line, &rest, r->headers_delimiter, "headers delimiter");
		if (part.p && !str_eq(part, r->null_marker))
			out->n_headers = read_headers(r, part, headers);
	}
	if (r->parse_key && str_is_null(r->wrong))
		out->key = or_null(r, take(r, line, &rest, r->key_separator, "key separator"));
	out->value = or_null(r, rest);
	return str_is_null(r->wrong);
}
