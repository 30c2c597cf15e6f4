/* value: Kafka's ConfigDef.parseType, its validators and convertToString. */
#include "config/value.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"

static bool read_type(const struct config_setting *s, struct str text, struct arena *a, struct config_value *v,
		      struct str *error);
static bool check_rule(const struct config_setting *s, struct config_value *v, struct arena *a, struct str *error);

/* Kafka's ConfigException(name, value, message). */
static bool invalid(const struct config_setting *s, struct str value, const char *why, struct arena *a,
		    struct str *error)
{
	if (error != NULL)
		*error = arena_printf(a, "Invalid value %.*s for configuration %s: %s",
				      str_is_null(value) ? 4 : (int)value.len, str_is_null(value) ? "null" : value.p,
				      s->name, why);
	return false;
}

/* Kafka's ConfigException(message) for a list. */
static bool invalid_list(const struct config_setting *s, const char *why, struct arena *a, struct str *error)
{
	if (error != NULL)
		*error = arena_printf(a, "Configuration '%s' %s", s->name, why);
	return false;
}

bool config_value_read(const struct config_setting *s, struct str text, struct arena *a, struct config_value *out,
		       struct str *error)
{
	*out = (struct config_value){.text = STR_NULL};
	if (!str_is_null(text) && !read_type(s, text, a, out, error))
		return false;
	return check_rule(s, out, a, error);
}

void config_value_default(const struct config_setting *s, struct arena *a, struct config_value *out)
{
	*out = (struct config_value){.text = STR_NULL};
	if (s->default_text != NULL)
		check(read_type(s, str_of(s->default_text), a, out, NULL) || a->failed);
}

bool config_value_is_refused(const struct config_setting *s, const struct config_value *v)
{
	switch (s->refuse_when) {
	case CONFIG_REFUSE_NEVER:
		return false;
	case CONFIG_REFUSE_SET:
		return v->text.len > 0;
	case CONFIG_REFUSE_TRUE:
		return v->integer != 0;
	case CONFIG_REFUSE_NOT_DEFAULT:
		return !str_is(v->text, s->default_text);
	}
	return false;
}

bool config_value_has_item(const struct config_value *v, const char *item)
{
	for (int i = 0; i < v->n_items; i++)
		if (str_is(v->items[i], item))
			return true;
	return false;
}

/* ---- types ---- */

bool config_parse_integer(struct str s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = s.len > 0 && s.p[0] == '-';
	int i = s.len > 0 && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
	int64_t v = 0; /* kept negative: the negative range is larger */

	if (i == s.len)
		return false;
	for (; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s.p[i] - '0', &v))
			return false;
	}
	if (!negative && v == INT64_MIN)
		return false;
	*out = negative ? v : -v;
	return *out >= min && *out <= max;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * Splits at commas and the white space around them, as Java's split("\\s*,\\s*", -1) does with a
 * trimmed text.
 */
static void split_list(struct str s, struct arena *a, struct config_value *v)
{
	int n = 1;
	struct str *items;

	for (int i = 0; i < s.len; i++)
		n += s.p[i] == ',';
	items = arena_array(a, s.len > 0 ? (size_t)n : 0, sizeof(*items));
	if (s.len == 0 || items == NULL)
		return;
	v->items = items;
	for (int start = 0, i = 0; i <= s.len; i++) {
		struct str item = {s.p + start, i - start};

		if (i < s.len && s.p[i] != ',')
			continue;
		while (start > 0 && item.len > 0 && is_space(item.p[0]))
			item.p++, item.len--;
		while (i < s.len && item.len > 0 && is_space(item.p[item.len - 1]))
			item.len--;
		items[v->n_items++] = item;
		start = i + 1;
	}
}

/* The result ends in a NUL. */
static struct str join_list(const struct config_value *v, const char *between, struct arena *a)
{
	size_t len = 0, gap = strlen(between);
	char *p, *at;

	for (int i = 0; i < v->n_items; i++)
		len += (size_t)v->items[i].len + (i > 0 ? gap : 0);
	p = at = arena_alloc(a, len + 1);
	if (p == NULL)
		return STR("");
	for (int i = 0; i < v->n_items; i++) {
		if (i > 0)
			at = mempcpy(at, between, gap);
		at = mempcpy(at, v->items[i].p, (size_t)v->items[i].len);
	}
	*at = 0;
	return (struct str){p, (int32_t)len};
}

/* Formats as Java's List.toString, for messages. */
static struct str show_list(const struct config_value *v, struct arena *a)
{
	struct str inner = join_list(v, ", ", a);

	return arena_printf(a, "[%.*s]", STR_ARG(inner));
}

/* Equal items one after the other, in the order of the list. */
static int by_text(const void *a, const void *b)
{
	const struct str *x = *(const struct str *const *)a, *y = *(const struct str *const *)b;
	int order = str_cmp(*x, *y);

	return order ? order : (x > y) - (x < y);
}

/* Keeps the first of equal items. */
static void drop_repeated(struct config_value *v, struct arena *a)
{
	size_t room = (size_t)v->n_items + 1;
	const struct str **sorted = arena_array(a, room, sizeof(*sorted));
	struct str *items = arena_array(a, room, sizeof(*items));
	bool *repeats = arena_array(a, room, sizeof(*repeats));
	int n = 0;

	if (sorted == NULL || items == NULL || repeats == NULL)
		return;
	for (int i = 0; i < v->n_items; i++)
		sorted[i] = &v->items[i];
	qsort(sorted, (size_t)v->n_items, sizeof(*sorted), by_text);
	for (int i = 1; i < v->n_items; i++)
		repeats[sorted[i] - v->items] = str_eq(*sorted[i], *sorted[i - 1]);
	for (int i = 0; i < v->n_items; i++)
		if (!repeats[i])
			items[n++] = v->items[i];
	if (n == v->n_items)
		return;
	v->items = items;
	v->n_items = n;
	v->text = join_list(v, ",", a);
}

bool config_list_repeats(struct str text, struct arena *a)
{
	struct config_value v = {.text = STR_NULL};
	int n;

	split_list(str_trim(text), a, &v);
	n = v.n_items;
	drop_repeated(&v, a);
	return v.n_items != n;
}

static bool read_boolean(struct str s, struct config_value *v)
{
	if (str_is_true(s))
		*v = (struct config_value){.text = STR("true"), .integer = 1};
	else if (s.len == 5 && strncasecmp(s.p, "false", 5) == 0)
		*v = (struct config_value){.text = STR("false")};
	else
		return false;
	return true;
}

static bool read_integer(enum config_type type, struct str s, struct arena *a, struct config_value *v)
{
	static const struct {
		int64_t min, max;
	} bounds[] = {
		[CONFIG_TYPE_SHORT] = {INT16_MIN, INT16_MAX},
		[CONFIG_TYPE_INT] = {INT32_MIN, INT32_MAX},
		[CONFIG_TYPE_LONG] = {INT64_MIN, INT64_MAX},
	};

	if (!config_parse_integer(s, bounds[type].min, bounds[type].max, &v->integer))
		return false;
	v->real = (double)v->integer;
	v->text = arena_printf(a, "%lld", (long long)v->integer);
	return true;
}

/*
 * Java's Double.parseDouble: NaN and Infinity by those names only, an optional type letter at the
 * end, hexadecimal with an exponent. What C's strtod accepts beyond that ("inf", "nan(1)") is
 * refused first.
 */
static bool read_double(struct str s, struct arena *a, struct config_value *v)
{
	struct str copy = arena_printf(a, "%.*s", STR_ARG(s));
	bool sign = s.len > 0 && (s.p[0] == '-' || s.p[0] == '+');
	struct str body = {s.p + sign, s.len - sign};
	bool hex = body.len > 1 && body.p[0] == '0' && (body.p[1] | 0x20) == 'x';
	char *end;

	if (a->failed || body.len == 0 || memchr(s.p, 0, (size_t)s.len) != NULL)
		return false;
	if (str_is(body, "NaN") || str_is(body, "Infinity")) {
		v->real = str_is(body, "NaN") ? NAN : s.p[0] == '-' ? -INFINITY : INFINITY;
	} else {
		if (body.p[0] != '.' && (body.p[0] < '0' || body.p[0] > '9'))
			return false;
		if (hex && memchr(body.p, 'p', (size_t)body.len) == NULL &&
		    memchr(body.p, 'P', (size_t)body.len) == NULL)
			return false;
		v->real = strtod(copy.p, &end);
		if (end > copy.p && *end != 0 && strchr("fFdD", *end) != NULL)
			end++;
		if (end != copy.p + s.len)
			return false;
	}
	v->text = config_double_text(v->real, a);
	return true;
}

/*
 * The shortest digits that read back as the same number; plain notation from 1e-3 up to 1e7,
 * otherwise d.dddE±n.
 */
struct str config_double_text(double d, struct arena *a)
{
	char digits[40];
	int precision = 0, exponent, n;
	char *e;

	if (isnan(d))
		return STR("NaN");
	if (isinf(d))
		return d < 0 ? STR("-Infinity") : STR("Infinity");
	if (d == 0)
		return signbit(d) ? STR("-0.0") : STR("0.0");
	do
		snprintf(digits, sizeof(digits), "%.*e", precision, fabs(d));
	while (strtod(digits, NULL) != fabs(d) && ++precision < 17);
	e = strchr(digits, 'e');
	exponent = (int)strtol(e + 1, NULL, 10);
	*e = 0;
	if (precision > 0)
		memmove(digits + 1, digits + 2, strlen(digits + 2) + 1);
	n = (int)strlen(digits);
	if (exponent < -3 || exponent >= 7)
		return arena_printf(a, "%s%c.%sE%d", d < 0 ? "-" : "", digits[0], n > 1 ? digits + 1 : "0", exponent);
	if (exponent < 0)
		return arena_printf(a, "%s0.%.*s%s", d < 0 ? "-" : "", -exponent - 1, "00", digits);
	if (n <= exponent + 1)
		return arena_printf(a, "%s%s%.*s.0", d < 0 ? "-" : "", digits, exponent + 1 - n, "000000");
	return arena_printf(a, "%s%.*s.%s", d < 0 ? "-" : "", exponent + 1, digits, digits + exponent + 1);
}

static bool read_type(const struct config_setting *s, struct str text, struct arena *a, struct config_value *v,
		      struct str *error)
{
	struct str trimmed = str_trim(text);

	v->text = trimmed;
	switch (s->type) {
	case CONFIG_TYPE_BOOLEAN:
		if (!read_boolean(trimmed, v))
			return invalid(s, text, "Expected value to be either true or false", a, error);
		break;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_SHORT:
	case CONFIG_TYPE_LONG:
	case CONFIG_TYPE_DOUBLE:
		if (s->type == CONFIG_TYPE_DOUBLE ? !read_double(trimmed, a, v)
						  : !read_integer(s->type, trimmed, a, v)) {
			struct str why = arena_printf(a, "Not a number of type %s", config_type_name(s->type));

			return invalid(s, text, why.p, a, error);
		}
		break;
	case CONFIG_TYPE_LIST:
		split_list(trimmed, a, v);
		v->text = join_list(v, ",", a);
		break;
	case CONFIG_TYPE_CLASS:
		if (trimmed.len == 0)
			return invalid(s, text, arena_printf(a, "Class %.*s could not be found.", STR_ARG(text)).p, a,
				       error);
		break;
	case CONFIG_TYPE_STRING:
	case CONFIG_TYPE_PASSWORD:
	case CONFIG_TYPE_UNKNOWN:
		break;
	}
	return true;
}

/* ---- rules ---- */

static bool allowed(const char *names, struct str s, bool any_case)
{
	for (const char *p = names; *p != 0;) {
		size_t len = strcspn(p, ",");

		if (len == (size_t)s.len && (any_case ? strncasecmp(p, s.p, len) : memcmp(p, s.p, len)) == 0)
			return true;
		p += len + (p[len] == ',');
	}
	return false;
}

/* Turns "a,b" into Kafka's notation "a, b". */
static struct str spaced(const char *names, struct arena *a)
{
	struct config_value v = {.text = STR_NULL};

	split_list(str_of(names), a, &v);
	return join_list(&v, ", ", a);
}

static bool check_range(const struct config_setting *s, struct config_value *v, struct arena *a, struct str *error)
{
	const struct config_constraint *k = &s->constraint;
	struct str why;

	if (str_is_null(v->text))
		return invalid(s, STR_NULL, "Value must be non-null", a, error);
	if (v->real < k->min)
		why = arena_printf(a, "Value must be at least %.17g", k->min);
	else if (v->real > k->max)
		why = arena_printf(a, "Value must be no more than %.17g", k->max);
	else
		return true;
	return invalid(s, v->text, why.p, a, error);
}

static bool check_one_of(const struct config_setting *s, struct str value, struct arena *a, struct str *error)
{
	bool any_case = s->constraint.rule == CONFIG_RULE_ONE_OF_ANY_CASE;
	struct str names, why;

	if (!str_is_null(value) && allowed(s->constraint.allowed, value, any_case))
		return true;
	names = spaced(s->constraint.allowed, a);
	why = arena_printf(a, "String must be one of%s: %.*s", any_case ? " (case insensitive)" : "", STR_ARG(names));
	return invalid(s, value, why.p, a, error);
}

static bool check_list(const struct config_setting *s, struct config_value *v, struct arena *a, struct str *error)
{
	const struct config_constraint *k = &s->constraint;

	if (str_is_null(v->text))
		return k->flags & CONFIG_NULL_TOO ? true : invalid_list(s, "values must not be null.", a, error);
	drop_repeated(v, a);
	if (v->n_items == 0 && !(k->flags & CONFIG_EMPTY_TOO)) {
		struct str names = k->allowed ? spaced(k->allowed, a) : STR("any non-empty value");
		struct str why = arena_printf(a, "must not be empty. Valid values include: %s%.*s%s",
					      k->allowed ? "[" : "", STR_ARG(names), k->allowed ? "]" : "");

		return invalid_list(s, why.p, a, error);
	}
	for (int i = 0; i < v->n_items; i++) {
		if (v->items[i].len == 0)
			return invalid_list(s, "values must not be empty.", a, error);
		if (k->allowed != NULL && !check_one_of(s, v->items[i], a, error))
			return false;
	}
	return true;
}

static bool digits_only(struct str s)
{
	for (int i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.len > 0;
}

static bool is_replica(struct str s)
{
	const char *colon = memchr(s.p, ':', (size_t)s.len);

	return colon != NULL && digits_only((struct str){s.p, (int32_t)(colon - s.p)}) &&
	       digits_only((struct str){colon + 1, (int32_t)(s.p + s.len - colon - 1)});
}

static bool check_replicas(const struct config_setting *s, struct config_value *v, struct arena *a, struct str *error)
{
	int n_stars = 0, n_replicas = 0;
	struct str why;

	for (int i = 0; i < v->n_items; i++) {
		n_stars += str_is(v->items[i], "*");
		n_replicas += v->items[i].len == 0 || is_replica(v->items[i]);
	}
	if (n_replicas == v->n_items)
		return true;
	if (n_stars == 1 && str_is(str_trim(join_list(v, "", a)), "*"))
		return true;
	why = arena_printf(a,
			   "%s must be the literal '*' or a list of replicas in the following format: "
			   "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
			   s->name);
	return invalid(s, show_list(v, a), why.p, a, error);
}

bool config_is_host(struct str s)
{
	for (int i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		if (!letter && (c < '0' || c > '9') && (c == 0 || strchr("-%._:", c) == NULL))
			return false;
	}
	return true;
}

/* ^(?:[0-9a-zA-Z\-%._]*://)?\[?([0-9a-zA-Z\-%._:]*)]?:([0-9]+)$ */
bool config_parse_host_port(struct str s, struct str *host, int32_t *port)
{
	const char *slashes = memmem(s.p, (size_t)s.len, "://", 3);
	int end = s.len;
	int64_t number;

	if (slashes != NULL) {
		struct str scheme = {s.p, (int32_t)(slashes - s.p)};

		if (!config_is_host(scheme) || memchr(scheme.p, ':', (size_t)scheme.len) != NULL)
			return false;
		s = (struct str){slashes + 3, (int32_t)(s.p + s.len - slashes - 3)};
		end = s.len;
	}
	while (end > 0 && s.p[end - 1] >= '0' && s.p[end - 1] <= '9')
		end--;
	if (end == 0 || s.p[end - 1] != ':')
		return false;
	if (!config_parse_integer((struct str){s.p + end, s.len - end}, 0, INT32_MAX, &number))
		return false;
	*port = (int32_t)number;
	*host = (struct str){s.p, end - 1};
	if (host->len > 0 && host->p[0] == '[')
		host->p++, host->len--;
	if (host->len > 0 && host->p[host->len - 1] == ']')
		host->len--;
	return config_is_host(*host);
}

static bool check_servers(const struct config_setting *s, struct config_value *v, struct arena *a, struct str *error)
{
	for (int i = 0; i < v->n_items; i++) {
		struct str host;
		int32_t port;

		if (config_parse_host_port(v->items[i], &host, &port))
			continue;
		if (error != NULL)
			*error = arena_printf(
				a,
				"Failed to parse host name from %.*s for the configuration %s. Each entry should be in the "
				"form \"{host}:{port}\"",
				STR_ARG(v->items[i]), s->name);
		return false;
	}
	return true;
}

static bool check_voters(const struct config_setting *s, struct config_value *v, struct arena *a, struct str *error)
{
	for (int i = 0; i < v->n_items; i++) {
		struct str e = v->items[i], host;
		const char *at = memchr(e.p, '@', (size_t)e.len);
		struct str id = {e.p, at ? (int32_t)(at - e.p) : 0};
		struct str address = {at ? at + 1 : e.p, at ? (int32_t)(e.p + e.len - at - 1) : 0};
		int32_t port;
		int64_t number;
		const char *why = NULL;

		if (at == NULL || address.len == 0 || memchr(address.p, '@', (size_t)address.len) != NULL)
			why = "Invalid configuration value for controller.quorum.voters";
		else if (!config_parse_integer(id, INT32_MIN, INT32_MAX, &number))
			why = "Failed to parse voter ID as an integer from entry of controller.quorum.voters";
		else if (!config_parse_host_port(address, &host, &port))
			why = "Failed to parse host name from entry of the configuration controller.quorum.voters";
		if (why == NULL)
			continue;
		if (error != NULL)
			*error = arena_printf(a,
					      "%s (%.*s). Each entry of %s should be in the form `{id}@{host}:{port}`.",
					      why, STR_ARG(e), s->name);
		return false;
	}
	return true;
}

/* Takes a run of digits and the unit that must follow it; false leaves *s unchanged. */
static bool eat_number(struct str *s, const char *units, bool fraction, int *unit)
{
	int i = s->len > 0 && (s->p[0] == '-' || s->p[0] == '+') ? 1 : 0;
	int digits = 0;
	const char *u;

	while (i < s->len && s->p[i] >= '0' && s->p[i] <= '9')
		i++, digits++;
	if (digits == 0 || digits > 18)
		return false;
	if (fraction && i < s->len && (s->p[i] == '.' || s->p[i] == ',')) {
		int first = ++i;

		while (i < s->len && s->p[i] >= '0' && s->p[i] <= '9' && i - first < 9)
			i++;
		if (i >= s->len || (s->p[i] | 0x20) != 's')
			return false;
	}
	if (i >= s->len || (u = strchr(units, s->p[i] & ~0x20)) == NULL || *u == 0)
		return false;
	*unit = (int)(u - units);
	s->p += i + 1;
	s->len -= i + 1;
	return true;
}

/* PnDTnHnMn.nS, not negative, as Java's Duration.parse. */
static bool is_duration(struct str s)
{
	int unit, last = -1, parts = 0;

	if (memchr(s.p, '-', (size_t)s.len) != NULL || s.len == 0 || (s.p[0] | 0x20) != 'p')
		return false;
	s.p++, s.len--;
	if (s.len > 0 && eat_number(&s, "D", false, &unit))
		parts++;
	if (s.len == 0)
		return parts > 0;
	if ((s.p[0] | 0x20) != 't')
		return false;
	s.p++, s.len--;
	for (; s.len > 0; last = unit)
		if (!eat_number(&s, "HMS", true, &unit) || unit <= last)
			return false;
	return last >= 0;
}

static bool check_offset_reset(const struct config_setting *s, struct config_value *v, struct arena *a,
			       struct str *error)
{
	static const char prefix[] = "by_duration:";
	int len = sizeof(prefix) - 1;
	struct str why;

	if (str_is(v->text, "earliest") || str_is(v->text, "latest"))
		return true;
	if (v->text.len > len && memcmp(v->text.p, prefix, (size_t)len) == 0 &&
	    is_duration((struct str){v->text.p + len, v->text.len - len}))
		return true;
	why = arena_printf(
		a,
		"Invalid value `%.*s` for configuration %s. The value must be either 'earliest', 'latest' or of the format "
		"'by_duration:<PnDTnHnMn.nS>'.",
		STR_ARG(v->text), s->name);
	return invalid(s, v->text, why.p, a, error);
}

static bool check_rule(const struct config_setting *s, struct config_value *v, struct arena *a, struct str *error)
{
	switch (s->constraint.rule) {
	case CONFIG_RULE_ANY:
		return true;
	case CONFIG_RULE_RANGE:
		return check_range(s, v, a, error);
	case CONFIG_RULE_ONE_OF:
	case CONFIG_RULE_ONE_OF_ANY_CASE:
		return check_one_of(s, v->text, a, error);
	case CONFIG_RULE_LIST:
		return check_list(s, v, a, error);
	case CONFIG_RULE_NOT_EMPTY:
		if (!str_is_null(v->text) && v->text.len == 0)
			return invalid(s, v->text, "String must be non-empty", a, error);
		return true;
	case CONFIG_RULE_NOT_NULL:
		return str_is_null(v->text) ? invalid(s, STR_NULL, "entry must be non null", a, error) : true;
	case CONFIG_RULE_GZIP_LEVEL:
		if (v->integer != -1 && (v->integer < 1 || v->integer > 9))
			return invalid(s, v->text, "Value must be between 1 and 9 or equal to -1", a, error);
		return true;
	case CONFIG_RULE_VOTERS:
		return check_voters(s, v, a, error);
	case CONFIG_RULE_SERVERS:
		return check_servers(s, v, a, error);
	case CONFIG_RULE_REPLICAS:
		return check_replicas(s, v, a, error);
	case CONFIG_RULE_OFFSET_RESET:
		return check_offset_reset(s, v, a, error);
	}
	return true;
}
