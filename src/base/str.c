/* str: compares, copies and checks views. Nothing here writes through a view. */
#include "base/str.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"

struct str str_of(const char *cstr)
{
	return cstr ? (struct str){cstr, (int32_t)strlen(cstr)} : STR_NULL;
}

bool str_is_null(struct str s)
{
	return !s.p;
}

static bool same_bytes(const void *a, int32_t a_len, const void *b, int32_t b_len)
{
	if (!a || !b)
		return a == b;
	return a_len == b_len && (a_len == 0 || !memcmp(a, b, (size_t)a_len));
}

bool str_eq(struct str a, struct str b)
{
	return same_bytes(a.p, a.len, b.p, b.len);
}

bool bytes_eq(struct bytes a, struct bytes b)
{
	return same_bytes(a.p, a.len, b.p, b.len);
}

bool str_is(struct str a, const char *cstr)
{
	return str_eq(a, str_of(cstr));
}

bool str_is_true(struct str s)
{
	return s.len == 4 && strncasecmp(s.p, "true", 4) == 0;
}

int str_cmp(struct str a, struct str b)
{
	int32_t common = a.len < b.len ? a.len : b.len;
	int order;

	if (!a.p || !b.p)
		return (a.p != NULL) - (b.p != NULL);
	order = common ? memcmp(a.p, b.p, (size_t)common) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

char *str_dup(struct str s)
{
	return s.p ? xstrndup(s.p, (size_t)s.len) : NULL;
}

/*
 * Reads one code point at p, which is before `end`. Returns its length, or 0 when the bytes are not
 * valid UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
 */
static int utf8_next(const uint8_t *p, const uint8_t *end, uint32_t *out)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c = *p;
	int len = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

	if (c < 0x80) {
		*out = c;
		return 1;
	}
	if (c < 0xc2 || c > 0xf4 || end - p < len)
		return 0;
	c &= 0xffu >> (len + 1);
	for (int i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < smallest[len] || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		return 0;
	*out = c;
	return len;
}

bool str_is_utf8(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	const uint8_t *end = p + s.len;
	uint32_t c;

	while (p < end) {
		int len = utf8_next(p, end, &c);

		if (!len)
			return false;
		p += len;
	}
	return true;
}

int32_t str_java_hash(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	const uint8_t *end = p + s.len;
	uint32_t hash = 0;

	while (p < end) {
		uint32_t c;
		int len = utf8_next(p, end, &c);

		if (!len) { /* Java substitutes U+FFFD for what it cannot decode */
			c = 0xfffd;
			len = 1;
		}
		p += len;
		if (c > 0xffff) {
			c -= 0x10000;
			hash = 31 * hash + (0xd800 + (c >> 10));
			c = 0xdc00 + (c & 0x3ff);
		}
		hash = 31 * hash + c;
	}
	return (int32_t)hash;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int min_int(int a, int b)
{
	return a < b ? a : b;
}

/* Levenshtein's table, one row at a time; names longer than a row count as far away. */
int str_distance(struct str a, struct str b, int limit)
{
	int row[128];

	if (b.len >= 128 || a.len - b.len >= limit || b.len - a.len >= limit)
		return limit;
	for (int j = 0; j <= b.len; j++)
		row[j] = j;
	for (int i = 1; i <= a.len; i++) {
		int diagonal = row[0];

		row[0] = i;
		for (int j = 1; j <= b.len; j++) {
			int above = row[j];
			int replaced = diagonal + (lower(a.p[i - 1]) != lower(b.p[j - 1]));

			row[j] = min_int(replaced, min_int(above, row[j - 1]) + 1);
			diagonal = above;
		}
	}
	return min_int(row[b.len], limit);
}

struct str str_trim(struct str s)
{
	while (s.len > 0 && (unsigned char)s.p[0] <= ' ') {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && (unsigned char)s.p[s.len - 1] <= ' ')
		s.len--;
	return s;
}

bool str_take_prefix(struct str *s, const char *prefix)
{
	int32_t len = (int32_t)strlen(prefix);

	if (s->len < len || (len > 0 && memcmp(s->p, prefix, (size_t)len) != 0))
		return false;
	s->p += len;
	s->len -= len;
	return true;
}

bool str_to_i32(struct str s, int32_t *out)
{
	bool negative = s.len > 0 && s.p[0] == '-';
	int i = s.len > 0 && (s.p[0] == '-' || s.p[0] == '+');
	int64_t v = 0;

	if (i == s.len)
		return false;
	for (; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = 10 * v + (s.p[i] - '0');
		if (v > (int64_t)INT32_MAX + negative)
			return false;
	}
	*out = (int32_t)(negative ? -v : v);
	return true;
}

bool str_next_item(struct str list, int32_t *at, struct str *item)
{
	int32_t end = *at;

	if (*at > list.len)
		return false;
	while (end < list.len && list.p[end] != ',')
		end++;
	*item = list.p ? (struct str){list.p + *at, end - *at} : STR("");
	*at = end + 1;
	return true;
}

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
