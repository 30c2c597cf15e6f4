/* jaas: a tokenizer, and on top of it modules and sections. */
#include "security/jaas.h"

#include <string.h>
#include <strings.h>

/* ---- tokens ---- */

enum kind { END, WORD, NUMBER, OTHER }; /* quoted text is a WORD; Java gives no text for a NUMBER */

struct scanner {
	const char *p;
	const char *end;
	const char *begin; /* start of the last token, including its quote */
	struct arena *arena;
	bool failed; /* the arena's budget is spent */
	enum kind kind;
	char other;	 /* for OTHER */
	struct str text; /* for WORD; otherwise null */
};

static int peek(const struct scanner *s, int ahead)
{
	return s->end - s->p > ahead ? (unsigned char)s->p[ahead] : -1;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool begins_word(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c >= 0x80;
}

static bool goes_on(int c)
{
	return begins_word(c) || is_digit(c) || c == '.' || c == '-';
}

static void skip_line(struct scanner *s)
{
	while (peek(s, 0) >= 0 && peek(s, 0) != '\n' && peek(s, 0) != '\r')
		s->p++;
}

/* A single slash begins a comment too: it is a comment character in a new StreamTokenizer. */
static void skip_blank(struct scanner *s)
{
	for (int c = peek(s, 0); c >= 0; c = peek(s, 0)) {
		if (c <= ' ') {
			s->p++;
		} else if (c == '/' && peek(s, 1) == '*') {
			s->p += 2;
			while (peek(s, 0) >= 0 && !(peek(s, 0) == '*' && peek(s, 1) == '/'))
				s->p++;
			s->p += peek(s, 0) >= 0 ? 2 : 0;
		} else if (c == '/') {
			skip_line(s);
		} else {
			return;
		}
	}
}

/* \ooo: at most 0377. */
static char scan_octal(struct scanner *s, int first)
{
	int v = first - '0';

	for (int i = 1; i < (first <= '3' ? 3 : 2) && peek(s, 0) >= '0' && peek(s, 0) <= '7'; i++)
		v = v * 8 + *s->p++ - '0';
	return (char)v;
}

static char scan_escape(struct scanner *s)
{
	static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
	int c = (unsigned char)*s->p++;
	const char *at = c ? strchr(from, c) : NULL;

	if (c >= '0' && c <= '7')
		return scan_octal(s, c);
	return at ? to[at - from] : (char)c;
}

/* Reads to the closing quote, the end of the line, or the end of the text. */
static void scan_quoted(struct scanner *s)
{
	char quote = *s->p++;
	char *out = arena_alloc(s->arena, (size_t)(s->end - s->p) + 1);
	int32_t len = 0;

	s->kind = WORD;
	s->failed |= !out;
	while (out && peek(s, 0) >= 0 && *s->p != quote && *s->p != '\n' && *s->p != '\r') {
		char c = *s->p++;

		if (c == '\\' && peek(s, 0) >= 0)
			c = scan_escape(s);
		out[len++] = c;
	}
	if (peek(s, 0) == quote)
		s->p++;
	s->text = out ? (struct str){out, len} : STR_NULL;
}

static void scan_word(struct scanner *s)
{
	const char *begin = s->p;

	while (goes_on(peek(s, 0)))
		s->p++;
	s->kind = WORD;
	s->text = (struct str){begin, (int32_t)(s->p - begin)};
}

/* "-12.5": only its presence matters. A dash or point without a digit is a character. */
static bool scan_number(struct scanner *s)
{
	int sign = peek(s, 0) == '-', point = peek(s, sign) == '.';

	if (!is_digit(peek(s, sign + point)))
		return false;
	s->p += sign;
	for (point = 0; is_digit(peek(s, 0)) || (peek(s, 0) == '.' && !point); s->p++)
		point |= *s->p == '.';
	s->kind = NUMBER;
	return true;
}

static enum kind next_token(struct scanner *s)
{
	int c;

	skip_blank(s);
	s->begin = s->p;
	s->text = STR_NULL;
	c = peek(s, 0);
	if (c < 0) {
		s->kind = END;
	} else if (begins_word(c)) {
		scan_word(s);
	} else if (c == '"' || c == '\'') {
		scan_quoted(s);
	} else if ((!is_digit(c) && c != '.' && c != '-') || !scan_number(s)) {
		s->kind = OTHER;
		s->other = *s->p++;
	}
	return s->kind;
}

static bool is_char(const struct scanner *s, char c)
{
	return s->kind == OTHER && s->other == c;
}

/* ---- modules ---- */

static bool fail_with(struct str *error, struct str why)
{
	*error = why;
	return false;
}

static bool is_flag(struct str s)
{
	static const char *const flags[] = {"REQUIRED", "REQUISITE", "SUFFICIENT", "OPTIONAL"};

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if ((size_t)s.len == strlen(flags[i]) && strncasecmp(s.p, flags[i], (size_t)s.len) == 0)
			return true;
	return false;
}

static bool put_option(struct scanner *s, struct jaas *out, struct jaas_option **options, int *cap)
{
	struct jaas_option *v = arena_grow(s->arena, *options, out->n_options, cap, sizeof(*v));

	if (!v)
		return false;
	out->options = *options = v;
	return true;
}

/* The scanner is past the flag. */
static bool read_options(struct scanner *s, struct jaas *out, struct str *error)
{
	struct jaas_option *options = NULL;
	int cap = 0;

	while (next_token(s) != END && !is_char(s, ';')) {
		struct str name = s->text;

		next_token(s);
		if (!is_char(s, '=') || next_token(s) == END || str_is_null(s->text))
			return fail_with(error,
					 arena_printf(s->arena, "Value not specified for key '%.*s' in JAAS config",
						      STR_ARG(name)));
		if (!put_option(s, out, &options, &cap))
			return fail_with(error, STR("the JAAS config is too long"));
		options[out->n_options++] = (struct jaas_option){name, s->text};
	}
	return is_char(s, ';') || fail_with(error, STR("JAAS config entry not terminated by semi-colon"));
}

/* The scanner is at the first word. */
static bool read_module(struct scanner *s, struct jaas *out, struct str *error)
{
	*out = (struct jaas){.module = s->text};
	if (s->text.len == 0)
		return fail_with(error, STR("Login module not specified in JAAS config"));
	if (next_token(s) == END)
		return fail_with(error, STR("Login module control flag not specified in JAAS config"));
	if (str_is_null(s->text))
		return fail_with(error, STR("Login module control flag is not available in the JAAS config"));
	if (!is_flag(s->text))
		return fail_with(error,
				 arena_printf(s->arena, "Invalid login module control flag '%.*s' in JAAS config",
					      STR_ARG(s->text)));
	return read_options(s, out, error);
}

bool jaas_read(struct str text, struct arena *a, struct jaas *out, struct str *error)
{
	struct scanner s = {.p = text.p, .end = text.p + text.len, .arena = a};
	int n = 0;

	*out = (struct jaas){0};
	*error = STR_NULL;
	while (next_token(&s) != END) {
		struct jaas module;

		if (!read_module(&s, &module, error))
			return false;
		if (n++ == 0)
			*out = module;
	}
	if (s.failed)
		return fail_with(error, STR("the JAAS config is too long"));
	if (n == 0)
		return fail_with(error, STR("Login module not specified in JAAS config"));
	return n == 1 ||
	       fail_with(error,
			 arena_printf(a, "JAAS config property contains %d login modules, should be 1 module", n));
}

/* ---- a file ---- */

static struct str module_line(struct scanner *s, struct jaas *module, struct str *error)
{
	const char *begin = s->begin;

	return read_module(s, module, error) ? (struct str){begin, (int32_t)(s->p - begin)} : STR_NULL;
}

/* The scanner is past the brace. False: an error. */
static bool read_section(struct scanner *s, bool wanted, struct str module, struct str *found, struct str *error)
{
	while (next_token(s) != END && !is_char(s, '}')) {
		struct jaas one;
		struct str line;

		if (str_is_null(s->text))
			return fail_with(error, STR("Login module not specified in JAAS config"));
		line = module_line(s, &one, error);
		if (str_is_null(line))
			return false;
		if (wanted && str_is_null(*found) && (str_is_null(module) || str_eq(module, one.module)))
			*found = line;
	}
	if (!is_char(s, '}') || (next_token(s), !is_char(s, ';')))
		return fail_with(error, STR("a section of the JAAS file does not end with a brace and a semi-colon"));
	return true;
}

struct str jaas_section_line(struct str file, struct str section, struct str module, struct arena *a, struct str *error)
{
	struct scanner s = {.p = file.p, .end = file.p + file.len, .arena = a};
	struct str found = STR_NULL;

	*error = STR_NULL;
	while (next_token(&s) != END) {
		bool wanted = !str_is_null(s.text) && str_eq(s.text, section);

		if (str_is_null(s.text) || (next_token(&s), !is_char(&s, '{'))) {
			fail_with(error, STR("a name of a section and a brace were expected in the JAAS file"));
			return STR_NULL;
		}
		if (!read_section(&s, wanted, module, &found, error))
			return STR_NULL;
	}
	if (s.failed)
		fail_with(error, STR("the JAAS file is too long"));
	return s.failed ? STR_NULL : found;
}

struct str jaas_module_of(struct str mechanism)
{
	static const struct {
		const char *mechanism;
		const char *module;
	} rows[] = {
		{"GSSAPI", "com.sun.security.auth.module.Krb5LoginModule"},
		{"OAUTHBEARER", "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"},
		{"PLAIN", "org.apache.kafka.common.security.plain.PlainLoginModule"},
		{"SCRAM-SHA-256", "org.apache.kafka.common.security.scram.ScramLoginModule"},
		{"SCRAM-SHA-512", "org.apache.kafka.common.security.scram.ScramLoginModule"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_is(mechanism, rows[i].mechanism))
			return str_of(rows[i].module);
	return STR_NULL;
}

struct str jaas_option(const struct jaas *j, struct str name)
{
	struct str found = STR_NULL;

	for (int i = 0; i < j->n_options; i++)
		if (str_eq(j->options[i].name, name))
			found = j->options[i].value;
	return found;
}
