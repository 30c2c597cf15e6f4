/*
 * layers: collects the layers of a resource from an image.
 */
#include "broker/layers.h"

#include <stdio.h>

#include "base/arena.h"
#include "config/value.h"

#define TEXT_MAX_BYTES ((size_t)64 << 10)

static struct str get_value(const void *arg, struct str name)
{
	return image_config_value(arg, name);
}

static void add_layer(struct layers *l, const struct image *i, enum config_source source, enum image_resource type,
		      struct str name)
{
	l->v[l->n++] = (struct config_layer){source, get_value, image_configs(i, type, name)};
}

static void add_brokers(struct layers *l, const struct image *i, int32_t node_id)
{
	char id[16];

	snprintf(id, sizeof(id), "%d", node_id);
	add_layer(l, i, CONFIG_SOURCE_DYNAMIC_BROKER, RESOURCE_BROKER, str_of(id));
	add_layer(l, i, CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER, RESOURCE_BROKER, STR(""));
}

struct layers layers_of_topic(const struct image *i, int32_t node_id, struct str topic)
{
	struct layers l = {0};

	add_layer(&l, i, CONFIG_SOURCE_TOPIC, RESOURCE_TOPIC, topic);
	add_brokers(&l, i, node_id);
	return l;
}

struct layers layers_of_broker(const struct image *i, int32_t node_id)
{
	struct layers l = {0};

	add_brokers(&l, i, node_id);
	return l;
}

struct layers layers_of_all_brokers(const struct image *i)
{
	struct layers l = {0};

	add_layer(&l, i, CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER, RESOURCE_BROKER, STR(""));
	return l;
}

struct layers layers_of_group(const struct image *i, int32_t node_id, struct str group)
{
	struct layers l = {0};

	add_layer(&l, i, CONFIG_SOURCE_GROUP, RESOURCE_GROUP, group);
	add_brokers(&l, i, node_id);
	return l;
}

struct layers layers_of_metrics(const struct image *i, struct str name)
{
	struct layers l = {0};

	add_layer(&l, i, CONFIG_SOURCE_CLIENT_METRICS, RESOURCE_CLIENT_METRICS, name);
	return l;
}

struct str layers_text(const struct layers *l, struct str name)
{
	struct str v = STR_NULL;

	for (int i = 0; l && i < l->n && str_is_null(v); i++)
		v = l->v[i].get(l->v[i].arg, name);
	return v;
}

/* Names of listeners are in lower case here. */
struct str layers_listener_text(const struct layers *l, struct str listener, struct str name, struct arena *a)
{
	struct str text = arena_printf(a, "listener.name.%.*s.%.*s", STR_ARG(listener), STR_ARG(name));
	char *p = (char *)(uintptr_t)text.p;

	for (int32_t i = 0; i < text.len - name.len; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] += 'a' - 'A';
	return layers_text(l, text);
}

int64_t layers_listener_long(const struct config *c, const struct layers *l, struct str listener, enum config_id id,
			     bool *is_own)
{
	const struct config_setting *s = config_setting(id);
	struct config_at at = {.listener = listener};
	struct config_value v;
	struct str text;
	struct arena a;

	arena_init(&a, TEXT_MAX_BYTES);
	text = layers_listener_text(l, listener, str_of(s->name), &a);
	*is_own = !str_is_null(text) && config_value_read(s, text, &a, &v, NULL);
	arena_fini(&a);
	if (*is_own)
		return v.integer;
	*is_own = config_at_is_set(c, &at, id);
	return *is_own ? config_at_long(c, &at, id) : config_long_in(c, l->v, l->n, id);
}
