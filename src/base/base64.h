/*
 * base64: RFC 4648, as Java's Base64 writes and accepts it: padded, in the usual alphabet; or
 * unpadded, in the URL-safe one.
 */
#ifndef ODRADEK_BASE_BASE64_H
#define ODRADEK_BASE_BASE64_H

#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

enum base64_kind { BASE64_PADDED, BASE64_URL };

/* Upper bound of the encoded length of n bytes, for either kind. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Returns the length. `out` must have room for BASE64_LEN(len); no NUL is written. */
size_t base64_put(enum base64_kind kind, const void *p, size_t len, char *out);
/* The same into an arena; a null str when its budget is spent. */
struct str base64_text(enum base64_kind kind, struct bytes b, struct arena *a);
/*
 * False for characters outside the alphabet, for padding that is missing, excessive or not allowed,
 * and for impossible lengths. Leftover bits are ignored, as in Java. `out` points into the arena;
 * when the arena's budget is spent it is null and the result false.
 */
bool base64_read(enum base64_kind kind, struct str text, struct arena *a, struct bytes *out);

#endif
