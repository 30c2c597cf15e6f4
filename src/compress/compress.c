/* compress: the common part: choosing the codec, limiting the output, end and errors. */
#include "compress/compress.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "compress/internal.h"

static int none_begin(struct codecs *c)
{
	(void)c;
	return 0;
}

static int none_next(struct codecs *c, const uint8_t **p, size_t *len)
{
	*p = c->in;
	*len = c->in_left;
	c->in_left = 0;
	return 0;
}

static int none_encode(struct codecs *c, int level, const void *p, size_t len, struct buf *out)
{
	(void)c;
	(void)level;
	buf_put(out, p, len);
	return 0;
}

static const struct codec_ops codec_none = {
	.name = "none",
	.begin = none_begin,
	.next = none_next,
	.encode = none_encode,
};

static const struct codec_ops *const CODECS[CODEC_COUNT] = {
	[CODEC_NONE] = &codec_none, [CODEC_GZIP] = &codec_gzip, [CODEC_SNAPPY] = &codec_snappy,
	[CODEC_LZ4] = &codec_lz4,   [CODEC_ZSTD] = &codec_zstd,
};

static const struct codec_ops *codec_of(int codec)
{
	return codec >= 0 && codec < CODEC_COUNT ? CODECS[codec] : NULL;
}

const char *codec_name(int codec)
{
	const struct codec_ops *op = codec_of(codec);

	return op ? op->name : NULL;
}

/*
 * The size of blocks beyond LARGE is claimed by a stream (zstd windows): they may be refused, and
 * are freed with the stream. Each block is tagged as one or the other.
 */
#define LARGE ((size_t)8 << 20)
enum { TAG_SIZE = 16 };

void *codec_alloc(void *opaque, size_t size)
{
	(void)opaque;
	if (size > SIZE_MAX - TAG_SIZE)
		return NULL;
	uint8_t *p = size > LARGE ? malloc(size + TAG_SIZE) : xmalloc(size + TAG_SIZE);
	if (!p)
		return NULL;
	p[0] = size > LARGE;
	return p + TAG_SIZE;
}

void codec_dealloc(void *opaque, void *p)
{
	uint8_t *block = p;

	(void)opaque;
	if (!block)
		return;
	block -= TAG_SIZE;
	if (block[0])
		free(block);
	else
		xfree(block);
}

struct codecs *codecs_new(void)
{
	struct codecs *c = xcalloc(1, sizeof(*c));

	c->piece = xmalloc(DECODE_PIECE);
	return c;
}

void codecs_free(struct codecs *c)
{
	if (!c)
		return;
	for (int i = 0; i < CODEC_COUNT; i++)
		if (CODECS[i]->free)
			CODECS[i]->free(c);
	buf_fini(&c->block);
	xfree(c->piece);
	xfree(c);
}

static void finish_decoding(struct codecs *c)
{
	if (c->op && !c->done && c->op->end)
		c->op->end(c);
	c->done = true;
}

int decode_begin(struct codecs *c, int codec, const void *p, size_t len, size_t out_max)
{
	const struct codec_ops *op = codec_of(codec);

	finish_decoding(c);
	c->op = op;
	c->error = op ? 0 : ERR_UNSUPPORTED_COMPRESSION_TYPE;
	c->done = op == NULL;
	if (!op)
		return c->error;
	c->in = p;
	c->in_left = len;
	c->room = out_max;
	c->last = false;
	c->error = op->begin(c);
	if (c->error)
		finish_decoding(c);
	return c->error;
}

int decode_next(struct codecs *c, const uint8_t **p, size_t *len)
{
	*p = NULL;
	*len = 0;
	if (c->done)
		return c->error;
	c->error = c->op->next(c, p, len);
	if (!c->error && *len > c->room)
		c->error = ERR_MESSAGE_TOO_LARGE;
	if (c->error || *len == 0) {
		*len = 0;
		finish_decoding(c);
		return c->error;
	}
	c->room -= *len;
	return 0;
}

int decode_all(struct codecs *c, int codec, const void *p, size_t len, size_t out_max, struct buf *out)
{
	const uint8_t *piece;
	size_t n;
	int err = decode_begin(c, codec, p, len, out_max);

	while (!err && !(err = decode_next(c, &piece, &n)) && n)
		buf_put(out, piece, n);
	return err;
}

int encode_all(struct codecs *c, int codec, int level, const void *p, size_t len, struct buf *out)
{
	const struct codec_ops *op = codec_of(codec);

	return op ? op->encode(c, level, p, len, out) : ERR_UNSUPPORTED_COMPRESSION_TYPE;
}
