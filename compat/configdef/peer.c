/*
 * peer: answers what the Java program asks about settings, a line a question: fields between tabs, written with %XX for what would break
 * a line or a field, %N for null.
 *
 *	settings                         all rows of the table
 *	value SCOPE NAME TEXT            "ok TEXT" or "bad MESSAGE": one value by itself
 *	properties TEXT                  the pairs of a properties file
 *	variable NAME                    the setting a variable stands for
 *	load TEXT                        "ok", "refused" or "bad MESSAGE"; the configuration that later questions are about
 *	effective                        name and value of every setting of the node
 *	layer SOURCE [NAME VALUE]...     adds a layer of dynamic values, weaker than the ones before; `layers` takes all away
 *	check SCOPE [NAME VALUE]...      "ok" or "bad NUMBER MESSAGE": the new set of a topic, group, ...
 *	describe SCOPE                   what DescribeConfigs lists
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/config.h"
#include "config/properties.h"
#include "config/value.h"

enum { FIELDS_MAX = 4096, LAYERS_MAX = 4, MEMORY = 64 << 20 };

struct pairs {
	struct str *v; /* name, value, name, value, ... */
	int n;
};

struct peer {
	struct config *config;
	struct arena layer_arena;
	struct config_layer layers[LAYERS_MAX];
	struct pairs pairs[LAYERS_MAX];
	int n_layers;
};

struct question {
	struct str *fields;
	int n;
	struct arena *arena;
};

static const struct {
	const char *name;
	enum config_scope scope;
} scopes[] = {
	{"node", CONFIG_SCOPE_NODE},   {"topic", CONFIG_SCOPE_TOPIC},
	{"group", CONFIG_SCOPE_GROUP}, {"metrics", CONFIG_SCOPE_CLIENT_METRICS},
	{"quota", CONFIG_SCOPE_QUOTA}, {"brokers", CONFIG_SCOPE_ALL_BROKERS},
};

static enum config_scope scope_of(struct str name)
{
	for (size_t i = 0; i < sizeof(scopes) / sizeof(*scopes); i++)
		if (str_is(name, scopes[i].name))
			return scopes[i].scope;
	abort();
}

/* ---- fields ---- */

static void put(struct str s)
{
	if (str_is_null(s)) {
		fputs("%N", stdout);
		return;
	}
	for (int i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || strchr("%|;=@", c))
			printf("%%%02X", c);
		else
			putchar(c);
	}
}

static void put_field(struct str s)
{
	putchar('\t');
	put(s);
}

static int hex(char c)
{
	return c <= '9' ? c - '0' : c - 'A' + 10;
}

static struct str decode(char *field)
{
	char *out = field;

	if (strcmp(field, "%N") == 0)
		return STR_NULL;
	for (char *p = field; *p; p++) {
		if (*p == '%') {
			*out++ = (char)(hex(p[1]) << 4 | hex(p[2]));
			p += 2;
		} else {
			*out++ = *p;
		}
	}
	return (struct str){field, (int32_t)(out - field)};
}

/* ---- answers ---- */

static void answer_settings(struct peer *peer, struct question *q)
{
	static const char *const importances[] = {"HIGH", "MEDIUM", "LOW"}, *const updates[] = {"read-only",
												"per-broker",
												"cluster-wide"};

	for (size_t i = 0; i < sizeof(scopes) / sizeof(*scopes); i++) {
		int n;
		const struct config_setting *s = config_settings(scopes[i].scope, &n);

		for (int k = 0; k < n; k++) {
			put_field(str_of(scopes[i].name));
			put_field(str_of(s[k].name));
			put_field(str_of(config_type_name(s[k].type)));
			put_field(s[k].required ? STR("(required)") : str_of(s[k].default_text));
			put_field(str_of(importances[s[k].importance]));
			put_field(str_of(s[k].internal ? "internal" : "public"));
			put_field(str_of(updates[s[k].update]));
		}
	}
}

static void answer_value(struct peer *peer, struct question *q)
{
	const struct config_setting *s = config_setting_find(scope_of(q->fields[1]), q->fields[2]);
	struct config_value v;
	struct str error = STR_NULL;

	if (config_value_read(s, q->fields[3], q->arena, &v, &error)) {
		fputs("ok", stdout);
		put_field(s->type == CONFIG_TYPE_PASSWORD ? STR("[hidden]") : v.text);
	} else {
		fputs("bad", stdout);
		put_field(error);
	}
}

static void answer_properties(struct peer *peer, struct question *q)
{
	struct properties p;
	struct str name, value;

	properties_init(&p, q->fields[1], q->arena);
	while (properties_next(&p, &name, &value)) {
		put_field(name);
		put_field(value);
	}
	if (p.malformed)
		fputs("\tmalformed", stdout);
}

static void answer_load(struct peer *peer, struct question *q)
{
	struct config_input in = {.file_name = STR("f"), .file_text = q->fields[1]};
	struct config_notes notes;
	struct str error = STR_NULL;

	config_free(peer->config);
	config_load(&in, &peer->config, &notes);
	for (int i = 0; i < notes.n && str_is_null(error); i++)
		if (notes.v[i].level == CONFIG_NOTE_ERROR)
			error = notes.v[i].text;
	fputs(!str_is_null(error) ? "bad" : notes.n_errors ? "refused" : "ok", stdout);
	if (!str_is_null(error))
		put_field(error);
	config_notes_fini(&notes);
}

static void answer_effective(struct peer *peer, struct question *q)
{
	int n;
	const struct config_setting *s = config_settings(CONFIG_SCOPE_NODE, &n);

	for (int i = 0; i < n; i++) {
		struct str text = config_text(peer->config, s[i].id);

		put_field(str_of(s[i].name));
		put_field(s[i].type == CONFIG_TYPE_PASSWORD && !str_is_null(text) ? STR("[hidden]") : text);
	}
}

static void answer_variable(struct peer *peer, struct question *q)
{
	put_field(config_name_of_variable(q->fields[1], q->arena));
}

static struct str pairs_get(const void *arg, struct str name)
{
	const struct pairs *pairs = arg;

	for (int i = 0; i + 1 < pairs->n; i += 2)
		if (str_eq(pairs->v[i], name))
			return pairs->v[i + 1];
	return STR_NULL;
}

static void answer_layer(struct peer *peer, struct question *q)
{
	struct pairs *pairs = &peer->pairs[peer->n_layers];

	pairs->n = q->n - 2;
	pairs->v = arena_array(&peer->layer_arena, (size_t)pairs->n + 1, sizeof(*pairs->v));
	for (int i = 0; i < pairs->n; i++)
		pairs->v[i] = arena_str(&peer->layer_arena, q->fields[i + 2]);
	peer->layers[peer->n_layers++] =
		(struct config_layer){(enum config_source)(q->fields[1].p[0] - '0'), pairs_get, pairs};
}

static void answer_layers(struct peer *peer, struct question *q)
{
	arena_reset(&peer->layer_arena);
	peer->n_layers = 0;
}

static void answer_check(struct peer *peer, struct question *q)
{
	enum config_scope scope = scope_of(q->fields[1]);
	int n = (q->n - 2) / 2, err;
	struct config_pair *set = arena_array(q->arena, (size_t)n + 1, sizeof(*set));
	struct str message;

	for (int i = 0; i < n; i++)
		set[i] = (struct config_pair){q->fields[2 + 2 * i], q->fields[3 + 2 * i]};
	if (scope == CONFIG_SCOPE_TOPIC)
		err = config_check_topic(peer->config, set, n, NULL, 0, q->arena, &message);
	else if (scope == CONFIG_SCOPE_GROUP)
		err = config_check_group(peer->config, set, n, q->arena, &message);
	else if (scope == CONFIG_SCOPE_CLIENT_METRICS)
		err = config_check_client_metrics(set, n, q->arena, &message);
	else
		err = config_check_broker(peer->config, scope == CONFIG_SCOPE_NODE, set, n, q->arena, &message);
	if (err == 0) {
		fputs("ok", stdout);
		return;
	}
	printf("bad\t%d", err);
	put_field(message);
}

static void put_entry(const struct config_entry *e)
{
	putchar('\t');
	put(e->name);
	putchar('|');
	put(e->value);
	printf("|%d|%d|%d|%d|", e->source, e->type, e->sensitive, e->read_only);
	for (int i = 0; i < e->n_synonyms; i++) {
		put(e->synonyms[i].name);
		putchar('=');
		put(e->synonyms[i].value);
		printf("@%d;", e->synonyms[i].source);
	}
}

static void answer_describe(struct peer *peer, struct question *q)
{
	enum config_scope scope = scope_of(q->fields[1]);
	bool brokers = scope == CONFIG_SCOPE_ALL_BROKERS;
	struct config_entry e;
	struct str name;

	for (int i = 0;
	     !str_is_null(name = config_described_name(peer->config, brokers ? CONFIG_SCOPE_NODE : scope, i)); i++)
		if (config_describe(peer->config, scope, name, peer->layers, peer->n_layers, q->arena, &e) == 0)
			put_entry(&e);
}

static const struct {
	const char *name;
	void (*answer)(struct peer *, struct question *);
} questions[] = {
	{"settings", answer_settings}, {"value", answer_value},	  {"properties", answer_properties},
	{"variable", answer_variable}, {"load", answer_load},	  {"effective", answer_effective},
	{"layer", answer_layer},       {"layers", answer_layers}, {"check", answer_check},
	{"describe", answer_describe},
};

static void answer(struct peer *peer, char *line)
{
	struct str fields[FIELDS_MAX];
	struct arena arena;
	struct question q = {fields, 0, &arena};

	arena_init(&arena, MEMORY);
	for (char *field; (field = strsep(&line, "\t")) != NULL && q.n < FIELDS_MAX;)
		fields[q.n++] = decode(field);
	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++)
		if (str_is(fields[0], questions[i].name))
			questions[i].answer(peer, &q);
	putchar('\n');
	fflush(stdout);
	arena_fini(&arena);
}

int main(void)
{
	struct peer peer = {0};
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	arena_init(&peer.layer_arena, MEMORY);
	while ((len = getline(&line, &cap, stdin)) > 0) {
		line[len - 1] = 0;
		answer(&peer, line);
	}
	free(line);
	config_free(peer.config);
	arena_fini(&peer.layer_arena);
	return 0;
}
