/*
 * bearer_unsecured: unsigned tokens that a client makes from its own JAAS line: Kafka's
 * OAuthBearerUnsecuredLoginCallbackHandler.
 *
 *	unsecuredLoginStringClaim_NAME	unsecuredLoginNumberClaim_NAME
 *	unsecuredLoginListClaim_NAME (its first character separates the items)
 *	unsecuredLoginPrincipalClaimName	unsecuredLoginLifetimeSeconds
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/list.h"
#include "base/mem.h"
#include "security/bearer.h"
#include "security/jaas.h"
#include "security/jwt_parts.h"
#include "wire/oauth.h"

#define PREFIX "unsecuredLogin"

enum { CLAIMS_MAX = 32768, LIFETIME_S = 3600 };

struct unsecured {
	struct token_source source;
	char *claims; /* from the line: "a":"b",...; never empty */
	int64_t lifetime_s;
};

/* ---- a token ---- */

static void put_part(struct buf *out, const char *text, size_t len)
{
	buf_reserve(out, BASE64_LEN(len) + 1);
	out->len += base64_put(BASE64_URL, text, len, (char *)out->p + out->len);
	buf_put_str(out, STR("."));
}

static enum token_state take(struct token_source *s, struct token_wish *wish, int64_t now_ms, struct buf *token)
{
	static const char header[] = "{\"alg\":\"none\"}";
	struct unsecured *u = container_of(s, struct unsecured, source);
	double now_s = (double)now_ms / 1000;
	struct buf claims = {0};

	(void)wish;
	buf_printf(&claims, "{\"exp\":%.3f,\"iat\":%.3f,%s}", now_s + (double)u->lifetime_s, now_s, u->claims);
	put_part(token, header, sizeof(header) - 1);
	put_part(token, (const char *)claims.p, claims.len);
	buf_fini(&claims);
	return TOKEN_GOOD;
}

static enum token_fetched fetch(struct token_source *s, struct token_wish *wish, struct env *env, struct buf *why)
{
	(void)s;
	(void)wish;
	(void)env;
	(void)why;
	return TOKEN_FETCHED;
}

static void unsecured_free(struct token_source *s)
{
	struct unsecured *u = container_of(s, struct unsecured, source);

	xfree(u->claims);
	xfree(u);
}

/* ---- claims ---- */

/* The rest of a name after the prefix; null: another prefix, or nothing follows it. */
static struct str after_prefix(struct str name, const char *prefix)
{
	int32_t len = (int32_t)strlen(prefix);

	if (name.len <= len || memcmp(name.p, prefix, (size_t)len) != 0)
		return STR_NULL;
	return (struct str){name.p + len, name.len - len};
}

static json_t *number_of(struct str text, struct arena *a)
{
	struct str copy = arena_printf(a, "%.*s%c", STR_ARG(text), 0);
	char *end = NULL;
	double v = str_is_null(copy) ? 0 : strtod(copy.p, &end);

	return end && end != copy.p && *end == 0 ? json_real(v) : NULL;
}

/* Splits "|a|b" at its first character, as Kafka does: all empty items together become one, at the end. */
static json_t *list_of(struct str text)
{
	json_t *list = json_array();
	bool has_empty = false;

	for (int32_t from = 1, to; from <= text.len - 1; from = to + 1) {
		const char *next = memchr(text.p + from, text.p[0], (size_t)(text.len - from));

		to = next ? (int32_t)(next - text.p) : text.len;
		has_empty |= to == from;
		if (to > from)
			json_array_append_new(list, json_stringn(text.p + from, (size_t)(to - from)));
	}
	has_empty |= text.len > 1 && text.p[text.len - 1] == text.p[0];
	if (has_empty)
		json_array_append_new(list, json_string(""));
	return list;
}

/* NULL: the option is not a claim, or *error says why it is invalid. */
static json_t *claim_of(const struct jaas_option *o, struct str *name, struct arena *a, struct str *error)
{
	json_t *v = NULL;

	if (!str_is_null(*name = after_prefix(o->name, PREFIX "StringClaim_")))
		v = json_stringn(o->value.p, (size_t)o->value.len);
	else if (!str_is_null(*name = after_prefix(o->name, PREFIX "NumberClaim_")))
		v = number_of(o->value, a);
	else if (!str_is_null(*name = after_prefix(o->name, PREFIX "ListClaim_")))
		v = list_of(o->value);
	if (!str_is_null(*name) && !v)
		*error = arena_printf(a, "%.*s cannot be a claim's value", STR_ARG(o->name));
	if (v && (str_is(*name, "iat") || str_is(*name, "exp")))
		*error = arena_printf(a, "Cannot explicitly set the '%.*s' claim", STR_ARG(*name));
	return v;
}

static bool read_claims(const struct jaas *line, json_t *claims, struct arena *a, struct str *error)
{
	for (int i = 0; i < line->n_options && str_is_null(*error); i++) {
		struct str name;
		json_t *v = claim_of(&line->options[i], &name, a, error);

		if (v && str_is_null(*error))
			json_object_setn_new(claims, name.p, (size_t)name.len, v);
		else
			json_decref(v);
	}
	return str_is_null(*error);
}

static bool has_principal(const struct jaas *line, const json_t *claims, struct arena *a, struct str *error)
{
	struct str name = str_trim(jaas_option(line, STR(PREFIX "PrincipalClaimName")));
	const json_t *v;

	if (name.len <= 0)
		name = STR("sub");
	v = jwt_member(claims, name);
	if (json_is_string(v) && str_trim(jwt_text(v)).len > 0)
		return true;
	*error = arena_printf(a, "a token names somebody: " PREFIX "StringClaim_%.*s was expected in the JAAS line",
			      STR_ARG(name));
	return false;
}

static bool read_lifetime(const struct jaas *line, struct unsecured *u, struct str *error)
{
	struct str text = jaas_option(line, STR(PREFIX "LifetimeSeconds"));
	int32_t s = LIFETIME_S;

	if (!str_is_null(text) && (!str_to_i32(text, &s) || s < 0)) {
		*error = STR(PREFIX "LifetimeSeconds is not a number of seconds");
		return false;
	}
	u->lifetime_s = s;
	return true;
}

static char *text_of(const json_t *claims, struct arena *a)
{
	char *text = arena_alloc(a, CLAIMS_MAX);
	size_t len = text ? json_dumpb(claims, text, CLAIMS_MAX, JSON_COMPACT) : 0;

	return len > 2 && len <= CLAIMS_MAX ? xstrndup(text + 1, len - 2) : NULL;
}

struct token_source *bearer_unsecured_new(const struct jaas *line, struct arena *a, struct str *error)
{
	static const struct token_source_ops ops = {take, fetch, unsecured_free};
	struct unsecured *u = xcalloc(1, sizeof(*u));
	json_t *claims = json_object();

	u->source.ops = &ops;
	*error = STR_NULL;
	if (read_claims(line, claims, a, error) && has_principal(line, claims, a, error) &&
	    read_lifetime(line, u, error)) {
		u->claims = text_of(claims, a);
		if (!u->claims)
			*error = STR("the claims of the JAAS line are too long");
	}
	json_decref(claims);
	if (u->claims)
		return &u->source;
	xfree(u);
	return NULL;
}
