/* census: copies groups and offsets, string by string, into the census's arena. */
#include "group/census.h"

#include "group/internal.h"
#include "group/offsets.h"

void group_census_init(struct group_census *c, size_t budget)
{
	arena_init(&c->arena, budget);
	c->groups = NULL;
}

void group_census_fini(struct group_census *c)
{
	arena_fini(&c->arena);
	c->groups = NULL;
}

/* The copy is NUL-terminated. */
static const char *copy(struct group_census *c, const char *text)
{
	return arena_printf(&c->arena, "%s%c", text, 0).p;
}

static void take_topic(struct group_census *c, struct census_group *g, const struct offset_topic *t)
{
	const char *name = copy(c, t->name);

	for (int i = t->n - 1; i >= 0; i--) {
		struct census_offset *o;

		if (!t->v[i] || !t->v[i]->committed)
			continue;
		o = arena_zalloc(&c->arena, sizeof(*o));
		if (!o || !name)
			return;
		*o = (struct census_offset){g->offsets, name, t->v[i]->partition, t->v[i]->committed->offset};
		g->offsets = o;
	}
}

static void take_group(struct group_census *c, const struct group_shard *s, const struct group *group)
{
	const struct group_offsets *offsets = offsets_of(s, group_id(group));
	struct census_group *g = arena_zalloc(&c->arena, sizeof(*g));
	const char *id = copy(c, group->id);

	if (!g || !id)
		return;
	*g = (struct census_group){
		.next = c->groups, .id = id, .type = group->kind->name, .state = group->kind->state(group)};
	c->groups = g;
	if (!offsets)
		return;
	list_each(it, &offsets->topics) take_topic(c, g, container_of(it, struct offset_topic, link));
}

void group_census_take(struct group_census *c, const void *state)
{
	const struct group_shard *s = state;

	map_each(n, &s->groups) take_group(c, s, container_of(n, struct group, node));
}
