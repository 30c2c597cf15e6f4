#include "tests/broker/signed_token.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "tests/base/cm.h"

static EVP_PKEY *key_of(uint8_t seed)
{
	uint8_t raw[32];
	EVP_PKEY *key;

	memset(raw, seed, sizeof(raw));
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
	assert_non_null(key);
	return key;
}

static const char *b64(const void *p, size_t len, char *text)
{
	text[base64_put(BASE64_URL, p, len, text)] = 0;
	return text;
}

int signed_token_key(uint8_t seed, const char *kid, char *out, size_t size)
{
	EVP_PKEY *key = key_of(seed);
	uint8_t raw[32];
	size_t len = sizeof(raw);
	char x[64], name[64] = "";

	assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &len), 1);
	EVP_PKEY_free(key);
	if (kid)
		snprintf(name, sizeof(name), "\"kid\":\"%s\",", kid);
	return snprintf(out, size, "{%s\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"}", name, b64(raw, len, x));
}

int signed_token_message(uint8_t seed, const char *kid, int64_t now_s, char *out, size_t size)
{
	char json[256], header[512], claims[512], text[1200], signature[128];
	EVP_PKEY *key = key_of(seed);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t raw[64];
	size_t len = sizeof(raw);
	int n = snprintf(json, sizeof(json), "{\"alg\":\"EdDSA\"%s%s%s}", kid ? ",\"kid\":\"" : "", kid ? kid : "",
			 kid ? "\"" : "");

	b64(json, (size_t)n, header);
	n = snprintf(json, sizeof(json), "{\"sub\":\"me\",\"aud\":\"kafka\",\"iat\":%lld,\"exp\":%lld}",
		     (long long)now_s, (long long)now_s + 60);
	n = snprintf(text, sizeof(text), "%s.%s", header, b64(json, (size_t)n, claims));
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, raw, &len, (const uint8_t *)text, (size_t)n), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return snprintf(out, size, "n,,\1auth=Bearer %s.%s\1\1", text, b64(raw, len, signature));
}
