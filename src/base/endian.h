/* endian: big-endian numbers at any alignment, Kafka's byte order throughout. */
#ifndef ODRADEK_BASE_ENDIAN_H
#define ODRADEK_BASE_ENDIAN_H

#include <stdint.h>
#include <string.h>

#define ENDIAN_ACCESS(bits)                                                                                            \
	static inline uint##bits##_t get_u##bits(const void *p)                                                        \
	{                                                                                                              \
		uint##bits##_t v;                                                                                      \
		memcpy(&v, p, sizeof(v));                                                                              \
		return __builtin_bswap##bits(v);                                                                       \
	}                                                                                                              \
	static inline int##bits##_t get_i##bits(const void *p) { return (int##bits##_t)get_u##bits(p); }               \
	static inline void put_u##bits(void *p, uint##bits##_t v)                                                      \
	{                                                                                                              \
		v = __builtin_bswap##bits(v);                                                                          \
		memcpy(p, &v, sizeof(v));                                                                              \
	}                                                                                                              \
	static inline void put_i##bits(void *p, int##bits##_t v) { put_u##bits(p, (uint##bits##_t)v); }

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "write the big-endian twin of this file"
#endif

ENDIAN_ACCESS(16)
ENDIAN_ACCESS(32)
ENDIAN_ACCESS(64)

#endif
