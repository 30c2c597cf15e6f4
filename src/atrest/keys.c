/* keys: parses lists of keys and finds keys by id. */
#include "atrest/keys.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "atrest/xaes.h"
#include "base/arena.h"
#include "base/base64.h"
#include "base/check.h"

static const char ID_LABEL[] = "odradek at rest: key id";

/* ---- looking ---- */

const struct atrest_key *atrest_keys_current(const struct atrest_keys *k)
{
	int at = k ? __atomic_load_n(&k->current, __ATOMIC_ACQUIRE) : 0;

	return at > 0 ? &k->v[at - 1] : NULL;
}

/* Among the first n. */
static const struct atrest_key *find_among(const struct atrest_keys *k, int n, const uint8_t id[ATREST_KEY_ID_SIZE])
{
	for (int i = n - 1; i >= 0; i--)
		if (memcmp(k->v[i].id, id, ATREST_KEY_ID_SIZE) == 0)
			return &k->v[i];
	return NULL;
}

const struct atrest_key *atrest_keys_find(const struct atrest_keys *k, const uint8_t id[ATREST_KEY_ID_SIZE])
{
	return k ? find_among(k, __atomic_load_n(&k->n, __ATOMIC_ACQUIRE), id) : NULL;
}

const char *atrest_key_text(const uint8_t id[ATREST_KEY_ID_SIZE], char out[ATREST_KEY_TEXT])
{
	for (int i = 0; i < ATREST_KEY_ID_SIZE; i++)
		snprintf(out + 2 * i, 3, "%02x", id[i]);
	return out;
}

void atrest_keys_wipe(struct atrest_keys *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

/* ---- reading a list ---- */

static bool read_hex(struct str s, uint8_t out[ATREST_KEY_SIZE])
{
	if (s.len != 2 * ATREST_KEY_SIZE)
		return false;
	for (int i = 0; i < ATREST_KEY_SIZE; i++) {
		int high = hex_digit(s.p[2 * i]), low = hex_digit(s.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool read_base64(struct str s, uint8_t out[ATREST_KEY_SIZE])
{
	struct bytes bytes;
	struct arena a;
	bool good;

	if (s.len != BASE64_LEN(ATREST_KEY_SIZE))
		return false;
	arena_init(&a, 4096);
	good = base64_read(BASE64_PADDED, s, &a, &bytes) && bytes.len == ATREST_KEY_SIZE;
	if (good)
		memcpy(out, bytes.p, ATREST_KEY_SIZE);
	arena_wipe(&a);
	arena_fini(&a);
	return good;
}

/* Computes what follows from the key: its id and its subkey. */
static void complete_key(struct atrest_key *k)
{
	uint8_t labelled[sizeof(ID_LABEL) + ATREST_KEY_SIZE], digest[EVP_MAX_MD_SIZE];

	memcpy(labelled, ID_LABEL, sizeof(ID_LABEL));
	memcpy(labelled + sizeof(ID_LABEL), k->key, ATREST_KEY_SIZE);
	check(EVP_Digest(labelled, sizeof(labelled), digest, NULL, EVP_sha256(), NULL) == 1);
	memcpy(k->id, digest, ATREST_KEY_ID_SIZE);
	xaes_subkey(k->key, k->k1);
	OPENSSL_cleanse(labelled, sizeof(labelled));
	OPENSSL_cleanse(digest, sizeof(digest));
}

static struct str take_line(struct str *rest)
{
	const char *end = memchr(rest->p, '\n', (size_t)rest->len);
	struct str line = {rest->p, end ? (int32_t)(end - rest->p) : rest->len};
	int32_t step = line.len + (end != NULL);

	*rest = (struct str){rest->p + step, rest->len - step};
	while (line.len > 0 && strchr(" \t\r", line.p[line.len - 1]))
		line.len--;
	for (; line.len > 0 && strchr(" \t", line.p[0]); line.len--)
		line.p++;
	return line;
}

/* New keys are written after the n published ones, where no other thread looks yet. */
static int read_lines(struct atrest_keys *k, struct str text, int *n, int *current, struct buf *why)
{
	int number = 0;

	while (text.len > 0) {
		struct str line = take_line(&text);
		const struct atrest_key *known;
		struct atrest_key key;

		number++;
		if (line.len == 0 || line.p[0] == '#')
			continue;
		if (!read_hex(line, key.key) && !read_base64(line, key.key)) {
			OPENSSL_cleanse(&key, sizeof(key));
			buf_printf(why, "line %d is not a key: 64 hexadecimal digits, or the base64 of 32 bytes",
				   number);
			return -EINVAL;
		}
		complete_key(&key);
		known = find_among(k, *n, key.id);
		if (!known && *n < ATREST_KEYS_MAX) {
			k->v[*n] = key;
			known = &k->v[(*n)++];
		}
		OPENSSL_cleanse(&key, sizeof(key));
		if (!known) {
			buf_printf(why, "more than %d keys since the start", ATREST_KEYS_MAX);
			return -EINVAL;
		}
		*current = (int)(known - k->v) + 1;
	}
	if (*current > 0)
		return 0;
	buf_printf(why, "there is no key in it");
	return -EINVAL;
}

int atrest_keys_read(struct atrest_keys *k, struct str text, int *added, struct buf *why)
{
	int before = k->n, n = k->n, current = 0;
	int err = read_lines(k, text, &n, &current, why);

	if (err) {
		OPENSSL_cleanse(&k->v[before], sizeof(k->v[0]) * (size_t)(n - before));
		return err;
	}
	*added = n - before;
	__atomic_store_n(&k->n, n, __ATOMIC_RELEASE);
	__atomic_store_n(&k->current, current, __ATOMIC_RELEASE);
	return 0;
}
