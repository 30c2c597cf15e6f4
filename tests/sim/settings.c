#include "tests/sim/settings.h"

#include <inttypes.h>
#include <stdio.h>

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
