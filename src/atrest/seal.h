/*
 * seal: one record batch, sealed as it lies in a segment, and opened again.
 *
 *	0  61  the header of a batch of format 2 (wire/batch.h), in clear, with the attribute BATCH_SEALED; its length counts all that follows,
 *	       its CRC is over the sealed bytes
 *	61  8  the id of the key (keys.h)
 *	69 24  the nonce, drawn by chance
 *	93 ..  what stood at 61 in the clear batch, under XAES-256-GCM (xaes.h)
 *	..  16 the tag
 *
 * 1. With it are authenticated: the topic's id, the partition, the base offset, the leader epoch, and the header from the attributes on. A
 *    batch opens nowhere but where it was appended, as what it was appended as.
 * 2. Indexes, recovery, retention and truncation look at headers and CRCs, which are those of any batch.
 * 3. Control batches are not sealed: they have no user's data, and who replays them needs no key.
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

/* Of format 2, with records that are somebody's data. */
bool seal_applies(const struct batch_header *h);
/*
 * Appends the batch at p, whose header with all it will have in the log is *h, to `out`; *h is then of what was appended. 0; -ENOKEY when no
 * key seals; -EFBIG when it would be too large for a batch. `p` may not be in `out`.
 */
int seal_batch(struct env *env, const struct atrest_keys *k, const struct seal_place *place, const uint8_t *p,
	       struct batch_header *h, struct buf *out);
/*
 * Opens the whole sealed batch at p in place: it becomes what it was, SEAL_OVERHEAD shorter, and so does *h. 0; -ENOKEY, with the id in *id;
 * ERR_CORRUPT_MESSAGE when it is not what was sealed here: then the bytes are lost.
 */
int seal_open(const struct atrest_keys *k, const struct seal_place *place, uint8_t *p, struct batch_header *h,
	      uint8_t id[ATREST_KEY_ID_SIZE]);

#endif
