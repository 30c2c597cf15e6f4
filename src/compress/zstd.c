/*
 * zstd: RFC 8878 frames, one or several in a row. The window a frame claims is limited by
 * WINDOW_LOG_MAX, which is what a client at level 22 uses; memory is touched only as output is
 * produced, and the caller limits the output.
 */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "base/err.h"
#include "compress/internal.h"

enum { WINDOW_LOG_MAX = 27, CONTEXT_KEPT = 4 << 20 };

static const ZSTD_customMem MEMORY = {.customAlloc = codec_alloc, .customFree = codec_dealloc, .opaque = NULL};

static int zstd_begin(struct codecs *c)
{
	ZSTD_DCtx *d = c->decoder[CODEC_ZSTD];

	if (!d)
		c->decoder[CODEC_ZSTD] = d = ZSTD_createDCtx_advanced(MEMORY);
	if (!d)
		return ERR_UNKNOWN_SERVER_ERROR;
	ZSTD_DCtx_reset(d, ZSTD_reset_session_only);
	ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	c->last = false;
	return c->in_left == 0 ? ERR_CORRUPT_MESSAGE : 0;
}

static int zstd_next(struct codecs *c, const uint8_t **p, size_t *len)
{
	ZSTD_outBuffer out = {c->piece, DECODE_PIECE, 0};
	ZSTD_inBuffer in = {c->in, c->in_left, 0};

	/* c->last: between frames, so the input may end here. */
	while (out.pos == 0 && !(c->last && in.pos == in.size)) {
		size_t before = in.pos;
		size_t r = ZSTD_decompressStream(c->decoder[CODEC_ZSTD], &out, &in);

		if (ZSTD_isError(r))
			return ERR_CORRUPT_MESSAGE;
		c->last = r == 0;
		if (!c->last && out.pos == 0 && in.pos == before)
			return ERR_CORRUPT_MESSAGE; /* it needs more input than there is */
	}
	c->in += in.pos;
	c->in_left -= in.pos;
	*p = c->piece;
	*len = out.pos;
	return 0;
}

static void zstd_end(struct codecs *c)
{
	ZSTD_DCtx *d = c->decoder[CODEC_ZSTD];

	if (!d || ZSTD_sizeof_DCtx(d) <= CONTEXT_KEPT)
		return;
	ZSTD_freeDCtx(d);
	c->decoder[CODEC_ZSTD] = NULL;
}

static int zstd_encode(struct codecs *c, int level, const void *p, size_t len, struct buf *out)
{
	ZSTD_CCtx *z = c->encoder[CODEC_ZSTD];
	size_t bound = ZSTD_compressBound(len);

	if (!z)
		c->encoder[CODEC_ZSTD] = z = ZSTD_createCCtx_advanced(MEMORY);
	if (!z)
		return ERR_UNKNOWN_SERVER_ERROR;
	buf_reserve(out, bound);
	size_t n = ZSTD_compressCCtx(z, out->p + out->len, bound, p, len,
				     level == CODEC_LEVEL_DEFAULT ? ZSTD_CLEVEL_DEFAULT : level);
	if (ZSTD_sizeof_CCtx(z) > (size_t)CONTEXT_KEPT) {
		ZSTD_freeCCtx(z);
		c->encoder[CODEC_ZSTD] = NULL;
	}
	if (ZSTD_isError(n))
		return ERR_UNKNOWN_SERVER_ERROR;
	out->len += n;
	return 0;
}

static void zstd_free(struct codecs *c)
{
	ZSTD_freeDCtx(c->decoder[CODEC_ZSTD]);
	ZSTD_freeCCtx(c->encoder[CODEC_ZSTD]);
}

const struct codec_ops codec_zstd = {
	.name = "zstd",
	.begin = zstd_begin,
	.next = zstd_next,
	.end = zstd_end,
	.encode = zstd_encode,
	.free = zstd_free,
};
