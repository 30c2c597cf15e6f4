/*
 * login_words: client logins with a name and a password: PLAIN (RFC 4616) and SCRAM (scram.h),
 * behind wire/login.h.
 *
 * A method copies its name and password, and wipes them at its end. Neither appears in any message.
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
	bool token; /* they are the id and HMAC of a delegation token (SCRAM only) */
};

/* Release with login_method_free(). */
struct login_method *login_plain_new(const struct login_words *words);
struct login_method *login_scram_new(enum scram_mechanism mechanism, const struct login_words *words);

#endif
