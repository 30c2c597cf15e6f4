/*
 * login_choice: from settings to a way of saying who one is: a mechanism of SASL and its JAAS line.
 *
 * The login module has to be the mechanism's: Kafka takes any, and fails at the first login.
 */
#ifndef ODRADEK_SECURITY_LOGIN_CHOICE_H
#define ODRADEK_SECURITY_LOGIN_CHOICE_H

#include "base/buf.h"
#include "base/str.h"

struct login_method;

/*
 * NULL with what is wrong appended to *why, which is for people and has no secret in it. The texts are copied. GSSAPI and OAUTHBEARER are
 * their own choosers' (they wait for others).
 */
struct login_method *login_choose(struct str mechanism, struct str jaas, struct buf *why);

#endif
