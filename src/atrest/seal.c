/* seal: builds and checks the sealed batch around XAES-256-GCM. */
#include "atrest/seal.h"

#include <errno.h>
#include <string.h>

#include "atrest/xaes.h"
#include "base/check.h"
#include "base/endian.h"
#include "base/err.h"

enum {
	AT_NONCE = BATCH_HEADER_SIZE + ATREST_KEY_ID_SIZE,
	AT_RECORDS = BATCH_HEADER_SIZE + SEAL_HEAD,
	/*
	 * What is authenticated: topic id, partition, base offset, leader epoch and magic, and
	 * everything from the attributes on.
	 */
	AAD_SIZE = 16 + 4 + 8 + (BATCH_AT_CRC - BATCH_AT_LEADER_EPOCH) + (BATCH_HEADER_SIZE - BATCH_AT_ATTRIBUTES),
};

bool seal_applies(const struct batch_header *h)
{
	return h->magic == BATCH_MAGIC && !batch_is_control(h) && h->count > 0;
}

static void put_aad(const struct seal_place *place, const uint8_t *p, uint8_t out[AAD_SIZE])
{
	memcpy(out, place->topic_id.b, 16);
	put_i32(out + 16, place->partition);
	memcpy(out + 20, p + BATCH_AT_BASE_OFFSET, 8);
	memcpy(out + 28, p + BATCH_AT_LEADER_EPOCH, BATCH_AT_CRC - BATCH_AT_LEADER_EPOCH);
	memcpy(out + 28 + BATCH_AT_CRC - BATCH_AT_LEADER_EPOCH, p + BATCH_AT_ATTRIBUTES,
	       BATCH_HEADER_SIZE - BATCH_AT_ATTRIBUTES);
}

static struct xaes cipher_of(const struct atrest_key *key, const uint8_t *nonce, const uint8_t *aad)
{
	return (struct xaes){.key = key->key, .k1 = key->k1, .nonce = nonce, .aad = aad, .aad_len = AAD_SIZE};
}

int seal_batch(struct env *env, const struct atrest_keys *k, const struct seal_place *place, const uint8_t *p,
	       struct batch_header *h, struct buf *out)
{
	const struct atrest_key *key = atrest_keys_current(k);
	size_t len = (size_t)(batch_size(h) - BATCH_HEADER_SIZE);
	size_t size = (size_t)batch_size(h) + SEAL_OVERHEAD;
	uint8_t aad[AAD_SIZE];

	check(seal_applies(h) && !batch_is_sealed(h));
	if (!key)
		return -ENOKEY;
	if (size > INT32_MAX)
		return -EFBIG;
	buf_reserve(out, size);
	uint8_t *to = out->p + out->len;
	memcpy(to + BATCH_HEADER_SIZE, key->id, ATREST_KEY_ID_SIZE);
	env_random(env, to + AT_NONCE, XAES_NONCE_SIZE);
	memcpy(to + AT_RECORDS, p + BATCH_HEADER_SIZE, len);
	h->attributes |= BATCH_SEALED;
	batch_header_put(to, size, h);
	put_aad(place, to, aad);
	struct xaes x = cipher_of(key, to + AT_NONCE, aad);
	xaes_seal(&x, to + AT_RECORDS, len, to + AT_RECORDS + len);
	batch_crc_set(to, size);
	h->crc = get_u32(to + BATCH_AT_CRC);
	out->len += size;
	return 0;
}

int seal_open(const struct atrest_keys *k, const struct seal_place *place, uint8_t *p, struct batch_header *h,
	      uint8_t id[ATREST_KEY_ID_SIZE])
{
	uint8_t aad[AAD_SIZE], nonce[XAES_NONCE_SIZE], tag[XAES_TAG_SIZE];
	int64_t len = batch_size(h) - BATCH_HEADER_SIZE - SEAL_OVERHEAD;
	const struct atrest_key *key;

	check(batch_is_sealed(h));
	if (len < 0 || !seal_applies(h))
		return ERR_CORRUPT_MESSAGE;
	memcpy(id, p + BATCH_HEADER_SIZE, ATREST_KEY_ID_SIZE);
	key = atrest_keys_find(k, id);
	if (!key)
		return -ENOKEY;
	put_aad(place, p, aad);
	memcpy(nonce, p + AT_NONCE, sizeof(nonce));
	memcpy(tag, p + AT_RECORDS + len, sizeof(tag));
	memmove(p + BATCH_HEADER_SIZE, p + AT_RECORDS, (size_t)len);
	struct xaes x = cipher_of(key, nonce, aad);
	if (!xaes_open(&x, p + BATCH_HEADER_SIZE, (size_t)len, tag))
		return ERR_CORRUPT_MESSAGE;
	h->attributes &= (int16_t)~BATCH_SEALED;
	batch_header_write(p, (size_t)len + BATCH_HEADER_SIZE, h);
	return 0;
}
