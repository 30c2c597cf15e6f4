/*
 * writer: writes big-endian values into memory of known size.
 *
 * 1. No write goes past the end: a writer that has run out of room stays `failed` and writes
 *    nothing more.
 * 2. The memory is the caller's.
 */
#ifndef ODRADEK_WIRE_WRITER_H
#define ODRADEK_WIRE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/endian.h"
#include "base/uuid.h"
#include "base/varint.h"

struct writer {
	uint8_t *p;
	uint8_t *end;
	bool failed;
};

static inline void writer_init(struct writer *w, void *p, size_t len)
{
	w->p = p;
	w->end = len > 0 ? w->p + len : w->p; /* p may be NULL with length 0 */
	w->failed = false;
}

/* Returns room for len bytes; NULL when there is none. */
static inline uint8_t *writer_room(struct writer *w, size_t len)
{
	uint8_t *p = w->p;

	if (__builtin_expect(len > (size_t)(w->end - w->p), 0)) {
		w->end = w->p;
		w->failed = true;
		return NULL;
	}
	w->p += len;
	return p;
}

static inline void writer_put(struct writer *w, const void *p, size_t len)
{
	uint8_t *to = writer_room(w, len);

	if (to && len > 0)
		memcpy(to, p, len);
}

static inline void writer_i8(struct writer *w, int8_t v) { writer_put(w, &v, 1); }

#define WRITER_NUMBER(name, type, put)                                                                                 \
	static inline void writer_##name(struct writer *w, type v)                                                     \
	{                                                                                                              \
		uint8_t *p = writer_room(w, sizeof(type));                                                             \
                                                                                                                       \
		if (p)                                                                                                 \
			put(p, v);                                                                                     \
	}

WRITER_NUMBER(i16, int16_t, put_i16)
WRITER_NUMBER(u16, uint16_t, put_u16)
WRITER_NUMBER(i32, int32_t, put_i32)
WRITER_NUMBER(u32, uint32_t, put_u32)
WRITER_NUMBER(i64, int64_t, put_i64)

static inline void writer_f64(struct writer *w, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	writer_i64(w, (int64_t)bits);
}

static inline void writer_uuid(struct writer *w, struct uuid u) { writer_put(w, &u, sizeof(u)); }

static inline void writer_uvarint(struct writer *w, uint32_t v)
{
	uint8_t bytes[VARINT32_MAX];

	writer_put(w, bytes, (size_t)varint_write_u32(bytes, v));
}

#endif
