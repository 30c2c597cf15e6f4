/*
 * kerberos_names: parses the rules, and applies them to principals.
 */
#include "broker/kerberos_names.h"

#include <string.h>

#include "base/mem.h"
#include "broker/java_replace.h"
#include "group/re2.h"

enum { PATTERN_MEMORY = 1 << 20, PARTS_MAX = 3 };

struct rule {
	bool is_default;
	int32_t n_parts; /* without the realm */
	char *format;
	struct re2_pattern *match; /* NULL: anything matches */
	struct re2_pattern *from;  /* NULL: nothing is replaced */
	char *to;
	bool all;
	char fold; /* 'L', 'U' or 0 */
};

struct kerberos_names {
	char *realm;
	struct rule *rules;
	int n;
};

/* ---- parsing ---- */

/* Takes everything up to the character, and the character; false: it does not occur, and nothing is taken. */
static bool take_until(struct str *in, char c, struct str *out)
{
	const char *at = in->len > 0 ? memchr(in->p, c, (size_t)in->len) : NULL;

	if (!at)
		return false;
	*out = (struct str){in->p, (int32_t)(at - in->p)};
	in->p += out->len + 1;
	in->len -= out->len + 1;
	return true;
}

static bool is_number(struct str s)
{
	for (int32_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static bool refuse(struct buf *why, struct str rule, const char *what)
{
	buf_printf(why, "Invalid rule: `%.*s`: %s", STR_ARG(rule), what);
	return false;
}

static bool compile(struct str text, struct str rule, struct re2_pattern **out, struct buf *why)
{
	int error;

	*out = re2_new(text.p, text.len, PATTERN_MEMORY, &error);
	if (!*out)
		return refuse(why, rule,
			      "a pattern is not a regular expression, or uses look-around or back-references");
	return re2_groups(*out) < RE2_SPANS_MAX || refuse(why, rule, "a pattern has too many groups");
}

/* Parses what follows the format; all of it is optional. */
static bool read_tail(struct str *in, struct str whole, struct rule *r, struct buf *why)
{
	struct str before = *in, match, from, to;

	if (str_take_prefix(in, "(")) {
		if (!take_until(in, ')', &match))
			*in = before;
		else if (!compile(match, whole, &r->match, why))
			return false;
	}
	before = *in;
	if (str_take_prefix(in, "s/")) {
		if (!take_until(in, '/', &from) || !take_until(in, '/', &to)) {
			*in = before;
		} else {
			if (!compile(from, whole, &r->from, why))
				return false;
			r->to = str_dup(to);
			r->all = str_take_prefix(in, "g");
		}
	}
	str_take_prefix(in, "/");
	if (in->len > 0 && (in->p[0] == 'L' || in->p[0] == 'U')) {
		r->fold = in->p[0];
		in->p++;
		in->len--;
	}
	return true;
}

static bool read_rule(struct str in, struct rule *r, struct buf *why)
{
	struct str whole = in, number, format;

	if (str_take_prefix(&in, "DEFAULT")) {
		r->is_default = true;
	} else {
		if (!str_take_prefix(&in, "RULE:[") || !take_until(&in, ':', &number) || !is_number(number) ||
		    !take_until(&in, ']', &format)) {
			buf_printf(why, "Invalid rule: %.*s", STR_ARG(whole));
			return false;
		}
		if (!str_to_i32(number, &r->n_parts))
			return refuse(why, whole, "the number of parts is missing");
		r->format = str_dup(format);
		if (!read_tail(&in, whole, r, why))
			return false;
	}
	if (in.len > 0)
		buf_printf(why, "Invalid rule: `%.*s`, unmatched substring: `%.*s`", STR_ARG(whole), STR_ARG(in));
	return in.len == 0;
}

struct kerberos_names *kerberos_names_new(const struct str *rules, int n, struct str default_realm, struct buf *why)
{
	struct kerberos_names *k = xcalloc(1, sizeof(*k));

	k->realm = str_dup(default_realm);
	k->rules = xcalloc((size_t)n + 1, sizeof(*k->rules));
	k->n = n;
	for (int i = 0; i < n; i++) {
		if (read_rule(rules[i], &k->rules[i], why))
			continue;
		kerberos_names_free(k);
		return NULL;
	}
	return k;
}

void kerberos_names_free(struct kerberos_names *k)
{
	if (!k)
		return;
	for (int i = 0; i < k->n; i++) {
		struct rule *r = &k->rules[i];

		xfree(r->format);
		xfree(r->to);
		if (r->match)
			re2_free(r->match);
		if (r->from)
			re2_free(r->from);
	}
	xfree(k->rules);
	xfree(k->realm);
	xfree(k);
}

/* ---- a principal ---- */

struct name {
	struct str parts[PARTS_MAX]; /* the realm, then the components */
	int n;
};

/*
 * KerberosName.parse: "a@R" or "a/b@R"; without an at sign all of it is one component, and there is
 * no realm.
 */
static bool split(struct str principal, struct name *out)
{
	struct str rest = principal, first;

	*out = (struct name){0};
	if (!take_until(&rest, '@', &first)) {
		out->parts[1] = principal;
		out->n = 1;
		return true;
	}
	if (rest.len > 0 && (memchr(rest.p, '@', (size_t)rest.len) || memchr(rest.p, '/', (size_t)rest.len)))
		return false;
	out->parts[0] = rest;
	out->parts[1] = first;
	out->n = 2;
	if (take_until(&first, '/', &out->parts[1])) {
		out->parts[2] = first;
		out->n = 3;
	}
	return out->n < 3 || first.len == 0 || !memchr(first.p, '/', (size_t)first.len);
}

static bool put_format(const char *format, const struct name *name, struct buf *out)
{
	while (*format) {
		const char *end = strchr(format, '$');
		size_t len = end ? (size_t)(end - format) : strlen(format);
		struct str digits;
		int32_t part;

		buf_put(out, format, len);
		format += len;
		if (!*format)
			break;
		format++;
		digits = (struct str){format, (int32_t)strspn(format, "0123456789")};
		if (!str_to_i32(digits, &part) || part >= name->n)
			return false;
		format += digits.len;
		buf_put_str(out, name->parts[part]);
	}
	return true;
}

enum applies { YES, NO, NEVER };

static enum applies apply(const struct kerberos_names *k, const struct rule *r, const struct name *name,
			  struct buf *out)
{
	struct buf base = {0};
	enum applies applies = YES;

	if (r->is_default) {
		if (!str_is(name->parts[0], k->realm))
			return NO;
		buf_put_str(out, name->parts[1]);
		return YES;
	}
	if (name->n - 1 != r->n_parts)
		return NO;
	if (!put_format(r->format, name, &base)) {
		applies = NEVER;
	} else {
		struct str text = base.len > 0 ? buf_str(&base) : STR("");

		if (r->match && !re2_matches(r->match, text.p, text.len))
			applies = NO;
		else if (!r->from)
			buf_put_str(out, text);
		else if (!java_replace(r->from, r->to, text, r->all, JAVA_NO_GROUP_THROWS, out))
			applies = NEVER;
	}
	buf_fini(&base);
	return applies;
}

static bool is_simple(const struct buf *text, size_t from)
{
	for (size_t i = from; i < text->len; i++)
		if (text->p[i] == '/' || text->p[i] == '@')
			return false;
	return true;
}

bool kerberos_names_find(const struct kerberos_names *k, struct str principal, struct buf *user)
{
	size_t from = user->len;
	struct name name;

	if (!split(principal, &name))
		return false;
	if (name.n == 1) {
		buf_put_str(user, name.parts[1]);
		return true;
	}
	for (int i = 0; i < k->n; i++) {
		enum applies applies = apply(k, &k->rules[i], &name, user);

		if (applies == NO)
			continue;
		if (applies == NEVER || !is_simple(user, from))
			return false;
		if (k->rules[i].fold)
			java_fold(user, from, k->rules[i].fold);
		return true;
	}
	return false;
}
