/*
 * codec: walks the tables of a message (schema.h) and does the generic work: decode, encode,
 * compare, print, fill with random values.
 *
 * 1. Decoding trusts nothing. A length is compared with what is left before it is used; an array
 *    has at most as many elements as elements of minimal size would fit into what is left; the
 *    depth is that of the schema; all memory comes from the arena and its budget. What Apache
 *    Kafka's own classes accept is accepted: known tags in any order, the last of duplicate tags
 *    wins, the declared size of known tags is ignored; unknown tags are skipped (and not written
 *    back).
 * 2. Decoded strings, bytes and records point into the given memory; arrays and nullable structs
 *    live in the arena.
 * 3. Fields that the version does not have, and tagged fields that were not sent, are at their
 *    defaults.
 * 4. Encoding refuses what the version cannot express: a non-default value in a field that the
 *    version does not have, unless the field is ignorable. Tagged fields at their default are not
 *    sent.
 * 5. `error` fields are -1 on the wire for 32767 in memory (base/err.h), both ways.
 *
 * Errors: ERR_UNSUPPORTED_VERSION as in 4, or for a version that the message does not have;
 * ERR_INVALID_REQUEST for bytes that are not such a message; -ENOMEM when the arena's budget is
 * spent; -EINVAL for null where it is not allowed; -EMSGSIZE for a string beyond 32767 bytes, or a
 * message beyond 2 GiB. After an error `out` must not be used.
 * Any thread.
 */
#ifndef ODRADEK_WIRE_CODEC_H
#define ODRADEK_WIRE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/must_check.h"
#include "wire/chain.h"
#include "wire/reader.h"
#include "wire/schema.h"

/* Sets all fields to their defaults. */
void codec_init(const struct schema *s, void *out);

/* Decodes exactly these bytes; bytes left over are an error. */
MUST_CHECK int codec_decode(const struct schema *s, int version, const void *p, size_t len, struct arena *a, void *out);
/* The same, but strings with NUL bytes are an error (struct reader, `plain`). */
MUST_CHECK int codec_decode_plain(const struct schema *s, int version, const void *p, size_t len, struct arena *a,
				  void *out);
/* Reads from r and leaves what follows there (Kafka allows trailing bytes in requests and responses). */
MUST_CHECK int codec_read(const struct schema *s, int version, struct reader *r, struct arena *a, void *out);

/* Computes the encoded size, records in files included. */
MUST_CHECK int codec_size(const struct schema *s, int version, const void *in, size_t *len);
/*
 * Encodes into memory for `room` bytes. *len is the encoded size: if it is more than that, what is
 * at p is of no use. Records in a file are refused (-EINVAL).
 */
MUST_CHECK int codec_encode_upto(const struct schema *s, int version, const void *in, void *p, size_t room,
				 size_t *len);
/* Encodes into memory of codec_size() bytes. Records in a file are refused (-EINVAL). */
MUST_CHECK int codec_encode_bytes(const struct schema *s, int version, const void *in, void *p, size_t len);
/* Appends to `out`. Records in a file are refused (-EINVAL). */
MUST_CHECK int codec_encode_buf(const struct schema *s, int version, const void *in, struct buf *out);
/* Appends to the chain. Records are referred to, not copied: they must outlive the chain (chain.h, 2). */
MUST_CHECK int codec_encode(const struct schema *s, int version, const void *in, struct chain *out);

/* Compares field by field. Records in files are equal when they are the same range of the same file. */
bool codec_equal(const struct schema *s, const void *a, const void *b);
/* Whether this error occurs anywhere in it, as Kafka's errorCounts().containsKey(). */
bool codec_has_error(const struct schema *s, const void *in, int err);

/*
 * Appends one line of JSON, as Kafka's JSON converters print it: fields that the version does not
 * have, and tagged ones at their default, are left out; bytes and records are in base64. Records in
 * a file, and all records with `sizes_only`, are given as their size ("recordsSizeInBytes").
 */
void codec_json(const struct schema *s, int version, const void *in, bool sizes_only, struct buf *out);

/* A small generator (splitmix64): the same seed gives the same values. */
struct codec_chance {
	uint64_t state;
};
uint64_t codec_chance_next(struct codec_chance *c);
/*
 * Any value the version can carry, with a preference for the smallest, the largest, null, empty and
 * the default; all other fields are at their defaults. Lives in the arena; -ENOMEM when its budget
 * is spent.
 */
MUST_CHECK int codec_random(const struct schema *s, int version, struct codec_chance *c, struct arena *a, void *out);

#endif
