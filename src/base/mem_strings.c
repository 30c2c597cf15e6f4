/* mem_strings: the functions built on xmalloc and xrealloc, the same in both worlds. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

void *xreallocarray(void *p, size_t n, size_t size)
{
	size_t total;

	check(!__builtin_mul_overflow(n, size, &total));
	return xrealloc(p, total);
}

char *xstrndup(const char *s, size_t len)
{
	char *copy;

	check(len < SIZE_MAX);
	copy = xmalloc(len + 1);
	if (len)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	check(format);
	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	check(len >= 0);
	text = xmalloc((size_t)len + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}
