/*
 * jwt_parts: what signed and unsecured tokens have in common: three parts with dots between, JSON in two of them.
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

/* False: there are not three. */
bool jwt_split(struct str token, struct jwt_parts *out);
/* An object, to be given back; NULL: it is none, or not in base64url. flags are jansson's. */
json_t *jwt_object(struct str part, size_t flags, struct arena *a);
/* Of a name that has any bytes; NULL: there is none. */
json_t *jwt_member(const json_t *object, struct str name);
/* May it be said beside a token, as an extension's value (RFC 7628)? */
bool jwt_is_extension(struct str value);
/* The value of a JSON string. */
struct str jwt_text(const json_t *string);

#endif
