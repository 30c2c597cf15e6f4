/*
 * base64: RFC 4648, as Java's Base64 writes it and takes it: padded, in the usual alphabet; or without padding, in that of URLs.
 */
#ifndef ODRADEK_BASE_BASE64_H
#define ODRADEK_BASE_BASE64_H

#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

enum base64_kind { BASE64_PADDED, BASE64_URL };

/* What n bytes become at the most, in either kind. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Returns the length; `out` has room for BASE64_LEN(len), and no NUL is written. */
size_t base64_put(enum base64_kind kind, const void *p, size_t len, char *out);
/* The same into an arena; a null str when it is spent. */
struct str base64_text(enum base64_kind kind, struct bytes b, struct arena *a);
/*
 * False for another alphabet, for padding that is missing, too much or unasked for, and for lengths that cannot be. Bits that are left
 * over are not looked at, as Java does not. `out` points into the arena, and is null when it is spent (and false comes back).
 */
bool base64_read(enum base64_kind kind, struct str text, struct arena *a, struct bytes *out);

#endif
