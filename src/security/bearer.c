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
#include "security/assertion.h"
#include "security/jaas.h"
#include "security/jvm_options.h"
#include "security/jwt_parts.h"
#include "security/secret.h"
#include "wire/oauth.h"

#define CLASSES "org.apache.kafka.common.security.oauthbearer."
#define ENDPOINT "sasl.oauthbearer.token.endpoint.url"
/* Lines of a request. */
#define ACCEPT "Accept: application/json\r\n"
#define NOT_CACHED "Cache-Control: no-cache\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

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

static bool is_long(struct reading *r, const struct oauth_endpoint *e)
{
	if (!str_is_null(e->headers) && !str_is_null(e->body) && (!e->assertion || !str_is_null(e->body_rest)))
		return false;
	refuse(r, STR("its settings are too long"));
	return true;
}

static bool read_secret(struct reading *r, struct oauth_endpoint *e)
{
	struct str id = setting_or_option(r, "sasl.oauthbearer.client.credentials.client.id", "clientId");
	struct str secret = setting_or_option(r, "sasl.oauthbearer.client.credentials.client.secret", "clientSecret");
	struct str scope = setting_or_option(r, "sasl.oauthbearer.scope", "scope"), both;

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
	e->headers = str_is_null(both) ? both
				       : arena_printf(r->arena, ACCEPT "Authorization: Basic %.*s\r\n" NOT_CACHED FORM,
						      STR_ARG(both));
	e->body = arena_printf(r->arena, "grant_type=client_credentials%s%.*s",
			       str_is_null(scope) ? "" : "&scope=", STR_ARG(scope));
	return !is_long(r, e);
}

/* ---- an assertion instead of the secret ---- */

#define ASSERTION "sasl.oauthbearer.assertion."

/* The absolute path of a file that KAFKA_OPTS allows; null: the setting has no value. */
static bool read_path(struct reading *r, const char *setting, struct str *out)
{
	*out = setting_of(r, setting);
	return str_is_null(*out) || jvm_allows_file(r->place->jvm, setting, out, r->arena, &r->error);
}

static void add_claim(const struct reading *r, json_t *claims, const char *name, const char *setting)
{
	struct str v = setting_of(r, setting);

	if (!str_is_null(v))
		json_object_set_new(claims, name, json_stringn(v.p, (size_t)v.len));
}

static struct str claims_that_are_set(const struct reading *r)
{
	json_t *claims = json_object();
	size_t len;
	char *text;

	add_claim(r, claims, "aud", ASSERTION "claim.aud");
	add_claim(r, claims, "iss", ASSERTION "claim.iss");
	add_claim(r, claims, "sub", ASSERTION "claim.sub");
	len = json_dumpb(claims, NULL, 0, JSON_COMPACT);
	text = arena_alloc(r->arena, len);
	if (text)
		json_dumpb(claims, text, len, JSON_COMPACT);
	json_decref(claims);
	return text ? (struct str){text, (int32_t)len} : STR_NULL;
}

static bool read_validity(struct reading *r, struct oauth_assertion *a)
{
	double valid = number_of(r, ASSERTION "claim.exp.seconds", 300);
	double before = number_of(r, ASSERTION "claim.nbf.seconds", 60);

	if (!(valid >= 0 && valid <= 86400))
		return refuse(r, STR(ASSERTION "claim.exp.seconds has to be from 0 to 86400"));
	if (!(before >= 0 && before <= 3600))
		return refuse(r, STR(ASSERTION "claim.nbf.seconds has to be from 0 to 3600"));
	a->valid_s = (int64_t)valid;
	a->before_s = (int64_t)before;
	a->has_id = str_is_true(setting_of(r, ASSERTION "claim.jti.include"));
	return true;
}

static bool is_algorithm(struct str s)
{
	return s.len == 5 && (strncasecmp(s.p, "RS256", 5) == 0 || strncasecmp(s.p, "ES256", 5) == 0);
}

/* Kafka's AssertionSupplierFactory: a file that holds one comes before all other settings. */
static bool read_assertion(struct reading *r, struct oauth_assertion *a)
{
	a->make = assertion_make;
	a->key_file = a->template_file = a->passphrase = STR_NULL;
	a->claims = STR("{}");
	a->algorithm = setting_of(r, ASSERTION "algorithm");
	if (!read_path(r, ASSERTION "file", &a->file))
		return false;
	if (!str_is_null(a->file))
		return true;
	if (str_is_null(a->algorithm))
		a->algorithm = STR("RS256");
	if (!is_algorithm(a->algorithm))
		return refuse(r, arena_printf(r->arena, ASSERTION "algorithm=%.*s: there are RS256 and ES256",
					      STR_ARG(a->algorithm)));
	if (!read_path(r, ASSERTION "private.key.file", &a->key_file) ||
	    !read_path(r, ASSERTION "template.file", &a->template_file) || !read_validity(r, a))
		return false;
	if (str_is_null(a->key_file))
		return refuse(r, STR("The OAuth configuration option " ASSERTION "private.key.file value is required"));
	a->passphrase = setting_of(r, ASSERTION "private.key.passphrase");
	a->claims = claims_that_are_set(r);
	return !str_is_null(a->claims) || refuse(r, STR("its settings are too long"));
}

/* "&name=value"; nothing if there is no value. */
static struct str parameter(struct reading *r, const char *name, struct str value)
{
	struct str text = str_is_null(value) ? value : url_encoded(value, r->arena);

	return str_is_null(text) ? STR("") : arena_printf(r->arena, "&%s=%.*s", name, STR_ARG(text));
}

/* Grant types client_credentials, with an assertion of who the client is, and jwt-bearer (RFC 7523, 2.2 and 2.1). */
static bool read_asserted(struct reading *r, bool is_grant, struct oauth_endpoint *e, struct oauth_assertion *a)
{
	struct str id = setting_or_option(r, "sasl.oauthbearer.client.credentials.client.id", "clientId");
	struct str scope = is_grant ? setting_of(r, "sasl.oauthbearer.scope")
				    : setting_or_option(r, "sasl.oauthbearer.scope", "scope");
	struct str said_id = is_grant ? STR("") : parameter(r, "client_id", id);
	struct str said_scope = parameter(r, "scope", scope);

	if (!read_assertion(r, a))
		return false;
	e->assertion = a;
	e->headers = STR(ACCEPT NOT_CACHED FORM);
	e->body = is_grant
			  ? STR("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")
			  : STR("client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
				"&client_assertion=");
	e->body_rest = arena_printf(r->arena, "%s%.*s%.*s", is_grant ? "" : "&grant_type=client_credentials",
				    STR_ARG(said_id), STR_ARG(said_scope));
	return !is_long(r, e);
}

static bool read_grant(struct reading *r, struct oauth_endpoint *e, struct oauth_assertion *a)
{
	bool is_grant = str_is(setting_of(r, "sasl.oauthbearer.jwt.retriever.class"), CLASSES "JwtBearerJwtRetriever");

	if (is_grant || !str_is_null(setting_of(r, ASSERTION "claim.iss")) ||
	    !str_is_null(setting_of(r, ASSERTION "file")))
		return read_asserted(r, is_grant, e, a);
	return read_secret(r, e);
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
	    !(file ? str_is(retriever, CLASSES "FileJwtRetriever")
		   : str_is(retriever, CLASSES "ClientCredentialsJwtRetriever") ||
			      str_is(retriever, CLASSES "JwtBearerJwtRetriever")))
		return refuse(r,
			      arena_printf(r->arena,
					   "sasl.oauthbearer.jwt.retriever.class=%.*s: there are DefaultJwtRetriever, "
					   "FileJwtRetriever, ClientCredentialsJwtRetriever and JwtBearerJwtRetriever",
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
	struct oauth_assertion assertion;
	struct token_source *source;
	struct buf why = {0};

	if (str_is_null(e.url)) {
		refuse(r, STR("The OAuth configuration option " ENDPOINT " value is required"));
		return NULL;
	}
	if (!jvm_allows_url(r->place->jvm, ENDPOINT, e.url, r->arena, &r->error) ||
	    !classes_are_known(r, is_file(e.url)) || !read_times(r, &e) ||
	    (!is_file(e.url) && !read_grant(r, &e, &assertion)))
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
