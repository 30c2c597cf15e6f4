/*
 * ssl_principal: parses the rules, and applies them to names.
 */
#include "broker/ssl_principal.h"

#include <string.h>

#include "base/mem.h"
#include "broker/java_replace.h"
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

/* ---- parsing ---- */

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

/* Takes everything up to a slash without a backslash before it, and the slash. */
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

/* A rule ends with a comma or at the end of the text. */
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
		return refuse(why, whole,
			      "the pattern is not a regular expression, or uses look-around or back-references");
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
		if (text.p[0] == ',') { /* empty ones are skipped */
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
		if (!java_replace(rule->pattern, rule->replacement, distinguished_name, true, JAVA_NO_GROUP_IS_TEXT,
				  out))
			return false;
		if (rule->fold)
			java_fold(out, from, rule->fold);
		return true;
	}
	return false;
}
