#include "compat/lib/questions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static char *rest;
struct arena arena;

struct str word(void)
{
	char *w = strsep(&rest, " ");

	check(w != NULL);
	return str_of(w);
}

int32_t number(void)
{
	int32_t n;

	check(str_to_i32(word(), &n));
	return n;
}

static void answer(const struct question *questions, size_t n)
{
	struct str name = word();

	for (size_t i = 0; i < n; i++) {
		if (str_is(name, questions[i].name))
			questions[i].answer();
	}
	putchar('\n');
	fflush(stdout);
}

void answer_all(const struct question *questions, size_t n)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, stdin)) > 0) {
		line[len - 1] = 0;
		rest = line;
		arena_init(&arena, (size_t)1 << 30);
		answer(questions, n);
		arena_fini(&arena);
	}
	free(line);
}
