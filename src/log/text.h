/*
 * text: reads Kafka's checkpoint files word by word: a version line "0", a line with the number of
 * entries, then one line per entry, with words separated by single spaces.
 */
#ifndef ODRADEK_LOG_TEXT_H
#define ODRADEK_LOG_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct text {
	const char *p;
	const char *end;
};

/* Reads version and count. False when the text has neither (*n = -1), or is empty (*n = 0). */
bool text_header(struct text *t, int64_t *n);
bool text_number(struct text *t, int64_t *out);	 /* a decimal number, perhaps negative, and the space after it */
bool text_word(struct text *t, struct str *out); /* up to a space or the end of the line, and that space */
bool text_end_line(struct text *t);
bool text_at_end(const struct text *t);

#endif
