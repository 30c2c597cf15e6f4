/*
 * consumer_subscription: the topics a group wants, their hash, whether all members want the same,
 * and the assignor that most prefer.
 */
#include <stdlib.h>
#include <string.h>

#include "group/consumer_group.h"
#include "group/consumer_hash.h"
#include "metadata/image.h"
#include "protocol/group_records.h"

/* ---- topics ---- */

static int wanted_cmp(const void *a, const void *b)
{
	return str_cmp(((const struct consumer_wanted *)a)->name, ((const struct consumer_wanted *)b)->name);
}

void consumer_topics_of(struct consumer_topics *t, const struct group_shard *s, const struct consumer_group *g,
			struct arena *a)
{
	*t = (struct consumer_topics){.a = a, .version = s->topics_version};
	t->v = arena_array(a, (size_t)g->topics.n + 1, sizeof(*t->v));
	t->failed = t->v == NULL;
	if (t->failed)
		return;
	map_each(n, &g->topics)
	{
		struct consumer_topic *topic = container_of(n, struct consumer_topic, node);

		t->v[t->n++] = (struct consumer_wanted){str_of(topic->name), topic->by_name, topic->by_regex, topic};
	}
	qsort(t->v, (size_t)t->n, sizeof(*t->v), wanted_cmp);
}

/* NULL: not found. */
static struct consumer_wanted *wanted(const struct consumer_topics *t, struct str name)
{
	const struct consumer_wanted key = {.name = name};

	return t->n > 0 ? bsearch(&key, t->v, (size_t)t->n, sizeof(*t->v), wanted_cmp) : NULL;
}

/* Merges the new names, which are sorted, into the existing ones. */
static void merge(struct consumer_topics *t, const struct consumer_wanted *fresh, int32_t n_fresh)
{
	struct consumer_wanted *v = arena_array(t->a, (size_t)(t->n + n_fresh), sizeof(*v));
	int32_t n = 0, i = 0, j = 0;

	t->failed |= v == NULL;
	while (v && (i < t->n || j < n_fresh)) {
		if (j == n_fresh || (i < t->n && wanted_cmp(&t->v[i], &fresh[j]) < 0)) {
			v[n++] = t->v[i++];
		} else if (n > 0 && str_eq(v[n - 1].name, fresh[j].name)) {
			v[n - 1].by_name += fresh[j].by_name;
			v[n - 1].by_regex += fresh[j++].by_regex;
		} else {
			v[n++] = fresh[j++];
		}
	}
	if (!v)
		return;
	t->v = v;
	t->n = n;
}

void consumer_topics_add(struct consumer_topics *t, const struct str *names, int32_t n, int32_t by_name,
			 int32_t by_regex)
{
	struct consumer_wanted *fresh = NULL;
	int32_t n_fresh = 0;

	for (int32_t i = 0; i < n && !t->failed; i++) {
		struct consumer_wanted *w = wanted(t, names[i]);

		if (w) {
			w->by_name += by_name;
			w->by_regex += by_regex;
			continue;
		}
		if (!fresh)
			fresh = arena_array(t->a, (size_t)(n - i), sizeof(*fresh));
		if (fresh)
			fresh[n_fresh++] = (struct consumer_wanted){names[i], by_name, by_regex, NULL};
		t->failed |= fresh == NULL;
	}
	if (n_fresh == 0 || t->failed)
		return;
	qsort(fresh, (size_t)n_fresh, sizeof(*fresh), wanted_cmp);
	merge(t, fresh, n_fresh);
}

static bool is_wanted(const struct consumer_wanted *w)
{
	return w->by_name > 0 || w->by_regex > 0;
}

/* A large topic takes a millisecond to hash: it is hashed once per change of the cluster's topics. */
static uint64_t topic_hash(const struct consumer_topics *t, const struct consumer_wanted *w, const struct image *image,
			   const struct image_topic *topic)
{
	if (!w->topic)
		return consumer_topic_hash(image, topic);
	if (w->topic->hash_version != t->version) {
		w->topic->hash = consumer_topic_hash(image, topic);
		w->topic->hash_version = t->version;
	}
	return w->topic->hash;
}

uint64_t consumer_topics_hash(struct consumer_topics *t, const struct image *image)
{
	uint64_t *hashes = arena_array(t->a, (size_t)t->n + 1, sizeof(*hashes));
	int32_t n = 0;

	if (!hashes) {
		t->failed = true;
		return 0;
	}
	for (int32_t i = 0; i < t->n; i++) {
		const struct image_topic *topic = is_wanted(&t->v[i]) ? image_topic_by_name(image, t->v[i].name) : NULL;

		if (topic)
			hashes[n++] = topic_hash(t, &t->v[i], image, topic);
	}
	return consumer_group_hash(hashes, n);
}

/* ---- whether all members have the same subscription ---- */

/*
 * With names only: each topic has every member. With patterns: all members share one and none names
 * a topic; the count is that of the first pattern in Kafka's hash map, and one pattern that not all
 * have is enough for a no.
 */
static bool is_homogeneous(const struct consumer_topics *t, int32_t n_members, bool has_regex, bool regex_is_all)
{
	if (has_regex && !regex_is_all)
		return false;
	for (int32_t i = 0; i < t->n; i++) {
		const struct consumer_wanted *w = &t->v[i];

		if (!is_wanted(w))
			continue;
		if (has_regex ? (w->by_regex != 1 || w->by_name > 0) : w->by_name != n_members)
			return false;
	}
	return true;
}

static bool any_regex_is_all(const struct consumer_group *g, int32_t n_members)
{
	map_each(n, &g->regexes)
	{
		if (container_of(n, struct consumer_regex, node)->n_members == n_members)
			return true;
	}
	return false;
}

bool consumer_is_homogeneous(const struct consumer_group *g)
{
	map_each(n, &g->topics)
	{
		const struct consumer_topic *t = container_of(n, struct consumer_topic, node);

		if (g->n_subscribed_regexes == 0 ? t->by_name != g->n_members : t->by_regex != 1 || t->by_name > 0)
			return false;
	}
	return g->n_subscribed_regexes == 0 || any_regex_is_all(g, g->n_members);
}

/* The members of a pattern once `was` has become `is`. */
static int32_t regex_members_after(const struct consumer_decision *d, struct str pattern)
{
	return consumer_regex_members(d->g, pattern) - (int32_t)str_eq(d->was.regex, pattern) +
	       (int32_t)str_eq(d->is.regex, pattern);
}

static bool homogeneous_after(const struct consumer_decision *d, const struct consumer_topics *t, int32_t n_members)
{
	bool has_regex = false, is_all = false;

	map_each(n, &d->g->regexes)
	{
		struct str pattern = str_of(container_of(n, struct consumer_regex, node)->pattern);
		int32_t n_of = regex_members_after(d, pattern);

		has_regex |= n_of > 0;
		is_all |= n_of > 0 && n_of == n_members;
	}
	if (consumer_has_regex(&d->is) && !consumer_regex(d->g, d->is.regex)) {
		has_regex = true;
		is_all |= n_members == 1;
	}
	return is_homogeneous(t, n_members, has_regex, is_all);
}

/* ---- the epoch ---- */

bool consumer_metadata_expired(const struct group_shard *s, const struct consumer_group *g)
{
	return g->topics_seen == 0 || g->topics_seen != s->topics_version || g->epoch < g->epoch_seen;
}

bool consumer_update_metadata(struct consumer_decision *d, bool bump)
{
	const struct consumer_regex *left = consumer_has_regex(&d->was) && !str_eq(d->was.regex, d->is.regex)
						    ? consumer_regex(d->g, d->was.regex)
						    : NULL;
	int32_t n_members = d->g->n_members;
	struct consumer_topics t;
	uint64_t hash;

	consumer_topics_of(&t, d->s, d->g, d->step->arena);
	consumer_topics_add(&t, d->was.names, d->was.n_names, -1, 0);
	consumer_topics_add(&t, d->is.names, d->is.n_names, 1, 0);
	for (int32_t i = 0; left && left->is_resolved && left->n_members == 1 && i < left->n_topics; i++) {
		struct str name = str_of(left->topics[i]);

		consumer_topics_add(&t, &name, 1, 0, -1);
	}
	hash = consumer_topics_hash(&t, d->step->image);
	if (t.failed)
		return consumer_refuse(d, -1, "out of memory");
	if (!consumer_member(d->g, d->is.id) && !consumer_static_member(d->g, d->is.instance_id))
		n_members++;
	d->homogeneous = homogeneous_after(d, &t, n_members);
	if (hash != d->g->metadata_hash)
		bump = true;
	if (bump)
		consumer_put_epoch(d->step, d->id, ++d->epoch, hash);
	d->g->topics_seen = d->s->topics_version;
	d->g->epoch_seen = d->epoch;
	if (d->g->has_partition_metadata)
		consumer_drop_partition_metadata(d->step, d->id);
	return true;
}

/* ---- a member's topics ---- */

static int name_cmp(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Appends what `out` does not contain; false: out of memory. */
static bool add_missing(struct arena *a, struct str *out, int32_t *n, const struct str *small, int32_t n_small)
{
	int32_t n_large = *n;
	struct str *sorted = arena_array(a, (size_t)n_large + 1, sizeof(*sorted));

	if (!sorted)
		return false;
	if (n_large > 0)
		memcpy(sorted, out, (size_t)n_large * sizeof(*out));
	qsort(sorted, (size_t)n_large, sizeof(*sorted), name_cmp);
	for (int32_t i = 0; i < n_small; i++) {
		if (!bsearch(&small[i], sorted, (size_t)n_large, sizeof(*sorted), name_cmp))
			out[(*n)++] = small[i];
	}
	return true;
}

/* Kafka iterates over the larger of the two sets, then over what only the smaller one has. */
struct str *consumer_subscribed(const struct consumer_group *g, const struct consumer_view *v, struct arena *a,
				int32_t *n)
{
	const struct consumer_regex *r = consumer_has_regex(v) ? consumer_regex(g, v->regex) : NULL;
	int32_t n_regex = r && r->is_resolved ? r->n_topics : 0;
	struct str *out = arena_array(a, (size_t)(v->n_names + n_regex) + 1, sizeof(*out));
	struct str *topics = arena_array(a, (size_t)n_regex + 1, sizeof(*topics));
	const struct str *large = v->names, *small = topics;
	int32_t n_large = v->n_names, n_small = n_regex;

	if (!out || !topics)
		return NULL;
	for (int32_t i = 0; i < n_regex; i++)
		topics[i] = str_of(r->topics[i]);
	if (n_regex >= n_large) {
		large = topics;
		small = v->names;
		n_small = n_large;
		n_large = n_regex;
	}
	*n = 0;
	for (int32_t i = 0; i < n_large; i++)
		out[(*n)++] = large[i];
	return n_small == 0 || add_missing(a, out, n, small, n_small) ? out : NULL;
}

/* ---- the protocols of classic members ---- */

void consumer_count_offers(struct str_index *x, const struct consumer_view *v, int n)
{
	for (int32_t i = 0; i < v->classic->supported_protocols.n; i++) {
		struct str name = v->classic->supported_protocols.v[i].name;
		int *number = str_index_has(x, name) ? str_index_at(x, name) : NULL;

		if (number && *number == n)
			*number = n + 1;
	}
}

/* ---- assignors ---- */

/*
 * The assignor named most often; among equals the first in Kafka's hash map: the two existing
 * assignors share a slot, where a name added by a decision comes first, and one added by a record
 * last.
 */
struct str consumer_preferred_assignor(const struct group_shard *s, const struct consumer_group *g,
				       const struct consumer_view *was, const struct consumer_view *is)
{
	struct str added = is ? is->assignor : STR_NULL, best = STR_NULL;
	int32_t n_best = 0;

	for (int32_t i = 0; i < g->n_assignors; i++) {
		if (str_eq(added, g->assignors[i].name))
			added = STR_NULL;
	}
	if (!str_is_null(added)) {
		best = added;
		n_best = 1;
	}
	for (int32_t i = 0; i < g->n_assignors; i++) {
		struct str name = g->assignors[i].name;
		int32_t n =
			g->assignors[i].n - (was && str_eq(was->assignor, name)) + (is && str_eq(is->assignor, name));

		if (n > n_best) {
			best = name;
			n_best = n;
		}
	}
	return str_is_null(best) ? consumer_default_assignor(s) : best;
}
