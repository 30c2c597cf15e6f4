/*
 * cidr: address ranges as hosts of ACLs (KIP-1253): "10.0.0.0/8", "2001:db8::/32", including the
 * first and the last address.
 *
 * What is accepted, and the messages of refusals, are those of the classes SubnetUtils and
 * SubnetUtils6 that Kafka uses. Addresses are text, as in ACLs.
 */
#ifndef ODRADEK_SECURITY_CIDR_H
#define ODRADEK_SECURITY_CIDR_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* Whether it is meant as a range. */
bool cidr_is(struct str host);
/* Null if it is valid; otherwise the reason, in the arena. */
struct str cidr_check(struct str range, struct arena *a);
/* Also false for an invalid range. */
bool cidr_has(struct str range, struct str host);

#endif
