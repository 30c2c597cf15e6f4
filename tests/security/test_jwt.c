/* jwt, jwks: signed tokens, the vectors of RFC 7515 and RFC 8037, and Wycheproof's attacks on JWS. */
#include "security/jwt.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "security/jwks.h"
#include "tests/base/cm.h"

#define NOW_S 1700000000
#define GOOD "\"sub\":\"alice\",\"iat\":1699999990,\"exp\":1700000100"

static struct arena arena;

/* Keys generated for this run, and the set of their public halves. */
static EVP_PKEY *rsa, *other_rsa, *weak_rsa, *p256, *p384, *p521, *ed25519;
static struct jwks *keys;

static const struct jwt_rules ANY = {.scope_claim = {"scope", 5}, .subject_claim = {"sub", 3}};

/* ---- making keys and tokens ---- */

static struct str b64(const void *p, size_t len)
{
	return base64_text(BASE64_URL, (struct bytes){p, (int32_t)len}, &arena);
}

static struct str number_of(EVP_PKEY *key, const char *name, int len)
{
	BIGNUM *n = NULL;
	uint8_t bytes[512];
	struct str text;

	assert_true(EVP_PKEY_get_bn_param(key, name, &n));
	len = len ? len : BN_num_bytes(n);
	assert_int_equal(BN_bn2binpad(n, bytes, len), len);
	text = b64(bytes, (size_t)len);
	BN_free(n);
	return text;
}

static struct str rsa_jwk(EVP_PKEY *key, const char *kid, const char *more)
{
	struct str n = number_of(key, "n", 0);
	struct str e = number_of(key, "e", 0);

	return arena_printf(&arena, "{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"%.*s\",\"e\":\"%.*s\"%s}", kid, STR_ARG(n),
			    STR_ARG(e), more);
}

static struct str ec_jwk(EVP_PKEY *key, const char *crv, int len)
{
	struct str x = number_of(key, "qx", len);
	struct str y = number_of(key, "qy", len);

	return arena_printf(&arena, "{\"kty\":\"EC\",\"crv\":\"%s\",\"kid\":\"%s\",\"x\":\"%.*s\",\"y\":\"%.*s\"}", crv,
			    crv, STR_ARG(x), STR_ARG(y));
}

static struct str okp_jwk(EVP_PKEY *key)
{
	uint8_t raw[32];
	size_t len = sizeof(raw);
	struct str x;

	assert_true(EVP_PKEY_get_raw_public_key(key, raw, &len));
	x = b64(raw, len);
	return arena_printf(&arena, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"ed\",\"x\":\"%.*s\"}", STR_ARG(x));
}

static struct jwks *read_keys(const char *json)
{
	struct str why = STR_NULL;
	struct jwks *k = jwks_read(str_of(json), &arena, &why);

	if (!k)
		print_error("%.*s\n", STR_ARG(why));
	assert_non_null(k);
	return k;
}

static int group_up(void **state)
{
	(void)state;
	arena_init(&arena, 64 << 20);
	rsa = EVP_RSA_gen(2048);
	other_rsa = EVP_RSA_gen(2048);
	weak_rsa = EVP_RSA_gen(1024);
	p256 = EVP_EC_gen("P-256");
	p384 = EVP_EC_gen("P-384");
	p521 = EVP_EC_gen("P-521");
	ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	keys = read_keys(arena_printf(&arena, "{\"keys\":[%.*s,%.*s,%.*s,%.*s,%.*s,%.*s]}%c",
				      STR_ARG(rsa_jwk(rsa, "r", "")), STR_ARG(rsa_jwk(weak_rsa, "weak", "")),
				      STR_ARG(ec_jwk(p256, "P-256", 32)), STR_ARG(ec_jwk(p384, "P-384", 48)),
				      STR_ARG(ec_jwk(p521, "P-521", 66)), STR_ARG(okp_jwk(ed25519)), 0)
				 .p);
	return 0;
}

static int group_down(void **state)
{
	EVP_PKEY *all[] = {rsa, other_rsa, weak_rsa, p256, p384, p521, ed25519};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		EVP_PKEY_free(all[i]);
	jwks_unref(&keys);
	arena_fini(&arena);
	return 0;
}

/* r and s concatenated. */
static struct bytes raw_ecdsa(const uint8_t *der, size_t len, int half)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	uint8_t *raw = arena_alloc(&arena, 2 * (size_t)half);

	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, half), half);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, half), half);
	ECDSA_SIG_free(sig);
	return (struct bytes){raw, 2 * half};
}

static struct bytes sign(EVP_PKEY *key, const char *digest, bool pss, struct str text)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t *sig = arena_alloc(&arena, 1024);
	size_t len = 1024;
	EVP_PKEY_CTX *how;

	assert_true(EVP_DigestSignInit_ex(ctx, &how, digest, NULL, NULL, key, NULL));
	if (pss) {
		assert_true(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) > 0);
		assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) > 0);
	}
	assert_true(EVP_DigestSign(ctx, sig, &len, (const uint8_t *)text.p, (size_t)text.len));
	EVP_MD_CTX_free(ctx);
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
		return raw_ecdsa(sig, len, (EVP_PKEY_get_bits(key) + 7) / 8);
	return (struct bytes){sig, (int32_t)len};
}

static struct str signed_text(const char *header, const char *claims)
{
	struct str h = b64(header, strlen(header));
	struct str c = b64(claims, strlen(claims));

	return arena_printf(&arena, "%.*s.%.*s", STR_ARG(h), STR_ARG(c));
}

static struct str joined(struct str text, struct bytes signature)
{
	struct str s = b64(signature.p, (size_t)signature.len);

	return arena_printf(&arena, "%.*s.%.*s", STR_ARG(text), STR_ARG(s));
}

static struct str token(const char *header, const char *claims, EVP_PKEY *key, const char *digest, bool pss)
{
	struct str text = signed_text(header, claims);

	return joined(text, sign(key, digest, pss, text));
}

static struct str rs256(const char *claims)
{
	return token("{\"alg\":\"RS256\",\"kid\":\"r\"}", claims, rsa, "SHA256", false);
}

static const char *verify(struct str text, const struct jwt_rules *rules, struct jwt *out)
{
	return jwt_verify(text, keys, rules, NOW_S * 1000LL, &arena, out);
}

static void assert_good(struct str text, const struct jwt_rules *rules)
{
	struct jwt out;
	const char *why = verify(text, rules, &out);

	if (why)
		print_error("%s\n", why);
	assert_null(why);
	assert_true(str_is(out.subject, "alice"));
	assert_true(out.expiry_ms == 1700000100000LL);
}

static void assert_refused(struct str text, const struct jwt_rules *rules, const char *expected)
{
	struct jwt out;
	const char *why = verify(text, rules, &out);

	assert_non_null(why);
	if (!strstr(why, expected))
		print_error("\"%s\" has no \"%s\"\n", why, expected);
	assert_non_null(strstr(why, expected));
}

/* ---- algorithms ---- */

static void every_algorithm_is_verified_with_its_key(void **state)
{
	static const struct {
		const char *alg, *kid, *digest;
		EVP_PKEY **key;
		bool pss;
	} v[] = {
		{"RS256", "r", "SHA256", &rsa, false},	    {"RS384", "r", "SHA384", &rsa, false},
		{"RS512", "r", "SHA512", &rsa, false},	    {"PS256", "r", "SHA256", &rsa, true},
		{"PS384", "r", "SHA384", &rsa, true},	    {"PS512", "r", "SHA512", &rsa, true},
		{"ES256", "P-256", "SHA256", &p256, false}, {"ES384", "P-384", "SHA384", &p384, false},
		{"ES512", "P-521", "SHA512", &p521, false}, {"EdDSA", "ed", NULL, &ed25519, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct str header = arena_printf(&arena, "{\"alg\":\"%s\",\"kid\":\"%s\"}%c", v[i].alg, v[i].kid, 0);
		struct str text = token(header.p, "{" GOOD "}", *v[i].key, v[i].digest, v[i].pss);
		char *p = (char *)text.p;

		assert_good(text, &ANY);
		p[text.len - 3] = p[text.len - 3] == 'A' ? 'B' : 'A';
		assert_refused(text, &ANY, "signature is wrong");
	}
}

static void without_a_kid_the_first_key_that_fits_is_taken(void **state)
{
	(void)state;
	assert_good(token("{\"alg\":\"ES256\"}", "{" GOOD "}", p256, "SHA256", false), &ANY);
	assert_refused(token("{\"alg\":\"RS256\"}", "{" GOOD "}", other_rsa, "SHA256", false), &ANY,
		       "signature is wrong");
	assert_refused(token("{\"alg\":\"RS256\",\"kid\":\"s\"}", "{" GOOD "}", rsa, "SHA256", false), &ANY, "no key");
	assert_refused(token("{\"alg\":\"RS256\",\"kid\":7}", "{" GOOD "}", rsa, "SHA256", false), &ANY,
		       "not a string");
}

static void what_is_not_signed_is_not_taken(void **state)
{
	static const char *const none[] = {"none",  "None", "NONE",  "nOnE",   "",
					   "HS256", "RS1",  "rs256", "ES256K", "RSA1_5"};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct str header = arena_printf(&arena, "{\"alg\":\"%s\"}%c", none[i], 0);
		struct str text = signed_text(header.p, "{" GOOD "}");

		assert_refused(arena_printf(&arena, "%.*s.", STR_ARG(text)), &ANY, "three parts");
		assert_refused(arena_printf(&arena, "%.*s.AA", STR_ARG(text)), &ANY, "algorithm");
	}
	assert_refused(signed_text("{\"alg\":\"RS256\"}", "{}"), &ANY, "three parts");
	assert_refused(token("{}", "{" GOOD "}", rsa, "SHA256", false), &ANY, "algorithm");
	assert_refused(token("{\"alg\":[\"RS256\"]}", "{" GOOD "}", rsa, "SHA256", false), &ANY, "algorithm");
}

/* A public key used as the secret of an HMAC; a signature of one kind in place of another. */
static void algorithms_are_not_confused(void **state)
{
	struct str text = signed_text("{\"alg\":\"HS256\",\"kid\":\"r\"}", "{" GOOD "}");
	uint8_t *der = NULL;
	int der_len = i2d_PUBKEY(rsa, &der);
	EVP_PKEY *secret = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, der, (size_t)der_len);

	(void)state;
	assert_refused(joined(text, sign(secret, "SHA256", false, text)), &ANY, "algorithm");
	EVP_PKEY_free(secret);
	OPENSSL_free(der);
	assert_refused(token("{\"alg\":\"PS256\",\"kid\":\"r\"}", "{" GOOD "}", rsa, "SHA256", false), &ANY,
		       "signature is wrong");
	assert_refused(token("{\"alg\":\"RS256\",\"kid\":\"r\"}", "{" GOOD "}", rsa, "SHA256", true), &ANY,
		       "signature is wrong");
	assert_refused(token("{\"alg\":\"RS256\",\"kid\":\"r\"}", "{" GOOD "}", rsa, "SHA384", false), &ANY,
		       "signature is wrong");
	assert_refused(token("{\"alg\":\"ES256\",\"kid\":\"r\"}", "{" GOOD "}", rsa, "SHA256", false), &ANY, "no key");
	assert_refused(token("{\"alg\":\"ES384\",\"kid\":\"P-256\"}", "{" GOOD "}", p256, "SHA384", false), &ANY,
		       "no key");
	assert_refused(token("{\"alg\":\"RS256\",\"kid\":\"weak\"}", "{" GOOD "}", weak_rsa, "SHA256", false), &ANY,
		       "no key");
	assert_refused(token("{\"alg\":\"RS256\",\"kid\":\"r\",\"crit\":[\"b64\"],\"b64\":true}", "{" GOOD "}", rsa,
			     "SHA256", false),
		       &ANY, "crit");
	assert_refused(token("{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"r\"}", "{" GOOD "}", rsa, "SHA256", false),
		       &ANY, "header");
}

static void an_ecdsa_signature_is_two_numbers_of_the_length_of_the_curve(void **state)
{
	struct str text = signed_text("{\"alg\":\"ES256\",\"kid\":\"P-256\"}", "{" GOOD "}");
	struct bytes good = sign(p256, "SHA256", false, text);
	uint8_t bytes[72] = {0};

	(void)state;
	assert_good(joined(text, good), &ANY);
	memcpy(bytes, good.p, 64);
	assert_refused(joined(text, (struct bytes){bytes, 63}), &ANY, "signature is wrong");
	assert_refused(joined(text, (struct bytes){bytes, 65}), &ANY, "signature is wrong");
	memset(bytes, 0, 64);
	assert_refused(joined(text, (struct bytes){bytes, 64}), &ANY, "signature is wrong"); /* CVE-2022-21449 */
	memset(bytes, 0xff, 64);
	assert_refused(joined(text, (struct bytes){bytes, 64}), &ANY, "signature is wrong");
	memcpy(bytes, good.p, 32);
	memset(bytes + 32, 0, 32);
	assert_refused(joined(text, (struct bytes){bytes, 64}), &ANY, "signature is wrong");
}

/* ---- the vectors: their claims are not those of an access token, which is seen only after the signature ---- */

static void assert_vector(const char *jwk, const char *text, const char *then)
{
	struct str json = arena_printf(&arena, "{\"keys\":[%s]}%c", jwk, 0);
	struct jwks *own = read_keys(json.p);
	char *copy = xstrdup(text);
	const char *why;
	struct jwt out;

	assert_int_equal(jwks_count(own), 1);
	why = jwt_verify(str_of(copy), own, &ANY, 1300819000000LL, &arena, &out);
	if (!why || !strstr(why, then))
		print_error("%s: %s\n", text, why ? why : "good");
	assert_true(why && strstr(why, then));
	copy[30] ^= 1;
	why = jwt_verify(str_of(copy), own, &ANY, 1300819000000LL, &arena, &out);
	assert_true(why && !strstr(why, then));
	xfree(copy);
	jwks_unref(&own);
}

#define JOE ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."

static void the_vectors_of_the_rfcs_verify(void **state)
{
	(void)state;
	/* RFC 7515, A.2 */
	assert_vector(
		"{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0"
		"Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-"
		"KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2"
		"ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}",
		"eyJhbGciOiJSUzI1NiJ9" JOE
		"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CU"
		"Ar7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d"
		"O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig"
		"cN_IoypGlUPQGe77Rw",
		"iat is missing");
	/* RFC 7515, A.3 */
	assert_vector(
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_"
		"tue659LNpXW6pCyStikYjKIWI5a0\"}",
		"eyJhbGciOiJFUzI1NiJ9" JOE
		"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
		"iat is missing");
	/* RFC 8037, A.4 */
	assert_vector(
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4i"
		"ylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
		"claims are not a JSON object");
}

/* ---- claims ---- */

static void times_are_looked_at(void **state)
{
	struct jwt_rules lenient = ANY;

	(void)state;
	lenient.clock_skew_s = 30;
	assert_refused(rs256("{\"sub\":\"alice\",\"iat\":1}"), &ANY, "missing");
	assert_refused(rs256("{\"sub\":\"alice\",\"exp\":1700000100}"), &ANY, "missing");
	assert_refused(rs256("{\"sub\":\"alice\",\"iat\":\"1\",\"exp\":1700000100}"), &ANY, "not a number");
	assert_refused(rs256("{\"sub\":\"alice\",\"iat\":1,\"exp\":1e300}"), &ANY, "not a number");
	assert_refused(rs256("{\"sub\":\"alice\",\"iat\":1,\"exp\":1700000000}"), &ANY, "expired");
	assert_refused(rs256("{\"sub\":\"alice\",\"iat\":1,\"exp\":1699999970}"), &lenient, "expired");
	assert_refused(rs256("{\"sub\":\"alice\",\"iat\":1700000200,\"exp\":1700000100}"), &ANY, "before it begins");
	assert_refused(rs256("{\"sub\":\"alice\",\"iat\":-1,\"exp\":1700000100}"), &ANY, "negative");
	assert_refused(rs256("{" GOOD ",\"nbf\":1700000001}"), &ANY, "not valid yet");
	assert_good(rs256("{" GOOD ",\"nbf\":1700000030}"), &lenient);
	assert_good(rs256("{\"sub\":\"alice\",\"iat\":1700000050,\"exp\":1700000100.9}"), &ANY); /* no limit on iat */
}

static void issuer_and_audience_are_those_expected(void **state)
{
	static const struct str audiences[] = {{"kafka", 5}, {"odradek", 7}};
	struct jwt_rules rules = ANY;

	(void)state;
	assert_good(rs256("{" GOOD ",\"iss\":7,\"aud\":[7]}"), &ANY); /* not checked */
	rules.issuer = STR("https://i/");
	assert_good(rs256("{" GOOD ",\"iss\":\"https://i/\"}"), &rules);
	assert_refused(rs256("{" GOOD ",\"iss\":\"https://i\"}"), &rules, "issuer");
	assert_refused(rs256("{" GOOD "}"), &rules, "issuer");
	rules.issuer = STR_NULL;
	rules.audiences = audiences;
	rules.n_audiences = 2;
	assert_good(rs256("{" GOOD ",\"aud\":\"odradek\"}"), &rules);
	assert_good(rs256("{" GOOD ",\"aud\":[\"x\",\"kafka\"]}"), &rules);
	assert_refused(rs256("{" GOOD ",\"aud\":\"Kafka\"}"), &rules, "audience");
	assert_refused(rs256("{" GOOD ",\"aud\":[]}"), &rules, "audience");
	assert_refused(rs256("{" GOOD ",\"aud\":[\"kafka\",7]}"), &rules, "audience");
	assert_refused(rs256("{" GOOD "}"), &rules, "audience");
}

static void subject_and_scope_have_to_say_something(void **state)
{
	struct jwt_rules rules = ANY;

	(void)state;
	assert_good(rs256("{" GOOD ",\"scope\":\"a b\"}"), &ANY);
	assert_good(rs256("{" GOOD ",\"scope\":[\"a\",\"b\"]}"), &ANY);
	assert_good(rs256("{" GOOD ",\"scope\":7}"), &ANY);
	assert_refused(rs256("{" GOOD ",\"scope\":\" \"}"), &ANY, "scope");
	assert_refused(rs256("{" GOOD ",\"scope\":[\"a\",\" a \"]}"), &ANY, "scopes");
	assert_refused(rs256("{" GOOD ",\"scope\":[\"\"]}"), &ANY, "scopes");
	assert_refused(rs256("{\"iat\":1699999990,\"exp\":1700000100}"), &ANY, "subject");
	assert_refused(rs256("{\"iat\":1699999990,\"exp\":1700000100,\"sub\":7}"), &ANY, "subject");
	assert_refused(rs256("{\"iat\":1699999990,\"exp\":1700000100,\"sub\":\"\\t \"}"), &ANY, "subject");
	assert_good(rs256("{\"iat\":1699999990,\"exp\":1700000100,\"sub\":\" alice \"}"), &ANY);
	rules.subject_claim = STR("email");
	assert_good(rs256("{\"iat\":1699999990,\"exp\":1700000100,\"sub\":\"bob\",\"email\":\"alice\"}"), &rules);
}

/* ---- what is no token ---- */

static void what_is_not_well_formed_is_refused_wherever_it_is_cut(void **state)
{
	struct str good = rs256("{" GOOD "}");
	char *longer = xcalloc(1, JWT_LEN_MAX + 2);
	struct jwt out;

	(void)state;
	for (int32_t len = 0; len < good.len; len++)
		assert_non_null(verify((struct str){good.p, len}, &ANY, &out));
	assert_refused(arena_printf(&arena, "%.*s.", STR_ARG(good)), &ANY, "three parts");
	assert_refused(arena_printf(&arena, "%.*s=", STR_ARG(good)), &ANY, "base64url");
	assert_refused(arena_printf(&arena, ".%.*s", STR_ARG(good)), &ANY, "three parts");
	assert_refused(arena_printf(&arena, "e30+.%.*s", STR_ARG(good)), &ANY, "three parts");
	assert_refused(STR("e3+0.e30.AA"), &ANY, "header");
	assert_refused(token("[]", "{" GOOD "}", rsa, "SHA256", false), &ANY, "header");
	assert_refused(rs256("[]"), &ANY, "claims");
	assert_refused(rs256("{" GOOD ",\"sub\":\"bob\"}"), &ANY, "claims"); /* given twice */
	memset(longer, 'a', JWT_LEN_MAX + 1);
	assert_refused((struct str){longer, JWT_LEN_MAX + 1}, &ANY, "too long");
	assert_refused((struct str){longer, JWT_LEN_MAX}, &ANY, "three parts");
	xfree(longer);
}

static void a_set_is_read_for_what_of_it_can_be_used(void **state)
{
	static const char *const bad[] = {"", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]", "{\"keys\":[],\"keys\":[]}"};
	struct str why;
	struct jwks *k;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why = STR_NULL;
		assert_null(jwks_read(str_of(bad[i]), &arena, &why));
		assert_true(why.len > 0);
	}
	k = read_keys(
		"{\"keys\":[7,{},{\"kty\":\"oct\",\"k\":\"AAAA\"},{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"},"
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"},{\"kty\":\"EC\",\"crv\":\"secp256k1\"},"
		/* A point that is not on the curve. */
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"f83OJ3D2xF1Bg8vub9tL"
		"e1gHMzV76e8Tus9uPHvRVEU\"}]}");
	assert_int_equal(jwks_count(k), 0);
	jwks_unref(&k);
}

static void a_key_serves_what_it_says_it_is_for(void **state)
{
	static const struct {
		const char *more;
		bool taken;
	} v[] = {
		{",\"use\":\"sig\",\"alg\":\"RS256\"", true},
		{",\"use\":\"enc\"", false},
		{",\"key_ops\":[\"verify\"]", true},
		{",\"key_ops\":[\"encrypt\"]", false},
		{",\"alg\":\"RS512\"", false},
	};
	struct jwt out;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct str jwk = rsa_jwk(rsa, "r", v[i].more);
		struct jwks *own = read_keys(arena_printf(&arena, "{\"keys\":[%.*s]}%c", STR_ARG(jwk), 0).p);
		const char *why = jwt_verify(rs256("{" GOOD "}"), own, &ANY, NOW_S * 1000LL, &arena, &out);

		assert_int_equal(!why, v[i].taken);
		jwks_unref(&own);
	}
}

/* ---- unsecured ---- */

static enum jwt_unsecured read_unsecured(const char *header, const char *claims,
					 const struct jwt_unsecured_rules *rules, struct jwt *out)
{
	struct str text = signed_text(header, claims);

	return jwt_read_unsecured(arena_printf(&arena, "%.*s.", STR_ARG(text)), rules, NOW_S * 1000LL, &arena, out);
}

static void unsecured_tokens_are_read_as_kafka_reads_them(void **state)
{
	static const struct str wanted[] = {{"a", 1}, {"b", 1}};
	struct jwt_unsecured_rules rules = {.principal_claim = STR("sub"), .scope_claim = STR("scope")};
	const char *none = "{\"alg\":\"none\"}";
	struct jwt out;

	(void)state;
	assert_int_equal(read_unsecured(none, "{" GOOD "}", &rules, &out), JWT_GOOD);
	assert_true(str_is(out.subject, "alice") && out.expiry_ms == 1700000100000LL);
	assert_int_equal(read_unsecured(none, "{\"sub\":\"a\",\"exp\":1700000000.0015}", &rules, &out), JWT_GOOD);
	assert_true(out.expiry_ms == 1700000000002LL); /* Math.round */
	assert_int_equal(read_unsecured("{\"alg\":\"RS256\"}", "{" GOOD "}", &rules, &out), JWT_INVALID);
	assert_int_equal(read_unsecured("{}", "{" GOOD "}", &rules, &out), JWT_INVALID);
	assert_int_equal(read_unsecured(none, "{\"sub\":\"a\"}", &rules, &out), JWT_INVALID);
	assert_int_equal(read_unsecured(none, "{\"sub\":\"a\",\"exp\":1700000000}", &rules, &out), JWT_INVALID);
	assert_int_equal(read_unsecured(none, "{\"sub\":\"a\",\"exp\":1700000100,\"iat\":1700000001}", &rules, &out),
			 JWT_INVALID);
	assert_int_equal(read_unsecured(none, "{\"sub\":\" \",\"exp\":1700000100}", &rules, &out), JWT_INVALID);
	assert_int_equal(jwt_read_unsecured(rs256("{" GOOD "}"), &rules, NOW_S * 1000LL, &arena, &out), JWT_INVALID);
	rules.clock_skew_ms = 1000;
	assert_int_equal(read_unsecured(none, "{\"sub\":\"a\",\"exp\":1700000000}", &rules, &out), JWT_GOOD);
	assert_int_equal(read_unsecured(none, "{\"sub\":\"a\",\"exp\":1699999999}", &rules, &out), JWT_INVALID);
	rules.scopes = wanted;
	rules.n_scopes = 2;
	assert_int_equal(read_unsecured(none, "{" GOOD ",\"scope\":[\"b\",\" a\"]}", &rules, &out), JWT_GOOD);
	assert_int_equal(read_unsecured(none, "{" GOOD ",\"scope\":\"a b\"}", &rules, &out), JWT_OUT_OF_SCOPE);
	assert_int_equal(read_unsecured(none, "{" GOOD "}", &rules, &out), JWT_OUT_OF_SCOPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_algorithm_is_verified_with_its_key),
		cmocka_unit_test(without_a_kid_the_first_key_that_fits_is_taken),
		cmocka_unit_test(what_is_not_signed_is_not_taken),
		cmocka_unit_test(algorithms_are_not_confused),
		cmocka_unit_test(an_ecdsa_signature_is_two_numbers_of_the_length_of_the_curve),
		cmocka_unit_test(the_vectors_of_the_rfcs_verify),
		cmocka_unit_test(times_are_looked_at),
		cmocka_unit_test(issuer_and_audience_are_those_expected),
		cmocka_unit_test(subject_and_scope_have_to_say_something),
		cmocka_unit_test(what_is_not_well_formed_is_refused_wherever_it_is_cut),
		cmocka_unit_test(a_set_is_read_for_what_of_it_can_be_used),
		cmocka_unit_test(a_key_serves_what_it_says_it_is_for),
		cmocka_unit_test(unsecured_tokens_are_read_as_kafka_reads_them),
	};

	return cmocka_run_group_tests(tests, group_up, group_down);
}
