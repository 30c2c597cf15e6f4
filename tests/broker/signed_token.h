/*
 * signed_token: tokens signed by an issuer, and the keys it publishes, for tests. A key is a number
 * (Ed25519).
 */
#ifndef ODRADEK_TESTS_BROKER_SIGNED_TOKEN_H
#define ODRADEK_TESTS_BROKER_SIGNED_TOKEN_H

#include <stddef.h>
#include <stdint.h>

/* The key as a member of a JWK set; kid NULL: without one. Returns the length. */
int signed_token_key(uint8_t seed, const char *kid, char *out, size_t size);
/*
 * The first client message of OAUTHBEARER, for "me" and the audience "kafka", valid for a minute.
 * Returns the length.
 */
int signed_token_message(uint8_t seed, const char *kid, int64_t now_s, char *out, size_t size);

#endif
