/*
 * compress/internal: what the four codecs share. Each is a row (struct codec_ops) with its own
 * contexts in struct codecs; the limits on the output are enforced in one place, decode_next.
 */
#ifndef ODRADEK_COMPRESS_INTERNAL_H
#define ODRADEK_COMPRESS_INTERNAL_H

#include <stdbool.h>

#include "compress/compress.h"

enum { DECODE_PIECE = 64 * 1024, CODEC_COUNT = 5 };

struct codec_ops {
	const char *name;
	int (*begin)(struct codecs *c);
	/*
	 * Gives the next piece, *len 0 at the end: a codec that can stop is never asked for more
	 * than c->room bytes. Returns 0 or an error.
	 */
	int (*next)(struct codecs *c, const uint8_t **p, size_t *len);
	void (*end)(struct codecs *c); /* releases what is unusually large */
	int (*encode)(struct codecs *c, int level, const void *p, size_t len, struct buf *out);
	void (*free)(struct codecs *c);
};

struct codecs {
	const struct codec_ops *op; /* of the current stream, or NULL */
	const uint8_t *in;
	size_t in_left;
	size_t room; /* bytes of output still allowed */
	int error;
	bool done;
	uint8_t *piece;	  /* DECODE_PIECE bytes */
	struct buf block; /* a snappy block */
	bool framed;	  /* snappy: xerial's block stream */
	bool large;	  /* lz4: the context holds blocks beyond 64 KiB */
	bool last;	  /* gzip, lz4: the last frame has ended */
	void *decoder[CODEC_COUNT];
	void *encoder[CODEC_COUNT];
};

extern const struct codec_ops codec_gzip, codec_snappy, codec_lz4, codec_zstd;

/*
 * Memory for the libraries' contexts. Allocations whose size a stream decides may fail (NULL); the
 * others use xmalloc.
 */
void *codec_alloc(void *opaque, size_t size);
void codec_dealloc(void *opaque, void *p);

#endif
