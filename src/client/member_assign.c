/*
 * member_assign: range and roundrobin exactly as Kafka's assignors; cooperative-sticky in a way of
 * its own: balanced, with members keeping as much of what they have as balance permits.
 *
 * All of them work on places: a partition, its new owner, and who claims to have it.
 */
#include "client/member_assign.h"

#include <stdlib.h>
#include <string.h>

enum { NOBODY = -1 };

struct place {
	struct str topic;
	int32_t partition;
	int of_topic; /* index of its topic's first place */
	int owner;
	int before;		/* claimant of the newest generation; NOBODY: none, or two */
	int32_t generation;	/* of the claim */
	bool is_claimed_by_two; /* two members claim it with the same generation */
};

struct places {
	struct place *v; /* sorted by topic and partition */
	int n;
	struct share *shares;
	int n_shares;
};

static const char *const NAMES[] = {
	[STRATEGY_RANGE] = "range",
	[STRATEGY_ROUNDROBIN] = "roundrobin",
	[STRATEGY_COOPERATIVE_STICKY] = "cooperative-sticky",
};
static const char *const CLASSES[] = {
	[STRATEGY_RANGE] = "RangeAssignor",
	[STRATEGY_ROUNDROBIN] = "RoundRobinAssignor",
	[STRATEGY_COOPERATIVE_STICKY] = "CooperativeStickyAssignor",
};

struct str strategy_name(enum strategy s)
{
	return str_of(NAMES[s]);
}

enum strategy strategy_find(struct str name)
{
	enum strategy s = 0;

	for (int32_t i = 0; i < name.len; i++) /* continues after the last dot */
		if (name.p[i] == '.') {
			name = (struct str){name.p + i + 1, name.len - i - 1};
			i = -1;
		}
	while (s < STRATEGIES && !str_is(name, NAMES[s]) && !str_is(name, CLASSES[s]))
		s++;
	return s;
}

/* ---- members ---- */

static int by_member(const void *a, const void *b)
{
	const struct share *x = a, *y = b;
	bool both = x->instance_id.p && y->instance_id.p;

	if (!both && (x->instance_id.p || y->instance_id.p))
		return x->instance_id.p ? -1 : 1;
	return both ? str_cmp(x->instance_id, y->instance_id) : str_cmp(x->member_id, y->member_id);
}

static int by_str(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void strs_sort(struct str *v, size_t n)
{
	if (n > 0)
		qsort(v, n, sizeof(*v), by_str);
}

void shares_sort(struct share *v, int n)
{
	if (n > 0)
		qsort(v, (size_t)n, sizeof(*v), by_member);
	for (int i = 0; i < n; i++)
		strs_sort(v[i].subscription.topics.v, (size_t)v[i].subscription.topics.n);
}

static bool share_wants(const struct share *s, struct str topic)
{
	return s->subscription.topics.n > 0 &&
	       bsearch(&topic, s->subscription.topics.v, (size_t)s->subscription.topics.n, sizeof(topic), by_str);
}

/* ---- places ---- */

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = str_cmp(x->topic, y->topic);

	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

/* A partition that a broker lists twice counts once. */
static void sort_places(struct places *p)
{
	int kept = 0;

	if (p->n > 0)
		qsort(p->v, (size_t)p->n, sizeof(*p->v), by_place);
	for (int i = 0; i < p->n; i++)
		if (kept == 0 || by_place(&p->v[kept - 1], &p->v[i]) != 0)
			p->v[kept++] = p->v[i];
	p->n = kept;
	for (int i = 0; i < p->n; i++)
		p->v[i].of_topic = i > 0 && str_eq(p->v[i - 1].topic, p->v[i].topic) ? p->v[i - 1].of_topic : i;
}

static bool places_init(struct places *p, struct arena *a, struct share *shares, int n_shares,
			const struct metadata_response *m)
{
	size_t total = 1;

	for (int32_t i = 0; i < m->topics.n; i++)
		total += (size_t)m->topics.v[i].partitions.n;
	*p = (struct places){arena_array(a, total, sizeof(*p->v)), 0, shares, n_shares};
	if (!p->v)
		return false;
	for (int32_t i = 0; i < m->topics.n; i++)
		for (int32_t k = 0; k < m->topics.v[i].partitions.n; k++)
			p->v[p->n++] = (struct place){.topic = m->topics.v[i].name,
						      .partition = m->topics.v[i].partitions.v[k].partition_index,
						      .owner = NOBODY,
						      .before = NOBODY,
						      .generation = INT32_MIN};
	sort_places(p);
	return true;
}

static struct place *place_find(const struct places *p, struct str topic, int32_t partition)
{
	struct place key = {.topic = topic, .partition = partition};

	return p->n ? bsearch(&key, p->v, (size_t)p->n, sizeof(key), by_place) : NULL;
}

/* How many places, from the i-th on, belong to its topic. */
static int topic_places(const struct places *p, int i)
{
	int end = i + 1;

	while (end < p->n && p->v[end].of_topic == i)
		end++;
	return end - i;
}

/*
 * ---- range: each member gets a range of each topic; if the division leaves a remainder, the first
 * ones get one more ----
 */

static void assign_range_of(struct places *p, int first, int n)
{
	int wanting = 0, at = 0, next = first;

	for (int i = 0; i < p->n_shares; i++)
		wanting += share_wants(&p->shares[i], p->v[first].topic);
	for (int i = 0; i < p->n_shares; i++) {
		int count;

		if (!share_wants(&p->shares[i], p->v[first].topic))
			continue;
		count = n / wanting + (at++ < n % wanting);
		while (count-- > 0)
			p->v[next++].owner = i;
	}
}

static void assign_range(struct places *p)
{
	for (int i = 0, n; i < p->n; i += n) {
		n = topic_places(p, i);
		assign_range_of(p, i, n);
	}
}

/* ---- roundrobin: all partitions are dealt to all members in turn ---- */

static void assign_roundrobin(struct places *p)
{
	int at = 0;

	for (int i = 0; i < p->n; i++)
		for (int tries = 0; tries < p->n_shares && p->v[i].owner == NOBODY; tries++) {
			if (share_wants(&p->shares[at], p->v[i].topic))
				p->v[i].owner = at;
			at = (at + 1) % p->n_shares;
		}
}

/* ---- cooperative-sticky ---- */

/* The claim of the newest generation counts; of two with the same generation, neither. */
static void note_claim(struct place *p, int member, int32_t generation)
{
	if (generation < p->generation)
		return;
	p->is_claimed_by_two = generation == p->generation && p->before != member;
	p->before = p->is_claimed_by_two ? NOBODY : member;
	p->generation = generation;
}

static void note_claims(struct places *p)
{
	for (int i = 0; i < p->n_shares; i++) {
		const struct consumer_protocol_subscription *s = &p->shares[i].subscription;

		for (int32_t k = 0; k < s->owned_partitions.n; k++)
			for (int32_t j = 0; j < s->owned_partitions.v[k].partitions.n; j++) {
				struct place *place = place_find(p, s->owned_partitions.v[k].topic,
								 s->owned_partitions.v[k].partitions.v[j]);

				if (place)
					note_claim(place, i, s->generation_id);
			}
	}
}

/* The member with the fewest partitions among those that want the topic; or NOBODY. */
static int least_of(const struct places *p, const int *counts, struct str topic)
{
	int best = NOBODY;

	for (int i = 0; i < p->n_shares; i++)
		if ((best == NOBODY || counts[i] < counts[best]) && share_wants(&p->shares[i], topic))
			best = i;
	return best;
}

static void give_place(struct place *place, int *counts, int owner)
{
	if (place->owner != NOBODY)
		counts[place->owner]--;
	place->owner = owner;
	if (owner != NOBODY)
		counts[owner]++;
}

/*
 * Takes a partition from a member that has at least two more than another that wants it. True when
 * something was moved: then there may be more to move.
 */
static bool balance_once(struct places *p, int *counts)
{
	bool moved = false;

	for (int i = p->n - 1; i >= 0; i--) {
		int from = p->v[i].owner, to = from == NOBODY ? NOBODY : least_of(p, counts, p->v[i].topic);

		if (to == NOBODY || counts[to] + 1 >= counts[from])
			continue;
		give_place(&p->v[i], counts, to);
		moved = true;
	}
	return moved;
}

/* What another member claims must first be given up. */
static void hold_back(struct places *p)
{
	for (int i = 0; i < p->n; i++)
		if (p->v[i].is_claimed_by_two || (p->v[i].before != NOBODY && p->v[i].before != p->v[i].owner))
			p->v[i].owner = NOBODY;
}

static bool assign_sticky(struct places *p, struct arena *a)
{
	int *counts = arena_array(a, (size_t)p->n_shares + 1, sizeof(*counts));

	if (!counts)
		return false;
	note_claims(p);
	for (int i = 0; i < p->n; i++)
		if (p->v[i].before != NOBODY && share_wants(&p->shares[p->v[i].before], p->v[i].topic))
			give_place(&p->v[i], counts, p->v[i].before);
	for (int i = 0; i < p->n; i++)
		if (p->v[i].owner == NOBODY)
			give_place(&p->v[i], counts, least_of(p, counts, p->v[i].topic));
	while (balance_once(p, counts))
		;
	hold_back(p);
	return true;
}

/* ---- the shares ---- */

static bool fill(struct arena *a, struct share *s, const struct place *const *v, int n)
{
	struct consumer_protocol_assignment_topic_partition *t = arena_array(a, (size_t)n + 1, sizeof(*t));
	int32_t *numbers = arena_array(a, (size_t)n + 1, sizeof(*numbers));

	if (!t || !numbers)
		return false;
	s->assignment.assigned_partitions.v = t--;
	for (int i = 0; i < n; i++) {
		if (i == 0 || v[i]->of_topic != v[i - 1]->of_topic) {
			(++t)->topic = v[i]->topic;
			t->partitions.v = numbers + i;
			s->assignment.assigned_partitions.n++;
		}
		t->partitions.v[t->partitions.n++] = v[i]->partition;
	}
	return true;
}

static int by_owner(const void *a, const void *b)
{
	const struct place *x = *(const struct place *const *)a, *y = *(const struct place *const *)b;

	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return x < y ? -1 : x > y;
}

static bool fill_all(struct places *p, struct arena *a)
{
	const struct place **v = arena_array(a, (size_t)p->n + 1, sizeof(*v));
	int at = 0;

	if (!v)
		return false;
	for (int i = 0; i < p->n; i++)
		v[i] = &p->v[i];
	if (p->n > 0)
		qsort(v, (size_t)p->n, sizeof(*v), by_owner);
	while (at < p->n && v[at]->owner == NOBODY)
		at++;
	for (int i = 0; i < p->n_shares; i++) {
		int end = at;

		while (end < p->n && v[end]->owner == i)
			end++;
		if (!fill(a, &p->shares[i], v + at, end - at))
			return false;
		at = end;
	}
	return true;
}

bool shares_assign(enum strategy s, struct arena *a, struct share *v, int n, const struct metadata_response *m)
{
	struct places p;

	if (!places_init(&p, a, v, n, m))
		return false;
	if (s == STRATEGY_RANGE)
		assign_range(&p);
	else if (s == STRATEGY_ROUNDROBIN)
		assign_roundrobin(&p);
	else if (!assign_sticky(&p, a))
		return false;
	return fill_all(&p, a);
}
