/*
 * jwks: the public keys of a token issuer: a JSON Web Key Set (RFC 7517, RFC 7518, RFC 8037).
 *
 * RSA keys of at least 2048 bits; EC keys on P-256, P-384 and P-521; Ed25519 and Ed448. Other keys
 * of a set are ignored, as jose4j ignores what it cannot read; so are symmetric ones, since a
 * published key proves nothing. Reference counted and immutable: any thread.
 */
#ifndef ODRADEK_SECURITY_JWKS_H
#define ODRADEK_SECURITY_JWKS_H

#include "base/arena.h"
#include "base/str.h"

struct jwks;

/* NULL, with an explanation for people: it is not a key set. A set without usable keys is valid. */
struct jwks *jwks_read(struct str json, struct arena *a, struct str *why);
struct jwks *jwks_ref(struct jwks *k);
void jwks_unref(struct jwks **k); /* NULL is fine; sets it to NULL */
int jwks_count(const struct jwks *k);
bool jwks_has(const struct jwks *k, struct str kid);

/* ---- for jwt.c ---- */

enum jwk_type { JWK_RSA, JWK_EC, JWK_OKP };

struct jwk_want {
	struct str kid; /* null: any */
	struct str alg; /* the token's algorithm */
	enum jwk_type type;
	int bits; /* for EC: of the curve; otherwise 0 */
};

/* The first key that fits (jose4j's VerificationJwkSelector), as an EVP_PKEY; NULL: none does. */
void *jwks_find(const struct jwks *k, const struct jwk_want *want);

#endif
