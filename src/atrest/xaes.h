/*
 * xaes: XAES-256-GCM (C2SP): AES-256-GCM under a key that is derived for each nonce of 24 bytes.
 *
 * Such nonces may be chosen at random: among 2^80 of them under one key, two are equal with a
 * probability of 2^-32, so no counter has to survive a crash, and nodes may share a key. The first
 * half of the nonce derives a key by CMAC (NIST SP 800-108), the other half is GCM's nonce.
 */
#ifndef ODRADEK_ATREST_XAES_H
#define ODRADEK_ATREST_XAES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { XAES_KEY_SIZE = 32, XAES_NONCE_SIZE = 24, XAES_TAG_SIZE = 16 };

struct xaes {
	const uint8_t *key;   /* XAES_KEY_SIZE */
	const uint8_t *k1;    /* its xaes_subkey */
	const uint8_t *nonce; /* XAES_NONCE_SIZE */
	const uint8_t *aad;
	size_t aad_len;
};

/*
 * The part of the computation that depends only on the key (C2SP XAES-256-GCM): once per key. The
 * caller wipes it.
 */
void xaes_subkey(const uint8_t key[XAES_KEY_SIZE], uint8_t k1[16]);
/* Encrypts p[0..len) in place, at most INT32_MAX bytes. */
void xaes_seal(const struct xaes *x, uint8_t *p, size_t len, uint8_t tag[XAES_TAG_SIZE]);
/* False: not authentic. Then the bytes at p are useless. */
bool xaes_open(const struct xaes *x, uint8_t *p, size_t len, const uint8_t tag[XAES_TAG_SIZE]);

#endif
