/*
 * describe: the answer to DescribeConfigs, composed like that of Kafka's ConfigHelper.
 *
 * Synonyms are searched layer by layer, in each by the names of the setting's chain; those before
 * the first with the name itself are dropped, as in Kafka (so segment.ms shows none while only
 * log.roll.hours has a value).
 */
#include <string.h>

#include "base/err.h"
#include "config/config_impl.h"

struct synonyms {
	struct config_synonym *v;
	int n;
};

static bool is_of_brokers(const struct config_layer *layer)
{
	return layer->source == CONFIG_SOURCE_DYNAMIC_BROKER || layer->source == CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER;
}

static void add(struct synonyms *s, struct str name, struct str value, enum config_source source, bool sensitive)
{
	s->v[s->n++] = (struct config_synonym){name, sensitive ? STR_NULL : value, source};
}

/*
 * Adds the broker's synonyms among `names`, strongest first, starting at the first with the name
 * `described`.
 */
static void add_broker_synonyms(const struct config *c, const struct config_layer *layers, int n, struct str described,
				const struct str *names, int n_names, bool sensitive, struct synonyms *out)
{
	int first = out->n;

	for (int i = 0; i < n; i++) {
		for (int k = 0; k < n_names && is_of_brokers(&layers[i]); k++) {
			struct str text = layers[i].get(layers[i].arg, names[k]);

			if (!str_is_null(text))
				add(out, names[k], text, layers[i].source, sensitive);
		}
	}
	for (int k = 0; k < n_names; k++) {
		const struct config_given *g = config_given_name(c, names[k]);

		if (g != NULL)
			add(out, names[k], g->text, CONFIG_SOURCE_STATIC_BROKER, sensitive);
	}
	for (int k = 0; k < n_names; k++) {
		const struct config_setting *s = config_setting_find(CONFIG_SCOPE_NODE, names[k]);

		if (s != NULL && s->default_text != NULL && !s->dynamic_only)
			add(out, names[k], str_of(s->default_text), CONFIG_SOURCE_DEFAULT, sensitive);
	}
	while (first < out->n && !str_eq(out->v[first].name, described)) {
		memmove(&out->v[first], &out->v[first + 1], (size_t)(out->n - first - 1) * sizeof(*out->v));
		out->n--;
	}
}

static int chain_names(struct config_chain chain, struct str names[3])
{
	for (int i = 0; i < chain.n; i++)
		names[i] = str_of(config_setting(chain.ids[i])->name);
	return chain.n;
}

static void finish(struct config_entry *out, const struct synonyms *s)
{
	out->synonyms = s->v;
	out->n_synonyms = s->n;
	out->source = s->n > 0 ? s->v[0].source : CONFIG_SOURCE_DEFAULT;
}

static bool synonyms_init(struct synonyms *s, int n_layers, struct arena *a)
{
	*s = (struct synonyms){arena_array(a, (size_t)(n_layers + 2) * 3 + 1, sizeof(*s->v)), 0};
	return s->v != NULL;
}

static void fill(const struct config_setting *s, struct config_entry *out)
{
	out->name = str_of(s->name);
	out->documentation = str_of(s->doc);
	out->type = s->type;
	out->sensitive = s->type == CONFIG_TYPE_PASSWORD;
	out->read_only = s->scope == CONFIG_SCOPE_NODE && s->update == CONFIG_STATIC;
}

/* A broker's value as it was given: in the strongest layer or, if c is given, at startup. */
static struct str given_text(const struct config *c, struct str name, const struct config_layer *layers, int n)
{
	const struct config_given *g = c != NULL ? config_given_name(c, name) : NULL;

	for (int i = 0; i < n; i++) {
		struct str text = layers[i].get(layers[i].arg, name);

		if (!str_is_null(text))
			return text;
	}
	return g != NULL ? g->text : STR_NULL;
}

/* ---- brokers ---- */

static void keep_source(struct synonyms *s, enum config_source source)
{
	int kept = 0;

	for (int i = 0; i < s->n; i++)
		if (s->v[i].source == source)
			s->v[kept++] = s->v[i];
	s->n = kept;
}

/* A name that is in no table, or a listener's own setting: its value as it was given. */
static int describe_other(const struct config *c, struct str name, const struct config_layer *layers, int n,
			  bool all_brokers, struct arena *a, struct config_entry *out)
{
	struct str text = given_text(all_brokers ? NULL : c, name, layers, n), base, names[2] = {name};
	const struct config_setting *s = config_listener_override(name, &base);
	struct synonyms synonyms;

	if (str_is_null(text) || !synonyms_init(&synonyms, n, a))
		return ERR_RESOURCE_NOT_FOUND;
	*out = (struct config_entry){.documentation = STR_NULL, .read_only = true, .sensitive = true};
	if (s != NULL) {
		fill(s, out);
		out->read_only = true;
		out->documentation = STR_NULL;
		names[1] = base;
	}
	out->name = name;
	out->value = out->sensitive ? STR_NULL : text;
	add_broker_synonyms(c, layers, n, name, names, s != NULL ? 2 : 1, out->sensitive, &synonyms);
	if (all_brokers)
		keep_source(&synonyms, CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER);
	finish(out, &synonyms);
	return 0;
}

static int describe_node(const struct config *c, const struct config_setting *s, const struct config_layer *layers,
			 int n, bool all_brokers, struct arena *a, struct config_entry *out)
{
	struct synonyms synonyms;
	struct config_found found;
	struct str names[3];
	int n_names;
	struct str text = given_text(all_brokers ? NULL : c, str_of(s->name), layers, n);
	bool only_where_given = all_brokers || s->internal || s->dynamic_only;

	if ((only_where_given && str_is_null(text)) || !synonyms_init(&synonyms, n, a))
		return ERR_RESOURCE_NOT_FOUND;
	*out = (struct config_entry){0};
	fill(s, out);
	config_find_in(c, layers, n, s->id, a, &found);
	out->value = out->sensitive ? STR_NULL : only_where_given ? text : found.value.text;
	n_names = chain_names(config_chain_of(s->id), names);
	add_broker_synonyms(c, layers, n, out->name, names, n_names, out->sensitive, &synonyms);
	if (all_brokers)
		keep_source(&synonyms, CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER);
	finish(out, &synonyms);
	return 0;
}

/* ---- topics, groups, metrics ---- */

/* The value in the resource's own layer. */
static struct str own_text(const struct config_layer *layers, int n, struct str name, enum config_source *source)
{
	for (int i = 0; i < n; i++) {
		struct str text = is_of_brokers(&layers[i]) ? STR_NULL : layers[i].get(layers[i].arg, name);

		if (!str_is_null(text)) {
			*source = layers[i].source;
			return text;
		}
	}
	return STR_NULL;
}

static bool is_left_out(const struct config *c, const struct config_setting *s, struct str own)
{
	struct config_chain behind = config_behind(s->id);

	if (!s->internal || !str_is_null(own))
		return false;
	return behind.n == 0 || config_given(c, behind.ids[0]) == NULL;
}

static int describe_resource(const struct config *c, const struct config_setting *s, const struct config_layer *layers,
			     int n, struct arena *a, struct config_entry *out)
{
	struct config_chain behind = config_behind(s->id);
	struct synonyms synonyms;
	struct config_found found;
	struct str names[3];
	enum config_source source = CONFIG_SOURCE_DEFAULT;
	struct str own = own_text(layers, n, str_of(s->name), &source);

	if (is_left_out(c, s, own) || !synonyms_init(&synonyms, n, a))
		return ERR_RESOURCE_NOT_FOUND;
	*out = (struct config_entry){0};
	fill(s, out);
	config_find_behind(c, layers, n, s->id, a, &found);
	out->value = found.value.text;
	if (!str_is_null(own))
		add(&synonyms, out->name, out->value, source, false);
	if (behind.n > 0)
		add_broker_synonyms(c, layers, n, str_of(config_setting(behind.ids[0])->name), names,
				    chain_names(behind, names), false, &synonyms);
	else if (s->scope == CONFIG_SCOPE_GROUP && s->default_text != NULL)
		add(&synonyms, out->name, str_of(s->default_text), CONFIG_SOURCE_DEFAULT, false);
	finish(out, &synonyms);
	return 0;
}

/*
 * A topic setting that Kafka does not have is shown only where it is set: for any other topic the
 * answer is exactly Kafka's.
 */
static bool is_kept_to_itself(const struct config_setting *s, const struct config_entry *e)
{
	return s->scope == CONFIG_SCOPE_TOPIC && e->source == CONFIG_SOURCE_DEFAULT &&
	       strncmp(s->name, "odradek.", strlen("odradek.")) == 0;
}

int config_describe(const struct config *c, enum config_scope scope, struct str name, const struct config_layer *layers,
		    int n, struct arena *a, struct config_entry *out)
{
	bool is_node = scope == CONFIG_SCOPE_NODE || scope == CONFIG_SCOPE_ALL_BROKERS;
	const struct config_setting *s = config_setting_find(is_node ? CONFIG_SCOPE_NODE : scope, name);
	int err;

	if (s == NULL)
		err = is_node ? describe_other(c, name, layers, n, scope == CONFIG_SCOPE_ALL_BROKERS, a, out)
			      : ERR_RESOURCE_NOT_FOUND;
	else if (is_node)
		err = describe_node(c, s, layers, n, scope == CONFIG_SCOPE_ALL_BROKERS, a, out);
	else
		err = describe_resource(c, s, layers, n, a, out);
	if (!err && s && is_kept_to_itself(s, out))
		err = ERR_RESOURCE_NOT_FOUND;
	return a->failed ? ERR_RESOURCE_NOT_FOUND : err;
}

/* First those of the table, then names that were given and are in no table. */
struct str config_described_name(const struct config *c, enum config_scope scope, int i)
{
	int n;
	const struct config_setting *s = config_settings(scope, &n);

	if (i < n)
		return str_of(s[i].name);
	for (int k = 0; scope == CONFIG_SCOPE_NODE && k < c->n_given; k++)
		if (c->given[k].setting == NULL && i-- == n)
			return c->given[k].name;
	return STR_NULL;
}
