/*
 * token: checks on delegation tokens (KIP-48), for logging in with one, changing it and showing it.
 *
 * The HMAC of a token's id under delegation.token.secret.key is what its bearer presents, in
 * base64, as the password of SCRAM. It is a secret: it is in no log, and is compared in constant
 * time. Any thread.
 */
#ifndef ODRADEK_SECURITY_TOKEN_H
#define ODRADEK_SECURITY_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "metadata/token.h"
#include "security/principal.h"

#define TOKEN_HMAC_LEN 64 /* HMAC-SHA-512 */

void token_hmac(struct str secret, struct str id, uint8_t out[TOKEN_HMAC_LEN]);
bool token_hmac_equal(const uint8_t a[TOKEN_HMAC_LEN], const uint8_t b[TOKEN_HMAC_LEN]);

/* A principal of a token; its name may be anything, even empty. Views into the text. */
struct principal token_principal(struct str text);

/* True for the owner and the renewers, by type and name. */
bool token_may_be_renewed_by(const struct image_token *t, const struct principal *who);
/* True for the owner, the requester and the renewers, who see it without further permission. */
bool token_concerns(const struct image_token *t, const struct principal *who);
bool token_has_expired(const struct image_token *t, int64_t wall_ms);

#endif
