/*
 * java_replace: text replacement for rules that derive one name from another: Java's
 * Matcher.replaceAll and replaceFirst, and its case conversion.
 */
#ifndef ODRADEK_BROKER_JAVA_REPLACE_H
#define ODRADEK_BROKER_JAVA_REPLACE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

struct re2_pattern;

/*
 * The meaning of "$7" when there is no seventh group: literal text (Kafka's SslPrincipalMapper), or
 * an exception in Java.
 */
enum java_no_group { JAVA_NO_GROUP_IS_TEXT, JAVA_NO_GROUP_THROWS };

/*
 * Appends the text with every match, or only the first, replaced. In the replacement, $1 is a
 * group, and a backslash quotes the next character (Matcher.appendReplacement). False: Java would
 * throw. The pattern must have fewer than RE2_SPANS_MAX groups.
 */
bool java_replace(const struct re2_pattern *pattern, const char *replacement, struct str text, bool all,
		  enum java_no_group no_group, struct buf *out);
/*
 * Converts a UTF-8 text from byte `from` on to lower case ('L') or upper case, in place: letters of
 * one or two bytes whose length stays the same.
 */
void java_fold(struct buf *text, size_t from, char how);

#endif
