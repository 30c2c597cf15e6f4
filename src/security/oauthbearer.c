/*
 * oauthbearer: OAUTHBEARER (RFC 7628), as in Kafka's OAuthBearerSaslServer. With
 * OAuthBearerValidatorCallbackHandler as sasl.server.callback.handler.class, tokens are signed
 * JWTs, checked against sasl.oauthbearer.* and an issuer's keys. Without it they are unsigned
 * (OAuthBearerUnsecuredValidatorCallbackHandler): for development only, since clients may claim any
 * identity.
 *
 *	n,[a=AUTHZID],^A auth=Bearer TOKEN^A [NAME=VALUE^A]... ^A	(without the blanks)
 *
 * A refused token is answered with JSON that gives the reason; the client then sends ^A, and the
 * exchange fails with the same message. The options unsecuredValidator* of the listener's JAAS line
 * are the requirements on a token. Pairs other than auth are read and have no effect.
 */
#include <string.h>
#include <strings.h>

#include "security/jwks.h"
#include "security/jwt.h"
#include "security/jwt_parts.h"
#include "security/mechanism.h"

#define CLASS_NAME "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
#define SIGNED "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
#define SCOPES_MAX 100

struct setup {
	bool is_signed; /* otherwise tokens are unsecured */
	struct jwt_rules signed_rules;
	struct jwt_unsecured_rules rules;
	struct str refused_scope; /* what a client with insufficient scope is told */
};

struct exchange {
	const struct setup *setup;
	enum jwt_unsecured refused; /* JWT_GOOD: not refused so far */
};

/* ---- the listener ---- */

static struct str option(const struct mechanism_place *place, const char *name, struct str otherwise)
{
	struct str v = str_trim(jaas_option(place->jaas, str_of(name)));

	return v.len > 0 ? v : otherwise;
}

/* RFC 6749, 3.3. */
static bool is_scope(struct str s)
{
	for (int32_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x21 || c > 0x7e || c == '"' || c == '\\')
			return false;
	}
	return true;
}

/* Splits "a b" into a list; false: an invalid scope, or too many. */
static bool read_scopes(struct str text, struct setup *s, struct arena *a)
{
	struct str *v = arena_array(a, SCOPES_MAX, sizeof(*v));
	int n = 0;

	for (int32_t from = 0, to; v && from < text.len; from = to + 1) {
		const char *blank = memchr(text.p + from, ' ', (size_t)(text.len - from));

		to = blank ? (int32_t)(blank - text.p) : text.len;
		if (to == from)
			continue;
		if (n == SCOPES_MAX || !is_scope((struct str){text.p + from, to - from}))
			return false;
		v[n++] = (struct str){text.p + from, to - from};
	}
	s->rules.scopes = v;
	s->rules.n_scopes = n;
	return v;
}

/* Formats as Java prints a list: "[a, b]". */
static struct str join_scopes(const struct setup *s, struct arena *a)
{
	struct str text = STR("[");

	for (int i = 0; i < s->rules.n_scopes; i++)
		text = arena_printf(a, "%.*s%s%.*s", STR_ARG(text), i > 0 ? ", " : "", STR_ARG(s->rules.scopes[i]));
	return arena_printf(a, "%.*s]", STR_ARG(text));
}

static bool read_skew(struct str text, struct setup *s)
{
	int32_t ms = 0;

	if (text.len > 0 && (!str_to_i32(text, &ms) || ms < 0))
		return false;
	s->rules.clock_skew_ms = ms;
	return true;
}

/* The mechanism's own setting on the listener, otherwise the listener's or the node's. */
static struct config_at at_of(const struct mechanism_place *place, enum config_id id)
{
	return config_at_is_set(place->config, &place->at, id) ? place->at
							       : (struct config_at){.listener = place->at.listener};
}

static struct str text_of(const struct mechanism_place *place, enum config_id id)
{
	struct config_at at = at_of(place, id);

	return config_at_string(place->config, &at, id);
}

static bool is_allowed(const struct mechanism_place *place, enum config_id id)
{
	struct config_at at = at_of(place, id);

	return config_at_bool(place->config, &at, id);
}

int64_t mechanism_long(const struct mechanism_place *place, enum config_id id)
{
	struct config_at at = at_of(place, id);

	return config_at_long(place->config, &at, id);
}

struct str oauthbearer_keys_url(const struct mechanism_place *place)
{
	bool is_signed =
		str_is(place->at.mechanism, "OAUTHBEARER") &&
		str_is(config_at_string(place->config, &place->at, CONFIG_SASL_SERVER_CALLBACK_HANDLER_CLASS), SIGNED);
	struct str url = is_signed ? text_of(place, CONFIG_SASL_OAUTHBEARER_JWKS_ENDPOINT_URL) : STR_NULL;

	return is_signed && str_is_null(url) ? STR("") : url;
}

/* As in BrokerJwtValidator: what cannot be verified must be permitted by name. */
static bool read_rules(const struct mechanism_place *place, struct jwt_rules *out, struct str *error)
{
	struct config_at audience = at_of(place, CONFIG_SASL_OAUTHBEARER_EXPECTED_AUDIENCE);

	out->audiences =
		config_at_list(place->config, &audience, CONFIG_SASL_OAUTHBEARER_EXPECTED_AUDIENCE, &out->n_audiences);
	out->issuer = text_of(place, CONFIG_SASL_OAUTHBEARER_EXPECTED_ISSUER);
	out->scope_claim = text_of(place, CONFIG_SASL_OAUTHBEARER_SCOPE_CLAIM_NAME);
	out->subject_claim = text_of(place, CONFIG_SASL_OAUTHBEARER_SUB_CLAIM_NAME);
	out->clock_skew_s = (int32_t)mechanism_long(place, CONFIG_SASL_OAUTHBEARER_CLOCK_SKEW_SECONDS);
	if (out->n_audiences == 0 && !is_allowed(place, CONFIG_SASL_OAUTHBEARER_ALLOW_UNVERIFIED_AUDIENCE))
		*error = STR("sasl.oauthbearer.expected.audience is not set, nor is "
			     "sasl.oauthbearer.allow.unverified.audience=true");
	else if (str_is_null(out->issuer) && !is_allowed(place, CONFIG_SASL_OAUTHBEARER_ALLOW_UNVERIFIED_ISSUER))
		*error = STR("sasl.oauthbearer.expected.issuer is not set, nor is "
			     "sasl.oauthbearer.allow.unverified.issuer=true");
	else if (out->scope_claim.len <= 0 || out->subject_claim.len <= 0 || out->clock_skew_s < 0)
		*error =
			STR("sasl.oauthbearer.scope.claim.name and sub.claim.name have to be names, clock.skew.seconds "
			    "not negative");
	else
		return true;
	return false;
}

static const void *prepare(const struct mechanism_place *place, struct arena *a, struct str *error)
{
	struct setup *s = arena_zalloc(a, sizeof(*s));

	if (!s || !mechanism_wants_module(place, CLASS_NAME, a, error))
		return NULL;
	s->is_signed = place->is_signed;
	if (!s->is_signed && !str_is_null(oauthbearer_keys_url(place))) {
		*error = STR("sasl.oauthbearer.jwks.endpoint.url: keys were expected there");
		return NULL;
	}
	if (s->is_signed)
		return read_rules(place, &s->signed_rules, error) ? s : NULL;
	s->rules.principal_claim = option(place, "unsecuredValidatorPrincipalClaimName", STR("sub"));
	s->rules.scope_claim = option(place, "unsecuredValidatorScopeClaimName", STR("scope"));
	if (!read_scopes(option(place, "unsecuredValidatorRequiredScope", STR("")), s, a)) {
		*error = STR("unsecuredValidatorRequiredScope is not a list of scopes separated by blanks");
		return NULL;
	}
	if (!read_skew(option(place, "unsecuredValidatorAllowableClockSkewMs", STR("")), s)) {
		*error = STR("unsecuredValidatorAllowableClockSkewMs is not a number of milliseconds, 0 or more");
		return NULL;
	}
	s->refused_scope = join_scopes(s, a);
	return s;
}

static void begin(void *exchange, const void *setup)
{
	struct exchange *x = exchange;

	x->setup = setup;
}

/* ---- the client's message ---- */

struct said {
	struct str authzid; /* as written; empty: none */
	struct str token;
};

/* RFC 5801's saslname, which is not unescaped: it must equal what the token says. */
static bool is_saslname(struct str s)
{
	for (int32_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == 0 || c > 0x7f || c == ',')
			return false;
		if (c == '=' && (s.len - i < 3 || (memcmp(s.p + i, "=2C", 3) != 0 && memcmp(s.p + i, "=3D", 3) != 0)))
			return false;
	}
	return s.len > 0;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Takes a "name=value^A" from the front; false: there is none. */
static bool take_pair(struct str *in, struct str *name, struct str *value)
{
	const char *end = in->len > 0 ? memchr(in->p, 1, (size_t)in->len) : NULL;
	int32_t len = end ? (int32_t)(end - in->p) : 0;
	int32_t at = 0;

	while (at < len && is_letter(in->p[at]))
		at++;
	if (at == 0 || at == len || in->p[at] != '=')
		return false;
	*name = (struct str){in->p, at};
	*value = (struct str){in->p + at + 1, len - at - 1};
	in->p += len + 1;
	in->len -= len + 1;
	return jwt_is_extension(*value);
}

static bool is_token(struct str s)
{
	int32_t at = 0;

	while (at < s.len && (is_letter(s.p[at]) || (s.p[at] >= '0' && s.p[at] <= '9') || strchr("-_~+/.", s.p[at])))
		at++;
	if (at == 0)
		return false;
	while (at < s.len && s.p[at] == '=')
		at++;
	return at == s.len;
}

/* "Bearer TOKEN". */
static bool read_auth(struct str auth, struct str *token)
{
	if (auth.len < 7 || strncasecmp(auth.p, "bearer ", 7) != 0)
		return false;
	*token = (struct str){auth.p + 7, auth.len - 7};
	while (token->len > 0 && token->p[0] == ' ') {
		token->p++;
		token->len--;
	}
	return is_token(*token);
}

static bool read_authzid(struct str *in, struct str *out)
{
	const char *comma;

	*out = STR("");
	if (!str_take_prefix(in, "n,"))
		return false;
	if (str_take_prefix(in, "a=")) {
		comma = in->len > 0 ? memchr(in->p, ',', (size_t)in->len) : NULL;
		if (!comma)
			return false;
		*out = (struct str){in->p, (int32_t)(comma - in->p)};
		in->p += out->len;
		in->len -= out->len;
		if (!is_saslname(*out))
			return false;
	}
	return str_take_prefix(in, ",\1");
}

static bool read_first(struct str in, struct said *out)
{
	struct str name, value, auth = STR_NULL;

	if (!read_authzid(&in, &out->authzid))
		return false;
	while (in.len > 0 && in.p[0] != 1) {
		if (!take_pair(&in, &name, &value))
			return false;
		if (str_is(name, "auth"))
			auth = value; /* the last one counts */
	}
	return in.len == 1 && in.p[0] == 1 && !str_is_null(auth) && read_auth(auth, &out->token);
}

/* ---- the exchange ---- */

static struct str refusal_text(const struct exchange *x, struct arena *a)
{
	if (x->refused == JWT_OUT_OF_SCOPE)
		return arena_printf(a, "{\"status\":\"insufficient_scope\", \"scope\":\"%.*s\"}",
				    STR_ARG(x->setup->refused_scope));
	return STR("{\"status\":\"invalid_token\"}");
}

static void challenge(struct exchange *x, struct arena *a, struct mechanism_step *out)
{
	struct str text = refusal_text(x, a);

	*out = (struct mechanism_step){.outcome = MECHANISM_CHALLENGE, .token = {(const uint8_t *)text.p, text.len}};
}

static void let_in(const struct said *said, const struct jwt *jwt, struct arena *a, struct mechanism_step *out)
{
	if (said->authzid.len > 0 && !str_eq(said->authzid, jwt->subject)) {
		mechanism_fails(
			out,
			arena_printf(a,
				     "Authentication failed: Client requested an authorization id (%.*s) that is "
				     "different from the token's principal name (%.*s)",
				     STR_ARG(said->authzid), STR_ARG(jwt->subject)),
			STR("another authorization id than the token's"));
		return;
	}
	*out = (struct mechanism_step){
		.outcome = MECHANISM_DONE,
		.token = {(const uint8_t *)"", 0},
		.principal = {.type = STR("User"), .name = jwt->subject},
		.expiry_ms = jwt->expiry_ms,
	};
}

static enum jwt_unsecured look_at(const struct setup *s, struct str token, const struct mechanism_world *w,
				  struct arena *a, struct jwt *out)
{
	if (!s->is_signed)
		return jwt_read_unsecured(token, &s->rules, w->now_ms, a, out);
	if (!w->keys)
		return JWT_INVALID;
	if (!jwt_verify(token, w->keys, &s->signed_rules, w->now_ms, a, out))
		return JWT_GOOD;
	if (!str_is_null(out->missing_kid) && w->key_missing)
		w->key_missing(w->key_missing_arg, out->missing_kid);
	return JWT_INVALID;
}

static bool is_slow(const void *exchange, struct bytes token)
{
	const struct exchange *x = exchange;

	(void)token;
	return x->setup->is_signed;
}

static void step(void *exchange, const struct mechanism_world *w, struct bytes token, struct arena *a,
		 struct mechanism_step *out)
{
	struct exchange *x = exchange;
	struct said said;
	struct jwt jwt;

	if (x->refused != JWT_GOOD && token.len == 1 && token.p[0] == 1) {
		mechanism_fails(out, refusal_text(x, a), STR_NULL);
		return;
	}
	x->refused = JWT_GOOD;
	if (!read_first((struct str){(const char *)token.p, token.len}, &said)) {
		mechanism_fails(out, STR_NULL, STR("the client's message cannot be read"));
		return;
	}
	x->refused = look_at(x->setup, said.token, w, a, &jwt);
	if (x->refused == JWT_GOOD)
		let_in(&said, &jwt, a, out);
	else
		challenge(x, a, out);
}

const struct mechanism mechanism_oauthbearer = {
	.name = "OAUTHBEARER",
	.prepare = prepare,
	.exchange_size = sizeof(struct exchange),
	.is_slow = is_slow,
	.begin = begin,
	.step = step,
};
