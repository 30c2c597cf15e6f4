/*
 * snappy: the block stream of snappy-java ("xerial"), which Java's producers write:
 *
 *    0  8  82 'S' 'N' 'A' 'P' 'P' 'Y' 00
 *    8  4  version 1
 *   12  4  lowest version that can read it, 1
 *   16  .. blocks: 4 bytes length, then one raw snappy block. The header may be repeated between blocks
 *          (concatenated streams).
 *
 * Anything else is a single raw snappy block, as C clients write it. All numbers are big-endian.
 */
#include <string.h>

#include <snappy-c.h>

#include "base/endian.h"
#include "base/err.h"
#include "compress/internal.h"

static const uint8_t MAGIC[8] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};

/*
 * A copy element of 2 bytes yields up to 11 bytes, one of 3 bytes up to 64: no block can expand to
 * more than EXPANSION times its size, so no more room is made.
 */
enum { HEADER_SIZE = 16, BLOCK_SIZE = 32 * 1024, EXPANSION = 32, BLOCK_KEPT = 256 * 1024 };

static int snappy_begin(struct codecs *c)
{
	c->framed = c->in_left >= HEADER_SIZE && memcmp(c->in, MAGIC, sizeof(MAGIC)) == 0;
	if (c->framed) {
		c->in += HEADER_SIZE;
		c->in_left -= HEADER_SIZE;
	}
	return !c->framed && c->in_left == 0 ? ERR_CORRUPT_MESSAGE : 0;
}

static int decode_block(struct codecs *c, const uint8_t *in, size_t in_len, size_t *len)
{
	size_t size;

	if (snappy_uncompressed_length((const char *)in, in_len, &size) != SNAPPY_OK || size / EXPANSION > in_len)
		return ERR_CORRUPT_MESSAGE;
	if (size > c->room)
		return ERR_MESSAGE_TOO_LARGE;
	c->block.len = 0;
	buf_reserve(&c->block, size + 1);
	*len = size;
	if (snappy_uncompress((const char *)in, in_len, (char *)c->block.p, len) != SNAPPY_OK || *len != size)
		return ERR_CORRUPT_MESSAGE;
	return 0;
}

/* Takes the bytes of the next block off the input. */
static int take_block(struct codecs *c, const uint8_t **p, size_t *len)
{
	if (!c->framed) {
		*p = c->in;
		*len = c->in_left;
	} else {
		while (c->in_left >= HEADER_SIZE && memcmp(c->in, MAGIC, sizeof(MAGIC)) == 0) {
			c->in += HEADER_SIZE;
			c->in_left -= HEADER_SIZE;
		}
		if (c->in_left == 0) {
			*len = 0;
			return 0;
		}
		if (c->in_left < 4 || get_u32(c->in) > c->in_left - 4)
			return ERR_CORRUPT_MESSAGE;
		*p = c->in + 4;
		*len = get_u32(c->in);
		c->in += 4;
		c->in_left -= 4;
	}
	c->in += *len;
	c->in_left -= *len;
	return 0;
}

static int snappy_next(struct codecs *c, const uint8_t **p, size_t *len)
{
	*len = 0;
	while (*len == 0 && c->in_left > 0) { /* a block may be empty */
		const uint8_t *in = NULL;
		size_t in_len = 0;
		int err = take_block(c, &in, &in_len);

		if (!err && in_len == 0 && c->in_left > 0)
			err = ERR_CORRUPT_MESSAGE;
		if (!err && in_len > 0)
			err = decode_block(c, in, in_len, len);
		if (err)
			return err;
	}
	*p = c->block.p;
	return 0;
}

static void snappy_end(struct codecs *c)
{
	if (c->block.cap > BLOCK_KEPT)
		buf_fini(&c->block);
}

static int snappy_encode(struct codecs *c, int level, const void *p, size_t len, struct buf *out)
{
	static const uint8_t VERSIONS[8] = {0, 0, 0, 1, 0, 0, 0, 1};
	const char *in = p;

	(void)c;
	(void)level;
	buf_put(out, MAGIC, sizeof(MAGIC));
	buf_put(out, VERSIONS, sizeof(VERSIONS));
	while (len > 0) {
		size_t n = len < BLOCK_SIZE ? len : BLOCK_SIZE;
		size_t size = snappy_max_compressed_length(n);

		buf_reserve(out, 4 + size);
		if (snappy_compress(in, n, (char *)out->p + out->len + 4, &size) != SNAPPY_OK)
			return ERR_UNKNOWN_SERVER_ERROR;
		put_u32(out->p + out->len, (uint32_t)size);
		out->len += 4 + size;
		in += n;
		len -= n;
	}
	return 0;
}

const struct codec_ops codec_snappy = {
	.name = "snappy",
	.begin = snappy_begin,
	.next = snappy_next,
	.end = snappy_end,
	.encode = snappy_encode,
};
