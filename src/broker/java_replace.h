/*
 * java_replace: what rules that make names of names do with a text: Java's Matcher.replaceAll and replaceFirst, and its letters' case.
 */
#ifndef ODRADEK_BROKER_JAVA_REPLACE_H
#define ODRADEK_BROKER_JAVA_REPLACE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

struct re2_pattern;

/* What "$7" is where there are groups, but no seventh: text (Kafka's SslPrincipalMapper), or what Java throws for. */
enum java_no_group { JAVA_NO_GROUP_IS_TEXT, JAVA_NO_GROUP_THROWS };

/*
 * Appends the text with each match replaced, or the first alone; in the replacement $1 is a group, and a backslash takes the next character as it
 * is (Matcher.appendReplacement). False: Java would throw. The pattern has fewer than RE2_SPANS_MAX groups.
 */
bool java_replace(const struct re2_pattern *pattern, const char *replacement, struct str text, bool all,
		  enum java_no_group no_group, struct buf *out);
/* What is behind byte `from` of a text in UTF-8, in lower case ('L') or in upper case, in place: letters of one and two bytes, which keep their length. */
void java_fold(struct buf *text, size_t from, char how);

#endif
