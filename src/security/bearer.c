/*
 * bearer: reads the settings and the JAAS line of a login with OAUTHBEARER into an endpoint, and
 * opens the source of its tokens.
 */
#include "security/bearer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/mem.h"
#include "security/jaas.h"
#include "security/jvm_options.h"
#include "security/jwt_parts.h"
#include "security/secret.h"
#include "wire/oauth.h"

#define CLASSES "org.apache.kafka.common.security.oauthbearer."
#define ENDPOINT "sasl.oauthbearer.token.endpoint.url"

enum { ARENA_MAX = 1 << 20 };

struct reading {
	const struct bearer_place *place;
	struct jaas line;
	struct arena *arena;
	struct str error; /* null: no error */
};

static bool refuse(struct reading *r, struct str why)
{
	r->error = why;
	return false;
}

static struct str setting_of(const struct reading *r, const char *name)
{
	struct str v = r->place->get(r->place->arg, name);

	v = str_is_null(v) ? v : str_trim(v);
	return v.len > 0 ? v : STR_NULL;
}

/* Kafka's ConfigOrJaas: the setting, or otherwise the deprecated option. */
static struct str setting_or_option(const struct reading *r, const char *name, const char *option)
{
	struct str v = setting_of(r, name);

	if (str_is_null(v))
		v = jaas_option(&r->line, str_of(option));
	v = str_is_null(v) ? v : str_trim(v);
	return v.len > 0 ? v : STR_NULL;
}

static double number_of(const struct reading *r, const char *name, double otherwise)
{
	struct str v = setting_of(r, name);
	struct str copy = str_is_null(v) ? v : arena_printf(r->arena, "%.*s%c", STR_ARG(v), 0);
	char *end = NULL;
	double n = str_is_null(copy) ? otherwise : strtod(copy.p, &end);

	if (!str_is_null(copy) && (end == copy.p || *end))
		return -1; /* no setting here may be negative */
	return n > -1e12 && n < 1e12 ? n : n > 0 ? 1e12 : -1;
}

/* ---- extensions, sent along with the token ---- */

static bool is_name(struct str s)
{
	for (int32_t i = 0; i < s.len; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z')))
			return false;
	return s.len > 0 && !str_is(s, "auth");
}

static bool read_said(struct reading *r, const char *prefix, struct buf *out)
{
	int32_t len = (int32_t)strlen(prefix);

	for (int i = 0; i < r->line.n_options; i++) {
		const struct jaas_option *o = &r->line.options[i];
		struct str name = {o->name.p + len, o->name.len - len};

		if (o->name.len < len || memcmp(o->name.p, prefix, (size_t)len) != 0)
			continue;
		if (!is_name(name))
			return refuse(r, arena_printf(r->arena, "Extension name %.*s is invalid", STR_ARG(name)));
		if (!jwt_is_extension(o->value))
			return refuse(r, arena_printf(r->arena, "Extension value for extension %.*s is invalid",
						      STR_ARG(name)));
		buf_printf(out, "\1%.*s=%.*s", STR_ARG(name), STR_ARG(o->value));
	}
	return true;
}

/* ---- a server's ---- */

/* As encoded by Java's URLEncoder. */
static struct str url_encoded(struct str s, struct arena *a)
{
	char *p = arena_alloc(a, (size_t)s.len * 3 + 1);
	int32_t n = 0;

	for (int32_t i = 0; p && i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || memchr(".-*_", c, 4))
			p[n++] = (char)c;
		else if (c == ' ')
			p[n++] = '+';
		else
			n += snprintf(p + n, 4, "%%%02X", c);
	}
	return p ? (struct str){p, n} : STR_NULL;
}

/* Whether it fits on one header line: it contains nothing that would end the line. */
static bool is_printable(struct str s)
{
	for (int32_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool read_grant(struct reading *r, struct oauth_endpoint *e)
{
	struct str id = setting_or_option(r, "sasl.oauthbearer.client.credentials.client.id", "clientId");
	struct str secret = setting_or_option(r, "sasl.oauthbearer.client.credentials.client.secret", "clientSecret");
	struct str scope = setting_or_option(r, "sasl.oauthbearer.scope", "scope"), both;

	if (!str_is_null(setting_of(r, "sasl.oauthbearer.assertion.claim.iss")) ||
	    !str_is_null(setting_of(r, "sasl.oauthbearer.assertion.file")))
		return refuse(
			r, STR("sasl.oauthbearer.assertion.*: clients are not authenticated by assertions yet, but by "
			       "sasl.oauthbearer.client.credentials.client.id and .secret"));
	if (str_is_null(id) || str_is_null(secret))
		return refuse(r, STR("sasl.oauthbearer.client.credentials.client.id and "
				     "sasl.oauthbearer.client.credentials.client.secret were expected"));
	if (str_is_true(setting_of(r, "sasl.oauthbearer.header.urlencode"))) {
		id = url_encoded(id, r->arena);
		secret = url_encoded(secret, r->arena);
		scope = str_is_null(scope) ? scope : url_encoded(scope, r->arena);
	}
	if (!str_is_null(scope) && !is_printable(scope))
		return refuse(r, STR("sasl.oauthbearer.scope is not a valid scope"));
	both = arena_printf(r->arena, "%.*s:%.*s", STR_ARG(id), STR_ARG(secret));
	both = str_is_null(both)
		       ? both
		       : base64_text(BASE64_PADDED, (struct bytes){(const uint8_t *)both.p, both.len}, r->arena);
	e->headers = arena_printf(r->arena,
				  "Accept: application/json\r\nAuthorization: Basic %.*s\r\nCache-Control: no-cache\r\n"
				  "Content-Type: application/x-www-form-urlencoded\r\n",
				  STR_ARG(both));
	e->body = arena_printf(r->arena, "grant_type=client_credentials%s%.*s",
			       str_is_null(scope) ? "" : "&scope=", STR_ARG(scope));
	return !str_is_null(both) && !str_is_null(e->headers) && !str_is_null(e->body)
		       ? true
		       : refuse(r, STR("its settings are too long"));
}

/* With the defaults and limits of Kafka's SaslConfigs. */
static bool read_refresh(struct reading *r, struct oauth_endpoint *e)
{
	double min_s, buffer_s;
	struct {
		const char *name;
		double otherwise, least, most;
		double *to;
	} rows[] = {
		{"sasl.login.refresh.window.factor", 0.8, 0.5, 1, &e->window},
		{"sasl.login.refresh.window.jitter", 0.05, 0, 0.25, &e->jitter},
		{"sasl.login.refresh.min.period.seconds", 60, 0, 900, &min_s},
		{"sasl.login.refresh.buffer.seconds", 300, 0, 3600, &buffer_s},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double n = *rows[i].to = number_of(r, rows[i].name, rows[i].otherwise);

		if (n < rows[i].least || n > rows[i].most)
			return refuse(r, arena_printf(r->arena, "%s has to be from %g to %g", rows[i].name,
						      rows[i].least, rows[i].most));
	}
	e->min_s = (int64_t)min_s;
	e->buffer_s = (int64_t)buffer_s;
	return true;
}

static bool read_times(struct reading *r, struct oauth_endpoint *e)
{
	e->connect_ms = (int64_t)number_of(r, "sasl.login.connect.timeout.ms", 10000);
	e->read_ms = (int64_t)number_of(r, "sasl.login.read.timeout.ms", 20000);
	e->backoff_ms = (int64_t)number_of(r, "sasl.login.retry.backoff.ms", 100);
	e->backoff_max_ms = (int64_t)number_of(r, "sasl.login.retry.backoff.max.ms", 10000);
	if (e->backoff_ms < 0 || e->backoff_max_ms < e->backoff_ms)
		return refuse(r,
			      STR("sasl.login.retry.backoff.ms has to be from 0 to sasl.login.retry.backoff.max.ms"));
	if (e->connect_ms <= 0 || e->read_ms <= 0)
		return refuse(r,
			      STR("sasl.login.connect.timeout.ms and sasl.login.read.timeout.ms have to be positive"));
	return read_refresh(r, e);
}

static bool is_file(struct str url)
{
	return url.len > 5 && strncasecmp(url.p, "file:", 5) == 0;
}

/* The classes that fetch and check tokens: only those of Kafka's that are implemented here. */
static bool classes_are_known(struct reading *r, bool file)
{
	struct str retriever = setting_of(r, "sasl.oauthbearer.jwt.retriever.class");
	struct str validator = setting_of(r, "sasl.oauthbearer.jwt.validator.class");

	if (!str_is_null(retriever) && !str_is(retriever, CLASSES "DefaultJwtRetriever") &&
	    !str_is(retriever, file ? CLASSES "FileJwtRetriever" : CLASSES "ClientCredentialsJwtRetriever"))
		return refuse(r,
			      arena_printf(r->arena,
					   "sasl.oauthbearer.jwt.retriever.class=%.*s: there are DefaultJwtRetriever, "
					   "FileJwtRetriever and ClientCredentialsJwtRetriever",
					   STR_ARG(retriever)));
	if (!str_is_null(validator) && !str_is(validator, CLASSES "DefaultJwtValidator") &&
	    !str_is(validator, CLASSES "ClientJwtValidator"))
		return refuse(
			r, arena_printf(r->arena,
					"sasl.oauthbearer.jwt.validator.class=%.*s: there are DefaultJwtValidator and "
					"ClientJwtValidator",
					STR_ARG(validator)));
	return true;
}

static struct bearer_claims *claims_of(const struct reading *r)
{
	struct bearer_claims *c = xcalloc(1, sizeof(*c));
	struct str scope = setting_of(r, "sasl.oauthbearer.scope.claim.name");
	struct str subject = setting_of(r, "sasl.oauthbearer.sub.claim.name");

	snprintf(c->scope, sizeof(c->scope), "%.*s", STR_ARG(str_is_null(scope) ? STR("scope") : scope));
	snprintf(c->subject, sizeof(c->subject), "%.*s", STR_ARG(str_is_null(subject) ? STR("sub") : subject));
	return c;
}

static struct str option(const void *line, const char *name)
{
	return jaas_option(line, str_of(name));
}

static struct token_source *open_endpoint(struct reading *r)
{
	struct oauth_endpoint e = {.url = setting_of(r, ENDPOINT),
				   .option = option,
				   .option_arg = &r->line,
				   .read_answer = bearer_read_answer,
				   .look = bearer_look};
	struct token_source *source;
	struct buf why = {0};

	if (str_is_null(e.url)) {
		refuse(r, STR("The OAuth configuration option " ENDPOINT " value is required"));
		return NULL;
	}
	if (!jvm_allows_url(r->place->jvm, ENDPOINT, e.url, r->arena, &r->error) ||
	    !classes_are_known(r, is_file(e.url)) || !read_times(r, &e) || (!is_file(e.url) && !read_grant(r, &e)))
		return NULL;
	e.claims = claims_of(r);
	source = r->place->open(r->place->env, &e, &why);
	if (!source) {
		xfree((void *)(uintptr_t)e.claims);
		r->error = arena_str(r->arena, buf_str(&why));
	}
	buf_fini(&why);
	return source;
}

/* ---- the choice ---- */

static struct login_method *choose_source(struct reading *r)
{
	struct str handler = setting_of(r, "sasl.login.callback.handler.class");
	bool secured = str_is(handler, CLASSES "OAuthBearerLoginCallbackHandler");
	struct login_method *method = NULL;
	struct token_source *source = NULL;
	struct buf said = {0};

	if (!secured && !str_is_null(handler))
		refuse(r, arena_printf(r->arena,
				       "sasl.login.callback.handler.class=%.*s: there is " CLASSES
				       "OAuthBearerLoginCallbackHandler",
				       STR_ARG(handler)));
	else if (read_said(r, secured ? "extension_" : "unsecuredLoginExtension_", &said))
		source = secured ? open_endpoint(r) : bearer_unsecured_new(&r->line, r->arena, &r->error);
	if (source)
		method = bearer_login_new(source, said.len ? buf_str(&said) : STR(""));
	if (said.p)
		secret_wipe(said.p, said.cap);
	buf_fini(&said);
	return method;
}

struct login_method *bearer_choose(const struct bearer_place *place, struct buf *why)
{
	struct login_method *method = NULL;
	struct reading r = {.place = place};
	struct arena a;

	arena_init(&a, ARENA_MAX);
	r.arena = &a;
	if (jaas_read(place->line, &a, &r.line, &r.error)) {
		if (str_eq(r.line.module, jaas_module_of(STR("OAUTHBEARER"))))
			method = choose_source(&r);
		else
			r.error = arena_printf(&a, "the login module of OAUTHBEARER is %.*s, not %.*s",
					       STR_ARG(jaas_module_of(STR("OAUTHBEARER"))), STR_ARG(r.line.module));
	}
	if (!method)
		buf_put_str(why, r.error);
	arena_wipe(&a); /* it contains passwords */
	arena_fini(&a);
	return method;
}
