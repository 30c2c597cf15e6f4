/*
 * consumer_leave: members leave: on their own request, because their session expired, or because
 * they did not give up partitions in time.
 *
 * Timers hold no logged state: when one fires, the group is checked again. A member created by
 * records that are not committed yet gets its session when they are.
 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "group/consumer_group.h"
#include "protocol/group_records.h"

static struct consumer_member *member_of(struct group_timer *t, size_t offset)
{
	return (struct consumer_member *)((char *)t - offset);
}

#define MEMBER_OF(t, timer) member_of(t, offsetof(struct consumer_member, timer))

/* ---- fencing ---- */

/* Drops patterns that no remaining member has. */
static void drop_regexes(struct consumer_group *g, struct consumer_member **v, int32_t n,
			 struct consumer_topics *topics, struct shard_step *step)
{
	map_each(it, &g->regexes)
	{
		const struct consumer_regex *r = container_of(it, struct consumer_regex, node);
		int32_t leaving = 0;

		for (int32_t i = 0; i < n; i++)
			leaving += str_is(v[i]->v.regex, r->pattern);
		if (leaving == 0 || leaving != r->n_members)
			continue;
		consumer_drop_regex(step, group_id(&g->g), str_of(r->pattern));
		for (int32_t i = 0; i < r->n_topics; i++) {
			struct str name = str_of(r->topics[i]);

			consumer_topics_add(topics, &name, 1, 0, -1);
		}
	}
}

/* If the records were refused, they are still members. */
static void fenced(void *state, struct shard_step *step, void *arg, int err)
{
	struct group *g = err ? group_find(state, str_of(arg)) : NULL;

	if (group_is_consumer(g))
		consumer_loaded(state, g, step);
	xfree(arg);
}

void consumer_fence(struct group_shard *s, struct consumer_group *g, struct consumer_member **v, int32_t n,
		    struct shard_step *step)
{
	struct str id = group_id(&g->g);
	struct consumer_topics topics;
	uint64_t hash;

	if (n == 0 || consumer_to_classic(s, g, v, n, NULL, true, step))
		return;
	consumer_topics_of(&topics, s, g, step->arena);
	for (int32_t i = 0; i < n; i++) {
		consumer_drop_member(step, id, v[i]->v.id);
		consumer_topics_add(&topics, v[i]->v.names, v[i]->v.n_names, -1, 0);
	}
	drop_regexes(g, v, n, &topics, step);
	hash = consumer_topics_hash(&topics, step->image);
	step->failed |= topics.failed;
	consumer_put_epoch(step, id, g->epoch + 1, hash);
	if (g->n_members == n)
		consumer_put_target_epoch(step, id, g->epoch + 1, 0);
	for (int32_t i = 0; i < n; i++) {
		group_timer_stop(s, &v[i]->session);
		group_timer_stop(s, &v[i]->rebalance);
		group_timer_stop(s, &v[i]->join);
		group_timer_stop(s, &v[i]->sync);
	}
	shard_written(step, fenced, str_dup(id));
}

void consumer_session_expired(struct group_shard *s, struct group_timer *t, struct shard_step *step)
{
	struct consumer_member *m = MEMBER_OF(t, session);

	consumer_fence(s, m->group, &m, 1, step);
}

void consumer_rebalance_expired(struct group_shard *s, struct group_timer *t, struct shard_step *step)
{
	struct consumer_member *m = MEMBER_OF(t, rebalance);

	if (m->v.epoch == m->rebalance_epoch)
		consumer_fence(s, m->group, &m, 1, step);
}

void consumer_join_expired(struct group_shard *s, struct group_timer *t, struct shard_step *step)
{
	struct consumer_member *m = MEMBER_OF(t, join);

	consumer_fence(s, m->group, &m, 1, step);
}

void consumer_sync_expired(struct group_shard *s, struct group_timer *t, struct shard_step *step)
{
	struct consumer_member *m = MEMBER_OF(t, sync);

	consumer_fence(s, m->group, &m, 1, step);
}

/* ---- sessions ---- */

int32_t consumer_classic_session_ms(const struct consumer_view *v)
{
	return v->classic ? v->classic->session_timeout_ms : -1;
}

void consumer_start_session(struct group_shard *s, struct consumer_member *m, const struct shard_step *step)
{
	int32_t ms = m->v.classic ? consumer_classic_session_ms(&m->v)
				  : consumer_session_timeout_ms(s, step, group_id(&m->group->g));

	group_timer_start(s, &m->session, consumer_session_expired, step->now_ms, ms);
}

/* Starts the timers that a logged member needs; also after a load. */
static void start_missing(struct group_shard *s, struct consumer_member *m, const struct shard_step *step)
{
	if (!group_timer_is_running(&m->session))
		consumer_start_session(s, m, step);
	if (m->v.state == CONSUMER_UNREVOKED && !m->v.classic && !group_timer_is_running(&m->rebalance)) {
		m->rebalance_epoch = m->v.epoch;
		group_timer_start(s, &m->rebalance, consumer_rebalance_expired, step->now_ms,
				  m->v.rebalance_timeout_ms);
	}
}

void consumer_loaded(struct group_shard *s, struct group *g, struct shard_step *step)
{
	consumer_each(m, consumer_of(g)) start_missing(s, m, step);
}

struct settling {
	char *group;
	char *member; /* NULL: all members */
};

static void settled(void *state, struct shard_step *step, void *arg, int err)
{
	struct group_shard *s = state;
	struct settling *w = arg;
	struct group *g = group_find(s, str_of(w->group));

	(void)err; /* what is in the state counts, whatever became of the write */
	if (group_is_consumer(g)) {
		struct consumer_member *m = w->member ? consumer_member(consumer_of(g), str_of(w->member)) : NULL;

		if (m)
			start_missing(s, m, step);
		else if (!w->member)
			consumer_loaded(s, g, step);
	}
	xfree(w->group);
	xfree(w->member);
	xfree(w);
}

void consumer_when_written(struct group_shard *s, struct shard_step *step, struct str group, struct str member)
{
	struct settling *w = xcalloc(1, sizeof(*w));

	(void)s;
	w->group = str_dup(group);
	w->member = str_dup(member);
	shard_written(step, settled, w);
}
