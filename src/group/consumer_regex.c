/*
 * consumer_regex: subscriptions by pattern (KIP-848): the topics that match a pattern are found in
 * a job, and logged.
 *
 * All patterns of a group are resolved together: when there is a new one, when the cluster has new
 * topics, and every group.consumer.regex.refresh.interval.ms; but never more often than every
 * REFRESH_LEAST_MS, and one job at a time. Topics that the member whose heartbeat starts the job
 * may not describe are not found.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "group/consumer_group.h"
#include "group/regex.h"
#include "metadata/image.h"

enum { REFRESH_LEAST_MS = 10000 };

/* ---- the job ---- */

struct resolved {
	struct str pattern; /* xmalloc'd */
	struct str *topics; /* views into the image */
	int32_t n;
	int32_t cap;
};

struct resolving {
	struct shard_job job;
	struct str group; /* xmalloc'd */
	const struct image *image;
	struct shard_sight *sight; /* what the requester may see; NULL: everything */
	int64_t wall_ms;	   /* when the job was started */
	struct resolved *v;
	int32_t n;
};

static struct str keep(struct str s)
{
	return (struct str){xstrndup(s.p, (size_t)s.len), s.len};
}

static void resolving_free(struct resolving *r)
{
	for (int32_t i = 0; i < r->n; i++) {
		xfree((char *)r->v[i].pattern.p);
		xfree(r->v[i].topics);
	}
	xfree(r->v);
	xfree((char *)r->group.p);
	if (r->sight)
		r->sight->free(r->sight);
	image_unref(&r->image);
	xfree(r);
}

/* One pattern at a time, so that the memory of one is the limit for all. */
static void resolve(struct resolved *r, const struct image *image, const struct shard_sight *sight)
{
	struct regex *regex = regex_new(r->pattern, NULL);
	const struct image_topic *t;
	struct image_iter it;

	if (!regex)
		return;
	image_topics(image, &it);
	while ((t = image_topics_next(&it))) {
		if (!regex_matches(regex, t->name) || (sight && !sight->sees(sight, image, t->name)))
			continue;
		if (r->n == r->cap) {
			r->cap = r->cap ? r->cap * 2 : 8;
			r->topics = xreallocarray(r->topics, (size_t)r->cap, sizeof(*r->topics));
		}
		r->topics[r->n++] = t->name;
	}
	regex_free(regex);
}

static void run(struct shard_job *job)
{
	struct resolving *r = container_of(job, struct resolving, job);

	for (int32_t i = 0; i < r->n; i++)
		resolve(&r->v[i], r->image, r->sight);
}

static int name_cmp(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The result is sorted by name, as the image is. */
static bool same_topics(const struct consumer_regex *old, const struct resolved *r)
{
	if ((old->is_resolved ? old->n_topics : 0) != r->n)
		return false;
	for (int32_t i = 0; i < r->n; i++) {
		struct str name = str_of(old->topics[i]);

		if (!bsearch(&name, r->topics, (size_t)r->n, sizeof(name), name_cmp))
			return false;
	}
	return true;
}

static void replace(struct consumer_topics *t, const struct consumer_regex *old, const struct resolved *r)
{
	for (int32_t i = 0; i < old->n_topics; i++) {
		struct str name = str_of(old->topics[i]);

		consumer_topics_add(t, &name, 1, 0, -1);
	}
	consumer_topics_add(t, r->topics, r->n, 0, 1);
}

static void take(const struct group_shard *s, struct consumer_group *g, const struct resolving *r,
		 struct shard_step *step)
{
	struct consumer_topics topics;
	bool bump = false;
	uint64_t hash;

	consumer_topics_of(&topics, s, g, step->arena);
	for (int32_t i = 0; i < r->n; i++) {
		const struct consumer_regex *old = consumer_regex(g, r->v[i].pattern);

		if (!old || old->n_members == 0)
			continue;
		if (!same_topics(old, &r->v[i])) {
			bump = true;
			replace(&topics, old, &r->v[i]);
		}
		consumer_put_regex(step, r->group, r->v[i].pattern, r->v[i].topics, r->v[i].n, image_offset(r->image),
				   r->wall_ms);
	}
	hash = consumer_topics_hash(&topics, step->image);
	step->failed |= topics.failed;
	if (hash == g->metadata_hash && !bump)
		return;
	consumer_put_epoch(step, r->group, g->epoch + 1, hash);
	g->epoch_seen = g->epoch + 1;
}

static void done(struct shard_job *job, void *state, struct shard_step *step)
{
	struct resolving *r = container_of(job, struct resolving, job);
	struct group_shard *s = state;
	struct group *g = s ? group_find(s, r->group) : NULL;

	if (group_is_consumer(g)) {
		consumer_of(g)->is_resolving = false;
		take(s, consumer_of(g), r, step);
		consumer_of(g)->topics_seen = s->topics_version;
	}
	resolving_free(r);
}

static void add_pattern(struct resolving *r, struct str pattern)
{
	r->v = xreallocarray(r->v, (size_t)r->n + 1, sizeof(*r->v));
	r->v[r->n++] = (struct resolved){.pattern = keep(pattern)};
}

/* The number of members that will have the pattern. */
static int32_t members_after(const struct consumer_decision *d, struct str pattern)
{
	return consumer_regex_members(d->g, pattern) - (int32_t)str_eq(d->was.regex, pattern) +
	       (int32_t)str_eq(d->is.regex, pattern);
}

static void start(struct consumer_decision *d)
{
	struct resolving *r = xcalloc(1, sizeof(*r));

	r->job.run = run;
	r->job.done = done;
	r->group = keep(d->id);
	r->image = image_ref(d->step->image);
	r->sight = d->asker ? d->asker->sight(d->asker) : NULL;
	r->wall_ms = d->step->wall_ms;
	map_each(n, &d->g->regexes)
	{
		struct str pattern = str_of(container_of(n, struct consumer_regex, node)->pattern);

		if (members_after(d, pattern) > 0)
			add_pattern(r, pattern);
	}
	if (consumer_has_regex(&d->is) && !consumer_regex(d->g, d->is.regex))
		add_pattern(r, d->is.regex);
	if (r->n == 0) {
		resolving_free(r);
		return;
	}
	d->g->is_resolving = true;
	shard_start_job(d->step, &r->job);
}

/* ---- the decision ---- */

static bool compiles(struct consumer_decision *d)
{
	struct str why = STR_NULL;
	struct regex *r = regex_new(d->is.regex, &why);

	regex_free(r);
	return r || consumer_refuse(d, ERR_INVALID_REGULAR_EXPRESSION,
				    "SubscribedTopicRegex `%.*s` is not a valid regular expression: %.*s.",
				    STR_ARG(d->is.regex), STR_ARG(why));
}

static bool change_of_member(struct consumer_decision *d, enum consumer_regex_change *change, bool *refresh)
{
	bool had = consumer_has_regex(&d->was), has = consumer_has_regex(&d->is);
	const struct consumer_regex *r;

	*change = CONSUMER_REGEX_SAME;
	if (str_eq(d->was.regex, d->is.regex))
		return true;
	*change = CONSUMER_REGEX_NEW;
	if (had && consumer_regex_members(d->g, d->was.regex) == 1)
		consumer_drop_regex(d->step, d->id, d->was.regex);
	if (!has) {
		if (had)
			*change = CONSUMER_REGEX_RESOLVED;
		return true;
	}
	r = consumer_regex(d->g, d->is.regex);
	if (!r || r->n_members == 0) {
		*refresh = true;
		return compiles(d);
	}
	if (r->is_resolved)
		*change = CONSUMER_REGEX_RESOLVED;
	return true;
}

/* Kafka checks one of the patterns: all are resolved together. */
static const struct consumer_regex *any_resolved(const struct consumer_group *g)
{
	map_each(n, &g->regexes)
	{
		const struct consumer_regex *r = container_of(n, struct consumer_regex, node);

		if (r->is_resolved)
			return r;
	}
	return NULL;
}

static int32_t patterns_after(const struct consumer_decision *d)
{
	int32_t n_patterns = consumer_has_regex(&d->is) && !consumer_regex(d->g, d->is.regex);

	map_each(n, &d->g->regexes)
	{
		n_patterns += members_after(d, str_of(container_of(n, struct consumer_regex, node)->pattern)) > 0;
	}
	return n_patterns;
}

bool consumer_update_regex(struct consumer_decision *d, enum consumer_regex_change *change)
{
	const struct consumer_regex *r = any_resolved(d->g);
	int64_t now = d->step->wall_ms;
	bool refresh = false;

	if (!change_of_member(d, change, &refresh))
		return false;
	if ((!refresh && d->g->n_subscribed_regexes == 0) || d->g->is_resolving)
		return true;
	if (r && now <= r->timestamp_ms + REFRESH_LEAST_MS)
		return true;
	refresh |= patterns_after(d) != d->g->n_resolved_regexes;
	refresh |= (r ? r->version : 0) < d->s->new_topics_offset;
	refresh |= !r || now > r->timestamp_ms + group_setting(d->s, CONFIG_GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS);
	if (refresh)
		start(d);
	return true;
}
