/*
 * assertion: what shows an issuer who a client is, in place of its secret (RFC 7523): a JSON Web
 * Token that is read from a file, or made and signed here. Kafka's AssertionCreator and
 * AssertionJwtTemplate. Any thread.
 */
#ifndef ODRADEK_SECURITY_ASSERTION_H
#define ODRADEK_SECURITY_ASSERTION_H

#include "wire/oauth.h"

/* For struct oauth_assertion. */
const char *assertion_make(const struct oauth_assertion *a, const struct oauth_now *now, struct arena *arena,
			   struct str *out);

#endif
