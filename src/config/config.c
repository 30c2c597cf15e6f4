/* config: collects the values given, parses them by the table, and implements the getters. */
#include "config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/config_impl.h"
#include "config/properties.h"

/* The reader of a file limits its text; this limits what the text can expand to. */
enum { CONFIG_MEMORY = 64 << 20, NOTES_MEMORY = 16 << 20, SHOWN_MAX = 200 };

static void gather_builtin(struct config *c, struct str data_dir);
static void gather_file(struct config *c, const struct config_input *in, struct config_notes *notes);
static void gather_environment(struct config *c, const char *const *environment, struct config_notes *notes);
static void gather_overrides(struct config *c, const char *const *overrides, struct config_notes *notes);
static void fill_in_node_id(struct config *c);
static void read_values(struct config *c, struct config_notes *notes);

int config_load(const struct config_input *in, struct config **out, struct config_notes *notes)
{
	struct config *c = xcalloc(1, sizeof(*c));

	*out = NULL;
	*notes = (struct config_notes){0};
	arena_init(&notes->arena, NOTES_MEMORY);
	arena_init(&c->arena, CONFIG_MEMORY);
	for (int i = 0; i < CONFIG_NODE_N; i++)
		c->given_by[i] = -1;

	if (str_is_null(in->file_name))
		gather_builtin(c, in->data_dir);
	else
		gather_file(c, in, notes);
	gather_environment(c, in->environment, notes);
	gather_overrides(c, in->overrides, notes);
	fill_in_node_id(c);
	read_values(c, notes);
	if (notes->n_errors == 0 && !c->arena.failed && config_network_read(c, notes))
		config_rules_check(c, notes);
	if (notes->n_errors == 0)
		config_status_check(c, notes);
	if (c->arena.failed)
		config_note_add(notes, CONFIG_NOTE_ERROR, in->file_name, "the configuration is larger than %d MiB",
				CONFIG_MEMORY >> 20);
	if (notes->n_errors > 0) {
		config_free(c);
		return ERR_INVALID_CONFIG;
	}
	*out = c;
	return 0;
}

void config_free(struct config *c)
{
	if (c == NULL)
		return;
	arena_fini(&c->arena);
	xfree(c);
}

/* ---- notes ---- */

void config_note_add(struct config_notes *notes, enum config_note_level level, struct str place, const char *format,
		     ...)
{
	struct config_note note = {.level = level, .place = arena_str(&notes->arena, place), .text = STR("")};
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	check(len >= 0);
	text = arena_alloc(&notes->arena, (size_t)len + 1);
	if (text != NULL) {
		va_start(args, format);
		vsnprintf(text, (size_t)len + 1, format, args);
		va_end(args);
		note.text = (struct str){text, len};
	}
	notes->v = xreallocarray(notes->v, (size_t)notes->n + 1, sizeof(*notes->v));
	notes->v[notes->n++] = note;
	notes->n_errors += level != CONFIG_NOTE_WARN;
}

void config_notes_fini(struct config_notes *notes)
{
	xfree(notes->v);
	arena_fini(&notes->arena);
	*notes = (struct config_notes){0};
}

/* ---- what was given ---- */

const struct config_given *config_given_name(const struct config *c, struct str name)
{
	for (int i = 0; i < c->n_given; i++)
		if (str_eq(c->given[i].name, name))
			return &c->given[i];
	return NULL;
}

static struct config_given *add_slot(struct config *c)
{
	struct config_given *v = arena_grow(&c->arena, c->given, c->n_given, &c->given_cap, sizeof(*v));

	if (v == NULL)
		return NULL;
	c->given = v;
	return &c->given[c->n_given++];
}

/* A later value replaces an earlier one. name and text must be in c's arena. */
static void give(struct config *c, struct str name, struct str text, enum config_origin origin, struct str place)
{
	struct config_given *g = (struct config_given *)config_given_name(c, name);

	if (g == NULL)
		g = add_slot(c);
	if (g == NULL)
		return;
	*g = (struct config_given){
		.name = name,
		.text = text,
		.origin = origin,
		.place = place,
		.setting = config_setting_find(CONFIG_SCOPE_NODE, name),
	};
}

static void gather_text(struct config *c, struct str text, enum config_origin origin, struct str place,
			struct config_notes *notes)
{
	bool is_file = origin == CONFIG_FROM_FILE;
	struct properties p;
	struct str name, value;

	properties_init(&p, text, &c->arena);
	while (properties_next(&p, &name, &value)) {
		struct str at = is_file ? arena_printf(&c->arena, "%.*s:%d", STR_ARG(place), p.line) : place;
		const struct config_given *before = config_given_name(c, name);

		if (is_file && before != NULL)
			config_note_add(notes, CONFIG_NOTE_WARN, at, "%.*s was given before, at %.*s; this one counts",
					STR_ARG(name), STR_ARG(before->place));
		give(c, name, value, origin, at);
	}
	if (p.malformed)
		config_note_add(notes, CONFIG_NOTE_ERROR,
				is_file ? arena_printf(&c->arena, "%.*s:%d", STR_ARG(place), p.line) : place,
				"\\u must be followed by four hexadecimal digits");
}

static void gather_builtin(struct config *c, struct str data_dir)
{
	struct config_notes none = {0};

	gather_text(c, config_builtin_text(&c->arena, data_dir), CONFIG_FROM_BUILTIN, STR("built in"), &none);
}

static void gather_file(struct config *c, const struct config_input *in, struct config_notes *notes)
{
	gather_text(c, in->file_text, CONFIG_FROM_FILE, arena_str(&c->arena, in->file_name), notes);
}

/*
 * The official image writes the variables into the file unchanged, so their values are parsed like
 * properties, escapes included.
 */
static void gather_environment(struct config *c, const char *const *environment, struct config_notes *notes)
{
	for (; environment != NULL && *environment != NULL; environment++) {
		const char *equals = strchr(*environment, '=');
		struct str variable = {*environment, equals ? (int32_t)(equals - *environment) : 0};
		struct str name = equals ? config_name_of_variable(variable, &c->arena) : STR_NULL;

		if (str_is_null(name))
			continue;
		gather_text(c, arena_printf(&c->arena, "%.*s=%s", STR_ARG(name), equals + 1), CONFIG_FROM_ENVIRONMENT,
			    arena_str(&c->arena, variable), notes);
	}
}

static void gather_overrides(struct config *c, const char *const *overrides, struct config_notes *notes)
{
	for (; overrides != NULL && *overrides != NULL; overrides++) {
		const char *equals = strchr(*overrides, '=');
		struct str name = {*overrides, equals ? (int32_t)(equals - *overrides) : 0};

		if (name.len == 0) {
			config_note_add(notes, CONFIG_NOTE_ERROR, STR("--override"),
					"'%s' is not of the form name=value", *overrides);
			continue;
		}
		give(c, arena_str(&c->arena, name), arena_str(&c->arena, str_of(equals + 1)), CONFIG_FROM_OVERRIDE,
		     STR("--override"));
	}
}

/*
 * node.id and broker.id are synonyms, as in Kafka's populateSynonyms; a built-in value yields to a
 * given one.
 */
static void fill_in_node_id(struct config *c)
{
	struct str node_id = str_of(config_setting(CONFIG_NODE_ID)->name);
	struct str broker_id = str_of(config_setting(CONFIG_BROKER_ID)->name);
	struct config_given *node = (struct config_given *)config_given_name(c, node_id);
	const struct config_given *broker = config_given_name(c, broker_id);

	if (broker != NULL && (node == NULL || node->origin == CONFIG_FROM_BUILTIN))
		give(c, node_id, broker->text, broker->origin, broker->place);
	else if (broker == NULL && node != NULL)
		give(c, broker_id, node->text, node->origin, node->place);
}

/* ---- reading ---- */

struct str config_shown(const struct config_setting *s, struct str text)
{
	if (s->type == CONFIG_TYPE_PASSWORD)
		return str_is_null(text) ? text : STR("[hidden]");
	if (text.len > SHOWN_MAX)
		text.len = SHOWN_MAX;
	return text;
}

static void note_illegal(struct config *c, const struct config_given *g, const struct config_setting *s,
			 struct str error, struct config_notes *notes)
{
	struct str legal = config_legal(s, &c->arena);
	/*
	 * Of "Invalid value x for configuration y: why", only the reason is printed: value and name
	 * are there already.
	 */
	struct str known = arena_printf(&c->arena, " for configuration %s: ", s->name);
	const char *why = memmem(error.p, (size_t)error.len, known.p, (size_t)known.len);

	config_note_add(notes, CONFIG_NOTE_ERROR, g->place, "%.*s=%.*s: %s; legal: %.*s", STR_ARG(g->name),
			STR_ARG(config_shown(s, g->text)), why != NULL ? why + known.len : error.p, STR_ARG(legal));
}

/* Only Kafka's authorizer reads them. */
static bool is_the_authorizers(struct str name)
{
	return str_eq(name, CONFIG_NAME_SUPER_USERS) || str_eq(name, CONFIG_NAME_ALLOW_EVERYONE);
}

static void note_unknown(const struct config_given *g, struct config_notes *notes)
{
	const struct config_setting *near = config_setting_nearest(CONFIG_SCOPE_NODE, g->name);

	if (near != NULL)
		config_note_add(notes, CONFIG_NOTE_WARN, g->place, "%.*s is not a setting; the nearest is %s",
				STR_ARG(g->name), near->name);
	else
		config_note_add(notes, CONFIG_NOTE_WARN, g->place, "%.*s is not a setting", STR_ARG(g->name));
}

static void read_given(struct config *c, int i, struct config_notes *notes)
{
	struct config_given *g = &c->given[i];
	const struct config_setting *s = g->setting;
	struct config_value *v;
	struct str error = STR_NULL, base;

	if (s != NULL)
		c->given_by[s->id] = i;
	else
		s = config_listener_override(g->name, &base);
	if (s == NULL) {
		if (!is_the_authorizers(g->name))
			note_unknown(g, notes);
		return;
	}
	v = g->setting ? &c->values[s->id] : arena_zalloc(&c->arena, sizeof(*v));
	if (v == NULL)
		return;
	if (config_value_read(s, g->text, &c->arena, v, &error))
		g->of_listener = g->setting ? NULL : v;
	else if (!c->arena.failed)
		note_illegal(c, g, s, error, notes);
}

static void read_values(struct config *c, struct config_notes *notes)
{
	for (int i = 0; i < CONFIG_NODE_N; i++)
		config_value_default(config_setting((enum config_id)i), &c->arena, &c->values[i]);
	for (int i = 0; i < c->n_given; i++)
		read_given(c, i, notes);
	for (int i = 0; i < CONFIG_NODE_N; i++) {
		const struct config_setting *s = config_setting((enum config_id)i);

		if (s->required && c->given_by[i] < 0)
			config_note_add(notes, CONFIG_NOTE_ERROR, STR_NULL, "%s is missing; it must be given: %s",
					s->name, s->doc);
	}
}

/* ---- getters ---- */

static const struct config_value *value_of(const struct config *c, enum config_id id, unsigned types)
{
	check(id < CONFIG_NODE_N && (types >> config_setting(id)->type & 1));
	return &c->values[id];
}

enum {
	INTS = 1 << CONFIG_TYPE_INT | 1 << CONFIG_TYPE_SHORT,
	LONGS = INTS | 1 << CONFIG_TYPE_LONG,
	TEXTS = 1 << CONFIG_TYPE_STRING | 1 << CONFIG_TYPE_CLASS | 1 << CONFIG_TYPE_PASSWORD,
};

bool config_is_null(const struct config *c, enum config_id id)
{
	check(id < CONFIG_NODE_N);
	return str_is_null(c->values[id].text);
}

bool config_bool(const struct config *c, enum config_id id)
{
	return value_of(c, id, 1 << CONFIG_TYPE_BOOLEAN)->integer != 0;
}

int32_t config_int(const struct config *c, enum config_id id)
{
	return (int32_t)value_of(c, id, INTS)->integer;
}

int64_t config_long(const struct config *c, enum config_id id)
{
	return value_of(c, id, LONGS)->integer;
}

double config_double(const struct config *c, enum config_id id)
{
	return value_of(c, id, 1 << CONFIG_TYPE_DOUBLE)->real;
}

struct str config_string(const struct config *c, enum config_id id)
{
	return value_of(c, id, TEXTS)->text;
}

const struct str *config_list(const struct config *c, enum config_id id, int *n)
{
	const struct config_value *v = value_of(c, id, 1 << CONFIG_TYPE_LIST);

	*n = v->n_items;
	return v->items;
}

const struct config_given *config_given(const struct config *c, enum config_id id)
{
	check(id < CONFIG_NODE_N);
	return c->given_by[id] < 0 ? NULL : &c->given[c->given_by[id]];
}

enum config_origin config_origin(const struct config *c, enum config_id id)
{
	const struct config_given *g = config_given(c, id);

	return g == NULL ? CONFIG_FROM_DEFAULT : g->origin;
}

struct str config_place(const struct config *c, enum config_id id)
{
	const struct config_given *g = config_given(c, id);

	return g == NULL ? STR("default") : g->place;
}

struct str config_text(const struct config *c, enum config_id id)
{
	check(id < CONFIG_NODE_N);
	return c->values[id].text;
}

/* ---- settings of one listener ---- */

/* Whether `name` begins with `part` and a dot, in any case; if so, advances it past them. */
static bool skip_part(struct str *name, struct str part)
{
	if (name->len <= part.len || name->p[part.len] != '.' || strncasecmp(name->p, part.p, (size_t)part.len) != 0)
		return false;
	*name = (struct str){name->p + part.len + 1, name->len - part.len - 1};
	return true;
}

const struct config_given *config_given_at(const struct config *c, const struct config_at *at, enum config_id id)
{
	for (int i = 0; i < c->n_given; i++) {
		struct str rest = c->given[i].name;

		if (c->given[i].of_listener && skip_part(&rest, STR("listener.name")) &&
		    skip_part(&rest, at->listener) && (at->mechanism.len == 0 || skip_part(&rest, at->mechanism)) &&
		    str_is(rest, config_setting(id)->name))
			return &c->given[i];
	}
	return NULL;
}

static const struct config_value *value_at(const struct config *c, const struct config_at *at, enum config_id id)
{
	const struct config_given *g = config_given_at(c, at, id);

	return g ? g->of_listener : NULL;
}

/*
 * The listener's value, or otherwise the node's. For a mechanism, only its own value on the
 * listener counts.
 */
static const struct config_value *found_at(const struct config *c, const struct config_at *at, enum config_id id,
					   unsigned types)
{
	const struct config_value *own = value_of(c, id, types), *v = value_at(c, at, id);

	return v ? v : own;
}

bool config_at_is_set(const struct config *c, const struct config_at *at, enum config_id id)
{
	return value_at(c, at, id) != NULL;
}

struct str config_at_text(const struct config *c, const struct config_at *at, enum config_id id)
{
	return found_at(c, at, id, ~0U)->text;
}

struct str config_at_string(const struct config *c, const struct config_at *at, enum config_id id)
{
	return found_at(c, at, id, TEXTS)->text;
}

bool config_at_bool(const struct config *c, const struct config_at *at, enum config_id id)
{
	return found_at(c, at, id, 1 << CONFIG_TYPE_BOOLEAN)->integer != 0;
}

int64_t config_at_long(const struct config *c, const struct config_at *at, enum config_id id)
{
	return found_at(c, at, id, LONGS)->integer;
}

const struct str *config_at_list(const struct config *c, const struct config_at *at, enum config_id id, int *n)
{
	const struct config_value *v = found_at(c, at, id, 1 << CONFIG_TYPE_LIST);

	*n = v->n_items;
	return v->items;
}

/* If only log.dir was given, it takes precedence over the built-in log.dirs. */
const struct str *config_log_dirs(const struct config *c, int *n)
{
	bool dir_only = config_origin(c, CONFIG_LOG_DIR) > CONFIG_FROM_BUILTIN &&
			config_origin(c, CONFIG_LOG_DIRS) <= CONFIG_FROM_BUILTIN;
	enum config_id id = dir_only || config_is_null(c, CONFIG_LOG_DIRS) ? CONFIG_LOG_DIR : CONFIG_LOG_DIRS;

	return config_list(c, id, n);
}

struct str config_metadata_log_dir(const struct config *c)
{
	int n;

	return config_is_null(c, CONFIG_METADATA_LOG_DIR) ? config_log_dirs(c, &n)[0]
							  : config_string(c, CONFIG_METADATA_LOG_DIR);
}

struct str config_super_users(const struct config *c)
{
	const struct config_given *g = config_given_name(c, CONFIG_NAME_SUPER_USERS);

	return g ? g->text : STR_NULL;
}

bool config_allow_everyone_if_no_acl_found(const struct config *c)
{
	const struct config_given *g = config_given_name(c, CONFIG_NAME_ALLOW_EVERYONE);

	return str_is_true(g ? str_trim(g->text) : STR_NULL);
}

bool config_is_broker(const struct config *c)
{
	return config_value_has_item(&c->values[CONFIG_PROCESS_ROLES], "broker");
}

bool config_is_controller(const struct config *c)
{
	return config_value_has_item(&c->values[CONFIG_PROCESS_ROLES], "controller");
}

const struct config_network *config_network(const struct config *c)
{
	return &c->network;
}
