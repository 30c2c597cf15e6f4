/*
 * jwt_parts: what signed and unsecured tokens have in common: three parts separated by dots, two of
 * which are JSON.
 */
#ifndef ODRADEK_SECURITY_JWT_PARTS_H
#define ODRADEK_SECURITY_JWT_PARTS_H

#include <jansson.h>

#include "base/arena.h"
#include "base/str.h"

struct jwt_parts {
	struct str header;
	struct str claims;
	struct str signature; /* may be empty */
	struct str signed_text;
};

/* False: there are not three parts. */
bool jwt_split(struct str token, struct jwt_parts *out);
/*
 * Parses an object, which the caller releases; NULL: it is not an object, or not base64url. flags
 * are jansson's.
 */
json_t *jwt_object(struct str part, size_t flags, struct arena *a);
/* Finds a member whose name may contain any bytes; NULL: there is none. */
json_t *jwt_member(const json_t *object, struct str name);
/* Whether it may be sent as the value of an extension (RFC 7628). */
bool jwt_is_extension(struct str value);
/* The value of a JSON string. */
struct str jwt_text(const json_t *string);

#endif
