/*
 * varint: seven bits per byte, least significant first; the eighth bit says that more follow. A
 * reader never looks at or beyond `end`, and accepts padded (overlong) forms, as Kafka does.
 */
#include "base/varint.h"

int varint_read_u32(const uint8_t *p, const uint8_t *end, uint32_t *out)
{
	uint32_t v = 0;

	for (int i = 0; i < VARINT32_MAX && p + i < end; i++) {
		uint32_t b = p[i];

		if (i == VARINT32_MAX - 1 && b > 0x0f)
			return 0;
		v |= (b & 0x7f) << (7 * i);
		if (b < 0x80) {
			*out = v;
			return i + 1;
		}
	}
	return 0;
}

int varint_read_u64(const uint8_t *p, const uint8_t *end, uint64_t *out)
{
	uint64_t v = 0;

	for (int i = 0; i < VARINT64_MAX && p + i < end; i++) {
		uint64_t b = p[i];

		if (i == VARINT64_MAX - 1 && b > 0x01)
			return 0;
		v |= (b & 0x7f) << (7 * i);
		if (b < 0x80) {
			*out = v;
			return i + 1;
		}
	}
	return 0;
}

static uint32_t zigzag32(int32_t v)
{
	return (uint32_t)v << 1 ^ (uint32_t)(v >> 31);
}

static uint64_t zigzag64(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

int varint_write_u64(uint8_t *p, uint64_t v)
{
	int n = 0;

	for (; v >= 0x80; v >>= 7)
		p[n++] = (uint8_t)(v | 0x80);
	p[n++] = (uint8_t)v;
	return n;
}

int varint_write_u32(uint8_t *p, uint32_t v)
{
	return varint_write_u64(p, v);
}

int varint_write_i32(uint8_t *p, int32_t v)
{
	return varint_write_u64(p, zigzag32(v));
}

int varint_write_i64(uint8_t *p, int64_t v)
{
	return varint_write_u64(p, zigzag64(v));
}

static int size_of(uint64_t v)
{
	int bits = 64 - __builtin_clzll(v | 1);

	return (bits + 6) / 7;
}

int varint_size_u32(uint32_t v)
{
	return size_of(v);
}

int varint_size_i32(int32_t v)
{
	return size_of(zigzag32(v));
}
