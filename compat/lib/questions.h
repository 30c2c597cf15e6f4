/*
 * questions: what peers of Java programs have in common: a line of standard input is a question, its first word says which, and a line is the
 * answer. Words stand between spaces. What cannot be read ends the process.
 */
#ifndef ODRADEK_COMPAT_LIB_QUESTIONS_H
#define ODRADEK_COMPAT_LIB_QUESTIONS_H

#include "base/arena.h"
#include "base/str.h"

struct question {
	const char *name;
	void (*answer)(void); /* prints it, without the line's end */
};

/* Of the question that is being answered: it is emptied behind it. */
extern struct arena arena;

struct str word(void);
int32_t number(void);

/* Until standard input ends. */
void answer_all(const struct question *questions, size_t n);

#endif
