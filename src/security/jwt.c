/* jwt: verifies signatures, then checks claims. */
#include "security/jwt.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/base64.h"
#include "base/check.h"
#include "security/jwks.h"
#include "security/jwt_parts.h"

#define HEADER_LEN_MAX 8192
#define ECDSA_DER_MAX 144

/* ---- algorithms (RFC 7518, 3.1; RFC 8037) ---- */

static const struct algorithm {
	const char *name;
	enum jwk_type type;
	int bits;	    /* for EC: of the curve */
	const char *digest; /* NULL: implied by the algorithm */
	bool pss;
} ALGORITHMS[] = {
	{"RS256", JWK_RSA, 0, "SHA256", false},	 {"RS384", JWK_RSA, 0, "SHA384", false},
	{"RS512", JWK_RSA, 0, "SHA512", false},	 {"PS256", JWK_RSA, 0, "SHA256", true},
	{"PS384", JWK_RSA, 0, "SHA384", true},	 {"PS512", JWK_RSA, 0, "SHA512", true},
	{"ES256", JWK_EC, 256, "SHA256", false}, {"ES384", JWK_EC, 384, "SHA384", false},
	{"ES512", JWK_EC, 521, "SHA512", false}, {"EdDSA", JWK_OKP, 0, NULL, false},
};

static const struct algorithm *algorithm_named(struct str name)
{
	for (size_t i = 0; i < sizeof(ALGORITHMS) / sizeof(ALGORITHMS[0]); i++) {
		if (str_is(name, ALGORITHMS[i].name))
			return &ALGORITHMS[i];
	}
	return NULL;
}

static const struct algorithm *algorithm_find(const json_t *header)
{
	const json_t *alg = json_object_get(header, "alg");

	return json_is_string(alg) ? algorithm_named(jwt_text(alg)) : NULL;
}

/* ---- signatures ---- */

/*
 * Converts r and s, concatenated and each as long as the curve, to the DER that OpenSSL reads. 0:
 * invalid.
 */
static int to_der(struct bytes raw, int bits, uint8_t out[ECDSA_DER_MAX])
{
	int half = (bits + 7) / 8;
	uint8_t *p = out;
	ECDSA_SIG *sig;
	BIGNUM *r;
	BIGNUM *s;
	int len = 0;

	if (raw.len != 2 * half)
		return 0;
	sig = ECDSA_SIG_new();
	r = BN_bin2bn(raw.p, half, NULL);
	s = BN_bin2bn(raw.p + half, half, NULL);
	if (sig && r && s && !BN_is_zero(r) && !BN_is_zero(s) && ECDSA_SIG_set0(sig, r, s)) {
		len = i2d_ECDSA_SIG(sig, NULL);
		check(len <= ECDSA_DER_MAX);
		len = i2d_ECDSA_SIG(sig, &p);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return len;
}

static bool set_padding(EVP_PKEY_CTX *ctx, const struct algorithm *alg)
{
	if (!alg->pss)
		return true;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

static bool is_signed(EVP_PKEY *key, const struct algorithm *alg, struct str text, struct bytes signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[ECDSA_DER_MAX];
	EVP_PKEY_CTX *how;
	bool good;

	if (alg->type == JWK_EC) {
		int len = to_der(signature, alg->bits, der);

		signature = (struct bytes){len > 0 ? der : NULL, len};
	}
	good = ctx && signature.len > 0 && EVP_DigestVerifyInit_ex(ctx, &how, alg->digest, NULL, NULL, key, NULL) > 0 &&
	       set_padding(how, alg) &&
	       EVP_DigestVerify(ctx, signature.p, (size_t)signature.len, (const uint8_t *)text.p, (size_t)text.len) ==
		       1;
	EVP_MD_CTX_free(ctx);
	return good;
}

static void *key_find(const struct jwks *keys, const struct algorithm *alg, struct str kid)
{
	return jwks_find(
		keys, &(struct jwk_want){.kid = kid, .alg = str_of(alg->name), .type = alg->type, .bits = alg->bits});
}

bool jwt_is_signed(const struct jwks *keys, struct str name, struct str text, struct bytes signature)
{
	const struct algorithm *alg = algorithm_named(name);
	void *key = alg ? key_find(keys, alg, STR_NULL) : NULL;

	return key && is_signed(key, alg, text, signature);
}

static const char *verify_signature(const struct jwt_parts *parts, const json_t *header, const struct jwks *keys,
				    struct arena *a, struct jwt *out)
{
	const struct algorithm *alg = algorithm_find(header);
	const json_t *kid = json_object_get(header, "kid");
	struct bytes signature;
	void *key;

	if (!alg)
		return "unsupported algorithm";
	if (json_object_get(header, "crit"))
		return "unsupported crit header";
	if (kid && !json_is_string(kid))
		return "its kid is not a string";
	if (!base64_read(BASE64_URL, parts->signature, a, &signature))
		return "its signature is not in base64url";
	key = key_find(keys, alg, kid ? jwt_text(kid) : STR_NULL);
	if (!key) {
		out->missing_kid = kid ? arena_str(a, jwt_text(kid)) : STR_NULL;
		return "no key of the issuer fits";
	}
	return is_signed(key, alg, parts->signed_text, signature) ? NULL : "its signature is wrong";
}

/* ---- claims ---- */

/* Whole seconds, as jose4j's NumericDate. 1: present; 0: absent; -1: not a number, or not a valid time. */
static int read_seconds(const json_t *claims, const char *name, int64_t *out)
{
	const json_t *v = json_object_get(claims, name);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_number(v) || json_number_value(v) < -9e15 || json_number_value(v) > 9e15)
		return -1;
	*out = json_is_integer(v) ? json_integer_value(v) : (int64_t)json_real_value(v);
	return 1;
}

static const char *check_times(const json_t *claims, const struct jwt_rules *rules, int64_t now_s, int64_t *exp_s)
{
	int64_t iat_s = 0;
	int64_t nbf_s = 0;
	int has_nbf = read_seconds(claims, "nbf", &nbf_s);

	if (read_seconds(claims, "exp", exp_s) != 1 || read_seconds(claims, "iat", &iat_s) != 1 || has_nbf < 0)
		return "exp or iat is missing, or a time is not a number";
	if (now_s - rules->clock_skew_s >= *exp_s)
		return "it has expired";
	if (*exp_s < iat_s || (has_nbf && *exp_s < nbf_s))
		return "it expires before it begins";
	if (has_nbf && now_s + rules->clock_skew_s < nbf_s)
		return "it is not valid yet";
	return *exp_s < 0 || iat_s < 0 ? "a time is negative" : NULL;
}

static bool is_audience(const json_t *v, const struct jwt_rules *rules)
{
	for (int i = 0; json_is_string(v) && i < rules->n_audiences; i++) {
		if (str_eq(jwt_text(v), rules->audiences[i]))
			return true;
	}
	return false;
}

static const char *check_audience(const json_t *claims, const struct jwt_rules *rules)
{
	const json_t *aud = json_object_get(claims, "aud");
	size_t n = json_array_size(aud);
	bool found = is_audience(aud, rules);

	if (rules->n_audiences == 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (!json_is_string(json_array_get(aud, i)))
			return "an audience is not a string";
		found |= is_audience(json_array_get(aud, i), rules);
	}
	return found ? NULL : "its audience is another";
}

static const char *check_issuer(const json_t *claims, const struct jwt_rules *rules)
{
	const json_t *iss = json_object_get(claims, "iss");

	if (str_is_null(rules->issuer))
		return NULL;
	return json_is_string(iss) && str_eq(jwt_text(iss), rules->issuer) ? NULL : "its issuer is another";
}

/* An item of a list of scopes: it must be non-empty, and not repeat an earlier one. */
static bool scope_is_good(const json_t *list, size_t i)
{
	struct str scope = str_trim(jwt_text(json_array_get(list, i)));

	if (!json_is_string(json_array_get(list, i)) || scope.len == 0)
		return false;
	for (size_t k = 0; k < i; k++) {
		if (str_eq(str_trim(jwt_text(json_array_get(list, k))), scope))
			return false;
	}
	return true;
}

#define SCOPES_MAX 1000

static const char *check_scope(const json_t *claims, const struct jwt_rules *rules)
{
	const json_t *scope = jwt_member(claims, rules->scope_claim);
	size_t n = json_array_size(scope);

	if (json_is_string(scope) && str_trim(jwt_text(scope)).len == 0)
		return "its scope is empty";
	if (n > SCOPES_MAX)
		return "its scopes are too many";
	for (size_t i = 0; i < n; i++) {
		if (!scope_is_good(scope, i))
			return "one of its scopes is empty, no string, or there twice";
	}
	return NULL;
}

static const char *read_subject(const json_t *claims, const struct jwt_rules *rules, struct arena *a, struct str *out)
{
	const json_t *subject = jwt_member(claims, rules->subject_claim);
	struct str text = json_is_string(subject) ? str_trim(jwt_text(subject)) : STR_NULL;

	if (text.len <= 0)
		return "it names no subject";
	*out = arena_str(a, text);
	return str_is_null(*out) ? "out of memory" : NULL;
}

static const char *check_claims(const json_t *claims, const struct jwt_rules *rules, int64_t wall_ms, struct arena *a,
				struct jwt *out)
{
	int64_t exp_s = 0;
	const char *why = check_times(claims, rules, wall_ms / 1000, &exp_s);

	if (!why)
		why = check_issuer(claims, rules);
	if (!why)
		why = check_audience(claims, rules);
	if (!why)
		why = check_scope(claims, rules);
	if (!why)
		why = read_subject(claims, rules, a, &out->subject);
	out->expiry_ms = exp_s * 1000;
	return why;
}

/* ---- the token ---- */

const char *jwt_verify(struct str token, const struct jwks *keys, const struct jwt_rules *rules, int64_t wall_ms,
		       struct arena *a, struct jwt *out)
{
	struct jwt_parts parts;
	json_t *header;
	json_t *claims;
	const char *why;

	*out = (struct jwt){0};
	if (token.len > JWT_LEN_MAX)
		return "it is too long";
	if (!jwt_split(token, &parts) || parts.signature.len == 0 || parts.header.len > HEADER_LEN_MAX)
		return "it has not three parts";
	header = jwt_object(parts.header, JSON_REJECT_DUPLICATES, a);
	why = header ? verify_signature(&parts, header, keys, a, out) : "its header is not a JSON object";
	json_decref(header);
	if (why)
		return why;
	claims = jwt_object(parts.claims, JSON_REJECT_DUPLICATES, a);
	why = claims ? check_claims(claims, rules, wall_ms, a, out) : "its claims are not a JSON object";
	json_decref(claims);
	return why;
}
