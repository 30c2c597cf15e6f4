/*
 * node: makes the registration of a node, and the configuration of a resource, each in one block of
 * memory: struct, tables, strings.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "metadata/image_private.h"

/* Memory handed out from front to back: the tables first, then the bytes of strings. */
struct block {
	char *next;
	char *end;
};

static void *block_take(struct block *b, size_t size)
{
	void *p = b->next;

	check(size <= (size_t)(b->end - b->next));
	b->next += size;
	return p;
}

static struct str block_str(struct block *b, struct str s)
{
	char *p;

	if (str_is_null(s))
		return STR_NULL;
	p = block_take(b, (size_t)s.len + 1);
	memcpy(p, s.p, (size_t)s.len);
	p[s.len] = 0;
	return (struct str){p, s.len};
}

static size_t str_room(struct str s)
{
	return str_is_null(s) ? 0 : (size_t)s.len + 1;
}

static size_t node_size(const struct image_node *n)
{
	size_t size = sizeof(*n) + (size_t)n->n_endpoints * sizeof(n->endpoints[0]) +
		      (size_t)n->n_features * sizeof(n->features[0]) +
		      (size_t)(n->n_log_dirs + n->n_cordoned_dirs) * sizeof(struct uuid) + str_room(n->rack);

	for (int i = 0; i < n->n_endpoints; i++)
		size += str_room(n->endpoints[i].name) + str_room(n->endpoints[i].host);
	for (int i = 0; i < n->n_features; i++)
		size += str_room(n->features[i].name);
	return size;
}

static const struct uuid *block_uuids(struct block *b, const struct uuid *from, int n)
{
	struct uuid *to = block_take(b, (size_t)n * sizeof(*to));

	if (n > 0)
		memcpy(to, from, (size_t)n * sizeof(*to));
	return to;
}

static int compare_features(const void *a, const void *b)
{
	const struct image_feature_range *x = a;
	const struct image_feature_range *y = b;
	int order = str_cmp(x->name, y->name);

	if (order == 0)
		order = (x->min > y->min) - (x->min < y->min);
	return order ? order : (x->max > y->max) - (x->max < y->max);
}

struct image_node *image_node_new(const struct image_node *from)
{
	size_t size = node_size(from);
	struct image_node *n = xmalloc(size);
	struct block b = {(char *)(n + 1), (char *)n + size};
	struct image_endpoint *endpoints = block_take(&b, (size_t)from->n_endpoints * sizeof(*endpoints));
	struct image_feature_range *features = block_take(&b, (size_t)from->n_features * sizeof(*features));

	*n = *from;
	n->refs = 1;
	n->endpoints = endpoints;
	n->features = features;
	n->log_dirs = block_uuids(&b, from->log_dirs, from->n_log_dirs);
	n->cordoned_dirs = block_uuids(&b, from->cordoned_dirs, from->n_cordoned_dirs);
	n->rack = block_str(&b, from->rack);
	for (int i = 0; i < from->n_endpoints; i++) {
		endpoints[i] = from->endpoints[i];
		endpoints[i].name = block_str(&b, from->endpoints[i].name);
		endpoints[i].host = block_str(&b, from->endpoints[i].host);
	}
	for (int i = 0; i < from->n_features; i++) {
		features[i] = from->features[i];
		features[i].name = block_str(&b, from->features[i].name);
	}
	/* by name, so that two nodes with the same features are equal */
	qsort(features, (size_t)from->n_features, sizeof(*features), compare_features);
	return n;
}

struct image_configs *image_configs_new(int8_t type, struct str name, const struct image_config *v, int n)
{
	size_t size = sizeof(struct image_configs) + (size_t)n * sizeof(*v) + str_room(name);
	struct image_configs *c;
	struct image_config *to;
	struct block b;

	for (int i = 0; i < n; i++)
		size += str_room(v[i].name) + str_room(v[i].value);
	c = xmalloc(size);
	b = (struct block){(char *)(c + 1), (char *)c + size};
	to = block_take(&b, (size_t)n * sizeof(*to));
	*c = (struct image_configs){.refs = 1, .type = type, .name = block_str(&b, name), .n = n, .v = to};
	for (int i = 0; i < n; i++) {
		to[i].name = block_str(&b, v[i].name);
		to[i].value = block_str(&b, v[i].value);
	}
	return c;
}
