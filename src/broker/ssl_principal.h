/*
 * ssl_principal: who a certificate's name is: ssl.principal.mapping.rules, Kafka's SslPrincipalMapper.
 *
 *	DEFAULT				the distinguished name as it is
 *	RULE:pattern/replacement/	where the pattern matches the whole name: Java's replaceAll; $1 is a group
 *	RULE:pattern/replacement/L	and in lower case; U in upper case
 *
 * separated by commas; the first that applies decides. Patterns are RE2's: Java's that look around or back are refused, so that no name can
 * hold up a reactor.
 */
#ifndef ODRADEK_BROKER_SSL_PRINCIPAL_H
#define ODRADEK_BROKER_SSL_PRINCIPAL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

struct ssl_principal_rules;

/* NULL with what is wrong in *why. */
struct ssl_principal_rules *ssl_principal_rules_new(struct str text, struct buf *why);
void ssl_principal_rules_free(struct ssl_principal_rules *r); /* NULL is fine */
/* Appends the user's name. False: no rule applies, or one's replacement cannot be made. */
bool ssl_principal_name(const struct ssl_principal_rules *r, struct str distinguished_name, struct buf *out);

#endif
