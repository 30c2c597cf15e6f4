/*
 * mem, real: the C library's heap. Running out ends the process by name: what a peer can make large goes through an arena.
 */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

static void *must(void *p, size_t size)
{
	char text[80];

	if (p)
		return p;
	snprintf(text, sizeof(text), "out of memory: could not get %zu bytes\n", size);
	die_say(text);
	die();
}

void *xmalloc(size_t size)
{
	return must(malloc(size ? size : 1), size);
}

void *xcalloc(size_t n, size_t size)
{
	return must(calloc(n ? n : 1, size ? size : 1), size);
}

void *xrealloc(void *p, size_t size)
{
	return must(realloc(p, size ? size : 1), size);
}

void xfree(void *p)
{
	free(p);
}
