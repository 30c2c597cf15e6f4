/*
 * die, real: the last words go to stderr, unbuffered; abort() leaves a core file if the system is
 * set up for that.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

void die_say(const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

_Noreturn void die(void)
{
	abort();
}
