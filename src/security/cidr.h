/*
 * cidr: ranges of addresses as hosts of ACLs (KIP-1253): "10.0.0.0/8", "2001:db8::/32"; the first and the last address are in it.
 *
 * What is taken, and in which words it is refused, is as in the classes SubnetUtils and SubnetUtils6 that Kafka hands them to. Addresses are
 * text, as ACLs and people have them.
 */
#ifndef ODRADEK_SECURITY_CIDR_H
#define ODRADEK_SECURITY_CIDR_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* Is it meant as a range? */
bool cidr_is(struct str host);
/* Null when it is one; else why not, in the arena. */
struct str cidr_check(struct str range, struct arena *a);
/* False for what is no range, too. */
bool cidr_has(struct str range, struct str host);

#endif
