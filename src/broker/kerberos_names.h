/*
 * kerberos_names: maps a Kerberos principal to a user name: sasl.kerberos.principal.to.local.rules,
 * Kafka's KerberosShortNamer.
 *
 *	DEFAULT
 *	    for a principal of the default realm: its first component
 *	RULE:[n:format](match)s/from/to/g/L
 *	    for a principal of n components: the format, in which $0 is the realm and $1, $2 are the components. If
 *	    `match` matches all of it, `from` is replaced by `to`, once or (g) everywhere; then it is converted to
 *	    lower (L) or upper (U) case.
 *
 * The first rule that applies decides. A name that still contains a slash or an at sign is
 * rejected. Patterns are RE2's: Java patterns with look-around or back-references are refused.
 */
#ifndef ODRADEK_BROKER_KERBEROS_NAMES_H
#define ODRADEK_BROKER_KERBEROS_NAMES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

struct kerberos_names;

/* NULL, with the reason in *why. The texts are copied. */
struct kerberos_names *kerberos_names_new(const struct str *rules, int n, struct str default_realm, struct buf *why);
void kerberos_names_free(struct kerberos_names *names); /* NULL is allowed */
/* Appends the user's name. False: no rule applies, or one cannot be carried out. Any thread. */
bool kerberos_names_find(const struct kerberos_names *names, struct str principal, struct buf *user);

#endif
