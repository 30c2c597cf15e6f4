/*
 * xaes: XAES-256-GCM on top of OpenSSL. OpenSSL's copies of a key are wiped by EVP_CIPHER_CTX_free.
 * None of its calls can fail here except for lack of memory.
 */
#include "atrest/xaes.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/check.h"

enum { BLOCK = 16, GCM_NONCE_AT = 12 };

/* Encrypts n blocks independently. */
static void encrypt_blocks(const uint8_t *key, uint8_t *p, int n)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len;

	check(c && EVP_EncryptInit_ex(c, EVP_aes_256_ecb(), NULL, key, NULL) == 1);
	check(EVP_EncryptUpdate(c, p, &len, p, n * BLOCK) == 1 && len == n * BLOCK);
	EVP_CIPHER_CTX_free(c);
}

/* L, the encrypted zero block, doubled in GF(2^128). */
void xaes_subkey(const uint8_t key[XAES_KEY_SIZE], uint8_t k1[16])
{
	uint8_t l[BLOCK] = {0};

	encrypt_blocks(key, l, 1);
	for (int i = 0; i < BLOCK; i++)
		k1[i] = (uint8_t)(l[i] << 1 | (i + 1 < BLOCK ? l[i + 1] >> 7 : 0));
	k1[BLOCK - 1] ^= (uint8_t)(0x87 & (0 - (l[0] >> 7)));
	OPENSSL_cleanse(l, sizeof(l));
}

/* Two CMACs of one block each: a counter, the label 'X', and the nonce's first half. */
static void derive_key(const struct xaes *x, uint8_t out[XAES_KEY_SIZE])
{
	for (int i = 0; i < 2; i++) {
		uint8_t *m = out + (size_t)i * BLOCK;

		m[0] = 0;
		m[1] = (uint8_t)(i + 1);
		m[2] = 'X';
		m[3] = 0;
		memcpy(m + 4, x->nonce, GCM_NONCE_AT);
		for (int k = 0; k < BLOCK; k++)
			m[k] ^= x->k1[k];
	}
	encrypt_blocks(x->key, out, 2);
}

static EVP_CIPHER_CTX *begin_cipher(const struct xaes *x, bool encrypts)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t key[XAES_KEY_SIZE];
	int len;

	derive_key(x, key);
	check(c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, x->nonce + GCM_NONCE_AT, encrypts ? 1 : 0) == 1);
	check(EVP_CipherUpdate(c, NULL, &len, x->aad, (int)x->aad_len) == 1);
	OPENSSL_cleanse(key, sizeof(key));
	return c;
}

void xaes_seal(const struct xaes *x, uint8_t *p, size_t len, uint8_t tag[XAES_TAG_SIZE])
{
	EVP_CIPHER_CTX *c = begin_cipher(x, true);
	int n = 0;

	check(len <= INT32_MAX);
	check(EVP_CipherUpdate(c, p, &n, p, (int)len) == 1 && (size_t)n == len);
	check(EVP_CipherFinal_ex(c, p + len, &n) == 1 && n == 0);
	check(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, XAES_TAG_SIZE, tag) == 1);
	EVP_CIPHER_CTX_free(c);
}

bool xaes_open(const struct xaes *x, uint8_t *p, size_t len, const uint8_t tag[XAES_TAG_SIZE])
{
	EVP_CIPHER_CTX *c = begin_cipher(x, false);
	uint8_t wanted[XAES_TAG_SIZE];
	int n = 0;
	bool same;

	check(len <= INT32_MAX);
	memcpy(wanted, tag, sizeof(wanted));
	check(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, XAES_TAG_SIZE, wanted) == 1);
	check(EVP_CipherUpdate(c, p, &n, p, (int)len) == 1 && (size_t)n == len);
	same = EVP_CipherFinal_ex(c, p + len, &n) == 1;
	EVP_CIPHER_CTX_free(c);
	return same;
}
