/* jwt_parts: splits a token, decodes and parses its parts. */
#include "security/jwt_parts.h"

#include <string.h>

#include "base/base64.h"

static bool cut_part(struct str *rest, struct str *out)
{
	const char *dot = rest->len > 0 ? memchr(rest->p, '.', (size_t)rest->len) : NULL;

	if (!dot)
		return false;
	*out = (struct str){rest->p, (int32_t)(dot - rest->p)};
	*rest = (struct str){dot + 1, rest->len - out->len - 1};
	return true;
}

bool jwt_split(struct str token, struct jwt_parts *out)
{
	struct str rest = token;

	if (!cut_part(&rest, &out->header) || !cut_part(&rest, &out->claims) || out->header.len == 0 ||
	    out->claims.len == 0 || (rest.len > 0 && memchr(rest.p, '.', (size_t)rest.len)))
		return false;
	out->signature = rest;
	out->signed_text = (struct str){token.p, out->header.len + 1 + out->claims.len};
	return true;
}

json_t *jwt_object(struct str part, size_t flags, struct arena *a)
{
	struct bytes text;
	json_error_t error;
	json_t *json;

	if (!base64_read(BASE64_URL, part, a, &text))
		return NULL;
	json = json_loadb((const char *)text.p, (size_t)text.len, flags, &error);
	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

json_t *jwt_member(const json_t *object, struct str name)
{
	return json_object_getn(object, name.p, (size_t)name.len);
}

bool jwt_is_extension(struct str value)
{
	for (int32_t i = 0; i < value.len; i++) {
		char c = value.p[i];

		if ((c < 0x20 || c > 0x7e) && c != '\t' && c != '\r' && c != '\n')
			return false;
	}
	return value.len > 0;
}

struct str jwt_text(const json_t *string)
{
	return (struct str){json_string_value(string), (int32_t)json_string_length(string)};
}
