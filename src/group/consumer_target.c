/*
 * consumer_target: a new target assignment, when the group epoch is beyond that of the last one
 * (TargetAssignmentBuilder).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "group/consumer_group.h"
#include "metadata/image.h"

struct target {
	struct consumer_decision *d;
	struct arena *a;
	struct consumer_topics topics; /* sorted by name */
	int32_t *source_of;	       /* for each topic; -1: it does not exist */
	struct assign_source *sources;
	int32_t n_sources;
	const struct consumer_member **members; /* as they will be; NULL: the decision's */
	int32_t n_members;
	struct assign_member *specs; /* first in the order of the members, then in Kafka's */
	bool failed;
};

/* The member that the decision's replaces: itself, or a static member with another id. */
static const struct consumer_member *replaced(const struct consumer_decision *d)
{
	const struct consumer_member *m = consumer_static_member(d->g, d->is.instance_id);

	return m ? m : consumer_member(d->g, d->is.id);
}

static struct assign_set last_target(const struct consumer_decision *d)
{
	const struct consumer_member *m = str_is_null(d->is.instance_id)
						  ? consumer_entry(d->g, d->is.id)
						  : consumer_static_member(d->g, d->is.instance_id);

	return m ? m->target : (struct assign_set){0};
}

static void find_sources(struct target *t)
{
	struct consumer_decision *d = t->d;

	consumer_topics_of(&t->topics, d->s, d->g, t->a);
	consumer_topics_add(&t->topics, d->is.names, d->is.n_names, 1, 0);
	t->source_of = arena_array(t->a, (size_t)t->topics.n + 1, sizeof(*t->source_of));
	t->sources = arena_array(t->a, (size_t)t->topics.n + 1, sizeof(*t->sources));
	t->failed |= t->topics.failed || !t->source_of || !t->sources;
	for (int32_t i = 0; !t->failed && i < t->topics.n; i++) {
		const struct image_topic *topic = image_topic_by_name(d->step->image, t->topics.v[i].name);

		t->source_of[i] = topic ? t->n_sources : -1;
		if (topic)
			t->sources[t->n_sources++] = (struct assign_source){topic->id, topic->n_partitions};
	}
}

static int wanted_cmp(const void *a, const void *b)
{
	return str_cmp(((const struct consumer_wanted *)a)->name, ((const struct consumer_wanted *)b)->name);
}

static int32_t source_of(const struct target *t, struct str name)
{
	const struct consumer_wanted key = {.name = name};
	const struct consumer_wanted *w =
		bsearch(&key, t->topics.v, (size_t)t->topics.n, sizeof(*t->topics.v), wanted_cmp);

	return w ? t->source_of[w - t->topics.v] : -1;
}

static bool fill_topics(struct target *t, struct assign_member *spec, const struct consumer_view *v)
{
	struct str *names = consumer_subscribed(t->d->g, v, t->a, &spec->n_names);
	int32_t *topics = arena_array(t->a, (size_t)spec->n_names + 1, sizeof(*topics));

	if (!names || !topics)
		return false;
	for (int32_t i = 0; i < spec->n_names; i++) {
		int32_t source = source_of(t, names[i]);

		if (source >= 0)
			topics[spec->n_topics++] = source;
	}
	spec->topics = topics;
	return true;
}

/* Most members have the same subscription as the one before. */
static bool same_topics(const struct consumer_view *a, const struct consumer_view *b)
{
	if (a->n_names != b->n_names || !str_eq(a->regex, b->regex))
		return false;
	for (int32_t i = 0; i < a->n_names; i++) {
		if (!str_eq(a->names[i], b->names[i]))
			return false;
	}
	return true;
}

static void fill_specs(struct target *t)
{
	const struct consumer_view *last = NULL;
	int32_t *hashes = arena_array(t->a, (size_t)t->n_members + 1, sizeof(*hashes));

	t->specs = arena_array(t->a, (size_t)t->n_members + 1, sizeof(*t->specs));
	t->failed |= !hashes || !t->specs;
	for (int32_t i = 0; !t->failed && i < t->n_members; i++) {
		const struct consumer_member *m = t->members[i];
		const struct consumer_view *v = m ? &m->v : &t->d->is;
		struct assign_member *spec = &t->specs[i];

		spec->id = v->id;
		spec->instance_id = v->instance_id;
		spec->owned = m ? m->target : last_target(t->d);
		if (last && same_topics(last, v)) {
			spec->topics = spec[-1].topics;
			spec->n_topics = spec[-1].n_topics;
			spec->n_names = spec[-1].n_names;
		} else {
			t->failed |= !fill_topics(t, spec, v);
		}
		last = v;
		hashes[i] = str_java_hash(v->id);
	}
	if (!t->failed)
		order_members(t->specs, t->n_members, sizeof(*t->specs), hashes, order_table(16, (size_t)t->n_members));
}

static struct str id_of(const struct target *t, const struct consumer_member *m)
{
	return m ? m->v.id : t->d->is.id;
}

struct by_id {
	struct str id;
	const struct consumer_member *m;
};

static int by_id_cmp(const void *a, const void *b)
{
	return str_cmp(((const struct by_id *)a)->id, ((const struct by_id *)b)->id);
}

/* Sorted by id, so that every node has the same order. */
static void list_members(struct target *t)
{
	const struct consumer_member *out = replaced(t->d);
	struct by_id *v = arena_array(t->a, (size_t)t->d->g->n_members + 2, sizeof(*v));

	t->members = arena_array(t->a, (size_t)t->d->g->n_members + 2, sizeof(struct consumer_member *));
	t->failed |= !v || !t->members;
	if (t->failed)
		return;
	consumer_each(m, t->d->g)
	{
		if (m != out)
			v[t->n_members++] = (struct by_id){m->v.id, m};
	}
	v[t->n_members++] = (struct by_id){id_of(t, NULL), NULL};
	qsort(v, (size_t)t->n_members, sizeof(*v), by_id_cmp);
	for (int32_t i = 0; i < t->n_members; i++)
		t->members[i] = v[i].m;
}

/* Whether the record of the member's target is already the same. */
static bool is_unchanged(const struct target *t, const struct assign_member *spec)
{
	const struct consumer_member *m = consumer_entry(t->d->g, spec->id);

	if (str_eq(spec->id, t->d->is.id) && replaced(t->d))
		m = replaced(t->d);
	return m && m->has_target && assign_set_equal(&m->target, &spec->target);
}

static void put(struct target *t)
{
	struct consumer_decision *d = t->d;

	for (int32_t i = 0; i < t->n_members; i++) {
		const struct assign_member *spec = &t->specs[i];

		if (!is_unchanged(t, spec))
			consumer_put_target(d->step, d->id, spec->id, &spec->target);
		if (str_eq(spec->id, d->is.id))
			d->target = spec->target;
	}
	consumer_put_target_epoch(d->step, d->id, d->epoch, d->step->wall_ms);
	d->target_epoch = d->epoch;
}

static int assign(struct target *t)
{
	struct consumer_decision *d = t->d;
	const struct assignor *assignor = assignor_find(consumer_preferred_assignor(d->s, d->g, &d->was, &d->is));
	struct assign_spec spec = {.arena = t->a, .homogeneous = d->homogeneous};

	find_sources(t);
	list_members(t);
	if (!t->failed)
		fill_specs(t);
	if (t->failed)
		return -ENOMEM;
	if (!assignor)
		return -EPROTO;
	spec.sources = t->sources;
	spec.n_sources = t->n_sources;
	spec.members = t->specs;
	spec.n_members = t->n_members;
	return assignor->assign(&spec);
}

/* A target is due at once if there is none, or its time is unknown; otherwise after the interval. */
static bool is_due(const struct consumer_decision *d)
{
	int32_t interval = consumer_assignment_interval_ms(d->s, d->step, d->id);

	/* A target from the future was made before the clock was set back: Kafka would wait until then. */
	return d->g->assignment_ms == 0 || interval == 0 || d->step->wall_ms < d->g->assignment_ms ||
	       d->step->wall_ms >= d->g->assignment_ms + interval;
}

bool consumer_update_target(struct consumer_decision *d)
{
	struct target t = {.d = d, .a = d->step->arena};
	int err;

	d->target_epoch = d->g->assignment_epoch;
	d->target = last_target(d);
	if (d->g->assignment_epoch >= d->epoch || !is_due(d))
		return true;
	err = assign(&t);
	if (err)
		return consumer_refuse(d, ERR_UNKNOWN_SERVER_ERROR,
				       "Failed to compute a new target assignment for epoch %d: %s", d->epoch,
				       err == -ENOMEM ? "out of memory" : "Partitions were left unassigned");
	put(&t);
	return true;
}
