/*
 * login_words: how a client says who it is by a name and a password: PLAIN (RFC 4616) and SCRAM (scram.h), behind wire/login.h.
 *
 * A method copies what it is made of, and wipes it at its end. Names and passwords are in nothing that people are told.
 */
#ifndef ODRADEK_SECURITY_LOGIN_WORDS_H
#define ODRADEK_SECURITY_LOGIN_WORDS_H

#include <stdbool.h>

#include "base/str.h"
#include "security/scram.h"

struct login_method;

struct login_words {
	struct str name;
	struct str password;
	bool token; /* they are a delegation token's id and its HMAC (SCRAM only) */
};

/* login_method_free() it. */
struct login_method *login_plain_new(const struct login_words *words);
struct login_method *login_scram_new(enum scram_mechanism mechanism, const struct login_words *words);

#endif
