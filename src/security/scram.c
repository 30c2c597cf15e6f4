/* scram: keys and names. Messages are in scram_message.c. */
#include "security/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/check.h"

static const struct row {
	const char *name;
	size_t key_len;
	const EVP_MD *(*digest)(void);
} rows[] = {
	[SCRAM_UNKNOWN] = {"UNKNOWN", 0, NULL},
	[SCRAM_SHA_256] = {"SCRAM-SHA-256", 32, EVP_sha256},
	[SCRAM_SHA_512] = {"SCRAM-SHA-512", 64, EVP_sha512},
};

static const struct row *row_of(enum scram_mechanism m)
{
	check(m == SCRAM_SHA_256 || m == SCRAM_SHA_512);
	return &rows[m];
}

const char *scram_mechanism_name(enum scram_mechanism m)
{
	return m == SCRAM_SHA_256 || m == SCRAM_SHA_512 ? rows[m].name : rows[SCRAM_UNKNOWN].name;
}

enum scram_mechanism scram_mechanism_of(struct str name)
{
	for (int m = SCRAM_SHA_256; m <= SCRAM_SHA_512; m++)
		if (str_is(name, rows[m].name))
			return (enum scram_mechanism)m;
	return SCRAM_UNKNOWN;
}

/* ---- keys ---- */

size_t scram_key_len(enum scram_mechanism m)
{
	return row_of(m)->key_len;
}

void scram_key_wipe(struct scram_key *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

void scram_salted_password(enum scram_mechanism m, struct str password, struct bytes salt, int32_t iterations,
			   struct scram_key *out)
{
	const struct row *row = row_of(m);

	check(iterations > 0);
	check(PKCS5_PBKDF2_HMAC(password.p ? password.p : "", password.len, salt.p, salt.len, iterations, row->digest(),
				(int)row->key_len, out->b) == 1);
}

static void sign(enum scram_mechanism m, struct bytes key, struct str text, struct scram_key *out)
{
	const struct row *row = row_of(m);
	unsigned len = 0;

	check(HMAC(row->digest(), key.p, key.len, (const uint8_t *)text.p, (size_t)text.len, out->b, &len));
	check(len == row->key_len);
}

void scram_sign(enum scram_mechanism m, const struct scram_key *key, struct str text, struct scram_key *out)
{
	sign(m, (struct bytes){key->b, (int32_t)scram_key_len(m)}, text, out);
}

void scram_kept_keys(enum scram_mechanism m, struct bytes salted, struct scram_key *stored, struct scram_key *server)
{
	struct scram_key client;

	sign(m, salted, STR("Client Key"), &client);
	scram_stored_key(m, &client, stored);
	sign(m, salted, STR("Server Key"), server);
	scram_key_wipe(&client);
}

void scram_client_key(enum scram_mechanism m, const struct scram_key *salted, struct scram_key *out)
{
	scram_sign(m, salted, STR("Client Key"), out);
}

void scram_server_key(enum scram_mechanism m, const struct scram_key *salted, struct scram_key *out)
{
	scram_sign(m, salted, STR("Server Key"), out);
}

void scram_stored_key(enum scram_mechanism m, const struct scram_key *client_key, struct scram_key *out)
{
	const struct row *row = row_of(m);
	unsigned len = 0;

	check(EVP_Digest(client_key->b, row->key_len, out->b, &len, row->digest(), NULL) == 1);
	check(len == row->key_len);
}

void scram_xor(enum scram_mechanism m, struct scram_key *a, const struct scram_key *b)
{
	size_t len = scram_key_len(m);

	for (size_t i = 0; i < len; i++)
		a->b[i] ^= b->b[i];
}

bool scram_key_is(enum scram_mechanism m, const struct scram_key *a, struct bytes b)
{
	size_t len = scram_key_len(m);

	return b.p && (size_t)b.len == len && CRYPTO_memcmp(a->b, b.p, len) == 0;
}

/* Formats the number in base 36 by repeated division, then reverses the digits. */
int scram_nonce(const uint8_t chance[SCRAM_CHANCE], char out[SCRAM_NONCE_MAX])
{
	uint8_t number[SCRAM_CHANCE];
	char digits[SCRAM_NONCE_MAX];
	int n = 0;
	bool more = true;

	memcpy(number, chance, sizeof(number));
	number[0] &= 3; /* 130 bits */
	while (more) {
		unsigned rest = 0;

		more = false;
		for (size_t i = 0; i < sizeof(number); i++) {
			unsigned v = rest << 8 | number[i];

			number[i] = (uint8_t)(v / 36);
			rest = v % 36;
			more = more || number[i];
		}
		check(n < SCRAM_NONCE_MAX);
		digits[n++] = "0123456789abcdefghijklmnopqrstuvwxyz"[rest];
	}
	for (int i = 0; i < n; i++)
		out[i] = digits[n - 1 - i];
	return n;
}
