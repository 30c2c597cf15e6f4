/* buf: grows by half its size, so that n puts cost O(n). */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

void buf_reserve(struct buf *b, size_t more)
{
	size_t need;

	check(!__builtin_add_overflow(b->len, more, &need));
	if (need <= b->cap)
		return;
	if (need < b->cap + b->cap / 2)
		need = b->cap + b->cap / 2;
	if (need < 64)
		need = 64;
	b->p = xrealloc(b->p, need);
	b->cap = need;
}

void buf_put(struct buf *b, const void *p, size_t len)
{
	if (!len)
		return;
	buf_reserve(b, len);
	memcpy(b->p + b->len, p, len);
	b->len += len;
}

void buf_put_secret(struct buf *b, const void *p, size_t len)
{
	if (len > b->cap - b->len) {
		struct buf larger = {0};

		buf_reserve(&larger, b->len + len > 2 * b->cap ? b->len + len : 2 * b->cap);
		buf_put(&larger, b->p, b->len);
		if (b->p)
			explicit_bzero(b->p, b->cap);
		buf_fini(b);
		*b = larger;
	}
	buf_put(b, p, len);
}

void buf_put_str(struct buf *b, struct str s)
{
	buf_put(b, s.p, (size_t)s.len);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int len;

	check(format);
	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	check(len >= 0);
	buf_reserve(b, (size_t)len + 1); /* vsnprintf writes a NUL, which does not count as part of the buf */
	va_start(args, format);
	vsnprintf((char *)b->p + b->len, (size_t)len + 1, format, args);
	va_end(args);
	b->len += (size_t)len;
}

void buf_fini(struct buf *b)
{
	xfree(b->p);
	*b = (struct buf){0};
}

struct str buf_str(const struct buf *b)
{
	check(b->len <= INT32_MAX);
	return (struct str){b->p ? (const char *)b->p : "", (int32_t)b->len};
}
