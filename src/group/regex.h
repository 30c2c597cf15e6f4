/*
 * regex: regular expressions as KIP-848 has them: RE2's syntax, time linear in what is matched, whole names.
 *
 * A pattern costs nothing before the first one is made. What one pattern may take, in memory and so in time, is bounded by
 * REGEX_MEMORY; one that would take more is refused as one that cannot be read.
 */
#ifndef ODRADEK_GROUP_REGEX_H
#define ODRADEK_GROUP_REGEX_H

#include <stdbool.h>

#include "base/str.h"

enum { REGEX_MEMORY = 4 << 20 };

struct regex;

/* NULL when it is not an expression, with what is wrong with it in Kafka's words. */
struct regex *regex_new(struct str pattern, struct str *why);
void regex_free(struct regex *r);			    /* NULL is fine */
bool regex_matches(const struct regex *r, struct str name); /* all of it */

#endif
