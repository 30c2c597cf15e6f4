/*
 * offset_expiry: removes offsets after their retention (KIP-211), and those of deleted topics.
 *
 * Every offsets.retention.check.interval.ms all groups are checked. A group that is empty and has
 * lost its last offset is removed too.
 */
#include "base/mem.h"
#include "config/setting.h"
#include "group/offsets.h"
#include "metadata/image.h"

#define MS_PER_MINUTE 60000ll

static void expire(struct group_shard *s, struct group_timer *t, struct shard_step *step);

void offsets_start_expiry(struct group_shard *s, int64_t now_ms)
{
	group_timer_start(s, &s->expiry, expire, now_ms, group_setting(s, CONFIG_OFFSETS_RETENTION_CHECK_INTERVAL_MS));
}

static bool is_expired(const struct offset_value *v, enum group_expiry rule, int64_t since_ms, int64_t retention_ms,
		       int64_t wall_ms)
{
	if (v->expire_ms >= 0)
		return wall_ms >= v->expire_ms;
	return wall_ms - (rule == GROUP_EXPIRY_SINCE ? since_ms : v->commit_ms) >= retention_ms;
}

/* Writes tombstones for expired offsets. True: none are left. */
static bool expire_offsets(struct group_shard *s, const struct group *g, const struct group_offsets *o,
			   struct shard_step *step)
{
	int64_t retention_ms = group_setting(s, CONFIG_OFFSETS_RETENTION_MINUTES) * MS_PER_MINUTE, since_ms = -1;
	enum group_expiry rule = g->kind->expiry(g, &since_ms);
	bool all = true;

	if (rule == GROUP_EXPIRY_NONE)
		return false;
	list_each(it, &o->topics)
	{
		const struct offset_topic *t = container_of(it, struct offset_topic, link);
		bool subscribed = g->kind->is_subscribed(g, str_of(t->name));

		for (int i = 0; i < t->n; i++) {
			const struct offset_entry *e = t->v[i];
			bool goes = e->now && !subscribed && !offset_is_pending(e) &&
				    is_expired(e->now, rule, since_ms, retention_ms, step->wall_ms);

			if (goes)
				offsets_put_tombstone(step, group_id(g), str_of(t->name), e->partition);
			else
				all &= !e->now && !offset_is_pending(e);
		}
	}
	return all;
}

static void expire(struct group_shard *s, struct group_timer *t, struct shard_step *step)
{
	(void)t;
	map_each(n, &s->groups)
	{
		struct group *g = container_of(n, struct group, node);
		const struct group_offsets *o = offsets_of(s, group_id(g));

		if ((!o || expire_offsets(s, g, o, step)) && g->kind->is_empty(g))
			g->kind->put_tombstones(s, g, step);
	}
	step->divisible = true;
	offsets_start_expiry(s, step->now_ms);
}

/* ---- deleted topics ---- */

struct deleted {
	const struct image_topic **v;
	int n;
};

static void note_deleted(void *arg, const struct image_topic *old, const struct image_topic *now)
{
	struct deleted *d = arg;

	if (now || !old)
		return;
	d->v = xreallocarray(d->v, (size_t)d->n + 1, sizeof(const struct image_topic *));
	d->v[d->n++] = old;
}

static bool was_of(const struct offset_value *v, struct uuid topic_id)
{
	return v && (uuid_is_zero(v->topic_id) || uuid_eq(v->topic_id, topic_id));
}

static bool is_of_topic(const struct offset_entry *e, struct uuid topic_id)
{
	if (was_of(e->now, topic_id))
		return true;
	for (struct list *it = e->open.next; it != &e->open; it = it->next)
		if (was_of(container_of(it, struct txn_offset, of_entry)->value, topic_id))
			return true;
	return false;
}

void offsets_of_deleted_topics(struct group_shard *s, const struct image *old, struct shard_step *step)
{
	struct deleted d = {0};

	image_diff_topics(old, step->image, note_deleted, &d);
	if (d.n == 0)
		return;
	map_each(n, &s->offsets)
	{
		const struct group_offsets *o = container_of(n, struct group_offsets, node);

		for (int i = 0; i < d.n; i++) {
			const struct offset_topic *t = offsets_topic(o, d.v[i]->name);

			for (int j = 0; t && j < t->n; j++)
				if (is_of_topic(t->v[j], d.v[i]->id))
					offsets_put_tombstone(step, str_of(o->id), str_of(t->name), t->v[j]->partition);
		}
	}
	step->divisible = true;
	xfree(d.v);
}
