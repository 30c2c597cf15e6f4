/*
 * ssl_principal: see the header.
 */
#include "broker/ssl_principal.h"

#include <string.h>

#include "base/mem.h"
#include "group/re2.h"

enum { PATTERN_MEMORY = 1 << 20, GROUPS_MAX = RE2_SPANS_MAX };

struct rule {
	struct rule *next;
	struct re2_pattern *pattern; /* NULL: DEFAULT */
	char *replacement;
	char fold; /* 'L', 'U' or 0 */
};

struct ssl_principal_rules {
	struct rule *first;
};

/* ---- reading ---- */

static void skip(struct str *s, int32_t n)
{
	s->p += n;
	s->len -= n;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static void skip_space(struct str *s)
{
	while (s->len > 0 && is_space(s->p[0]))
		skip(s, 1);
}

static bool begins_with(struct str s, const char *word)
{
	int32_t len = (int32_t)strlen(word);

	return s.len >= len && memcmp(s.p, word, (size_t)len) == 0;
}

/* Up to a stroke that has no backslash before it, which is passed. */
static bool read_part(struct str *rest, struct str *part)
{
	for (int32_t i = 0; i < rest->len; i++) {
		if (rest->p[i] == '\\')
			i++;
		else if (rest->p[i] == '/') {
			*part = (struct str){rest->p, i};
			skip(rest, i + 1);
			return true;
		}
	}
	return false;
}

/* A rule ends with a comma or the text. */
static bool read_end(struct str *rest)
{
	skip_space(rest);
	if (rest->len == 0)
		return true;
	if (rest->p[0] != ',')
		return false;
	skip(rest, 1);
	return true;
}

static int refuse(struct buf *why, struct str rule, const char *what)
{
	buf_printf(why, "Invalid rule: `%.*s`: %s", STR_ARG(rule), what);
	return -1;
}

static int read_rule(struct str *rest, struct rule *rule, struct buf *why)
{
	struct str whole = *rest, pattern, replacement;
	int error;

	if (begins_with(*rest, "DEFAULT")) {
		skip(rest, 7);
		return read_end(rest) ? 0 : refuse(why, whole, "a comma is missing behind DEFAULT");
	}
	if (!begins_with(*rest, "RULE:"))
		return refuse(why, whole, "neither DEFAULT nor RULE:");
	skip(rest, 5);
	if (!read_part(rest, &pattern) || !read_part(rest, &replacement))
		return refuse(why, whole, "it is not RULE:pattern/replacement/[LU]");
	if (rest->len > 0 && (rest->p[0] == 'L' || rest->p[0] == 'U')) {
		rule->fold = rest->p[0];
		skip(rest, 1);
	}
	if (!read_end(rest))
		return refuse(why, whole, "a comma is missing behind it");
	rule->pattern = re2_new(pattern.p, pattern.len, PATTERN_MEMORY, &error);
	if (!rule->pattern)
		return refuse(why, whole, "the pattern is no regular expression, or one that looks around or back");
	if (re2_groups(rule->pattern) >= GROUPS_MAX)
		return refuse(why, whole, "the pattern has too many groups");
	rule->replacement = str_dup(replacement);
	return 0;
}

struct ssl_principal_rules *ssl_principal_rules_new(struct str text, struct buf *why)
{
	struct ssl_principal_rules *r = xcalloc(1, sizeof(*r));
	struct rule **last = &r->first;

	for (skip_space(&text); text.len > 0; skip_space(&text)) {
		if (text.p[0] == ',') { /* empty ones are passed over */
			skip(&text, 1);
			continue;
		}
		*last = xcalloc(1, sizeof(**last));
		if (read_rule(&text, *last, why)) {
			ssl_principal_rules_free(r);
			return NULL;
		}
		last = &(*last)->next;
	}
	return r;
}

void ssl_principal_rules_free(struct ssl_principal_rules *r)
{
	if (!r)
		return;
	for (struct rule *rule = r->first, *next; rule; rule = next) {
		next = rule->next;
		if (rule->pattern)
			re2_free(rule->pattern);
		xfree(rule->replacement);
		xfree(rule);
	}
	xfree(r);
}

/* ---- a replacement, as Java's Matcher.appendReplacement reads it ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The group behind a dollar: as many digits as make one that there is. One that there is not stands for itself, where there are groups. */
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

static bool put_replacement(const struct rule *rule, struct str name, const struct re2_span *groups, struct buf *out)
{
	int n = re2_groups(rule->pattern), group;

	for (const char *p = rule->replacement; *p;) {
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
		if (group < 0 && n == 0)
			return false;
		if (group < 0)
			buf_put(out, "$", 1);
		else if (groups[group].begin >= 0)
			buf_put(out, name.p + groups[group].begin, (size_t)(groups[group].end - groups[group].begin));
	}
	return true;
}

/* Java's replaceAll. */
static bool replace_all(const struct rule *rule, struct str name, struct buf *out)
{
	struct re2_span groups[GROUPS_MAX];
	int32_t from = 0, copied = 0;

	while (from <= name.len && re2_find(rule->pattern, name.p, name.len, from, groups, GROUPS_MAX)) {
		buf_put(out, name.p + copied, (size_t)(groups[0].begin - copied));
		if (!put_replacement(rule, name, groups, out))
			return false;
		copied = groups[0].end;
		from = copied + (groups[0].begin == groups[0].end);
	}
	if (copied < name.len)
		buf_put(out, name.p + copied, (size_t)(name.len - copied));
	return true;
}

/* ---- case: of letters with a case in the alphabets of Europe ---- */

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

static void fold(struct buf *text, size_t from, char how)
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

bool ssl_principal_name(const struct ssl_principal_rules *r, struct str distinguished_name, struct buf *out)
{
	size_t from = out->len;

	for (const struct rule *rule = r->first; rule; rule = rule->next) {
		if (!rule->pattern) {
			buf_put_str(out, distinguished_name);
			return true;
		}
		if (!re2_matches(rule->pattern, distinguished_name.p, distinguished_name.len))
			continue;
		if (!replace_all(rule, distinguished_name, out))
			return false;
		if (rule->fold)
			fold(out, from, rule->fold);
		return true;
	}
	return false;
}
