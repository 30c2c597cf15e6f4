/*
 * settings: the configuration of a simulated node apart from defaults: "name=value", as on a
 * command line.
 */
#ifndef ODRADEK_TESTS_SIM_SETTINGS_H
#define ODRADEK_TESTS_SIM_SETTINGS_H

#include <stdint.h>

enum { SETTINGS_MAX = 40, SETTING_BYTES = 200 };

struct settings {
	int n;
	char text[SETTINGS_MAX][SETTING_BYTES];
	const char *v[SETTINGS_MAX + 1]; /* ended by NULL; points into this struct */
};

void settings_add(struct settings *s, const char *name, int64_t value);
void settings_add_text(struct settings *s, const char *name, const char *value);
/* Enables encryption. The command in it is not run: the node is given its keys directly. */
void settings_add_encryption(struct settings *s);

struct atrest_keys;
/* Makes the key of machine i. */
void settings_make_key(struct atrest_keys *keys, int i);

#endif
