/*
 * crc32c_x86: three methods, chosen by what the processor has and by the length.
 *
 *   VPCLMULQDQ  four lanes of 64 bytes, folded 256 bytes at a step      40 GB/s
 *   PCLMULQDQ   four lanes of 16 bytes, folded 64 bytes at a step       (processors without AVX-512)
 *   SSE4.2      the crc32 instruction, eight bytes at a step            9 GB/s, without set-up: best below 256 bytes
 *
 * Folding (Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", Intel,
 * 2009): a 128-bit lane is carried over a distance of D bits by multiplying its halves by x^(D+32)
 * and x^(D-32) modulo the polynomial, both bit-reflected and shifted left by one, and adding the
 * products to the data D bits further on. The remaining 16 bytes have the checksum of everything
 * folded into them, so the crc32 instruction finishes the job: no Barrett reduction.
 */
#include <immintrin.h>
#include <string.h>

#include "base/crc32c.h"

/* x^(D+32), x^(D-32) for a distance of D bits. */
#define FOLD_128 0x0f20c0dfe, 0x14cd00bd6
#define FOLD_256 0x1384aa63a, 0x0ba4fc28e
#define FOLD_384 0x01c291d04, 0x1d82c63da
#define FOLD_512 0x0740eef02, 0x09e4addf8
#define FOLD_2048 0x0dcb17aa4, 0x0b9e02b86

#define PAIR(...) PAIR_(__VA_ARGS__)
#define PAIR_(low, high) _mm_set_epi64x(high, low)

#define TARGET_SSE __attribute__((target("sse4.2")))
#define TARGET_FOLD __attribute__((target("sse4.2,pclmul")))
#define TARGET_WIDE __attribute__((target("sse4.2,pclmul,avx512f,avx512vl,vpclmulqdq")))

/* Here and below crc is the register: not inverted yet. */
TARGET_SSE static uint32_t crc_words(uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t wide = crc;

	for (; len >= 8; p += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		wide = _mm_crc32_u64(wide, word);
	}
	crc = (uint32_t)wide;
	for (; len; p++, len--)
		crc = _mm_crc32_u8(crc, *p);
	return crc;
}

TARGET_FOLD static inline __m128i load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

TARGET_FOLD static inline __m128i fold(__m128i x, __m128i by, __m128i onto)
{
	__m128i low = _mm_clmulepi64_si128(x, by, 0x00);
	__m128i high = _mm_clmulepi64_si128(x, by, 0x11);

	return _mm_xor_si128(_mm_xor_si128(low, high), onto);
}

/* Continues from a folded lane: 16 bytes per step, then the instruction for the lane and the rest. */
TARGET_FOLD static uint32_t finish(__m128i x, const uint8_t *p, size_t len)
{
	const __m128i by_128 = PAIR(FOLD_128);
	uint8_t lane[16];

	for (; len >= 16; p += 16, len -= 16)
		x = fold(x, by_128, load(p));
	_mm_storeu_si128((__m128i *)lane, x);
	return crc_words(crc_words(0, lane, sizeof(lane)), p, len);
}

TARGET_FOLD static uint32_t crc_fold(uint32_t crc, const uint8_t *p, size_t len)
{
	const __m128i by_512 = PAIR(FOLD_512), by_128 = PAIR(FOLD_128);
	__m128i x0 = _mm_xor_si128(load(p), _mm_cvtsi32_si128((int)crc));
	__m128i x1 = load(p + 16), x2 = load(p + 32), x3 = load(p + 48);

	for (p += 64, len -= 64; len >= 64; p += 64, len -= 64) {
		x0 = fold(x0, by_512, load(p));
		x1 = fold(x1, by_512, load(p + 16));
		x2 = fold(x2, by_512, load(p + 32));
		x3 = fold(x3, by_512, load(p + 48));
	}
	x1 = fold(x0, by_128, x1);
	x2 = fold(x1, by_128, x2);
	x3 = fold(x2, by_128, x3);
	return finish(x3, p, len);
}

TARGET_WIDE static inline __m512i load_wide(const uint8_t *p)
{
	return _mm512_loadu_si512((const void *)p);
}

TARGET_WIDE static inline __m512i fold_wide(__m512i x, __m512i by, __m512i onto)
{
	__m512i low = _mm512_clmulepi64_epi128(x, by, 0x00);
	__m512i high = _mm512_clmulepi64_epi128(x, by, 0x11);

	return _mm512_ternarylogic_epi64(low, high, onto, 0x96); /* xor of three */
}

TARGET_WIDE static uint32_t crc_wide(uint32_t crc, const uint8_t *p, size_t len)
{
	const __m512i by_2048 = _mm512_broadcast_i32x4(PAIR(FOLD_2048));
	const __m512i by_512 = _mm512_broadcast_i32x4(PAIR(FOLD_512));
	__m512i x0 = _mm512_xor_si512(load_wide(p), _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)crc)));
	__m512i x1 = load_wide(p + 64), x2 = load_wide(p + 128), x3 = load_wide(p + 192);
	__m128i lane;

	for (p += 256, len -= 256; len >= 256; p += 256, len -= 256) {
		x0 = fold_wide(x0, by_2048, load_wide(p));
		x1 = fold_wide(x1, by_2048, load_wide(p + 64));
		x2 = fold_wide(x2, by_2048, load_wide(p + 128));
		x3 = fold_wide(x3, by_2048, load_wide(p + 192));
	}
	x1 = fold_wide(x0, by_512, x1);
	x2 = fold_wide(x1, by_512, x2);
	x3 = fold_wide(x2, by_512, x3);
	lane = _mm512_extracti32x4_epi32(x3, 3);
	lane = fold(_mm512_extracti32x4_epi32(x3, 2), PAIR(FOLD_128), lane);
	lane = fold(_mm512_extracti32x4_epi32(x3, 1), PAIR(FOLD_256), lane);
	lane = fold(_mm512_castsi512_si128(x3), PAIR(FOLD_384), lane);
	return finish(lane, p, len);
}

static int has_wide(void)
{
	return __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512vl");
}

uint32_t crc32c(uint32_t crc, const void *p, size_t len)
{
	if (!__builtin_cpu_supports("sse4.2"))
		return crc32c_table(crc, p, len);
	if (len < 256 || !__builtin_cpu_supports("pclmul"))
		return ~crc_words(~crc, p, len);
	return has_wide() ? ~crc_wide(~crc, p, len) : ~crc_fold(~crc, p, len);
}

uint32_t crc32c_way(enum crc32c_way way, uint32_t crc, const void *p, size_t len)
{
	switch (way) {
	case CRC32C_WORDS:
		return __builtin_cpu_supports("sse4.2") ? ~crc_words(~crc, p, len) : crc32c_table(crc, p, len);
	case CRC32C_FOLD:
		if (len >= 64 && __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"))
			return ~crc_fold(~crc, p, len);
		break;
	case CRC32C_WIDE:
		if (len >= 256 && has_wide())
			return ~crc_wide(~crc, p, len);
		break;
	}
	return crc32c(crc, p, len);
}
