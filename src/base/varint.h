/*
 * varint: Kafka's variable-length integers: unsigned LEB128, with zig-zag encoding on top for
 * signed ones.
 *
 * Readers return the number of bytes consumed; 0 when the input is truncated, is longer than 5 (32
 * bit) or 10 (64 bit) bytes, or has bits beyond the type. Writers return the number of bytes
 * written; the room needed is VARINT32_MAX or VARINT64_MAX.
 */
#ifndef ODRADEK_BASE_VARINT_H
#define ODRADEK_BASE_VARINT_H

#include <stdint.h>

#define VARINT32_MAX 5
#define VARINT64_MAX 10

int varint_read_u32(const uint8_t *p, const uint8_t *end, uint32_t *out);
int varint_read_u64(const uint8_t *p, const uint8_t *end, uint64_t *out);
int varint_write_u32(uint8_t *p, uint32_t v);
int varint_write_u64(uint8_t *p, uint64_t v);
int varint_write_i32(uint8_t *p, int32_t v);
int varint_write_i64(uint8_t *p, int64_t v);
int varint_size_u32(uint32_t v);
int varint_size_i32(int32_t v);

/* Zig-zag. Most varints in a batch are one byte long; those are read without a function call. */
static inline int varint_read_i32(const uint8_t *p, const uint8_t *end, int32_t *out)
{
	uint32_t v = p < end ? *p : 0x80;
	int n = v < 0x80 ? 1 : varint_read_u32(p, end, &v);

	if (n)
		*out = (int32_t)(v >> 1 ^ (0 - (v & 1)));
	return n;
}

static inline int varint_read_i64(const uint8_t *p, const uint8_t *end, int64_t *out)
{
	uint64_t v = p < end ? *p : 0x80;
	int n = v < 0x80 ? 1 : varint_read_u64(p, end, &v);

	if (n)
		*out = (int64_t)(v >> 1 ^ (0 - (v & 1)));
	return n;
}

#endif
