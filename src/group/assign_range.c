/*
 * assign_range: the range assignor: a member gets a range of consecutive partitions of each topic,
 * so that topics of equal size are assigned alike. Members are sorted by instance id, then by
 * member id.
 */
#include <errno.h>
#include <stdlib.h>

#include "group/assign.h"

struct range {
	int32_t n_members;
	int32_t quota; /* -1: not computed yet */
	int32_t n_extra;
	int32_t next;
};

/*
 * Java compares strings by UTF-16 units. For ASCII, and for everything but surrogates, that is the
 * order of the bytes.
 */
static int member_cmp(const void *a, const void *b)
{
	const struct assign_member *x = *(const struct assign_member *const *)a;
	const struct assign_member *y = *(const struct assign_member *const *)b;

	if (!str_is_null(x->instance_id) && !str_is_null(y->instance_id))
		return str_cmp(x->instance_id, y->instance_id);
	if (!str_is_null(x->instance_id))
		return -1;
	if (!str_is_null(y->instance_id))
		return 1;
	return str_cmp(x->id, y->id);
}

static int member_ranges(struct assign_spec *spec, struct assign_member *m, const struct assign_member *subscription,
			 struct range *ranges)
{
	int32_t n_expected = spec->homogeneous ? subscription->n_topics : subscription->n_names;
	size_t table = order_table_for((size_t)((float)n_expected / 0.75f + 1));
	int32_t n = 0;

	m->target = (struct assign_set){
		0, arena_array(spec->arena, (size_t)subscription->n_topics, sizeof(struct assign_topic))};
	if (!m->target.v)
		return -ENOMEM;
	for (int32_t i = 0; i < subscription->n_topics; i++) {
		const struct assign_source *s = &spec->sources[subscription->topics[i]];
		struct range *r = &ranges[subscription->topics[i]];
		struct assign_topic *t = &m->target.v[n];
		int32_t start = r->next, quota = r->quota + (r->n_extra > 0 ? 1 : 0);

		r->n_extra -= r->n_extra > 0 ? 1 : 0;
		r->next = start + quota < s->n_partitions ? start + quota : s->n_partitions;
		if (start >= r->next)
			continue;
		*t = (struct assign_topic){s->id, r->next - start, NULL, NULL};
		t->partitions = arena_array(spec->arena, (size_t)t->n, sizeof(*t->partitions));
		if (!t->partitions)
			return -ENOMEM;
		for (int32_t p = 0; p < t->n; p++)
			t->partitions[p] = start + p;
		n++;
	}
	m->target.n = n;
	order_topics(m->target.v, n, order_table(table, (size_t)n));
	return 0;
}

static void count_members(const struct assign_spec *spec, struct assign_member **sorted, struct range *ranges)
{
	for (int32_t m = 0; m < spec->n_members; m++) {
		const struct assign_member *s = spec->homogeneous ? sorted[0] : sorted[m];

		for (int32_t i = 0; i < s->n_topics; i++)
			ranges[s->topics[i]].n_members++;
	}
	for (int32_t i = 0; i < spec->n_sources; i++) {
		if (ranges[i].n_members == 0)
			continue;
		ranges[i].quota = spec->sources[i].n_partitions / ranges[i].n_members;
		ranges[i].n_extra = spec->sources[i].n_partitions % ranges[i].n_members;
	}
}

int assign_range(struct assign_spec *spec)
{
	struct assign_member **sorted =
		arena_array(spec->arena, (size_t)spec->n_members, sizeof(struct assign_member *));
	struct range *ranges = arena_array(spec->arena, (size_t)spec->n_sources, sizeof(*ranges));
	int err = sorted && ranges ? 0 : -ENOMEM;

	if (err || spec->n_members == 0)
		return err;
	for (int32_t m = 0; m < spec->n_members; m++)
		sorted[m] = &spec->members[m];
	qsort(sorted, (size_t)spec->n_members, sizeof(struct assign_member *), member_cmp);
	count_members(spec, sorted, ranges);
	for (int32_t m = 0; !err && m < spec->n_members; m++)
		err = member_ranges(spec, sorted[m], spec->homogeneous ? sorted[0] : sorted[m], ranges);
	return err;
}
