/*
 * layer: values under dynamic layers.
 *
 * A dynamic value hides all other names of the same value in lower layers: log.retention.ms set for
 * a broker hides log.retention.hours in its file. A value that Kafka would ignore (static,
 * per-broker but set for all brokers, invalid) is skipped.
 */
#include <string.h>

#include "config/config_impl.h"

static const char unit_minutes[] = ".minutes", unit_hours[] = ".hours";

bool config_layer_value(const struct config_layer *layer, const struct config_setting *s, struct arena *a,
			struct config_value *out)
{
	struct str text = layer->get(layer->arg, str_of(s->name));

	if (str_is_null(text))
		return false;
	if (s->scope == CONFIG_SCOPE_NODE) {
		if (s->update == CONFIG_STATIC)
			return false;
		if (s->update == CONFIG_PER_BROKER && layer->source != CONFIG_SOURCE_DYNAMIC_BROKER)
			return false;
	}
	return config_value_read(s, text, a, out, NULL);
}

static bool is_of_brokers(const struct config_layer *layer)
{
	return layer->source == CONFIG_SOURCE_DYNAMIC_BROKER || layer->source == CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER;
}

/* Whether one of the other names is set in this layer. */
static bool is_hidden(const struct config_layer *layer, const struct config_chain *chain, enum config_id id,
		      struct arena *a)
{
	struct config_value v;

	for (int k = 0; k < chain->n; k++)
		if (chain->ids[k] != id && config_layer_value(layer, config_setting(chain->ids[k]), a, &v))
			return true;
	return false;
}

static void find_static(const struct config *c, enum config_id id, struct config_found *out)
{
	out->value = c->values[id];
	out->source = config_given(c, id) ? CONFIG_SOURCE_STATIC_BROKER : CONFIG_SOURCE_DEFAULT;
}

void config_find_in(const struct config *c, const struct config_layer *layers, int n, enum config_id id,
		    struct arena *a, struct config_found *out)
{
	const struct config_setting *s = config_setting(id);
	struct config_chain chain = config_chain_of(id);

	for (int i = 0; i < n; i++) {
		if (!is_of_brokers(&layers[i]))
			continue;
		out->source = layers[i].source;
		if (config_layer_value(&layers[i], s, a, &out->value))
			return;
		if (is_hidden(&layers[i], &chain, id, a)) {
			config_value_default(s, a, &out->value);
			out->source = CONFIG_SOURCE_DEFAULT;
			return;
		}
	}
	find_static(c, id, out);
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len >= n && strcmp(name + len - n, end) == 0;
}

static int64_t unit_of(enum config_id id)
{
	const char *name = config_setting(id)->name;

	return ends_with(name, unit_hours) ? 3600000 : ends_with(name, unit_minutes) ? 60000 : 1;
}

/*
 * Converts a broker's value to that of the topic's or group's setting: hours and minutes become
 * milliseconds; a negative retention means none.
 */
static void convert(const struct config_setting *front, enum config_id from, struct arena *a,
		    struct config_found *found)
{
	struct config_value *v = &found->value;
	int64_t before;

	if (front->id == GROUP_CONFIG_STREAMS_ASSIGNOR_NAME) {
		v->text = v->n_items > 0 ? v->items[0] : STR_NULL;
		return;
	}
	before = v->integer;
	v->integer *= unit_of(from);
	if (front->id == TOPIC_CONFIG_RETENTION_MS && v->integer < 0)
		v->integer = -1;
	if (v->integer == before)
		return;
	v->real = (double)v->integer;
	v->text = arena_printf(a, "%lld", (long long)v->integer);
}

bool config_find_behind(const struct config *c, const struct config_layer *layers, int n, enum config_id id,
			struct arena *a, struct config_found *out)
{
	const struct config_setting *s = config_setting(id);
	struct config_chain behind = config_behind(id);
	bool legal = true;

	for (int i = 0; i < n; i++) {
		if (is_of_brokers(&layers[i]))
			continue;
		out->source = layers[i].source;
		if (config_layer_value(&layers[i], s, a, &out->value))
			return true;
		legal &= str_is_null(layers[i].get(layers[i].arg, str_of(s->name)));
	}
	for (int k = 0; k < behind.n; k++) {
		config_find_in(c, layers, n, behind.ids[k], a, out);
		if (!str_is_null(out->value.text)) {
			convert(s, behind.ids[k], a, out);
			return legal;
		}
	}
	out->source = CONFIG_SOURCE_DEFAULT;
	config_value_default(s, a, &out->value);
	return legal;
}

typedef bool find_fn(const struct config *c, const struct config_layer *layers, int n, enum config_id id,
		     struct arena *a, struct config_found *out);

static bool find_node_setting(const struct config *c, const struct config_layer *layers, int n, enum config_id id,
			      struct arena *a, struct config_found *out)
{
	config_find_in(c, layers, n, id, a, out);
	return true;
}

/* For numbers only: the text goes with the arena. */
static struct config_value number_in(find_fn *find, const struct config *c, const struct config_layer *layers, int n,
				     enum config_id id)
{
	struct config_found found;
	struct arena a;

	arena_init(&a, 64 << 10);
	find(c, layers, n, id, &a, &found);
	arena_fini(&a);
	return found.value;
}

int64_t config_long_in(const struct config *c, const struct config_layer *layers, int n, enum config_id id)
{
	return number_in(find_node_setting, c, layers, n, id).integer;
}

bool config_bool_in(const struct config *c, const struct config_layer *layers, int n, enum config_id id)
{
	return config_long_in(c, layers, n, id) != 0;
}

double config_double_in(const struct config *c, const struct config_layer *layers, int n, enum config_id id)
{
	return number_in(find_node_setting, c, layers, n, id).real;
}

int64_t config_topic_long(const struct config *c, const struct config_layer *layers, int n, enum config_id id)
{
	return number_in(config_find_behind, c, layers, n, id).integer;
}
