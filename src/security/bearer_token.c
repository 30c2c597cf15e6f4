/*
 * bearer_token: what a client checks in a token it was given: Kafka's ClientJwtValidator, which
 * verifies no signature; and the server's answer that contains the token (JwtResponseParser).
 */
#include <string.h>

#include "security/bearer.h"
#include "security/jwt_parts.h"
#include "security/secret.h"
#include "wire/oauth.h"

/* Milliseconds; -1: absent; -2: not a valid time. */
static int64_t time_of(const json_t *claims, const char *name)
{
	const json_t *v = json_object_get(claims, name);

	if (!v || json_is_null(v))
		return -1;
	if (!json_is_number(v) || json_number_value(v) < 0 || json_number_value(v) > 9e15)
		return -2;
	return (json_is_integer(v) ? json_integer_value(v) : (int64_t)json_real_value(v)) * 1000;
}

static bool scope_is_good(const json_t *scope)
{
	size_t n = json_array_size(scope);

	if (json_is_string(scope))
		return str_trim(jwt_text(scope)).len > 0;
	for (size_t i = 0; i < n; i++)
		if (!json_is_string(json_array_get(scope, i)) || str_trim(jwt_text(json_array_get(scope, i))).len == 0)
			return false;
	return true;
}

static const char *look_at(const json_t *claims, const struct bearer_claims *names, struct token_times *out)
{
	const json_t *subject = json_object_get(claims, names->subject);
	int64_t begin_ms = time_of(claims, "iat");

	out->expiry_ms = time_of(claims, "exp");
	out->begin_ms = begin_ms < 0 ? 0 : begin_ms;
	if (out->expiry_ms < 0)
		return "its exp is missing or no time";
	if (begin_ms == -2)
		return "its iat is not a time";
	if (!json_is_string(subject) || str_trim(jwt_text(subject)).len == 0)
		return "it names no subject";
	return scope_is_good(json_object_get(claims, names->scope)) ? NULL : "one of its scopes is empty or no string";
}

static bool is_bearer(struct str token)
{
	for (int32_t i = 0; i < token.len; i++) {
		char c = token.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      memchr("-_~+/.=", c, 7)))
			return false;
	}
	return true;
}

const char *bearer_look(const void *names, struct str token, struct arena *a, struct token_times *out)
{
	struct jwt_parts parts;
	const char *why;
	json_t *claims;

	if (!jwt_split(token, &parts) || parts.signature.len == 0 || !is_bearer(token))
		return "it has not three parts";
	claims = jwt_object(parts.claims, 0, a);
	why = claims ? look_at(claims, names, out) : "its claims are no JSON object";
	json_decref(claims);
	return why;
}

/* Wipes the strings in it before they are freed. The parser's own buffer is not wiped. */
static void wipe(json_t *root)
{
	const char *name;
	json_t *v;

	json_object_foreach(root, name, v) if (json_is_string(v))
		secret_wipe((char *)(uintptr_t)json_string_value(v), json_string_length(v));
}

struct str bearer_read_answer(struct str body, struct arena *a)
{
	static const char *const names[] = {"access_token", "id_token"};
	json_error_t error;
	json_t *root = json_loadb(body.p, (size_t)body.len, 0, &error);
	struct str token = STR_NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && str_is_null(token); i++) {
		const json_t *v = json_object_get(root, names[i]);

		if (json_is_string(v) && str_trim(jwt_text(v)).len > 0)
			token = arena_str(a, str_trim(jwt_text(v)));
	}
	wipe(root);
	json_decref(root);
	return token;
}
