/*
 * mem: long-lived memory.
 *
 * The x functions never return NULL: a process that is out of memory on a path that keeps state ends, cleanly, by name. What
 * a client can make large goes through an arena (arena.h), which has a budget and can refuse.
 * They are part of the environment: src/env/real calls the C library, src/env/sim keeps each node's memory apart, so that a
 * simulated crash drops all of it at once and a clean stop can show that nothing was left.
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
/* A hint: this block will be looked up all over, a little here and there. Where it is large it gets larger pages, where the machine has them. */
void xhint_scattered(void *p, size_t size);

#endif
