/* token: the HMAC, and who may do what with a token. */
#include "security/token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/check.h"

void token_hmac(struct str secret, struct str id, uint8_t out[TOKEN_HMAC_LEN])
{
	unsigned len = TOKEN_HMAC_LEN;

	check(secret.len > 0);
	check(HMAC(EVP_sha512(), secret.p, secret.len, (const unsigned char *)id.p, (size_t)id.len, out, &len));
	check(len == TOKEN_HMAC_LEN);
}

bool token_hmac_equal(const uint8_t a[TOKEN_HMAC_LEN], const uint8_t b[TOKEN_HMAC_LEN])
{
	return CRYPTO_memcmp(a, b, TOKEN_HMAC_LEN) == 0;
}

struct principal token_principal(struct str text)
{
	const char *colon = text.len > 0 ? memchr(text.p, ':', (size_t)text.len) : NULL;
	int32_t type_len = colon ? (int32_t)(colon - text.p) : 0;

	if (!colon)
		return (struct principal){.type = STR(""), .name = text};
	return (struct principal){.type = {text.p, type_len}, .name = {colon + 1, text.len - type_len - 1}};
}

static bool is_named(struct str text, const struct principal *who)
{
	struct principal p = token_principal(text);

	return principal_equal(&p, who);
}

static bool has_renewer(const struct image_token *t, const struct principal *who)
{
	for (int i = 0; i < t->n_renewers; i++) {
		if (is_named(t->renewers[i], who))
			return true;
	}
	return false;
}

bool token_may_be_renewed_by(const struct image_token *t, const struct principal *who)
{
	return is_named(t->owner, who) || has_renewer(t, who);
}

bool token_concerns(const struct image_token *t, const struct principal *who)
{
	return token_may_be_renewed_by(t, who) || is_named(t->requester, who);
}

bool token_has_expired(const struct image_token *t, int64_t wall_ms)
{
	return t->max_ms < wall_ms || t->expiry_ms < wall_ms;
}
