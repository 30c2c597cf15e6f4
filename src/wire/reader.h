/*
 * reader: reads big-endian values from memory.
 *
 * 1. No read goes past the end. A length is compared with what is left before it is used.
 * 2. A reader that has failed stays failed, has nothing left and returns zeros: it is enough to
 *    check `failed` once, at the end.
 * 3. Views point into the given memory, which stays the caller's.
 */
#ifndef ODRADEK_WIRE_READER_H
#define ODRADEK_WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/endian.h"
#include "base/uuid.h"
#include "base/varint.h"

struct reader {
	const uint8_t *p;
	const uint8_t *end;
	bool failed;
	bool plain; /* strings become names, kept as C strings: the codec looks for NUL bytes in them */
	bool found_nul;
};

static inline void reader_init(struct reader *r, const void *p, size_t len)
{
	r->p = p;
	r->end = len > 0 ? r->p + len : r->p; /* p may be NULL with length 0 */
	r->failed = false;
	r->plain = r->found_nul = false;
}

static inline size_t reader_left(const struct reader *r) { return (size_t)(r->end - r->p); }

static inline void reader_fail(struct reader *r)
{
	r->p = r->end;
	r->failed = true;
}

/* Returns a view of the next len bytes; NULL when there are not that many. */
static inline const uint8_t *reader_take(struct reader *r, size_t len)
{
	const uint8_t *p = r->p;

	if (__builtin_expect(len > reader_left(r), 0)) {
		reader_fail(r);
		return NULL;
	}
	r->p += len;
	return p;
}

static inline int8_t reader_i8(struct reader *r)
{
	const uint8_t *p = reader_take(r, 1);

	return p ? (int8_t)*p : 0;
}

#define READER_NUMBER(name, type, get)                                                                                 \
	static inline type reader_##name(struct reader *r)                                                             \
	{                                                                                                              \
		const uint8_t *p = reader_take(r, sizeof(type));                                                       \
                                                                                                                       \
		return p ? get(p) : 0;                                                                                 \
	}

READER_NUMBER(i16, int16_t, get_i16)
READER_NUMBER(u16, uint16_t, get_u16)
READER_NUMBER(i32, int32_t, get_i32)
READER_NUMBER(u32, uint32_t, get_u32)
READER_NUMBER(i64, int64_t, get_i64)

static inline double reader_f64(struct reader *r)
{
	uint64_t bits = (uint64_t)reader_i64(r);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static inline struct uuid reader_uuid(struct reader *r)
{
	const uint8_t *p = reader_take(r, sizeof(struct uuid));
	struct uuid u = {{0}};

	if (p)
		memcpy(&u, p, sizeof(u));
	return u;
}

static inline uint32_t reader_uvarint(struct reader *r)
{
	uint32_t v = 0;
	int n;

	if (r->p < r->end && *r->p < 0x80)
		return *r->p++;
	n = varint_read_u32(r->p, r->end, &v);
	if (n == 0) {
		reader_fail(r);
		return 0;
	}
	r->p += n;
	return v;
}

#endif
