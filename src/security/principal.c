/* principal: parses, formats and compares principals. */
#include "security/principal.h"

#include <string.h>

const struct principal PRINCIPAL_ANONYMOUS = {.type = {"User", 4}, .name = {"ANONYMOUS", 9}};

struct str principal_text(const struct principal *p, struct arena *a)
{
	return arena_printf(a, "%.*s:%.*s", STR_ARG(p->type), STR_ARG(p->name));
}

bool principal_equal(const struct principal *a, const struct principal *b)
{
	return str_eq(a->type, b->type) && str_eq(a->name, b->name);
}
