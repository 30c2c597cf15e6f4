/*
 * pem: blocks of base64 between lines of dashes, as found by Kafka's PemParser: any text may
 * precede them, line breaks may be spaces (a value in a properties file is one line), lines with a
 * colon before the base64 are skipped.
 *
 *	-----BEGIN [words] LABEL-----
 *	[name: value]
 *	base64
 *	-----END [words] LABEL-----
 */
#include <string.h>

#include "tls/tls_private.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static void skip(struct str *s, int32_t n)
{
	s->p += n;
	s->len -= n;
}

static int32_t find(struct str s, const char *what)
{
	const char *at = s.len > 0 ? memmem(s.p, (size_t)s.len, what, strlen(what)) : NULL;

	return at ? (int32_t)(at - s.p) : -1;
}

/* Reads "-----BEGIN label-----" up to its last dash. */
static bool read_border(struct str *text, const char *word, struct str *label)
{
	int32_t at = find(*text, word), end;

	if (at < 0)
		return false;
	skip(text, at + (int32_t)strlen(word));
	end = find(*text, "-");
	if (end < 0)
		return false;
	*label = (struct str){text->p, end};
	while (label->len > 0 && is_space(label->p[0]))
		skip(label, 1);
	skip(text, end);
	while (text->len > 0 && text->p[0] == '-')
		skip(text, 1);
	return true;
}

static bool ends_with(struct str s, const char *end)
{
	int32_t len = (int32_t)strlen(end);

	return s.len >= len && memcmp(s.p + s.len - len, end, (size_t)len) == 0;
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* A character that is not base64 ends the block and makes its contents invalid. */
static void decode(struct str text, struct buf *out)
{
	uint32_t bits = 0;
	int n = 0;

	for (int32_t i = 0; i < text.len; i++) {
		int v = value_of(text.p[i]);

		if (is_space(text.p[i]))
			continue;
		if (v < 0)
			return;
		bits = bits << 6 | (uint32_t)v;
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_put(out, &(uint8_t){(uint8_t)(bits >> n)}, 1);
		}
	}
}

/* Skips header lines: "Proc-Type: 4,ENCRYPTED". */
static struct str without_headers(struct str body)
{
	for (int32_t i = body.len - 1; i >= 0; i--)
		if (body.p[i] == ':') {
			while (i < body.len && body.p[i] != '\n' && body.p[i] != '\r')
				i++;
			skip(&body, i);
			return body;
		}
	return body;
}

bool pem_next(struct str *text, const char *label, struct str *found, struct buf *der)
{
	struct str closing;

	while (read_border(text, "-BEGIN", found)) {
		struct str body = *text;
		int32_t end = find(body, "-");

		if (end < 0 || !read_border(text, "-END", &closing))
			return false;
		if (!ends_with(*found, label))
			continue;
		body.len = end;
		decode(without_headers(body), der);
		return true;
	}
	return false;
}
