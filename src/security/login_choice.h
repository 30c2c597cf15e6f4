/*
 * login_choice: turns settings into a login method: a SASL mechanism and its JAAS line.
 *
 * The login module must be the mechanism's own: Kafka accepts any, and fails at the first login.
 */
#ifndef ODRADEK_SECURITY_LOGIN_CHOICE_H
#define ODRADEK_SECURITY_LOGIN_CHOICE_H

#include "base/buf.h"
#include "base/str.h"

struct login_method;

/*
 * NULL, with an explanation for people that contains no secret appended to *why. The texts are
 * copied. GSSAPI and OAUTHBEARER have functions of their own (they wait for others).
 */
struct login_method *login_choose(struct str mechanism, struct str jaas, struct buf *why);

#endif
