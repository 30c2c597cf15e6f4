/*
 * lz4: the LZ4 frame format as read and written by Kafka's own stream: version 01, independent
 * blocks (a frame with dependent ones is refused: no Java consumer could read it), a single frame;
 * whatever follows it is ignored. Written in blocks of 64 KiB without checksums.
 */
#define LZ4F_STATIC_LINKING_ONLY
#include <lz4frame.h>

#include "base/endian.h"
#include "base/err.h"
#include "compress/internal.h"

enum {
	FLAG_AT = 4,
	FLAG_INDEPENDENT = 0x20,
	HEADER_MIN = 7,
	BLOCK_CODE_AT = 5,
	BLOCK_CODE_64K = 4,
	/*
	 * Kafka's default level means lz4's fast compressor; every other level means the
	 * high-compression one
	 */
	LEVEL_FAST = 9,
};

static const LZ4F_CustomMem MEMORY = {
	.customAlloc = codec_alloc, .customCalloc = NULL, .customFree = codec_dealloc, .opaqueState = NULL};

static int lz4_begin(struct codecs *c)
{
	if (c->in_left < HEADER_MIN || !(c->in[FLAG_AT] & FLAG_INDEPENDENT))
		return ERR_CORRUPT_MESSAGE;
	if (!c->decoder[CODEC_LZ4])
		c->decoder[CODEC_LZ4] = LZ4F_createDecompressionContext_advanced(MEMORY, LZ4F_VERSION);
	if (!c->decoder[CODEC_LZ4])
		return ERR_UNKNOWN_SERVER_ERROR;
	LZ4F_resetDecompressionContext(c->decoder[CODEC_LZ4]);
	c->large = (c->in[BLOCK_CODE_AT] >> 4 & 7) > BLOCK_CODE_64K;
	return 0;
}

static int lz4_next(struct codecs *c, const uint8_t **p, size_t *len)
{
	size_t have = 0;

	while (have == 0 && !c->last) {
		size_t out = DECODE_PIECE;
		size_t in = c->in_left;
		size_t hint = LZ4F_decompress(c->decoder[CODEC_LZ4], c->piece, &out, c->in, &in, NULL);

		if (LZ4F_isError(hint))
			return ERR_CORRUPT_MESSAGE;
		if (hint > 0 && out == 0 && in == 0)
			return ERR_CORRUPT_MESSAGE; /* it needs more input than there is */
		c->in += in;
		c->in_left -= in;
		c->last = hint == 0;
		have = out;
	}
	*p = c->piece;
	*len = have;
	return 0;
}

static void lz4_end(struct codecs *c)
{
	if (!c->large)
		return;
	LZ4F_freeDecompressionContext(c->decoder[CODEC_LZ4]);
	c->decoder[CODEC_LZ4] = NULL;
}

static int lz4_encode(struct codecs *c, int level, const void *p, size_t len, struct buf *out)
{
	LZ4F_preferences_t preferences = {
		.frameInfo = {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockIndependent},
		.compressionLevel = 0,
	};

	(void)c;
	if (level != CODEC_LEVEL_DEFAULT && level != LEVEL_FAST)
		preferences.compressionLevel = level < 3 ? 3 : level > 12 ? 12 : level;
	size_t bound = LZ4F_compressFrameBound(len, &preferences);
	buf_reserve(out, bound);
	size_t n = LZ4F_compressFrame(out->p + out->len, bound, p, len, &preferences);
	if (LZ4F_isError(n))
		return ERR_UNKNOWN_SERVER_ERROR;
	out->len += n;
	return 0;
}

static void lz4_free(struct codecs *c)
{
	if (c->decoder[CODEC_LZ4])
		LZ4F_freeDecompressionContext(c->decoder[CODEC_LZ4]);
}

const struct codec_ops codec_lz4 = {
	.name = "lz4",
	.begin = lz4_begin,
	.next = lz4_next,
	.end = lz4_end,
	.encode = lz4_encode,
	.free = lz4_free,
};
