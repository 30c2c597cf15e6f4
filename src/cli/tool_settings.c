/* tool_settings: turns properties into client options, and reports once those without effect. */
#include <string.h>

#include "base/mem.h"
#include "cli/client_settings.h"
#include "cli/java_options.h"
#include "cli/tool.h"

/* ---- settings without effect ---- */

/* Only the newest property of each name counts. */
static bool is_newest(const struct tool *t, const struct tool_property *p)
{
	for (const struct tool_property *other = t->properties; other != p; other = other->next)
		if (strcmp(other->name, p->name) == 0)
			return false;
	return true;
}

static void tell(struct tool *t, enum client_setting_effect effect, const char *words)
{
	struct buf names = {0};

	for (const struct tool_property *p = t->properties; p; p = p->next)
		if (is_newest(t, p) && client_setting_effect(p->name, t->kinds) == effect)
			buf_printf(&names, "%s%s", names.len ? ", " : "", p->name);
	if (names.len > 0)
		fprintf(stderr, "odradek %s: %s: %.*s\n", t->command->name, words, STR_ARG(buf_str(&names)));
	buf_fini(&names);
}

static void tell_idle(struct tool *t)
{
	if (!t->kinds)
		return;
	tell(t, NO_EFFECT, "without effect in this client");
	tell(t, NO_SUCH_SETTING, "no settings of this client");
}

/* ---- settings with an effect ---- */

static const char *get(const void *arg, const char *name)
{
	return tool_property(arg, name);
}

static void secure(struct tool *t)
{
	struct secure_settings settings = {.get = get, .arg = t};
	struct buf why = {0};

	settings.jvm = java_options_read(t->env, &t->arena);
	if (secure_init(&t->secure, t->env, &settings, &why) != 0)
		tool_die(t, "%.*s", STR_ARG(buf_str(&why)));
	buf_fini(&why);
}

struct client_options tool_client_options(struct tool *t)
{
	struct client_options o = CLIENT_OPTIONS_DEFAULT;

	if (!t->is_set_up) {
		t->is_set_up = true;
		tell_idle(t);
		secure(t);
	}
	o.tls = t->secure.tls;
	o.login = t->secure.login;
	o.request_timeout_ms = (int32_t)tool_property_number(t, "request.timeout.ms", o.request_timeout_ms);
	o.api_timeout_ms = (int32_t)tool_property_number(t, "default.api.timeout.ms", o.api_timeout_ms);
	o.retry_backoff_ms = (int32_t)tool_property_number(t, "retry.backoff.ms", o.retry_backoff_ms);
	o.reconnect_backoff_max_ms = (int32_t)tool_property_number(t, "reconnect.backoff.max.ms", 0);
	o.setup_timeout_ms = tool_property_number(t, "socket.connection.setup.timeout.ms", 10000);
	o.setup_timeout_max_ms = tool_property_number(t, "socket.connection.setup.timeout.max.ms", 30000);
	if (tool_property(t, "client.id"))
		o.client_id = str_of(tool_property(t, "client.id"));
	return o;
}
