/*
 * properties: reads files in the format of java.util.Properties.load, exactly as Java does.
 *
 * Bytes are ISO-8859-1 (as Kafka opens the file); the output is UTF-8. A line ends at \n, \r or
 * \r\n; it continues on the next one when it ends in an odd number of backslashes. # and ! begin
 * comments. Name and value are separated by the first =, : or white space not preceded by a
 * backslash. \t \n \r \f \uXXXX are escapes; before any other character a backslash is dropped.
 */
#ifndef ODRADEK_CONFIG_PROPERTIES_H
#define ODRADEK_CONFIG_PROPERTIES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct properties {
	struct str text; /* what is left to read */
	struct arena *arena;
	int line; /* where the last pair was, from 1 */
	int next_line;
	bool malformed; /* a \u without four hexadecimal digits, on line `line` */
};

void properties_init(struct properties *p, struct str text, struct arena *a);
/*
 * Reads the next pair into the arena; false at the end, when the text is malformed, or when the
 * arena has failed.
 */
bool properties_next(struct properties *p, struct str *name, struct str *value);

#endif
