/* client_settings: the rows of client_settings.tbl, looked up by name. */
#include "cli/client_settings.h"

#include <stddef.h>
#include <string.h>

static const struct row {
	const char *name;
	unsigned kinds;
	enum client_setting_effect effect;
} rows[] = {
#define CLIENT_SETTING(name, kinds, effect) {name, kinds, effect},
#include "cli/client_settings.tbl"
#undef CLIENT_SETTING
};

enum client_setting_effect client_setting_effect(const char *name, unsigned kinds)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].kinds & kinds ? rows[i].effect : NO_SUCH_SETTING;
	return NO_SUCH_SETTING;
}
