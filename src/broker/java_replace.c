/*
 * java_replace: replacement templates, and upper and lower case as in Java.
 */
#include "broker/java_replace.h"

#include "base/check.h"
#include "group/re2.h"

/* ---- a replacement ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The group after a dollar sign: as many digits as give an existing group; -1: there is no such group. */
static int read_group(const char **at, int groups)
{
	const char *p = *at;
	int n = *p++ - '0';

	if (n > groups)
		return -1;
	while (is_digit(*p) && n * 10 + (*p - '0') <= groups)
		n = n * 10 + (*p++ - '0');
	*at = p;
	return n;
}

static bool put_replacement(const struct re2_pattern *pattern, const char *replacement, struct str text,
			    const struct re2_span *groups, enum java_no_group no_group, struct buf *out)
{
	int n = re2_groups(pattern), group;

	for (const char *p = replacement; *p;) {
		if (*p == '\\' && !p[1])
			return false;
		if (*p != '\\' && *p != '$') {
			buf_put(out, p++, 1);
			continue;
		}
		if (*p++ == '\\') {
			buf_put(out, p++, 1);
			continue;
		}
		if (!is_digit(*p))
			return false;
		group = read_group(&p, n);
		if (group < 0 && (n == 0 || no_group == JAVA_NO_GROUP_THROWS))
			return false;
		if (group < 0)
			buf_put(out, "$", 1);
		else if (groups[group].begin >= 0)
			buf_put(out, text.p + groups[group].begin, (size_t)(groups[group].end - groups[group].begin));
	}
	return true;
}

bool java_replace(const struct re2_pattern *pattern, const char *replacement, struct str text, bool all,
		  enum java_no_group no_group, struct buf *out)
{
	struct re2_span groups[RE2_SPANS_MAX];
	int32_t from = 0, copied = 0;

	check(re2_groups(pattern) < RE2_SPANS_MAX);
	while (from <= text.len && re2_find(pattern, text.p, text.len, from, groups, RE2_SPANS_MAX)) {
		buf_put(out, text.p + copied, (size_t)(groups[0].begin - copied));
		if (!put_replacement(pattern, replacement, text, groups, no_group, out))
			return false;
		copied = groups[0].end;
		from = copied;
		if (groups[0].begin == groups[0].end) /* on to the next letter */
			for (from++; from < text.len && ((uint8_t)text.p[from] & 0xc0) == 0x80; from++)
				;
		if (!all)
			break;
	}
	if (copied < text.len)
		buf_put(out, text.p + copied, (size_t)(text.len - copied));
	return true;
}

/* ---- case: of letters in the alphabets of Europe ---- */

static uint32_t lower(uint32_t c)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
	    (c >= 0x391 && c <= 0x3a9 && c != 0x3a2) || (c >= 0x410 && c <= 0x42f))
		return c + 32;
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if (((c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14a && c <= 0x177)) && c % 2 == 0)
		return c + 1;
	if (((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) && c % 2 == 1)
		return c + 1;
	return c;
}

static uint32_t upper(uint32_t c)
{
	static const uint8_t steps[] = {32, 80, 1};

	for (size_t i = 0; i < sizeof(steps); i++)
		if (c > steps[i] && lower(c - steps[i]) == c)
			return c - steps[i];
	return c;
}

void java_fold(struct buf *text, size_t from, char how)
{
	for (size_t i = from; i < text->len; i++) {
		uint8_t *p = text->p + i;
		bool two = (p[0] & 0xe0) == 0xc0 && i + 1 < text->len;
		uint32_t c = two ? (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f) : p[0];

		if (!two && p[0] >= 0x80)
			continue;
		c = how == 'L' ? lower(c) : upper(c);
		if (two) {
			p[0] = (uint8_t)(0xc0 | c >> 6);
			p[1] = (uint8_t)(0x80 | (c & 0x3f));
			i++;
		} else {
			p[0] = (uint8_t)c;
		}
	}
}
