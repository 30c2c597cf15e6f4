/*
 * jwks: the public keys of an issuer of tokens: a JSON Web Key Set (RFC 7517, RFC 7518, RFC 8037).
 *
 * RSA keys of 2048 bits and more, EC keys on P-256, P-384 and P-521, and Ed25519 and Ed448. Other keys of a set are left out, as jose4j
 * leaves out what it cannot read; symmetric ones too, since what is published proves nothing. Counted, and unchanging: any thread.
 */
#ifndef ODRADEK_SECURITY_JWKS_H
#define ODRADEK_SECURITY_JWKS_H

#include "base/arena.h"
#include "base/str.h"

struct jwks;

/* NULL and why, for people: it is no key set. A set without usable keys is one. */
struct jwks *jwks_read(struct str json, struct arena *a, struct str *why);
struct jwks *jwks_ref(struct jwks *k);
void jwks_unref(struct jwks **k); /* NULL is fine; sets it to NULL */
int jwks_count(const struct jwks *k);
bool jwks_has(const struct jwks *k, struct str kid);

/* ---- for jwt.c ---- */

enum jwk_type { JWK_RSA, JWK_EC, JWK_OKP };

struct jwk_want {
	struct str kid; /* null: any */
	struct str alg; /* that of the token */
	enum jwk_type type;
	int bits; /* EC: of the curve; else 0 */
};

/* The first one that fits (jose4j's VerificationJwkSelector); NULL: none does. An EVP_PKEY. */
void *jwks_find(const struct jwks *k, const struct jwk_want *want);

#endif
