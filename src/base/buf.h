/*
 * buf: a byte buffer that grows. Owner: one thread. buf_fini releases it; a zeroed struct is an
 * empty buf.
 */
#ifndef ODRADEK_BASE_BUF_H
#define ODRADEK_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf {
	uint8_t *p;
	size_t len;
	size_t cap;
};

void buf_reserve(struct buf *b, size_t more);
void buf_put(struct buf *b, const void *p, size_t len);
/* As buf_put, but the old memory is overwritten when the buffer moves. */
void buf_put_secret(struct buf *b, const void *p, size_t len);
void buf_put_str(struct buf *b, struct str s);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_fini(struct buf *b);
struct str buf_str(const struct buf *b);

#endif
