/*
 * jwt_unsecured: unsigned tokens, {"alg":"none"}, accepted as by Kafka's
 * OAuthBearerUnsecuredValidatorCallbackHandler: for development, where clients may claim any
 * identity.
 */
#include <math.h>

#include "security/jwt.h"
#include "security/jwt_parts.h"

/* A number of seconds, possibly fractional. 1: present; 0: absent; -1: something else. */
static int read_number(const json_t *claims, const char *name, double *out)
{
	const json_t *v = json_object_get(claims, name);

	if (!v)
		return 0;
	*out = json_number_value(v);
	return json_is_number(v) ? 1 : -1;
}

static bool times_are_good(const json_t *claims, const struct jwt_unsecured_rules *rules, int64_t wall_ms,
			   int64_t *expiry_ms)
{
	double exp = 0;
	double iat = 0;
	int has_iat = read_number(claims, "iat", &iat);

	if (read_number(claims, "exp", &exp) != 1 || has_iat < 0)
		return false;
	if (has_iat && (iat * 1000 > (double)(wall_ms + rules->clock_skew_ms) || exp <= iat))
		return false;
	if ((double)(wall_ms - rules->clock_skew_ms) >= exp * 1000)
		return false;
	*expiry_ms = exp * 1000 < 9e18 ? (int64_t)floor(exp * 1000 + 0.5) : INT64_MAX; /* Math.round */
	return true;
}

/* A string is one scope, whatever it contains; a list contains scopes. */
static bool has_scope(const json_t *claim, struct str wanted)
{
	size_t n = json_array_size(claim);

	if (json_is_string(claim))
		return str_eq(str_trim(jwt_text(claim)), wanted);
	for (size_t i = 0; i < n; i++) {
		const json_t *one = json_array_get(claim, i);

		if (json_is_string(one) && str_eq(str_trim(jwt_text(one)), wanted))
			return true;
	}
	return false;
}

static enum jwt_unsecured check_claims(const json_t *claims, const struct jwt_unsecured_rules *rules, int64_t wall_ms,
				       struct arena *a, struct jwt *out)
{
	const json_t *principal = jwt_member(claims, rules->principal_claim);
	const json_t *scope = jwt_member(claims, rules->scope_claim);

	if (scope && !json_is_string(scope) && !json_is_array(scope))
		return JWT_INVALID;
	if (!json_is_string(principal) || str_trim(jwt_text(principal)).len == 0 ||
	    !times_are_good(claims, rules, wall_ms, &out->expiry_ms))
		return JWT_INVALID;
	for (int i = 0; i < rules->n_scopes; i++) {
		if (!has_scope(scope, rules->scopes[i]))
			return JWT_OUT_OF_SCOPE;
	}
	out->subject = arena_str(a, jwt_text(principal)); /* unchanged, including white space */
	return str_is_null(out->subject) ? JWT_INVALID : JWT_GOOD;
}

enum jwt_unsecured jwt_read_unsecured(struct str token, const struct jwt_unsecured_rules *rules, int64_t wall_ms,
				      struct arena *a, struct jwt *out)
{
	enum jwt_unsecured result = JWT_INVALID;
	struct jwt_parts parts;
	json_t *header;
	json_t *claims;

	*out = (struct jwt){0};
	if (token.len > JWT_LEN_MAX || !jwt_split(token, &parts) || parts.signature.len > 0)
		return JWT_INVALID;
	header = jwt_object(parts.header, 0, a);
	claims = jwt_object(parts.claims, 0, a);
	if (claims && str_is(jwt_text(json_object_get(header, "alg")), "none"))
		result = check_claims(claims, rules, wall_ms, a, out);
	json_decref(header);
	json_decref(claims);
	return result;
}
