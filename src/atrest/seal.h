/*
 * seal: one record batch, encrypted ("sealed") as it lies in a segment, and decrypted again.
 *
 *	0  61  the header of a batch of format 2 (wire/batch.h), in clear, with the attribute BATCH_SEALED; its
 *	       length counts everything that follows, its CRC covers the encrypted bytes
 *	61  8  the id of the key (keys.h)
 *	69 24  the nonce, chosen at random
 *	93 ..  what is at 61 in the clear batch, encrypted with XAES-256-GCM (xaes.h)
 *	..  16 the tag
 *
 * 1. Also authenticated: the topic's id, the partition, the base offset, the leader epoch, and the
 *    header from the attributes on. A batch can only be decrypted where it was appended, and as
 *    what it was appended.
 * 2. Indexes, recovery, retention and truncation read headers and CRCs, which are like those of any
 *    batch.
 * 3. Control batches are not encrypted: they contain no user data, and replaying them needs no key.
 */
#ifndef ODRADEK_ATREST_SEAL_H
#define ODRADEK_ATREST_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "atrest/keys.h"
#include "base/uuid.h"
#include "env/env.h"
#include "wire/batch.h"

enum { SEAL_HEAD = 8 + 24, SEAL_TAIL = 16, SEAL_OVERHEAD = SEAL_HEAD + SEAL_TAIL };

/* Where a batch belongs. */
struct seal_place {
	struct uuid topic_id;
	int32_t partition;
};

/* Whether it is of format 2 and contains user data. */
bool seal_applies(const struct batch_header *h);
/*
 * Appends the batch at p to `out`, encrypted. *h is its header, complete as it will be in the log,
 * and becomes that of the appended batch. Returns 0; -ENOKEY when there is no key to encrypt with;
 * -EFBIG when the result would be too large for a batch. `p` must not be in `out`.
 */
int seal_batch(struct env *env, const struct atrest_keys *k, const struct seal_place *place, const uint8_t *p,
	       struct batch_header *h, struct buf *out);
/*
 * Decrypts the whole batch at p in place: it becomes the original, SEAL_OVERHEAD shorter, and *h
 * follows. Returns 0; -ENOKEY with the key's id in *id; ERR_CORRUPT_MESSAGE when it is not what was
 * encrypted for this place: then the bytes are destroyed.
 */
int seal_open(const struct atrest_keys *k, const struct seal_place *place, uint8_t *p, struct batch_header *h,
	      uint8_t id[ATREST_KEY_ID_SIZE]);

#endif
