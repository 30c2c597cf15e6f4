/*
 * properties: files of the form that java.util.Properties.load reads, read as it reads them.
 *
 * Bytes are ISO-8859-1 (as Kafka opens the file); what comes out is UTF-8. A line ends at \n, \r or \r\n; it goes on in the next one when
 * it ends in an odd number of backslashes. # and ! begin comments. Name and value are parted by the first =, : or white space that no
 * backslash stands before. \t \n \r \f \uXXXX are escapes; before any other letter a backslash is dropped.
 */
#ifndef ODRADEK_CONFIG_PROPERTIES_H
#define ODRADEK_CONFIG_PROPERTIES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct properties {
	struct str text; /* what is left to read */
	struct arena *arena;
	int line; /* of the last pair, from 1 */
	int next_line;
	bool malformed; /* a \u without four hexadecimal digits; `line` is its place */
};

void properties_init(struct properties *p, struct str text, struct arena *a);
/* The next pair, in the arena; false at the end, or when the text is malformed, or when the arena has failed. */
bool properties_next(struct properties *p, struct str *name, struct str *value);

#endif
