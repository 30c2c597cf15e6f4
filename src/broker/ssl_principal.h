/*
 * ssl_principal: maps the name in a certificate to a user: ssl.principal.mapping.rules, Kafka's
 * SslPrincipalMapper.
 *
 *	DEFAULT				the distinguished name as it is
 *	RULE:pattern/replacement/	if the pattern matches the whole name: Java's replaceAll; $1 is a group
 *	RULE:pattern/replacement/L	and then in lower case; U: upper case
 *
 * Rules are separated by commas; the first that applies decides. Patterns are RE2's: Java patterns
 * with look-around or back-references are refused, so that no name can hold up a reactor.
 */
#ifndef ODRADEK_BROKER_SSL_PRINCIPAL_H
#define ODRADEK_BROKER_SSL_PRINCIPAL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

struct ssl_principal_rules;

/* NULL, with the reason in *why. */
struct ssl_principal_rules *ssl_principal_rules_new(struct str text, struct buf *why);
void ssl_principal_rules_free(struct ssl_principal_rules *r); /* NULL is allowed */
/* Appends the user's name. False: no rule applies, or the replacement of one cannot be made. */
bool ssl_principal_name(const struct ssl_principal_rules *r, struct str distinguished_name, struct buf *out);

#endif
