/*
 * properties: logical lines are collected byte by byte, then split into name and value, then
 * unescaped into UTF-8.
 */
#include "config/properties.h"

#include <string.h>

#include "base/buf.h"

void properties_init(struct properties *p, struct str text, struct arena *a)
{
	*p = (struct properties){.text = text, .arena = a, .next_line = 1};
}

/* ---- logical lines ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

static bool is_end(char c)
{
	return c == '\n' || c == '\r';
}

static int peek(const struct properties *p)
{
	return p->text.len > 0 ? (unsigned char)p->text.p[0] : -1;
}

/* Takes one byte; \r\n counts as one \n. */
static char take(struct properties *p)
{
	char c = p->text.p[0];

	p->text.p++;
	p->text.len--;
	if (c == '\r' && peek(p) == '\n') {
		p->text.p++;
		p->text.len--;
	}
	if (is_end(c))
		p->next_line++;
	return c;
}

static void skip_comment(struct properties *p)
{
	while (p->text.len > 0 && !is_end(take(p)))
		;
}

/*
 * Collects a logical line without leading blanks, comments and line ends. False at the end of the
 * text. A backslash at the end of a natural line is dropped, together with the line end and the
 * leading blanks of the next line; that line is not a comment whatever it begins with, unless
 * nothing has been collected yet.
 */
static bool gather(struct properties *p, struct buf *line)
{
	bool skip_blanks = true, continued = false, backslash = false;

	line->len = 0;
	while (p->text.len > 0) {
		int at_line = p->next_line;
		char c = take(p);

		if (skip_blanks) {
			if (is_blank(c) || (!continued && is_end(c)))
				continue;
			skip_blanks = continued = false;
		}
		if (line->len == 0 && (c == '#' || c == '!')) {
			skip_comment(p);
			skip_blanks = true;
			continue;
		}
		if (!is_end(c)) {
			if (line->len == 0)
				p->line = at_line;
			buf_put(line, &c, 1);
			backslash = c == '\\' ? !backslash : false;
			continue;
		}
		if (line->len == 0) {
			skip_blanks = true;
			continue;
		}
		if (!backslash)
			return true;
		line->len--;
		if (p->text.len == 0)
			return line->len > 0 || p->text.p[-1] == c; /* Java drops a lone backslash before \r\n */
		skip_blanks = continued = true;
		backslash = false;
	}
	if (line->len > 0 && backslash)
		line->len--;
	else if (line->len == 0)
		return false;
	return true;
}

/* ---- unescaping ---- */

static bool take_unit(const char *p, const char *end, unsigned *unit)
{
	*unit = 0;
	if (end - p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		if (hex_digit(p[i]) < 0)
			return false;
		*unit = *unit * 16 + (unsigned)hex_digit(p[i]);
	}
	return true;
}

static void put_utf8(struct buf *b, unsigned c)
{
	uint8_t v[4];
	int n;

	if (c < 0x80)
		n = 1, v[0] = (uint8_t)c;
	else if (c < 0x800)
		n = 2, v[0] = (uint8_t)(0xc0 | c >> 6);
	else if (c < 0x10000)
		n = 3, v[0] = (uint8_t)(0xe0 | c >> 12);
	else
		n = 4, v[0] = (uint8_t)(0xf0 | c >> 18);
	for (int i = n - 1, shift = 0; i > 0; i--, shift += 6)
		v[i] = (uint8_t)(0x80 | (c >> shift & 0x3f));
	buf_put(b, v, (size_t)n);
}

/*
 * Takes a \uXXXX, or two that form a surrogate pair. A lone surrogate is not a character: it
 * becomes '?', as in Java.
 */
static const char *take_unicode(const char *p, const char *end, struct buf *out)
{
	unsigned c, low;

	if (!take_unit(p, end, &c))
		return NULL;
	p += 4;
	if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' && take_unit(p + 2, end, &low) &&
	    low >= 0xdc00 && low < 0xe000) {
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		p += 6;
	}
	put_utf8(out, c >= 0xd800 && c < 0xe000 ? '?' : c);
	return p;
}

static bool unescape(struct properties *p, struct str s, struct buf *scratch, struct str *out)
{
	const char *at = s.p, *end = s.p + s.len;

	scratch->len = 0;
	while (at < end) {
		char c = *at++;

		if (c != '\\') {
			put_utf8(scratch, (unsigned char)c);
			continue;
		}
		if (at == end)
			break;
		c = *at++;
		if (c == 'u') {
			at = take_unicode(at, end, scratch);
			if (at == NULL) {
				p->malformed = true;
				return false;
			}
			continue;
		}
		put_utf8(scratch, c == 't'   ? '\t'
				  : c == 'r' ? '\r'
				  : c == 'n' ? '\n'
				  : c == 'f' ? '\f'
					     : (unsigned char)c);
	}
	*out = arena_str(p->arena, scratch->len > 0 ? buf_str(scratch) : STR(""));
	return !p->arena->failed;
}

/* ---- pairs ---- */

static void cut(struct str line, struct str *name, struct str *value)
{
	bool backslash = false, separated = false;
	int i = 0, start;

	for (; i < line.len; i++) {
		if (!backslash && (is_blank(line.p[i]) || line.p[i] == '=' || line.p[i] == ':'))
			break;
		backslash = line.p[i] == '\\' ? !backslash : false;
	}
	for (start = i; start < line.len; start++) {
		bool sign = line.p[start] == '=' || line.p[start] == ':';

		if (!is_blank(line.p[start]) && (!sign || separated))
			break;
		separated |= sign;
	}
	*name = (struct str){line.p, i};
	*value = (struct str){line.p + start, line.len - start};
}

bool properties_next(struct properties *p, struct str *name, struct str *value)
{
	struct buf line = {0}, scratch = {0};
	bool found = !p->malformed && gather(p, &line);

	if (found) {
		cut(buf_str(&line), name, value);
		found = unescape(p, *name, &scratch, name) && unescape(p, *value, &scratch, value);
	}
	buf_fini(&line);
	buf_fini(&scratch);
	return found;
}
