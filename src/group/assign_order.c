/* assign_order: sets kept in the iteration order of Java's hash tables. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "group/assign.h"

enum { FEW = 16 }; /* up to so many partitions are searched linearly, without sorting them */

int32_t order_uuid_hash(struct uuid id)
{
	uint32_t w[4];

	for (int i = 0; i < 4; i++)
		w[i] = (uint32_t)id.b[4 * i] << 24 | (uint32_t)id.b[4 * i + 1] << 16 | (uint32_t)id.b[4 * i + 2] << 8 |
		       id.b[4 * i + 3];
	return (int32_t)(w[0] ^ w[1] ^ w[2] ^ w[3]);
}

void order_topics(struct assign_topic *v, int32_t n, size_t table)
{
	int32_t *hashes;

	if (n < 2)
		return;
	hashes = xreallocarray(NULL, (size_t)n, sizeof(*hashes));
	for (int32_t i = 0; i < n; i++)
		hashes[i] = order_uuid_hash(v[i].id);
	order_members(v, n, sizeof(*v), hashes, table);
	xfree(hashes);
}

void order_partitions(struct assign_topic *t, size_t table)
{
	int32_t *hashes;

	if (t->n < 2 || order_is_kept(t->partitions, t->n, table))
		return;
	hashes = xreallocarray(NULL, (size_t)t->n, sizeof(*hashes));
	memcpy(hashes, t->partitions, (size_t)t->n * sizeof(*hashes));
	if (t->epochs)
		order_members(t->epochs, t->n, sizeof(*t->epochs), hashes, table);
	memcpy(hashes, t->partitions, (size_t)t->n * sizeof(*hashes));
	order_members(t->partitions, t->n, sizeof(*t->partitions), hashes, table);
	xfree(hashes);
}

void order_strings(struct str *v, int32_t n, size_t table)
{
	int32_t *hashes;

	if (n < 2)
		return;
	hashes = xreallocarray(NULL, (size_t)n, sizeof(*hashes));
	for (int32_t i = 0; i < n; i++)
		hashes[i] = str_java_hash(v[i]);
	order_members(v, n, sizeof(*v), hashes, table);
	xfree(hashes);
}

/* A map of sets, each built from the list in the record. */
void order_target(struct assign_set *s)
{
	for (int32_t i = 0; i < s->n; i++)
		order_partitions(&s->v[i], order_table_of_copy((size_t)s->v[i].n));
	order_topics(s->v, s->n, order_table(16, (size_t)s->n));
}

/* A map of maps, filled entry by entry. */
void order_current(struct assign_set *s)
{
	for (int32_t i = 0; i < s->n; i++)
		order_partitions(&s->v[i], order_table(16, (size_t)s->v[i].n));
	order_topics(s->v, s->n, order_table(16, (size_t)s->n));
}

/* ---- sets ---- */

const struct assign_topic *assign_set_find(const struct assign_set *s, struct uuid id)
{
	for (int32_t i = 0; i < s->n; i++) {
		if (uuid_eq(s->v[i].id, id))
			return &s->v[i];
	}
	return NULL;
}

static int by_id(const void *a, const void *b)
{
	return memcmp((*(const struct assign_topic *const *)a)->id.b, (*(const struct assign_topic *const *)b)->id.b,
		      sizeof(struct uuid));
}

bool assign_index_init(struct assign_index *x, struct arena *a, const struct assign_set *s)
{
	*x = (struct assign_index){arena_array(a, (size_t)s->n + 1, sizeof(struct assign_topic *)), s->n};
	if (!x->v)
		return false;
	for (int32_t i = 0; i < s->n; i++)
		x->v[i] = &s->v[i];
	qsort(x->v, (size_t)s->n, sizeof(struct assign_topic *), by_id);
	return true;
}

const struct assign_topic *assign_index_find(const struct assign_index *x, struct uuid id)
{
	const struct assign_topic key = {.id = id}, *p = &key;
	const struct assign_topic **found = bsearch(&p, x->v, (size_t)x->n, sizeof(struct assign_topic *), by_id);

	return found ? *found : NULL;
}

static int by_number(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return x < y ? -1 : x > y;
}

bool assign_numbers_init(struct assign_numbers *x, struct arena *a, const struct assign_topic *t)
{
	int32_t *v;

	*x = (struct assign_numbers){t ? t->partitions : NULL, t ? t->n : 0, false};
	if (x->n <= FEW)
		return true;
	v = arena_array(a, (size_t)x->n, sizeof(*v));
	if (!v)
		return false;
	memcpy(v, x->v, (size_t)x->n * sizeof(*v));
	qsort(v, (size_t)x->n, sizeof(*v), by_number);
	*x = (struct assign_numbers){v, x->n, true};
	return true;
}

bool assign_numbers_have(const struct assign_numbers *x, int32_t partition)
{
	if (x->sorted)
		return bsearch(&partition, x->v, (size_t)x->n, sizeof(partition), by_number) != NULL;
	for (int32_t i = 0; i < x->n; i++) {
		if (x->v[i] == partition)
			return true;
	}
	return false;
}

int64_t assign_set_partitions(const struct assign_set *s)
{
	int64_t n = 0;

	for (int32_t i = 0; i < s->n; i++)
		n += s->v[i].n;
	return n;
}

struct pair {
	int32_t partition;
	int32_t epoch;
};

static int pair_cmp(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return x->partition < y->partition ? -1 : x->partition > y->partition;
}

static struct pair *pairs_sorted(const struct assign_topic *t)
{
	struct pair *v = xreallocarray(NULL, (size_t)t->n, sizeof(*v));

	for (int32_t i = 0; i < t->n; i++)
		v[i] = (struct pair){t->partitions[i], t->epochs ? t->epochs[i] : 0};
	qsort(v, (size_t)t->n, sizeof(*v), pair_cmp);
	return v;
}

static bool same_order(const struct assign_topic *a, const struct assign_topic *b)
{
	size_t len = (size_t)a->n * sizeof(*a->partitions);

	return memcmp(a->partitions, b->partitions, len) == 0 &&
	       (!a->epochs || !b->epochs || memcmp(a->epochs, b->epochs, len) == 0);
}

static bool topic_equal(const struct assign_topic *a, const struct assign_topic *b)
{
	struct pair *x, *y;
	bool equal;

	if (a->n != b->n)
		return false;
	if (same_order(a, b))
		return true;
	x = pairs_sorted(a);
	y = pairs_sorted(b);
	equal = memcmp(x, y, (size_t)a->n * sizeof(*x)) == 0;
	xfree(x);
	xfree(y);
	return equal;
}

bool assign_set_equal(const struct assign_set *a, const struct assign_set *b)
{
	if (a->n != b->n)
		return false;
	for (int32_t i = 0; i < a->n; i++) {
		const struct assign_topic *other =
			uuid_eq(a->v[i].id, b->v[i].id) ? &b->v[i] : assign_set_find(b, a->v[i].id);

		if (!other || !topic_equal(&a->v[i], other))
			return false;
	}
	return true;
}

/* ---- drafts ---- */

static bool topic_room(struct draft_topic *t, struct arena *a, int32_t room)
{
	int32_t *p;

	if (room <= t->room)
		return true;
	room = room < 8 ? 8 : room + room / 2;
	p = arena_array(a, (size_t)room, sizeof(*p));
	if (!p)
		return false;
	if (t->t.n > 0)
		memcpy(p, t->t.partitions, (size_t)t->t.n * sizeof(*p));
	t->t.partitions = p;
	t->room = room;
	return true;
}

static bool draft_room(struct draft *d, struct arena *a, int32_t room)
{
	struct draft_topic *v;

	if (room <= d->room)
		return true;
	room = room < 4 ? 4 : room + room / 2;
	v = arena_array(a, (size_t)room, sizeof(*v));
	if (!v)
		return false;
	if (d->n > 0)
		memcpy(v, d->v, (size_t)d->n * sizeof(*v));
	d->v = v;
	d->room = room;
	return true;
}

/* Copies as Kafka copies a map of sets: new HashMap(size), and a HashSet of each set. */
bool draft_begin(struct draft *d, struct arena *a, const struct assign_set *owned)
{
	if (!draft_room(d, a, owned->n))
		return false;
	for (int32_t i = 0; i < owned->n; i++) {
		const struct assign_topic *from = &owned->v[i];
		struct draft_topic *t = &d->v[d->n];

		*t = (struct draft_topic){.t.id = from->id, .table = order_table_of_copy((size_t)from->n)};
		if (!topic_room(t, a, from->n))
			return false;
		memcpy(t->t.partitions, from->partitions, (size_t)from->n * sizeof(*from->partitions));
		t->t.n = from->n;
		d->n++;
	}
	d->n_owned = d->n;
	d->table = order_table(order_table_for((size_t)owned->n), (size_t)owned->n);
	return true;
}

static struct draft_topic *draft_find(struct draft *d, struct uuid id)
{
	if (d->last < d->n && uuid_eq(d->v[d->last].t.id, id))
		return &d->v[d->last];
	for (int32_t i = 0; i < d->n; i++) {
		if (uuid_eq(d->v[i].t.id, id)) {
			d->last = i;
			return &d->v[i];
		}
	}
	return NULL;
}

static struct draft_topic *draft_new_topic(struct draft *d, struct arena *a, struct uuid id, size_t table)
{
	if (!draft_room(d, a, d->n + 1))
		return NULL;
	d->last = d->n++;
	d->v[d->last] = (struct draft_topic){.t.id = id, .table = table};
	return &d->v[d->last];
}

bool draft_add(struct draft *d, struct arena *a, struct uuid id, int32_t partition, size_t table)
{
	struct draft_topic *t = draft_find(d, id);

	/* computeIfAbsent makes room for the existing entries, not for the new one. */
	d->table = order_table(d->table, (size_t)d->n);
	if (!t)
		t = draft_new_topic(d, a, id, table);
	if (!t || !topic_room(t, a, t->t.n + 1))
		return false;
	t->t.partitions[t->t.n++] = partition;
	t->table = order_table(t->table, (size_t)t->t.n);
	return true;
}

static void draft_drop(struct draft *d, struct draft_topic *t)
{
	size_t i = (size_t)(t - d->v);

	memmove(t, t + 1, ((size_t)d->n - i - 1) * sizeof(*t));
	d->n--;
	if ((int32_t)i < d->n_owned)
		d->n_owned--;
}

void draft_remove(struct draft *d, struct uuid id, int32_t partition)
{
	struct draft_topic *t = draft_find(d, id);

	for (int32_t i = 0; t && i < t->t.n; i++) {
		if (t->t.partitions[i] != partition)
			continue;
		memmove(t->t.partitions + i, t->t.partitions + i + 1,
			(size_t)(t->t.n - i - 1) * sizeof(*t->t.partitions));
		if (--t->t.n == 0)
			draft_drop(d, t);
		return;
	}
}

void draft_keep(struct draft *d, struct uuid id, int32_t n)
{
	struct draft_topic *t = draft_find(d, id);

	if (!t || n >= t->t.n) /* a target from the log may name a topic twice */
		return;
	t->t.n = n;
	if (n == 0)
		draft_drop(d, t);
}

void draft_remove_topic(struct draft *d, struct uuid id)
{
	struct draft_topic *t = draft_find(d, id);

	if (t)
		draft_drop(d, t);
}

bool draft_finish(struct draft *d, struct arena *a, struct assign_set *out)
{
	out->n = d->n;
	out->v = arena_array(a, (size_t)d->n + 1, sizeof(*out->v));
	if (!out->v)
		return false;
	for (int32_t i = 0; i < d->n; i++) {
		int32_t n_new = d->n - d->n_owned;
		struct draft_topic *t = &d->v[i < n_new ? d->n - 1 - i : i - n_new];

		order_partitions(&t->t, t->table);
		out->v[i] = t->t;
	}
	order_topics(out->v, out->n, d->table);
	return true;
}
