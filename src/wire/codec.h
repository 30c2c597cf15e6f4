/*
 * codec: walks over the tables of a message (schema.h) and does the plain work: decode, encode, compare, print, fill
 * at random.
 *
 * 1. Decoding trusts nothing. A length is compared with what is left before it is used; an array has at most as many
 *    elements as its shortest elements would fit into what is left; the depth is that of the schema; memory comes
 *    from the arena and its budget alone. What Apache Kafka's own classes accept is accepted: known tags in any
 *    order, the last of equals counts, sizes of known tags are not looked at; unknown tags are skipped (and not
 *    written back).
 * 2. Decoded strings, bytes and records point into the given memory; arrays and structs that may be null live in the
 *    arena.
 * 3. Fields that the version has not got, and tagged ones that were not sent, are at their defaults.
 * 4. Encoding refuses what the version cannot say: a value other than the default in a field that the version has not
 *    got, unless that is ignorable. Tagged fields at their default are not sent.
 * 5. `error` fields are -1 on the wire for 32767 in memory (base/err.h), both ways.
 *
 * Errors: ERR_UNSUPPORTED_VERSION as in 4., or for a version that the message has not got; ERR_INVALID_REQUEST for
 * bytes that are no such message; -ENOMEM when the arena's budget is spent; -EINVAL for null where it may not be;
 * -EMSGSIZE for a string beyond 32767 bytes, or a message beyond 2 GiB. After an error nothing of `out` may be used.
 * Any thread.
 */
#ifndef ODRADEK_WIRE_CODEC_H
#define ODRADEK_WIRE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "wire/chain.h"
#include "wire/reader.h"
#include "wire/schema.h"

/* All fields at their defaults. */
void codec_init(const struct schema *s, void *out);

/* Exactly these bytes; what is left over is an error. */
int codec_decode(const struct schema *s, int version, const void *p, size_t len, struct arena *a, void *out);
/* Reads off r and leaves what follows there (Kafka lets requests and responses have a tail). */
int codec_read(const struct schema *s, int version, struct reader *r, struct arena *a, void *out);

/* How many bytes it will be, records in files included. */
int codec_size(const struct schema *s, int version, const void *in, size_t *len);
/* Into memory of codec_size() bytes. Records in a file are refused (-EINVAL). */
int codec_encode_bytes(const struct schema *s, int version, const void *in, void *p, size_t len);
/* Appended to `out`. Records in a file are refused (-EINVAL). */
int codec_encode_buf(const struct schema *s, int version, const void *in, struct buf *out);
/* Appended to the chain. Records are listed, not copied: they outlive the chain (chain.h, 2). */
int codec_encode(const struct schema *s, int version, const void *in, struct chain *out);

/* Equal field by field. Records in files are equal when they are the same range of the same file. */
bool codec_equal(const struct schema *s, const void *a, const void *b);
/* Does this error stand anywhere in it? Kafka's errorCounts().containsKey(). */
bool codec_has_error(const struct schema *s, const void *in, int err);

/*
 * One line of JSON, appended, as Kafka's JSON converters print it: fields that the version has not got, and tagged
 * ones at their default, are left out; bytes and records in base64. Records in a file, and all with `sizes_only`, are
 * given as their size ("recordsSizeInBytes").
 */
void codec_json(const struct schema *s, int version, const void *in, bool sizes_only, struct buf *out);

/* A small generator (splitmix64): the same seed gives the same values. */
struct codec_chance {
	uint64_t state;
};
uint64_t codec_chance_next(struct codec_chance *c);
/*
 * Any value that the version can carry, with a liking for the smallest, the largest, null, empty and the default;
 * everything else is at its default. Lives in the arena. -ENOMEM when that is spent.
 */
int codec_random(const struct schema *s, int version, struct codec_chance *c, struct arena *a, void *out);

#endif
