/*
 * mem, real: the C library's heap. Running out of memory ends the process with a message: whatever
 * a peer can make large goes through an arena.
 */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"

#define SMALL_MAX 1024
#define HUGE_PAGE (2 << 20)
#define SCATTERED_MIN (8 << 20)

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

/* Small blocks are zeroed here: glibc's malloc has a per-thread cache, which its calloc does not use. */
void *xcalloc(size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total) || total > SMALL_MAX)
		return must(calloc(n, size), size);
	return memset(xmalloc(total), 0, total);
}

/* Per look-up, a TLB miss costs more than the cache miss. */
void xhint_scattered(void *p, size_t size)
{
	uintptr_t from = ((uintptr_t)p + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
	uintptr_t to = ((uintptr_t)p + size) & ~(uintptr_t)(HUGE_PAGE - 1);

	if (size >= SCATTERED_MIN && from < to)
		madvise((void *)from, to - from, MADV_HUGEPAGE);
}

void *xrealloc(void *p, size_t size)
{
	return must(realloc(p, size ? size : 1), size);
}

void xfree(void *p)
{
	free(p);
}
