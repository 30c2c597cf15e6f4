/*
 * consumer_reconcile: how a member reaches the target (CurrentAssignmentBuilder of Kafka 4.4).
 *
 *	STABLE		it has reached the target of its epoch
 *	UNREVOKED	it was asked to give up partitions; it keeps its epoch until it reports that it has
 *	UNRELEASED	it is at the target's epoch, but lacks partitions that other members have not given up
 *
 * A partition is only assigned when no member has it: so it has one owner, in whatever order
 * members send heartbeats.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "group/consumer_group.h"
#include "metadata/image.h"

struct next {
	const struct consumer_reconcile *r;
	const struct consumer_view *v;
	struct str *names; /* the member's subscription, sorted */
	int32_t n_names;
	struct assign_index has;   /* v->assigned */
	struct assign_index gives; /* v->revoking */
	struct assign_index gets;  /* r->target */
	struct assign_set assigned;
	struct assign_set revoking;
	struct assign_set pending;
	bool has_unreleased;
	bool failed;
};

static int name_cmp(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool is_subscribed(const struct next *x, struct uuid id)
{
	const struct image_topic *t = image_topic_by_id(x->r->image, id);

	return t && bsearch(&t->name, x->names, (size_t)x->n_names, sizeof(*x->names), name_cmp);
}

/* Whether the member reports that it still has some of these, or might have them. */
static bool owns_any(const struct consumer_reconcile *r, const struct assign_set *revoking)
{
	if (!r->owned)
		return true;
	for (int32_t i = 0; i < revoking->n; i++) {
		for (int32_t j = 0; j < revoking->v[i].n; j++) {
			if (consumer_owned_has(r->owned, revoking->v[i].id, revoking->v[i].partitions[j]))
				return true;
		}
	}
	return false;
}

/* Adds a topic with room for n partitions at the end of the set. */
static struct assign_topic *topic_begin(struct next *x, struct assign_set *s, struct uuid id, int32_t n)
{
	struct assign_topic *t = &s->v[s->n];

	*t = (struct assign_topic){.id = id};
	t->partitions = arena_array(x->r->arena, (size_t)n + 1, sizeof(*t->partitions));
	t->epochs = arena_array(x->r->arena, (size_t)n + 1, sizeof(*t->epochs));
	if (!t->partitions || !t->epochs) {
		x->failed = true;
		return NULL;
	}
	return t;
}

static void topic_put(struct assign_topic *t, int32_t partition, int32_t epoch)
{
	t->partitions[t->n] = partition;
	t->epochs[t->n++] = epoch;
}

static void topic_end(struct assign_set *s, const struct assign_topic *t)
{
	s->n += t->n > 0;
}

/* Splits the current partitions into those that stay and those to be revoked. */
static void split(struct next *x, struct uuid id, const struct assign_topic *current, const struct assign_topic *target)
{
	struct assign_topic *stays = topic_begin(x, &x->assigned, id, current->n);
	struct assign_topic *goes = topic_begin(x, &x->revoking, id, current->n);
	struct assign_numbers wanted;

	x->failed |= !assign_numbers_init(&wanted, x->r->arena, target);
	for (int32_t i = 0; !x->failed && i < current->n; i++)
		topic_put(assign_numbers_have(&wanted, current->partitions[i]) ? stays : goes, current->partitions[i],
			  current->epochs[i]);
	if (x->failed)
		return;
	order_partitions(stays, order_table_of_map((size_t)current->n));
	order_partitions(goes, order_table_of_map((size_t)current->n));
	topic_end(&x->assigned, stays);
	topic_end(&x->revoking, goes);
}

/*
 * Adds new partitions that no other member has; those that this member itself is giving up count as
 * free.
 */
static void await(struct next *x, struct uuid id, const struct assign_topic *current, const struct assign_topic *target)
{
	struct assign_topic *t = topic_begin(x, &x->pending, id, target->n);
	struct assign_numbers here, own;

	x->failed |= !assign_numbers_init(&here, x->r->arena, current) ||
		     !assign_numbers_init(&own, x->r->arena, assign_index_find(&x->gives, id));
	for (int32_t i = 0; !x->failed && i < target->n; i++) {
		int32_t p = target->partitions[i];

		if (assign_numbers_have(&here, p))
			continue;
		if (consumer_owner_epoch(x->r->g, id, p) != -1 && !assign_numbers_have(&own, p))
			x->has_unreleased = true;
		else
			topic_put(t, p, x->r->target_epoch);
	}
	if (!x->failed)
		topic_end(&x->pending, t);
}

static void next_of_topic(struct next *x, struct uuid id)
{
	const struct assign_topic *current = assign_index_find(&x->has, id);
	const struct assign_topic *target = is_subscribed(x, id) ? assign_index_find(&x->gets, id) : NULL;

	if (current)
		split(x, id, current, target);
	if (target)
		await(x, id, current, target);
}

/*
 * The topics of the target and of the current assignment, without duplicates, in the order of
 * Kafka's set.
 */
static struct assign_topic *all_topics(struct next *x, int32_t *n)
{
	const struct assign_set *target = x->r->target, *current = &x->v->assigned;
	struct assign_topic *v = arena_array(x->r->arena, (size_t)(target->n + current->n) + 1, sizeof(*v));

	*n = 0;
	for (int32_t i = 0; v && i < target->n; i++)
		v[(*n)++].id = target->v[i].id;
	for (int32_t i = 0; v && i < current->n; i++) {
		if (!assign_index_find(&x->gets, current->v[i].id))
			v[(*n)++].id = current->v[i].id;
	}
	if (v)
		order_topics(v, *n, order_table(order_table_of_copy((size_t)target->n), (size_t)*n));
	return v;
}

static void to_epoch(struct consumer_view *v, int32_t epoch)
{
	v->previous_epoch = v->epoch;
	v->epoch = epoch;
}

static struct assign_topic *find(const struct assign_index *x, struct uuid id)
{
	return (struct assign_topic *)assign_index_find(x, id);
}

/* Appends the pending partitions of a topic to those that stay; false: out of memory. */
static bool join_topic(struct next *x, const struct assign_topic *p, const struct assign_topic *stays,
		       struct assign_topic *out)
{
	const struct assign_topic *current = assign_index_find(&x->has, p->id);
	struct assign_set one = {0, out};
	struct assign_topic *t = topic_begin(x, &one, p->id, (stays ? stays->n : 0) + p->n);

	for (int32_t j = 0; t && stays && j < stays->n; j++)
		topic_put(t, stays->partitions[j], stays->epochs[j]);
	for (int32_t j = 0; t && j < p->n; j++)
		topic_put(t, p->partitions[j], p->epochs[j]);
	if (t)
		order_partitions(t, order_table(stays ? order_table_of_map((size_t)current->n) : 16, (size_t)t->n));
	return t != NULL;
}

/* Puts the fresh topics in front of the set's, in reverse order. */
static void put_first(struct assign_set *s, const struct assign_topic *fresh, int32_t n)
{
	memmove(s->v + n, s->v, (size_t)s->n * sizeof(*s->v));
	for (int32_t i = 0; i < n; i++)
		s->v[i] = fresh[n - 1 - i];
	s->n += n;
}

/* Adds the pending partitions to the assigned ones, as Kafka does by computeIfAbsent (see struct draft in assign.h). */
static void add_pending(struct next *x)
{
	struct assign_set *s = &x->assigned;
	size_t table = order_table(16, (size_t)s->n);
	struct assign_topic *fresh = arena_array(x->r->arena, (size_t)x->pending.n + 1, sizeof(*fresh));
	struct assign_index there;
	int32_t n_fresh = 0;

	order_topics(s->v, s->n, table);
	order_topics(x->pending.v, x->pending.n, order_table(16, (size_t)x->pending.n));
	x->failed |= !fresh || !assign_index_init(&there, x->r->arena, s);
	for (int32_t i = 0; i < x->pending.n && !x->failed; i++) {
		const struct assign_topic *p = &x->pending.v[i];
		struct assign_topic *stays = find(&there, p->id), joined;

		table = order_table(table, (size_t)(s->n + n_fresh));
		if (!join_topic(x, p, stays, &joined))
			return;
		*(stays ? stays : &fresh[n_fresh++]) = joined;
	}
	if (x->failed)
		return;
	put_first(s, fresh, n_fresh);
	order_topics(s->v, s->n, table);
}

static bool next_begin(struct next *x, const struct consumer_reconcile *r, const struct consumer_view *v)
{
	size_t n = (size_t)(r->target->n + v->assigned.n + v->revoking.n) + 2;

	*x = (struct next){.r = r, .v = v};
	x->names = consumer_subscribed(r->g, v, r->arena, &x->n_names);
	if (x->names)
		qsort(x->names, (size_t)x->n_names, sizeof(*x->names), name_cmp);
	x->assigned.v = arena_array(r->arena, n, sizeof(*x->assigned.v));
	x->revoking.v = arena_array(r->arena, n, sizeof(*x->revoking.v));
	x->pending.v = arena_array(r->arena, n, sizeof(*x->pending.v));
	return x->names && x->assigned.v && x->revoking.v && x->pending.v &&
	       assign_index_init(&x->has, r->arena, &v->assigned) &&
	       assign_index_init(&x->gives, r->arena, &v->revoking) && assign_index_init(&x->gets, r->arena, r->target);
}

/* Moves from the current assignment towards the target. */
static int to_target(const struct consumer_reconcile *r, struct consumer_view *v, int32_t epoch)
{
	struct assign_topic *topics;
	struct next x;
	int32_t n;

	if (!next_begin(&x, r, v) || !(topics = all_topics(&x, &n)))
		return -ENOMEM;
	for (int32_t i = 0; i < n && !x.failed; i++)
		next_of_topic(&x, topics[i].id);
	if (x.failed)
		return -ENOMEM;
	if (x.revoking.n > 0 && owns_any(r, &x.revoking)) {
		v->state = CONSUMER_UNREVOKED;
		to_epoch(v, epoch);
		order_topics(x.assigned.v, x.assigned.n, order_table(16, (size_t)x.assigned.n));
		order_topics(x.revoking.v, x.revoking.n, order_table(16, (size_t)x.revoking.n));
		v->assigned = x.assigned;
		v->revoking = x.revoking;
		return 0;
	}
	add_pending(&x);
	v->state = x.has_unreleased ? CONSUMER_UNRELEASED : CONSUMER_STABLE;
	to_epoch(v, r->target_epoch);
	v->assigned = x.assigned;
	v->revoking = (struct assign_set){0};
	return x.failed ? -ENOMEM : 0;
}

/* Moves topics that are no longer subscribed to into the revoking set. */
static void move_unsubscribed(struct next *x, const struct consumer_view *v)
{
	struct assign_index there;

	for (int32_t i = 0; i < v->revoking.n; i++)
		x->revoking.v[x->revoking.n++] = v->revoking.v[i];
	x->failed |= !assign_index_init(&there, x->r->arena, &x->revoking);
	for (int32_t i = 0; i < v->assigned.n && !x->failed; i++) {
		const struct assign_topic *from = &v->assigned.v[i];
		struct assign_topic *t, *old, topic;
		struct assign_set one = {0, &topic};

		if (is_subscribed(x, from->id)) {
			x->assigned.v[x->assigned.n++] = *from;
			continue;
		}
		old = find(&there, from->id);
		t = topic_begin(x, &one, from->id, from->n + (old ? old->n : 0));
		for (int32_t j = 0; t && old && j < old->n; j++)
			topic_put(t, old->partitions[j], old->epochs[j]);
		for (int32_t j = 0; t && j < from->n; j++)
			topic_put(t, from->partitions[j], from->epochs[j]);
		if (t)
			*(old ? old : &x->revoking.v[x->revoking.n++]) = *t;
	}
}

/* The member keeps its epoch, and loses what it is no longer subscribed to. */
static int to_subscription(const struct consumer_reconcile *r, struct consumer_view *v)
{
	struct next x;

	if (!next_begin(&x, r, v))
		return -ENOMEM;
	move_unsubscribed(&x, v);
	if (x.failed)
		return -ENOMEM;
	if (x.assigned.n == v->assigned.n)
		return 0;
	order_topics(x.assigned.v, x.assigned.n, order_table_of_map((size_t)v->assigned.n));
	order_topics(x.revoking.v, x.revoking.n, order_table(16, (size_t)x.revoking.n));
	if (x.revoking.n > 0 && owns_any(r, &x.revoking)) {
		v->state = CONSUMER_UNREVOKED;
		v->revoking = x.revoking;
	}
	to_epoch(v, v->epoch);
	v->assigned = x.assigned;
	return 0;
}

int consumer_reconcile(const struct consumer_reconcile *r, struct consumer_view *v)
{
	switch (v->state) {
	case CONSUMER_STABLE:
		if (v->epoch != r->target_epoch)
			return to_target(r, v, v->epoch);
		return r->subscription_changed ? to_subscription(r, v) : 0;
	case CONSUMER_UNREVOKED:
		if (!owns_any(r, &v->revoking))
			return to_target(r, v, v->epoch);
		return r->subscription_changed ? to_subscription(r, v) : 0;
	case CONSUMER_UNRELEASED:
		return to_target(r, v, v->epoch);
	default: /* written by a later release: start over */
		if (!r->owned || r->owned->set.n > 0)
			return ERR_FENCED_MEMBER_EPOCH;
		return to_target(r, v, r->target_epoch);
	}
}

/* ---- what a member reports to own ---- */

static int partition_cmp(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return x < y ? -1 : x > y;
}

static int topic_cmp(const void *a, const void *b)
{
	return memcmp(((const struct assign_topic *)a)->id.b, ((const struct assign_topic *)b)->id.b,
		      sizeof(struct uuid));
}

bool consumer_owned_sort(struct consumer_owned *o, struct arena *a)
{
	for (int32_t i = 0; i < o->set.n; i++) {
		struct assign_topic *t = &o->set.v[i];
		int32_t *p = arena_array(a, (size_t)t->n + 1, sizeof(*p)), kept = 0;

		if (!p)
			return false;
		if (t->n > 0)
			memcpy(p, t->partitions, (size_t)t->n * sizeof(*p));
		qsort(p, (size_t)t->n, sizeof(*p), partition_cmp);
		for (int32_t j = 0; j < t->n; j++) {
			if (kept == 0 || p[kept - 1] != p[j])
				p[kept++] = p[j];
		}
		t->partitions = p;
		t->n = kept;
	}
	qsort(o->set.v, (size_t)o->set.n, sizeof(*o->set.v), topic_cmp);
	return true;
}

bool consumer_owned_has(const struct consumer_owned *o, struct uuid topic, int32_t partition)
{
	const struct assign_topic key = {.id = topic};
	const struct assign_topic *t = bsearch(&key, o->set.v, (size_t)o->set.n, sizeof(*o->set.v), topic_cmp);

	return t && bsearch(&partition, t->partitions, (size_t)t->n, sizeof(partition), partition_cmp);
}

/* ---- in a decision ---- */

bool consumer_maybe_reconcile(struct consumer_decision *d, bool subscription_changed,
			      const struct consumer_owned *owned)
{
	const struct consumer_reconcile r = {.g = d->g,
					     .image = d->step->image,
					     .arena = d->step->arena,
					     .target_epoch = d->target_epoch,
					     .target = &d->target,
					     .subscription_changed = subscription_changed,
					     .owned = owned};
	struct consumer_view before = d->is;
	int err;

	if (!subscription_changed && consumer_is_reconciled(&d->is, d->target_epoch))
		return true;
	err = consumer_reconcile(&r, &d->is);
	if (err == ERR_FENCED_MEMBER_EPOCH)
		return consumer_refuse(
			d, err,
			"The consumer group member is in a unknown state. The member must abandon all its "
			"partitions and rejoin.");
	if (err)
		return consumer_refuse(d, err, "out of memory");
	if (!consumer_current_equal(&before, &d->is))
		consumer_put_current(d->step, d->id, &d->is);
	return true;
}
