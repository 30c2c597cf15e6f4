/*
 * principal: see the header.
 */
#include "security/principal.h"

#include <string.h>

const struct principal PRINCIPAL_ANONYMOUS = {.type = {"User", 4}, .name = {"ANONYMOUS", 9}};

bool principal_parse(struct str text, struct principal *out)
{
	const char *colon = text.len > 0 ? memchr(text.p, ':', (size_t)text.len) : NULL;
	int32_t type_len = colon ? (int32_t)(colon - text.p) : 0;

	if (type_len == 0 || type_len + 1 == text.len)
		return false;
	*out = (struct principal){.type = {text.p, type_len}, .name = {colon + 1, text.len - type_len - 1}};
	return true;
}

struct str principal_text(const struct principal *p, struct arena *a)
{
	return arena_printf(a, "%.*s:%.*s", STR_ARG(p->type), STR_ARG(p->name));
}

bool principal_equal(const struct principal *a, const struct principal *b)
{
	return str_eq(a->type, b->type) && str_eq(a->name, b->name);
}
