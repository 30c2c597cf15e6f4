/*
 * mem: long-lived memory.
 *
 * The x functions never return NULL: a process that runs out of memory on a path that keeps state
 * ends with a clear message. Memory whose size a client decides comes from an arena (arena.h),
 * which has a budget and can refuse.
 * They are part of the environment: src/env/real calls the C library; src/env/sim keeps each node's
 * memory apart, so that a simulated crash drops all of it at once and a clean stop can show that
 * nothing was leaked.
 */
#ifndef ODRADEK_BASE_MEM_H
#define ODRADEK_BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size); /* zeroed; n * size is checked */
void *xrealloc(void *p, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void xfree(void *p); /* NULL is fine */
/*
 * A hint that this block will be accessed at random, a little at a time. A large block then gets
 * huge pages where the machine has them.
 */
void xhint_scattered(void *p, size_t size);

#endif
