/*
 * siphash: SipHash-2-4 with 128 bits (Aumasson and Bernstein), a hash with a secret key: who does not know the key cannot choose two inputs
 * that meet, and by chance two of a billion meet once in 2^69 times. For tables that keep the hash in place of what was hashed.
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
