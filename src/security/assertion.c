/*
 * assertion: header.claims.signature, each in base64url. Members of both objects come from the
 * settings, then from the template, then from the clock; the later ones win, as in Kafka's
 * LayeredAssertionJwtTemplate.
 */
#include "security/assertion.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "security/jwt_parts.h"
#include "security/secret.h"

enum { SIGNATURE_MAX = 2048, P256_BYTES = 32, UUID_TEXT = 37 };

/* ---- an assertion that is ready ---- */

/* All of its parts are in base64url: so URL encoding, which Kafka applies to it in a request, would change nothing. */
static const char *take_ready(struct str text, struct arena *arena, struct str *out)
{
	struct jwt_parts parts;
	struct bytes signature = {0};
	json_t *header = NULL, *claims = NULL;

	*out = str_trim(text);
	if (jwt_split(*out, &parts) && base64_read(BASE64_URL, parts.signature, arena, &signature)) {
		header = jwt_object(parts.header, 0, arena);
		claims = jwt_object(parts.claims, 0, arena);
	}
	json_decref(header);
	json_decref(claims);
	return header && claims && signature.len > 0 ? NULL : "its file holds no JSON Web Token";
}

/* ---- what is asserted ---- */

/* A random UUID (RFC 9562, version 4). */
static json_t *new_id(const uint8_t random[16])
{
	uint8_t u[16];
	char text[UUID_TEXT];

	memcpy(u, random, sizeof(u));
	u[6] = (uint8_t)((u[6] & 0x0f) | 0x40);
	u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
	snprintf(text, sizeof(text), "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
		 u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	return json_string(text);
}

/* Adds what is new with each assertion. */
static void add_times(json_t *claims, const struct oauth_assertion *a, const struct oauth_now *now)
{
	int64_t now_s = now->wall_ms / 1000;

	json_object_set_new(claims, "iat", json_integer(now_s));
	json_object_set_new(claims, "exp", json_integer(now_s + a->valid_s));
	json_object_set_new(claims, "nbf", json_integer(now_s - a->before_s));
	if (a->has_id)
		json_object_set_new(claims, "jti", new_id(now->random));
}

/* Adds a member of the template, which is an object or absent. */
static bool add_template(json_t *to, const json_t *template, const char *name)
{
	json_t *from = json_object_get(template, name);

	return !from || json_object_update(to, from) == 0;
}

static struct str encoded(const json_t *object, struct arena *arena)
{
	size_t len = json_dumpb(object, NULL, 0, JSON_COMPACT);
	char *text = arena_alloc(arena, len);

	if (len == 0 || !text)
		return STR_NULL;
	json_dumpb(object, text, len, JSON_COMPACT);
	return base64_text(BASE64_URL, (struct bytes){(const uint8_t *)text, (int32_t)len}, arena);
}

static struct str joined(json_t *header, json_t *claims, struct arena *arena)
{
	struct str first = encoded(header, arena), second = encoded(claims, arena);

	if (str_is_null(first) || str_is_null(second))
		return STR_NULL;
	return arena_printf(arena, "%.*s.%.*s", STR_ARG(first), STR_ARG(second));
}

static const char *fill(const struct oauth_assertion *a, const struct oauth_now *now, json_t *header, json_t *claims,
			const json_t *template, struct arena *arena, struct str *out)
{
	if (!str_is_null(now->template) && !json_is_object(template))
		return "its template is no JSON object";
	if (!add_template(header, template, "header") || !add_template(claims, template, "payload"))
		return "the header and the payload of its template have to be JSON objects";
	json_object_set_new(header, "alg", json_stringn(a->algorithm.p, (size_t)a->algorithm.len));
	json_object_set_new(header, "typ", json_string("JWT"));
	add_times(claims, a, now);
	*out = joined(header, claims, arena);
	return str_is_null(*out) ? "it is too long" : NULL;
}

static const char *write_content(const struct oauth_assertion *a, const struct oauth_now *now, struct arena *arena,
				 struct str *out)
{
	json_error_t error;
	json_t *header = json_object();
	json_t *claims = json_loadb(a->claims.p, (size_t)a->claims.len, 0, &error);
	json_t *template =
		str_is_null(now->template) ? NULL : json_loadb(now->template.p, (size_t)now->template.len, 0, &error);
	const char *why = fill(a, now, header, claims, template, arena, out);

	json_decref(header);
	json_decref(claims);
	json_decref(template);
	return why;
}

/* ---- the signature ---- */

static int give_passphrase(char *to, int size, int writes, void *arg)
{
	const struct str *passphrase = arg;

	(void)writes;
	if (str_is_null(*passphrase) || passphrase->len > size)
		return -1;
	memcpy(to, passphrase->p, (size_t)passphrase->len);
	return passphrase->len;
}

static EVP_PKEY *read_key(struct str pem, struct str passphrase)
{
	BIO *in = BIO_new_mem_buf(pem.p, pem.len);
	EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, give_passphrase, &passphrase) : NULL;

	BIO_free(in);
	ERR_clear_error();
	return key;
}

/* Converts OpenSSL's DER to r and s, concatenated. The length; 0: they are not of P-256. */
static size_t from_der(const uint8_t *der, size_t len, uint8_t out[2 * P256_BYTES])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, P256_BYTES) == P256_BYTES &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + P256_BYTES, P256_BYTES) == P256_BYTES;

	ECDSA_SIG_free(sig);
	return ok ? 2 * P256_BYTES : 0;
}

/* The length of the signature; 0: the key does not sign so. */
static size_t sign(EVP_PKEY *key, struct str text, bool ec, uint8_t out[SIGNATURE_MAX])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[SIGNATURE_MAX];
	size_t len = sizeof(signature);
	bool ok = ctx && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) > 0 &&
		  EVP_DigestSign(ctx, signature, &len, (const uint8_t *)text.p, (size_t)text.len) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (!ok)
		return 0;
	if (ec)
		return from_der(signature, len, out);
	memcpy(out, signature, len);
	return len;
}

/* A key signs only by the algorithm of its type. */
static bool fits(const EVP_PKEY *key, bool ec)
{
	char curve[32];

	if (!ec)
		return EVP_PKEY_is_a(key, "RSA");
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) == 1 &&
	       strcmp(curve, SN_X9_62_prime256v1) == 0;
}

static const char *sign_with(EVP_PKEY *key, const struct oauth_assertion *a, struct str content, struct arena *arena,
			     struct str *out)
{
	bool ec = a->algorithm.len > 0 && (a->algorithm.p[0] == 'E' || a->algorithm.p[0] == 'e');
	uint8_t signature[SIGNATURE_MAX];
	size_t len;
	struct str text;

	if (!fits(key, ec))
		return ec ? "ES256 needs a private key on P-256" : "RS256 needs a private key of RSA";
	len = sign(key, content, ec, signature);
	text = base64_text(BASE64_URL, (struct bytes){signature, (int32_t)len}, arena);
	if (len == 0 || str_is_null(text))
		return "it cannot be signed";
	*out = arena_printf(arena, "%.*s.%.*s", STR_ARG(content), STR_ARG(text));
	return str_is_null(*out) ? "it is too long" : NULL;
}

const char *assertion_make(const struct oauth_assertion *a, const struct oauth_now *now, struct arena *arena,
			   struct str *out)
{
	struct str content;
	EVP_PKEY *key;
	const char *why;

	if (!str_is_null(a->file))
		return take_ready(now->file, arena, out);
	why = write_content(a, now, arena, &content);
	if (why)
		return why;
	key = read_key(now->key, a->passphrase);
	if (!key)
		return "its private key cannot be read: PKCS#8 in PEM was expected, and its passphrase if it is encrypted";
	why = sign_with(key, a, content, arena, out);
	EVP_PKEY_free(key);
	return why;
}
