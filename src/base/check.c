/* check: the last words. Nothing is allocated and no lock is taken: the heap may be what is broken. */
#include "base/check.h"

#include <stdio.h>

#include "base/diag_ring.h"

_Noreturn void check_failed(const char *file, int line, const char *function, const char *condition)
{
	char text[512];

	snprintf(text, sizeof(text), "%s:%d: %s: a promise was broken: %s\nthe last lines before it:\n", file, line,
		 function, condition);
	die_say(text);
	diag_ring_print(die_say);
	die();
}
