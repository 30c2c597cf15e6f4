/*
 * assign_uniform: the uniform assignor for members that all have the same subscription
 * (UniformHomogeneousAssignmentBuilder).
 *
 * Each member keeps what it has up to its quota; the surplus and unowned partitions fill up members
 * that have less. The first members that can use it get the extra partition when the division
 * leaves a remainder.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "group/assign.h"

const struct assignor ASSIGNORS[] = {
	{"uniform", assign_uniform},
	{"range", assign_range},
	{NULL, NULL},
};

const struct assignor *assignor_find(struct str name)
{
	for (const struct assignor *a = ASSIGNORS; a->name; a++) {
		if (str_is(name, a->name))
			return a;
	}
	return NULL;
}

struct free_partition {
	struct uuid id;
	int32_t partition;
};

struct uniform {
	struct assign_spec *spec;
	struct assign_source *topics; /* of the subscription, in the order of a HashSet */
	const struct assign_source **by_id;
	int32_t n_topics;
	struct draft *drafts; /* one per member */
	int32_t *wants;	      /* how many partitions each member still needs */
	struct free_partition *unassigned;
	size_t n_unassigned;
	int32_t quota;
	int32_t n_extra; /* number of members that still get one more */
};

static int by_id(const void *a, const void *b)
{
	return memcmp((*(const struct assign_source *const *)a)->id.b, (*(const struct assign_source *const *)b)->id.b,
		      16);
}

static const struct assign_source *topic_find(const struct uniform *u, struct uuid id)
{
	const struct assign_source key = {.id = id}, *p = &key;
	const struct assign_source **found =
		bsearch(&p, u->by_id, (size_t)u->n_topics, sizeof(struct assign_source *), by_id);

	return found ? *found : NULL;
}

static int uniform_init(struct uniform *u)
{
	struct assign_spec *spec = u->spec;
	const struct assign_member *first = &spec->members[0];
	int32_t *hashes;

	u->n_topics = first->n_topics;
	u->topics = arena_array(spec->arena, (size_t)u->n_topics, sizeof(*u->topics));
	u->by_id = arena_array(spec->arena, (size_t)u->n_topics, sizeof(struct assign_source *));
	u->drafts = arena_array(spec->arena, (size_t)spec->n_members, sizeof(*u->drafts));
	u->wants = arena_array(spec->arena, (size_t)spec->n_members, sizeof(*u->wants));
	hashes = arena_array(spec->arena, (size_t)u->n_topics, sizeof(*hashes));
	if (!u->topics || !u->by_id || !u->drafts || !u->wants || !hashes)
		return -ENOMEM;
	for (int32_t i = 0; i < u->n_topics; i++) {
		u->topics[i] = spec->sources[first->topics[i]];
		hashes[i] = order_uuid_hash(u->topics[i].id);
	}
	order_members(u->topics, u->n_topics, sizeof(*u->topics), hashes, order_table_of_copy((size_t)first->n_names));
	for (int32_t i = 0; i < u->n_topics; i++)
		u->by_id[i] = &u->topics[i];
	qsort(u->by_id, (size_t)u->n_topics, sizeof(struct assign_source *), by_id);
	return 0;
}

/* Marks owned partitions: one byte per partition. */
static uint8_t **owned_marks(struct uniform *u)
{
	struct assign_spec *spec = u->spec;
	uint8_t **marks = arena_array(spec->arena, (size_t)u->n_topics, sizeof(uint8_t *));

	for (int32_t i = 0; marks && i < u->n_topics; i++) {
		marks[i] = arena_zalloc(spec->arena, (size_t)u->topics[i].n_partitions + 1);
		if (!marks[i])
			return NULL;
	}
	for (int32_t m = 0; marks && m < spec->n_members; m++) {
		const struct assign_set *owned = &spec->members[m].owned;

		for (int32_t i = 0; i < owned->n; i++) {
			const struct assign_source *t = topic_find(u, owned->v[i].id);

			for (int32_t j = 0; t && j < owned->v[i].n; j++) {
				if (owned->v[i].partitions[j] >= 0 && owned->v[i].partitions[j] < t->n_partitions)
					marks[t - u->topics][owned->v[i].partitions[j]] = 1;
			}
		}
	}
	return marks;
}

static int find_unassigned(struct uniform *u)
{
	struct assign_spec *spec = u->spec;
	uint8_t **marks = owned_marks(u);
	int64_t total = 0, room;

	if (!marks)
		return -ENOMEM;
	for (int32_t i = 0; i < u->n_topics; i++)
		total += u->topics[i].n_partitions;
	room = total;
	for (int32_t m = 0; m < spec->n_members; m++)
		room += assign_set_partitions(&spec->members[m].owned);
	u->unassigned = arena_array(spec->arena, (size_t)room, sizeof(*u->unassigned));
	if (!u->unassigned)
		return -ENOMEM;
	for (int32_t i = 0; i < u->n_topics; i++) {
		for (int32_t p = 0; p < u->topics[i].n_partitions; p++) {
			if (!marks[i][p])
				u->unassigned[u->n_unassigned++] = (struct free_partition){u->topics[i].id, p};
		}
	}
	u->quota = (int32_t)(total / spec->n_members);
	u->n_extra = (int32_t)(total % spec->n_members);
	return 0;
}

static bool draft_open(struct uniform *u, int32_t m)
{
	return u->drafts[m].table != 0 || draft_begin(&u->drafts[m], u->spec->arena, &u->spec->members[m].owned);
}

/* Takes away what exceeds the quota; false when the arena's budget is spent. */
static bool take_surplus(struct uniform *u, int32_t m, const struct assign_topic *t, int32_t *quota)
{
	if (t->n <= *quota) {
		*quota -= t->n;
		return true;
	}
	if (!draft_open(u, m))
		return false;
	draft_keep(&u->drafts[m], t->id, *quota);
	for (int32_t i = *quota; i < t->n; i++)
		u->unassigned[u->n_unassigned++] = (struct free_partition){t->id, t->partitions[i]};
	*quota = 0;
	return true;
}

static int revoke(struct uniform *u, int32_t m)
{
	const struct assign_set *owned = &u->spec->members[m].owned;
	bool extra = u->n_extra > 0;
	int32_t quota = u->quota + (extra ? 1 : 0);

	for (int32_t i = 0; i < owned->n; i++) {
		if (topic_find(u, owned->v[i].id)) {
			if (!take_surplus(u, m, &owned->v[i], &quota))
				return -ENOMEM;
		} else {
			if (!draft_open(u, m))
				return -ENOMEM;
			draft_remove_topic(&u->drafts[m], owned->v[i].id);
		}
	}
	if (quota > 0 && extra && u->spec->n_members - m > u->n_extra) {
		quota--; /* a later member may get the extra one */
		extra = false;
	}
	u->wants[m] = quota > 0 ? quota : 0;
	if (extra)
		u->n_extra--;
	return 0;
}

static int fill(struct uniform *u)
{
	size_t next = 0;

	for (int32_t m = 0; m < u->spec->n_members; m++) {
		if (u->wants[m] == 0)
			continue;
		if (!draft_open(u, m))
			return -ENOMEM;
		for (int32_t i = 0; i < u->wants[m] && next < u->n_unassigned; i++, next++) {
			const struct free_partition *f = &u->unassigned[next];

			if (!draft_add(&u->drafts[m], u->spec->arena, f->id, f->partition, 16))
				return -ENOMEM;
		}
	}
	return next < u->n_unassigned ? -EPROTO : 0;
}

static int assign_same(struct assign_spec *spec)
{
	struct uniform u = {.spec = spec};
	int err = uniform_init(&u);

	if (!err)
		err = find_unassigned(&u);
	for (int32_t m = 0; !err && m < spec->n_members; m++)
		err = revoke(&u, m);
	if (!err)
		err = fill(&u);
	for (int32_t m = 0; !err && m < spec->n_members; m++) {
		struct assign_member *to = &spec->members[m];

		to->target = to->owned;
		if (u.drafts[m].table && !draft_finish(&u.drafts[m], spec->arena, &to->target))
			err = -ENOMEM;
	}
	return err;
}

int assign_uniform(struct assign_spec *spec)
{
	if (spec->n_members == 0)
		return 0;
	if (!spec->homogeneous)
		return assign_uniform_mixed(spec);
	if (spec->members[0].n_topics == 0) {
		for (int32_t m = 0; m < spec->n_members; m++)
			spec->members[m].target = (struct assign_set){0};
		return 0;
	}
	return assign_same(spec);
}
