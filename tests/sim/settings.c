#include "tests/sim/settings.h"

#include <inttypes.h>
#include <stdio.h>

#include "atrest/keys.h"
#include "base/check.h"

void settings_add_text(struct settings *s, const char *name, const char *value)
{
	check(s->n < SETTINGS_MAX);
	check(snprintf(s->text[s->n], SETTING_BYTES, "%s=%s", name, value) < SETTING_BYTES);
	s->v[s->n] = s->text[s->n];
	s->v[++s->n] = NULL;
}

void settings_add(struct settings *s, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	settings_add_text(s, name, text);
}

void settings_add_encryption(struct settings *s)
{
	settings_add_text(s, "odradek.log.encryption.enable", "true");
	settings_add_text(s, "odradek.log.encryption.key.command", "none");
}

void settings_make_key(struct atrest_keys *keys, int i)
{
	char text[2 * ATREST_KEY_SIZE + 1];
	struct buf why = {0};
	int added;

	snprintf(text, sizeof(text), "%064x", i + 1);
	check(atrest_keys_read(keys, str_of(text), &added, &why) == 0);
}
