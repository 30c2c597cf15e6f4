/* mechanism: the table of the mechanisms that are served, and helpers they share. */
#include "security/mechanism.h"

static const struct mechanism *const rows[] = {
	&mechanism_gssapi, &mechanism_plain, &mechanism_oauthbearer, &mechanism_scram_sha_256, &mechanism_scram_sha_512,
};

const struct mechanism *mechanism_find(struct str name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (str_is(name, rows[i]->name))
			return rows[i];
	return NULL;
}

void mechanism_fails(struct mechanism_step *out, struct str message, struct str reason)
{
	*out = (struct mechanism_step){
		.outcome = MECHANISM_FAILED,
		.message = message,
		.reason = str_is_null(reason) ? message : reason,
	};
}

bool mechanism_wants_module(const struct mechanism_place *place, const char *class_name, struct arena *a,
			    struct str *error)
{
	if (str_is(place->jaas->module, class_name))
		return true;
	*error = arena_printf(a, "its login module is %s, not %.*s", class_name, STR_ARG(place->jaas->module));
	return false;
}
