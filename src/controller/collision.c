/*
 * collision: if a name has few '.' and '_', each variant of it is looked up; otherwise all topics
 * are scanned; and a request that has this done again and again makes an index.
 */
#include "controller/collision.h"

#include <string.h>

#include "metadata/topic_name.h"

#define VARIANTS_MAX 10 /* of '.' and '_': twice as many look-ups for each */
#define VARIANTS_FEW 4
#define SEARCHES_MAX 10

static int count_special(struct str name)
{
	int n = 0;

	for (int i = 0; i < name.len; i++)
		n += name.p[i] == '.' || name.p[i] == '_';
	return n;
}

/* ---- variants ---- */

static const struct image_topic *find_variant(const struct image *image, struct str name)
{
	char variant[TOPIC_NAME_MAX];
	int at[VARIANTS_MAX], n = 0;

	for (int i = 0; i < name.len; i++)
		if (name.p[i] == '.' || name.p[i] == '_')
			at[n++] = i;
	memcpy(variant, name.p, (size_t)name.len);
	for (unsigned ways = 0; ways < 1u << n; ways++) {
		const struct image_topic *t;

		for (int i = 0; i < n; i++)
			variant[at[i]] = ways >> i & 1 ? '.' : '_';
		t = image_topic_by_name(image, (struct str){variant, name.len});
		if (t)
			return t;
	}
	return NULL;
}

/* ---- all topics ---- */

static bool collide(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (int i = 0; i < a.len; i++) {
		char x = a.p[i] == '.' ? '_' : a.p[i], y = b.p[i] == '.' ? '_' : b.p[i];

		if (x != y)
			return false;
	}
	return true;
}

static const struct image_topic *find_by_scan(const struct image *image, struct str name)
{
	const struct image_topic *t;
	struct image_iter it;

	image_topics(image, &it);
	while ((t = image_topics_next(&it)))
		if (collide(t->name, name))
			return t;
	return NULL;
}

/* ---- the index: names with '_' for each '.' ---- */

static struct str unify(struct collisions *x, struct str name)
{
	char *p = arena_alloc(&x->arena, (size_t)name.len);

	for (int i = 0; i < name.len; i++)
		p[i] = name.p[i] == '.' ? '_' : name.p[i];
	return (struct str){p, name.len};
}

static void make_index(struct collisions *x)
{
	const struct image_topic *t;
	struct image_iter it;
	int n = 0;

	x->is_indexed = true;
	x->topics = arena_array(&x->arena, (size_t)image_topic_count(x->image), sizeof(struct image_topic *));
	image_topics(x->image, &it);
	while ((t = image_topics_next(&it))) {
		if (count_special(t->name) == 0)
			continue;
		*str_index_at(&x->unified, unify(x, t->name)) = n;
		x->topics[n++] = t;
	}
}

static const struct image_topic *find_by_index(struct collisions *x, struct str name)
{
	struct str unified = unify(x, name);
	int at;

	if (!x->is_indexed)
		make_index(x);
	at = str_index_get(&x->unified, unified);
	return at < 0 ? NULL : x->topics[at];
}

/* ---- calls ---- */

void collisions_init(struct collisions *x, const struct image *image, uint64_t seed)
{
	*x = (struct collisions){.image = image};
	arena_init(&x->arena, SIZE_MAX);
	str_index_init(&x->unified, seed);
}

void collisions_fini(struct collisions *x)
{
	str_index_fini(&x->unified);
	arena_fini(&x->arena);
}

const struct image_topic *collisions_find(struct collisions *x, struct str name)
{
	int n = count_special(name);

	if (n == 0)
		return NULL;
	if (n > VARIANTS_FEW && ++x->n_searches > SEARCHES_MAX)
		return find_by_index(x, name);
	return n <= VARIANTS_MAX ? find_variant(x->image, name) : find_by_scan(x->image, name);
}
