/*
 * jwt: signed JSON Web Tokens (RFC 7519, RFC 7515) as Kafka's BrokerJwtValidator accepts them:
 * header.claims.signature, each in base64url.
 *
 * 1. Nothing in a token is trusted before its signature is verified; its header selects the key and
 *    the algorithm, and a key serves only the algorithms of its type (RFC 8725, 3.1). "none" and
 *    symmetric algorithms are never accepted, and "crit" is never understood.
 * 2. These claims are checked: exp and iat, which are required, nbf, iss, aud, and those that name
 *    the subject and the scope.
 * 3. A token is at most JWT_LEN_MAX long, which bounds its cost before it is verified.
 *
 * Any thread. Results are in the arena.
 */
#ifndef ODRADEK_SECURITY_JWT_H
#define ODRADEK_SECURITY_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct jwks;

#define JWT_LEN_MAX 65536

struct jwt_rules {
	const struct str *audiences; /* one of these must match; none: anything, or nothing */
	int n_audiences;
	struct str issuer; /* null: anything, or nothing */
	struct str scope_claim;
	struct str subject_claim;
	int32_t clock_skew_s;
};

struct jwt {
	struct str subject;
	int64_t expiry_ms;	/* wall clock */
	struct str missing_kid; /* its key id, if it was not verified because no key fits; otherwise null */
};

/* NULL, or the reason for refusal, for the log: it contains nothing of the token. */
const char *jwt_verify(struct str token, const struct jwks *keys, const struct jwt_rules *rules, int64_t wall_ms,
		       struct arena *a, struct jwt *out);

/* Whether the text is signed by the first of these keys that fits, with this algorithm ("RS256", ...). */
bool jwt_is_signed(const struct jwks *keys, struct str alg, struct str text, struct bytes signature);

/* ---- tokens without a signature (OAuthBearerUnsecuredJws): for development ---- */

struct jwt_unsecured_rules {
	struct str principal_claim;
	struct str scope_claim;
	const struct str *scopes; /* all of them are required */
	int n_scopes;
	int64_t clock_skew_ms;
};

enum jwt_unsecured { JWT_GOOD, JWT_INVALID, JWT_OUT_OF_SCOPE };

enum jwt_unsecured jwt_read_unsecured(struct str token, const struct jwt_unsecured_rules *rules, int64_t wall_ms,
				      struct arena *a, struct jwt *out);

#endif
