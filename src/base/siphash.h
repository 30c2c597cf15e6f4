/*
 * siphash: SipHash-2-4 with a 128-bit result (Aumasson and Bernstein), a keyed hash: without the
 * key nobody can choose two inputs that collide, and among a billion inputs the chance of any
 * collision is 1 in 2^69. For tables that store the hash in place of the input.
 */
#ifndef ODRADEK_BASE_SIPHASH_H
#define ODRADEK_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

struct hash128 {
	uint64_t hi, lo;
};

struct hash128 siphash(struct siphash_key key, const void *p, size_t len);

#endif
