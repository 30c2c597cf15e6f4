/*
 * compress: Kafka's four codecs behind one bounded, streaming interface.
 *
 * gzip (zlib), snappy (the block stream of snappy-java, "xerial"; raw snappy is read too), LZ4
 * frames (independent 64 KiB blocks are written, as Kafka does; any frame is read), zstd frames.
 *
 * 1. Decoding goes through a buffer of fixed size. The output is counted as it is produced, and
 *    refused beyond the limit: a few bytes that expand to gigabytes cost no more than the limit
 *    allows.
 * 2. The input is one piece of memory; it is never written to. Nothing a stream claims (sizes,
 *    windows, blocks) is trusted before it is compared with a limit.
 * 3. A `struct codecs` keeps the contexts and buffers for reuse. It is used by one thread at a
 *    time; there is no global state. A context that has grown unusually large is released after
 *    use.
 */
#ifndef ODRADEK_COMPRESS_COMPRESS_H
#define ODRADEK_COMPRESS_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The numbers in a record batch's attributes. */
enum codec { CODEC_NONE = 0, CODEC_GZIP = 1, CODEC_SNAPPY = 2, CODEC_LZ4 = 3, CODEC_ZSTD = 4 };

#define CODEC_LEVEL_DEFAULT INT32_MIN

struct codecs;

struct codecs *codecs_new(void);
void codecs_free(struct codecs *);

const char *codec_name(int codec); /* "none", "gzip", ...; NULL for an unknown number */

/*
 * Begins to decode p[0..len), which stays the caller's and must remain valid until the end. Returns
 * 0; ERR_UNSUPPORTED_COMPRESSION_TYPE for an unknown codec; ERR_CORRUPT_MESSAGE for bytes that no
 * stream of it begins with; ERR_UNKNOWN_SERVER_ERROR without memory. There is one stream at a time
 * per struct codecs; beginning the next ends the last.
 */
int decode_begin(struct codecs *, int codec, const void *p, size_t len, size_t out_max);

/*
 * Gives the next piece, valid until the next call; *len == 0 at the end. Returns 0;
 * ERR_CORRUPT_MESSAGE when the stream is broken or truncated; ERR_MESSAGE_TOO_LARGE when it is
 * larger than out_max. After an error or the end, further calls give the same result.
 */
int decode_next(struct codecs *, const uint8_t **p, size_t *len);

/* Decodes everything at once, appended to `out`; the errors of both. After one, `out` may have a part. */
int decode_all(struct codecs *, int codec, const void *p, size_t len, size_t out_max, struct buf *out);

/*
 * Appends p[0..len), compressed, to `out`. level is CODEC_LEVEL_DEFAULT or one of the codec's own
 * (as in compression.gzip.level and so on; ignored for snappy). Returns 0;
 * ERR_UNSUPPORTED_COMPRESSION_TYPE; ERR_MESSAGE_TOO_LARGE beyond 4 GiB (gzip);
 * ERR_UNKNOWN_SERVER_ERROR when the library refuses. After an error `out` may have a part.
 */
int encode_all(struct codecs *, int codec, int level, const void *p, size_t len, struct buf *out);

#endif
