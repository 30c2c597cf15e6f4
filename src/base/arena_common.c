/* arena_common: what both arenas have in common, built on arena_alloc: cleanups, zeroed blocks, strings. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena_priv.h"
#include "base/check.h"
#include "base/mem.h"

enum { GROW_FIRST = 16 };

/* Not allocated in the arena: a cleanup must be recorded even when the budget is spent. */
struct arena_cleanup {
	struct arena_cleanup *next;
	void (*run)(void *);
	void *arg;
};

void arena_cleanup(struct arena *a, void (*run)(void *), void *arg)
{
	struct arena_cleanup *c = xmalloc(sizeof(*c));

	check(run);
	*c = (struct arena_cleanup){.next = a->cleanups, .run = run, .arg = arg};
	a->cleanups = c;
}

void arena_run_cleanups(struct arena *a)
{
	while (a->cleanups) {
		struct arena_cleanup *c = a->cleanups;

		a->cleanups = c->next;
		c->run(c->arg);
		xfree(c);
	}
}

void arena_set_budget(struct arena *a, size_t budget)
{
	check(a->used <= budget);
	a->budget = budget;
}

void *arena_zalloc(struct arena *a, size_t size)
{
	void *p = arena_alloc(a, size);

	return p ? memset(p, 0, size) : NULL;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		a->failed = true;
		return NULL;
	}
	return arena_zalloc(a, total);
}

void *arena_grow(struct arena *a, void *v, int n, int *cap, size_t size)
{
	int more = *cap ? 2 * *cap : GROW_FIRST;
	void *larger;

	check(n <= *cap && *cap <= INT_MAX / 2);
	if (n < *cap)
		return v;
	larger = arena_array(a, (size_t)more, size);
	if (!larger)
		return NULL;
	if (n > 0)
		memcpy(larger, v, (size_t)n * size);
	*cap = more;
	return larger;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p;

	if (!s.p)
		return STR_NULL;
	p = arena_alloc(a, (size_t)s.len);
	if (!p)
		return STR_NULL;
	memcpy(p, s.p, (size_t)s.len);
	return (struct str){p, s.len};
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	char *p;
	int len;

	check(format);
	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	check(len >= 0);
	p = arena_alloc(a, (size_t)len + 1);
	if (!p)
		return STR_NULL;
	va_start(args, format);
	vsnprintf(p, (size_t)len + 1, format, args);
	va_end(args);
	return (struct str){p, len};
}
