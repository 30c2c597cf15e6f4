/*
 * assign_mixed: the uniform assignor for members with different subscriptions
 * (UniformHeterogeneousAssignmentBuilder).
 *
 * Members keep what they are still subscribed to; unowned partitions go to the least loaded
 * subscriber, topic by topic; then each topic's partitions move from its most loaded to its least
 * loaded subscribers while that helps, in at most ROUNDS rounds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "group/assign.h"

enum { ROUNDS = 16 };

struct mixed_topic {
	const struct assign_source *source;
	int32_t *subscribers; /* member indexes, ascending */
	int32_t n_subscribers;
	int32_t *owners; /* of each partition; -1: none */
};

struct mixed {
	struct assign_spec *spec;
	struct mixed_topic *topics;  /* parallel to the sources; those without a subscriber are ignored */
	struct mixed_topic **sorted; /* those with a subscriber, in the order of processing */
	struct mixed_topic **by_id;
	int32_t n_sorted;
	struct draft *drafts;
	int32_t *load; /* number of partitions of each member */
	bool failed;
};

/*
 * Subscribers of one topic sorted by load, with a range at either end in which all have the same
 * load. The lower range grows upwards as partitions are given to it, the upper one downwards as
 * they are taken; `level` is the load of a range after its turn.
 */
struct balancer {
	struct mixed *m;
	int32_t *members;
	int32_t n;
	int32_t least_end, least_level, least_next;
	int32_t most_start, most_end, most_level, most_next;
};

struct loaded {
	int32_t load;
	int32_t index;
};

static int loaded_cmp(const void *a, const void *b)
{
	const struct loaded *x = a, *y = b;

	if (x->load != y->load)
		return x->load < y->load ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/*
 * Sorts the topic's subscribers; returns the difference between the ends. `aside` has room for all
 * members.
 */
static int32_t balancer_start(struct balancer *b, const struct mixed_topic *t, struct loaded *aside)
{
	const int32_t *load = b->m->load;

	b->n = t->n_subscribers;
	for (int32_t i = 0; i < b->n; i++)
		aside[i] = (struct loaded){load[t->subscribers[i]], t->subscribers[i]};
	qsort(aside, (size_t)b->n, sizeof(*aside), loaded_cmp);
	for (int32_t i = 0; i < b->n; i++)
		b->members[i] = aside[i].index;
	b->least_end = 0;
	b->least_level = load[b->members[0]] - 1;
	b->least_next = 0;
	b->most_start = b->most_end = b->n;
	b->most_level = load[b->members[b->n - 1]] + 1;
	b->most_next = b->n - 1;
	return load[b->members[b->n - 1]] - load[b->members[0]];
}

static int32_t balancer_least(struct balancer *b)
{
	if (b->least_next >= b->least_end) {
		b->least_level++;
		while (b->least_end < b->n && b->m->load[b->members[b->least_end]] == b->least_level)
			b->least_end++;
		b->least_next = 0;
	}
	return b->members[b->least_next++];
}

/* -1 when no member can give any more. */
static int32_t balancer_most(struct balancer *b)
{
	if (b->most_next < b->most_start) {
		if (b->most_end <= b->most_start && b->most_start > 0)
			b->most_level = b->m->load[b->members[b->most_start - 1]];
		else
			b->most_level--;
		while (b->most_start > 0 && b->m->load[b->members[b->most_start - 1]] == b->most_level)
			b->most_start--;
		b->most_next = b->most_end - 1;
	}
	return b->most_next < 0 ? -1 : b->members[b->most_next--];
}

/* The member last returned by balancer_most has nothing of this topic: removes it from the range. */
static void balancer_exclude(struct balancer *b)
{
	int32_t at = b->most_next + 1, out = b->members[at];

	b->members[at] = b->members[b->most_end - 1];
	b->members[--b->most_end] = out;
}

static bool balancer_even(const struct balancer *b)
{
	return b->most_level - b->least_level <= 1;
}

/* ---- set-up ---- */

static int by_id(const void *a, const void *b)
{
	const struct mixed_topic *x = *(const struct mixed_topic *const *)a, *y = *(const struct mixed_topic *const *)b;

	return memcmp(x->source->id.b, y->source->id.b, 16);
}

/* Sorts by most partitions per subscriber, then fewest subscribers, then id. */
static int by_weight(const void *a, const void *b)
{
	const struct mixed_topic *x = *(const struct mixed_topic *const *)a, *y = *(const struct mixed_topic *const *)b;
	double each_x = (double)x->source->n_partitions / x->n_subscribers;
	double each_y = (double)y->source->n_partitions / y->n_subscribers;

	if (each_x != each_y)
		return each_y < each_x ? -1 : 1;
	if (x->n_subscribers != y->n_subscribers)
		return x->n_subscribers < y->n_subscribers ? -1 : 1;
	return uuid_cmp(x->source->id, y->source->id);
}

static struct mixed_topic *topic_find(const struct mixed *m, struct uuid id)
{
	const struct assign_source source = {.id = id};
	struct mixed_topic key = {.source = &source}, *p = &key;
	struct mixed_topic **found = bsearch(&p, m->by_id, (size_t)m->n_sorted, sizeof(struct mixed_topic *), by_id);

	return found ? *found : NULL;
}

static bool topic_init(struct mixed *m, struct mixed_topic *t, const struct assign_source *source)
{
	t->source = source;
	t->owners = arena_array(m->spec->arena, (size_t)source->n_partitions + 1, sizeof(*t->owners));
	t->subscribers = arena_array(m->spec->arena, (size_t)t->n_subscribers, sizeof(*t->subscribers));
	if (!t->owners || !t->subscribers)
		return false;
	for (int32_t p = 0; p < source->n_partitions; p++)
		t->owners[p] = -1;
	t->n_subscribers = 0;
	m->by_id[m->n_sorted] = m->sorted[m->n_sorted] = t;
	m->n_sorted++;
	return true;
}

static int mixed_init(struct mixed *m)
{
	struct assign_spec *spec = m->spec;

	m->topics = arena_array(spec->arena, (size_t)spec->n_sources, sizeof(*m->topics));
	m->sorted = arena_array(spec->arena, (size_t)spec->n_sources, sizeof(struct mixed_topic *));
	m->by_id = arena_array(spec->arena, (size_t)spec->n_sources, sizeof(struct mixed_topic *));
	m->drafts = arena_array(spec->arena, (size_t)spec->n_members, sizeof(*m->drafts));
	m->load = arena_array(spec->arena, (size_t)spec->n_members, sizeof(*m->load));
	if (!m->topics || !m->sorted || !m->by_id || !m->drafts || !m->load)
		return -ENOMEM;
	for (int32_t i = 0; i < spec->n_members; i++) {
		for (int32_t j = 0; j < spec->members[i].n_topics; j++)
			m->topics[spec->members[i].topics[j]].n_subscribers++;
	}
	for (int32_t i = 0; i < spec->n_sources; i++) {
		if (m->topics[i].n_subscribers > 0 && !topic_init(m, &m->topics[i], &spec->sources[i]))
			return -ENOMEM;
	}
	for (int32_t i = 0; i < spec->n_members; i++) {
		for (int32_t j = 0; j < spec->members[i].n_topics; j++) {
			struct mixed_topic *t = &m->topics[spec->members[i].topics[j]];

			t->subscribers[t->n_subscribers++] = i;
		}
	}
	qsort(m->by_id, (size_t)m->n_sorted, sizeof(struct mixed_topic *), by_id);
	qsort(m->sorted, (size_t)m->n_sorted, sizeof(struct mixed_topic *), by_weight);
	return 0;
}

/* ---- keeping ---- */

static int index_cmp(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return x < y ? -1 : x > y;
}

static bool subscribes(const struct mixed_topic *t, int32_t member)
{
	return bsearch(&member, t->subscribers, (size_t)t->n_subscribers, sizeof(member), index_cmp) != NULL;
}

static bool draft_open(struct mixed *m, int32_t member)
{
	struct draft *d = &m->drafts[member];

	if (d->table == 0 && !draft_begin(d, m->spec->arena, &m->spec->members[member].owned))
		m->failed = true;
	return !m->failed;
}

static void keep(struct mixed *m, int32_t member)
{
	const struct assign_set *owned = &m->spec->members[member].owned;

	for (int32_t i = 0; i < owned->n; i++) {
		const struct assign_topic *o = &owned->v[i];
		struct mixed_topic *t = topic_find(m, o->id);

		if (t && subscribes(t, member)) {
			m->load[member] += o->n;
			for (int32_t j = 0; j < o->n; j++) {
				if (o->partitions[j] >= 0 && o->partitions[j] < t->source->n_partitions)
					t->owners[o->partitions[j]] = member;
			}
		} else if (draft_open(m, member)) {
			draft_remove_topic(&m->drafts[member], o->id);
		}
	}
}

/* ---- giving ---- */

static void give(struct mixed *m, struct mixed_topic *t, int32_t partition, int32_t member)
{
	int32_t old = t->owners[partition];
	int32_t each = (t->source->n_partitions + t->n_subscribers - 1) / t->n_subscribers;
	size_t table = order_table_for((size_t)((float)each / 0.75f + 1));

	if (old != -1 && draft_open(m, old)) {
		draft_remove(&m->drafts[old], t->source->id, partition);
		m->load[old]--;
	}
	if (draft_open(m, member) && !draft_add(&m->drafts[member], m->spec->arena, t->source->id, partition, table))
		m->failed = true;
	t->owners[partition] = member;
	m->load[member]++;
}

static void give_unassigned(struct mixed *m, struct balancer *b, struct loaded *aside)
{
	for (int32_t i = 0; i < m->n_sorted; i++) {
		struct mixed_topic *t = m->sorted[i];
		bool started = false;

		for (int32_t p = 0; p < t->source->n_partitions && !m->failed; p++) {
			if (t->owners[p] != -1)
				continue;
			if (!started)
				balancer_start(b, t, aside);
			started = true;
			give(m, t, p, balancer_least(b));
		}
	}
}

/* ---- balancing ---- */

/* A topic's partitions by owner, and where each member's begin and end. */
struct holdings {
	struct loaded *v; /* load is the owner, index the partition */
	int32_t *start;
	int32_t *end;
};

static void holdings_fill(struct holdings *h, const struct mixed_topic *t)
{
	int32_t n = t->source->n_partitions;

	for (int32_t i = 0; i < t->n_subscribers; i++)
		h->start[t->subscribers[i]] = h->end[t->subscribers[i]] = 0;
	for (int32_t p = 0; p < n; p++)
		h->v[p] = (struct loaded){t->owners[p], p};
	qsort(h->v, (size_t)n, sizeof(*h->v), loaded_cmp);
	for (int32_t i = 0; i < n; i++) {
		int32_t owner = h->v[i].load;

		if (i == 0 || h->v[i - 1].load != owner)
			h->start[owner] = i;
		h->end[owner] = i + 1;
	}
}

/* The most loaded member that has a partition of the topic; -1: none. */
static int32_t giver(struct balancer *b, const struct holdings *h)
{
	int32_t most = balancer_most(b);

	while (most != -1 && h->end[most] <= h->start[most]) {
		balancer_exclude(b);
		most = balancer_most(b);
	}
	return most;
}

/* Returns how many partitions of the topic moved. */
static int32_t balance_topic(struct mixed *m, struct mixed_topic *t, struct balancer *b, struct holdings *h,
			     struct loaded *aside)
{
	int32_t moved = 0;

	if (balancer_start(b, t, aside) <= 1)
		return 0;
	holdings_fill(h, t);
	while (!balancer_even(b) && !m->failed) {
		int32_t from = giver(b, h), to, partition;

		if (from == -1)
			break;
		partition = h->v[--h->end[from]].index;
		to = balancer_least(b);
		if (balancer_even(b))
			break;
		give(m, t, partition, to);
		moved++;
	}
	return moved;
}

static void balance(struct mixed *m, struct balancer *b, struct holdings *h, struct loaded *aside)
{
	struct mixed_topic **v = m->sorted;
	int32_t n = 0, last = -1;

	for (int32_t i = 0; i < m->n_sorted; i++) {
		if (m->sorted[i]->n_subscribers >= 2)
			v[n++] = m->sorted[i];
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int32_t i = 0; i < n && !m->failed; i++) {
			if (i == last)
				return;
			if (balance_topic(m, v[i], b, h, aside) > 0 || last == -1)
				last = i;
		}
	}
}

static int mixed_run(struct mixed *m)
{
	struct assign_spec *spec = m->spec;
	size_t n_members = (size_t)spec->n_members, n_partitions = 1;
	struct balancer b = {.m = m};
	struct holdings h;
	struct loaded *aside;

	for (int32_t i = 0; i < m->n_sorted; i++) {
		if ((size_t)m->sorted[i]->source->n_partitions > n_partitions)
			n_partitions = (size_t)m->sorted[i]->source->n_partitions;
	}
	b.members = arena_array(spec->arena, n_members, sizeof(*b.members));
	h.v = arena_array(spec->arena, n_partitions, sizeof(*h.v));
	h.start = arena_array(spec->arena, n_members, sizeof(*h.start));
	h.end = arena_array(spec->arena, n_members, sizeof(*h.end));
	aside = arena_array(spec->arena, n_members, sizeof(*aside));
	if (!b.members || !h.v || !h.start || !h.end || !aside)
		return -ENOMEM;
	for (int32_t i = 0; i < spec->n_members; i++)
		keep(m, i);
	give_unassigned(m, &b, aside);
	balance(m, &b, &h, aside);
	return m->failed ? -ENOMEM : 0;
}

int assign_uniform_mixed(struct assign_spec *spec)
{
	struct mixed m = {.spec = spec};
	int err = mixed_init(&m);

	if (!err && m.n_sorted == 0) {
		for (int32_t i = 0; i < spec->n_members; i++)
			spec->members[i].target = (struct assign_set){0};
		return 0;
	}
	if (!err)
		err = mixed_run(&m);
	for (int32_t i = 0; !err && i < spec->n_members; i++) {
		struct assign_member *to = &spec->members[i];

		to->target = to->owned;
		if (m.drafts[i].table && !draft_finish(&m.drafts[i], spec->arena, &to->target))
			err = -ENOMEM;
	}
	return err;
}
