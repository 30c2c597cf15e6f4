/*
 * xaes: XAES-256-GCM (C2SP): AES-256-GCM under a key that is derived for each nonce of 24 bytes.
 *
 * Such nonces may be drawn by chance: two of 2^80 under one key are the same with a probability of 2^-32, so there is no counter to be kept
 * over a crash, and nodes may share a key. The first half of the nonce derives a key by CMAC (NIST SP 800-108), the other is GCM's.
 */
#ifndef ODRADEK_ATREST_XAES_H
#define ODRADEK_ATREST_XAES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { XAES_KEY_SIZE = 32, XAES_NONCE_SIZE = 24, XAES_TAG_SIZE = 16 };

struct xaes {
	const uint8_t *key;   /* XAES_KEY_SIZE */
	const uint8_t *k1;    /* xaes_subkey of it */
	const uint8_t *nonce; /* XAES_NONCE_SIZE */
	const uint8_t *aad;
	size_t aad_len;
};

/* What a key's seals have in common (C2SP XAES-256-GCM): once a key. The caller wipes it. */
void xaes_subkey(const uint8_t key[XAES_KEY_SIZE], uint8_t k1[16]);
/* p[0..len) in place, at most INT32_MAX bytes. */
void xaes_seal(const struct xaes *x, uint8_t *p, size_t len, uint8_t tag[XAES_TAG_SIZE]);
/* False: something differs. Then what is at p is of no use. */
bool xaes_open(const struct xaes *x, uint8_t *p, size_t len, const uint8_t tag[XAES_TAG_SIZE]);

#endif
