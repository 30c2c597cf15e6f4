/*
 * gzip: RFC 1952 members by zlib. Consecutive members are one stream; anything else after the last
 * member is ignored, as in Java's GZIPInputStream.
 */
#define ZLIB_CONST
#include <zlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "compress/internal.h"

enum { WINDOW_BITS_GZIP = 15 + 16, MEMORY_LEVEL = 8 };

static voidpf zlib_alloc(voidpf opaque, uInt n, uInt size)
{
	return codec_alloc(opaque, (size_t)n * size);
}

static void zlib_free(voidpf opaque, voidpf p)
{
	codec_dealloc(opaque, p);
}

static int gzip_begin(struct codecs *c)
{
	z_stream *z = c->decoder[CODEC_GZIP];

	if (!z) {
		z = xcalloc(1, sizeof(*z));
		z->zalloc = zlib_alloc;
		z->zfree = zlib_free;
		if (inflateInit2(z, WINDOW_BITS_GZIP) != Z_OK) {
			xfree(z);
			return ERR_UNKNOWN_SERVER_ERROR;
		}
		c->decoder[CODEC_GZIP] = z;
	}
	inflateReset2(z, WINDOW_BITS_GZIP);
	z->next_in = c->in;
	z->avail_in = (uInt)c->in_left;
	return c->in_left > UINT32_MAX ? ERR_MESSAGE_TOO_LARGE : 0;
}

/* Whether another member follows the one that has just ended. */
static bool next_member(z_stream *z)
{
	static const Bytef MAGIC[2] = {0x1f, 0x8b};

	if (z->avail_in < 18 || z->next_in[0] != MAGIC[0] || z->next_in[1] != MAGIC[1])
		return false;
	return inflateReset(z) == Z_OK;
}

static int gzip_next(struct codecs *c, const uint8_t **p, size_t *len)
{
	z_stream *z = c->decoder[CODEC_GZIP];

	z->next_out = c->piece;
	z->avail_out = DECODE_PIECE;
	while (z->avail_out > 0 && !c->last) {
		int r = inflate(z, Z_NO_FLUSH);

		if (r == Z_STREAM_END)
			c->last = !next_member(z);
		else if (r != Z_OK)
			return ERR_CORRUPT_MESSAGE; /* Z_BUF_ERROR: the input is truncated */
	}
	*p = c->piece;
	*len = DECODE_PIECE - z->avail_out;
	return 0;
}

static int gzip_encode(struct codecs *c, int level, const void *p, size_t len, struct buf *out)
{
	z_stream *z = c->encoder[CODEC_GZIP];

	if (len > UINT32_MAX)
		return ERR_MESSAGE_TOO_LARGE;
	if (level == CODEC_LEVEL_DEFAULT)
		level = Z_DEFAULT_COMPRESSION;
	if (!z) {
		z = xcalloc(1, sizeof(*z));
		z->zalloc = zlib_alloc;
		z->zfree = zlib_free;
		if (deflateInit2(z, level, Z_DEFLATED, WINDOW_BITS_GZIP, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
			xfree(z);
			return ERR_UNKNOWN_SERVER_ERROR;
		}
		c->encoder[CODEC_GZIP] = z;
	}
	deflateReset(z);
	deflateParams(z, level, Z_DEFAULT_STRATEGY);
	size_t bound = deflateBound(z, (uLong)len);
	buf_reserve(out, bound);
	z->next_in = p;
	z->avail_in = (uInt)len;
	z->next_out = out->p + out->len;
	z->avail_out = (uInt)bound;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return ERR_UNKNOWN_SERVER_ERROR;
	out->len += bound - z->avail_out;
	return 0;
}

static void gzip_free(struct codecs *c)
{
	if (c->decoder[CODEC_GZIP])
		inflateEnd(c->decoder[CODEC_GZIP]);
	if (c->encoder[CODEC_GZIP])
		deflateEnd(c->encoder[CODEC_GZIP]);
	xfree(c->decoder[CODEC_GZIP]);
	xfree(c->encoder[CODEC_GZIP]);
}

const struct codec_ops codec_gzip = {
	.name = "gzip",
	.begin = gzip_begin,
	.next = gzip_next,
	.encode = gzip_encode,
	.free = gzip_free,
};
