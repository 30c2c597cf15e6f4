/*
 * regex: the regular expressions of KIP-848: RE2's syntax, time linear in the text, matching whole
 * names.
 *
 * There is no cost until the first pattern is compiled. The memory of a pattern, and so its time,
 * is limited by REGEX_MEMORY; a pattern that would need more is refused as invalid.
 */
#ifndef ODRADEK_GROUP_REGEX_H
#define ODRADEK_GROUP_REGEX_H

#include <stdbool.h>

#include "base/str.h"

enum { REGEX_MEMORY = 4 << 20 };

struct regex;

/* NULL when it is invalid, with Kafka's message in *why. */
struct regex *regex_new(struct str pattern, struct str *why);
void regex_free(struct regex *r);			    /* NULL is fine */
bool regex_matches(const struct regex *r, struct str name); /* must match the whole name */

#endif
