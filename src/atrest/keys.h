/*
 * keys: the keys that encrypt batches at rest.
 *
 * 1. A key is never changed, and never forgotten while the process lives: keys no longer in the
 *    list can still decrypt. The threads that encrypt and decrypt therefore need no lock.
 * 2. The last key of the list encrypts; all of them decrypt.
 * 3. A key is identified by the first bytes of SHA-256 over a label and the key; the id is stored
 *    with what was encrypted, and appears in log lines.
 *
 * Owner: whoever owns the memory, which should be locked (env/real/real.h). atrest_keys_read: one
 * thread at a time; the rest: any thread.
 */
#ifndef ODRADEK_ATREST_KEYS_H
#define ODRADEK_ATREST_KEYS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { ATREST_KEY_SIZE = 32, ATREST_KEY_ID_SIZE = 8, ATREST_KEYS_MAX = 64, ATREST_KEY_LIST_MAX = 64 * 1024 };

struct atrest_key {
	uint8_t id[ATREST_KEY_ID_SIZE];
	uint8_t key[ATREST_KEY_SIZE];
	uint8_t k1[16]; /* its first CMAC subkey */
};

/* Fits into one page. Zeroed: no keys. */
struct atrest_keys {
	int n;	     /* atomic */
	int current; /* atomic; its index + 1, 0 = none */
	struct atrest_key v[ATREST_KEYS_MAX];
};

/*
 * Reads a list: one key per line, as 64 hexadecimal digits or the base64 of 32 bytes; lines that
 * are empty or begin with # are skipped. The last key encrypts from now on. Returns 0 and *added
 * (the number of new keys); or -EINVAL and why, without quoting the text, and then nothing has
 * changed.
 */
int atrest_keys_read(struct atrest_keys *k, struct str text, int *added, struct buf *why);
/* NULL is fine: no keys. */
const struct atrest_key *atrest_keys_current(const struct atrest_keys *k);
const struct atrest_key *atrest_keys_find(const struct atrest_keys *k, const uint8_t id[ATREST_KEY_ID_SIZE]);
void atrest_keys_wipe(struct atrest_keys *k);

enum { ATREST_KEY_TEXT = 2 * ATREST_KEY_ID_SIZE + 1 };
/* Formats an id in hexadecimal. */
const char *atrest_key_text(const uint8_t id[ATREST_KEY_ID_SIZE], char out[ATREST_KEY_TEXT]);

#endif
