/*
 * kerberos_names: who a Kerberos principal is: sasl.kerberos.principal.to.local.rules, Kafka's KerberosShortNamer.
 *
 *	DEFAULT					a principal of the default realm: its first part
 *	RULE:[n:format](match)s/from/to/g/L	one of n parts: the format, where $0 is the realm and $1, $2 are the parts; if all of it matches,
 *						what matches `from` becomes `to`, once or (g) wherever it does; then lower or upper (U) case
 *
 * The first rule that applies decides. A name that still has a stroke or an at sign is nobody's. Patterns are RE2's: Java's that look around or
 * back are refused.
 */
#ifndef ODRADEK_BROKER_KERBEROS_NAMES_H
#define ODRADEK_BROKER_KERBEROS_NAMES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

struct kerberos_names;

/* NULL with what is wrong in *why. The texts are copied. */
struct kerberos_names *kerberos_names_new(const struct str *rules, int n, struct str default_realm, struct buf *why);
void kerberos_names_free(struct kerberos_names *names); /* NULL is fine */
/* Appends the user's name. False: no rule applies, or one cannot be followed. Any thread. */
bool kerberos_names_find(const struct kerberos_names *names, struct str principal, struct buf *user);

#endif
