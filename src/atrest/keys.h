/*
 * keys: what batches at rest are sealed with.
 *
 * 1. A key is never changed and never forgotten while the process lives: what the list no longer has still opens. So the threads that
 *    seal and open need no lock.
 * 2. The last key of the list seals; all of them open.
 * 3. A key is known by its id, the first bytes of SHA-256 over a label and the key: it stands beside what was sealed, and in lines for people.
 *
 * Owner: whoever has the memory, which should be locked (env/real/real.h). atrest_keys_read: one thread at a time; the rest: any.
 */
#ifndef ODRADEK_ATREST_KEYS_H
#define ODRADEK_ATREST_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { ATREST_KEY_SIZE = 32, ATREST_KEY_ID_SIZE = 8, ATREST_KEYS_MAX = 64, ATREST_KEY_LIST_MAX = 64 * 1024 };

struct atrest_key {
	uint8_t id[ATREST_KEY_ID_SIZE];
	uint8_t key[ATREST_KEY_SIZE];
	uint8_t k1[16]; /* CMAC's first subkey of it */
};

/* Within a page. Zeroed: no key. */
struct atrest_keys {
	int n;	     /* atomic */
	int current; /* atomic; 1 + its place, 0 = none */
	struct atrest_key v[ATREST_KEYS_MAX];
};

/*
 * Takes a list: a key a line, 64 hexadecimal digits or the base64 of 32 bytes; lines that are empty or begin with # are none. The last one
 * seals from now on. 0 and *added (how many were new), or -EINVAL and why, without a word of the text: then nothing has changed.
 */
int atrest_keys_read(struct atrest_keys *k, struct str text, int *added, struct buf *why);
/* NULL is fine: no keys. */
const struct atrest_key *atrest_keys_current(const struct atrest_keys *k);
const struct atrest_key *atrest_keys_find(const struct atrest_keys *k, const uint8_t id[ATREST_KEY_ID_SIZE]);
void atrest_keys_wipe(struct atrest_keys *k);

enum { ATREST_KEY_TEXT = 2 * ATREST_KEY_ID_SIZE + 1 };
/* An id in hexadecimal. */
const char *atrest_key_text(const uint8_t id[ATREST_KEY_ID_SIZE], char out[ATREST_KEY_TEXT]);

#endif
