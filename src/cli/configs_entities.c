/* configs_entities: see configs_entities.h. The messages are those of Kafka's ConfigCommand. */
#include "cli/configs_entities.h"

#include <string.h>

#include "cli/resource.h"
#include "config/config.h"

/* In the order of Kafka's messages. */
static const struct entity_type TYPES[] = {
	{"broker-loggers", RESOURCE_BROKER_LOGGER, CONFIG_SOURCE_DYNAMIC_BROKER_LOGGER, "broker-logger", NULL},
	{"topics", RESOURCE_TOPIC, CONFIG_SOURCE_TOPIC, "topic", NULL},
	{"clients", RESOURCE_NONE, CONFIG_SOURCE_UNKNOWN, "client", "client-defaults"},
	{"users", RESOURCE_NONE, CONFIG_SOURCE_UNKNOWN, "user", "user-defaults"},
	{"brokers", RESOURCE_BROKER, CONFIG_SOURCE_DYNAMIC_BROKER, "broker", "broker-defaults"},
	{"ips", RESOURCE_NONE, CONFIG_SOURCE_UNKNOWN, "ip", "ip-defaults"},
	{"client-metrics", RESOURCE_CLIENT_METRICS, CONFIG_SOURCE_CLIENT_METRICS, "client-metrics", NULL},
	{"groups", RESOURCE_GROUP, CONFIG_SOURCE_GROUP, "group", NULL},
};
enum { TYPES_N = sizeof(TYPES) / sizeof(TYPES[0]) };

bool entity_type_is(const struct entity_type *t, const char *name)
{
	return strcmp(t->name, name) == 0;
}

struct str entity_type_singular(const struct entity_type *t)
{
	return (struct str){t->name, (int32_t)strlen(t->name) - 1};
}

/* ---- which entities ---- */

static const struct entity_type *type_of(struct tool *t, const char *name)
{
	for (int i = 0; i < TYPES_N; i++)
		if (entity_type_is(&TYPES[i], name))
			return &TYPES[i];
	tool_die(
		t,
		"Invalid entity type %s, the entity type must be one of broker-loggers, topics, clients, users, brokers, ips, client-metrics, "
		"groups with a --bootstrap-server or --bootstrap-controller argument",
		name);
}

static void add_flags(struct tool *t, struct entities *e)
{
	int before = e->n_types;

	for (int i = 0; i < TYPES_N; i++)
		if (tool_has(t, TYPES[i].flag)) {
			e->types[e->n_types++] = &TYPES[i];
			e->names[e->n_names++] = tool_value(t, TYPES[i].flag);
		}
	for (int i = 0; i < TYPES_N; i++)
		if (TYPES[i].defaults_flag && tool_has(t, TYPES[i].defaults_flag)) {
			e->types[e->n_types++] = &TYPES[i];
			e->names[e->n_names++] = "";
		}
	if (e->n_types > before &&
	    (tool_has(t, "entity-type") || tool_has(t, "entity-name") || tool_has(t, "entity-default")))
		tool_die(t,
			 "--entity-{type,name,default} should not be used in conjunction with specific entity flags");
}

struct entities *entities_read(struct tool *t)
{
	struct entities *e = arena_zalloc(&t->arena, sizeof(*e));

	for (int i = 0; i < t->options.n; i++) {
		const struct option_value *v = &t->options.given[i];

		if (strcmp(v->row->name, "entity-type") == 0)
			e->types[e->n_types++] = type_of(t, v->value);
		else if (strcmp(v->row->name, "entity-name") == 0)
			e->names[e->n_names++] = v->value;
		else if (strcmp(v->row->name, "entity-default") == 0)
			e->names[e->n_names++] = "";
	}
	add_flags(t, e);
	return e;
}

bool entities_have_type(const struct entities *e, const char *name)
{
	for (int i = 0; i < e->n_types; i++)
		if (entity_type_is(e->types[i], name))
			return true;
	return false;
}

bool entities_have_name(const struct entities *e, bool wanted_default)
{
	for (int i = 0; i < e->n_names; i++)
		if ((e->names[i][0] == 0) == wanted_default)
			return true;
	return false;
}

static void check_types(struct tool *t, const struct entities *e)
{
	for (int i = 0; i < e->n_types; i++)
		for (int k = 0; k < i; k++)
			if (e->types[i] == e->types[k])
				tool_die(t, "Duplicate entity type(s) specified: %s", e->types[i]->name);
	if (e->n_types == 0)
		tool_die(t, "At least one entity type must be specified");
	if (e->n_types > 2 ||
	    (e->n_types == 2 && !(entities_have_type(e, "users") && entities_have_type(e, "clients"))))
		tool_die(t, "Only 'users' and 'clients' entity types may be specified together");
}

static void check_broker_names(struct tool *t, const struct entities *e)
{
	int32_t id;

	if (!entities_have_type(e, "brokers") && !entities_have_type(e, "broker-loggers"))
		return;
	for (int i = 0; i < e->n_names; i++)
		if (e->names[i][0] && !str_to_i32(str_of(e->names[i]), &id))
			tool_die(t, "The entity name for %s must be a valid integer broker id, but it is: %s",
				 e->types[0]->name, e->names[i]);
}

static void check_alter(struct tool *t, const struct entities *e)
{
	bool defaults = entities_have_type(e, "users") || entities_have_type(e, "clients") ||
			entities_have_type(e, "brokers") || entities_have_type(e, "ips");

	if (defaults && e->n_names == 0)
		tool_die(
			t,
			"An entity-name or default entity must be specified with --alter of users, clients, brokers or ips");
	if (!defaults && !entities_have_name(e, false))
		tool_die(t, "An entity name must be specified with --alter of %s", e->types[0]->name);
	if (tool_has(t, "add-config") && tool_has(t, "add-config-file"))
		tool_die(t, "Only one of --add-config or --add-config-file must be specified");
	if (!tool_has(t, "add-config") && !tool_has(t, "add-config-file") && !tool_has(t, "delete-config"))
		tool_die(
			t,
			"At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter");
	if (e->n_types != e->n_names)
		tool_die(t, "An entity name must be specified for every entity type");
}

static void check_describe(struct tool *t, const struct entities *e)
{
	bool defaults = entities_have_type(e, "users") || entities_have_type(e, "clients") ||
			entities_have_type(e, "brokers") || entities_have_type(e, "ips");

	if (tool_has(t, "add-config") || tool_has(t, "delete-config"))
		tool_misused(t, "Option \"[describe]\" can't be used with option \"[%s]\"",
			     tool_has(t, "add-config") ? "add-config" : "delete-config");
	if (!defaults && tool_has(t, "entity-default"))
		tool_die(t, "--entity-default must not be specified with --describe of %s", e->types[0]->name);
	if (entities_have_type(e, "broker-loggers") && !entities_have_name(e, false))
		tool_die(t, "An entity name must be specified with --describe of broker-loggers");
}

void entities_check(struct tool *t, const struct entities *e, bool alter)
{
	check_types(t, e);
	check_broker_names(t, e);
	if (alter)
		check_alter(t, e);
	else
		check_describe(t, e);
}

/* ---- what to change ---- */

static bool is_key(struct str s)
{
	for (int32_t i = 0; i < s.len; i++)
		if (!strchr("$abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", s.p[i]))
			return false;
	return true;
}

/* Removes the brackets that protect commas. */
static struct str unbracketed(struct tool *t, struct str s)
{
	char *out = tool_string(t, s);
	int32_t n = 0;

	for (int32_t i = 0; i < s.len; i++)
		if (s.p[i] != '[' && s.p[i] != ']')
			out[n++] = s.p[i];
	return str_trimmed((struct str){out, n});
}

static void add_change(struct tool *t, struct config_changes *c, struct str name, struct str value, bool remove)
{
	if (!is_key(name) && !remove)
		tool_die(t, "Invalid character found for config key: %.*s", STR_ARG(name));
	if (c->n == CONFIG_CHANGES_MAX)
		tool_die(t, "too many settings");
	for (int i = 0; i < c->n && !remove; i++)
		if (str_eq(c->v[i].name, name) && !c->v[i].remove) {
			c->v[i].value = value;
			return;
		}
	c->v[c->n++] = (struct config_change){name, value, remove};
}

/* Parses "k1=v1,k2=[v1,v2],k3=v3". */
static void read_added(struct tool *t, struct config_changes *c, const char *text)
{
	while (*text) {
		size_t len = 0, equals = 0;
		bool inside = false;

		for (; text[len] && (inside || text[len] != ','); len++) {
			inside = text[len] == '[' || (inside && text[len] != ']');
			if (text[len] == '=' && !inside && equals == 0)
				equals = len;
		}
		if (equals == 0)
			tool_die(
				t,
				"Invalid entity config: all configs to be added must be in the format \"key=val\" or  \"key=[val1,val2]\" to "
				"group values which contain commas.");
		add_change(t, c, str_trimmed((struct str){text, (int32_t)equals}),
			   unbracketed(t, (struct str){text + equals + 1, (int32_t)(len - equals - 1)}), false);
		text += len + (text[len] == ',');
	}
}

struct change_reader {
	struct tool *tool;
	struct config_changes *changes;
};

static void add_pair(void *arg, const char *name, const char *value)
{
	struct change_reader *r = arg;

	add_change(r->tool, r->changes, str_of(name), str_of(value), false);
}

void config_changes_read(struct tool *t, struct config_changes *c)
{
	struct change_reader reader = {t, c};

	for (int i = 0; i < options_count(&t->options, "delete-config"); i++)
		for (const char *at = options_nth(&t->options, "delete-config", i); at;
		     at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
			add_change(t, c, str_trimmed((struct str){at, (int32_t)strcspn(at, ",")}), STR(""), true);
	if (tool_has(t, "add-config-file"))
		tool_each_property(t, tool_value(t, "add-config-file"), add_pair, &reader);
	if (tool_has(t, "add-config"))
		read_added(t, c, tool_value(t, "add-config"));
}
