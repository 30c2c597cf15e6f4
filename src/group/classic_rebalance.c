/*
 * classic_rebalance: from joining members to an assigned generation.
 *
 *	prepare		members learn from their heartbeats to rejoin; one that has not by the rebalance
 *			timeout is removed
 *	complete	a new generation: every joined member is answered, and must send SyncGroup within
 *			the rebalance timeout
 *
 * The first rebalance of an empty group is delayed by group.initial.rebalance.delay.ms after each
 * new member, for at most the rebalance timeout.
 */
#include "base/check.h"
#include "base/err.h"
#include "config/setting.h"
#include "group/classic.h"
#include "protocol/join_group.h"
#include "protocol/sync_group.h"

#define WAIT_LEAST_MS 1000 /* wait for static members to come back: their timeout may be 0 */

static void session_expired(struct group_shard *s, struct group_timer *t, struct shard_step *step);

/* ---- answers ---- */

static struct str keep(struct shard_command *c, const char *text)
{
	return arena_str(c->arena, str_of(text));
}

void classic_answer_join(const struct classic_group *g, const struct classic_member *m, struct shard_command *c,
			 bool list_members)
{
	struct join_group_response *out = c->out;
	int i = 0;

	out->generation_id = g->generation;
	out->protocol_type = keep(c, g->protocol_type);
	out->protocol_name = keep(c, g->protocol);
	out->leader = keep(c, g->leader);
	out->member_id = keep(c, m->id);
	if (!list_members)
		return;
	out->members.n = g->n_members;
	out->members.v = arena_array(c->arena, (size_t)g->n_members + 1, sizeof(*out->members.v));
	list_each(it, &g->members)
	{
		const struct classic_member *other = container_of(it, struct classic_member, link);
		struct bytes metadata = classic_metadata(other, g->protocol);
		struct str copy = arena_str(c->arena, (struct str){(const char *)metadata.p, metadata.len});

		check(metadata.p);
		if (c->arena->failed)
			break;
		out->members.v[i++] = (struct join_group_response_member){
			.member_id = keep(c, other->id),
			.group_instance_id = keep(c, other->instance_id),
			.metadata = {(const uint8_t *)copy.p, copy.len},
		};
	}
	if (c->arena->failed)
		c->err = ERR_UNKNOWN_SERVER_ERROR;
}

static void refuse_join_command(struct shard_command *c, struct str member_id, int err)
{
	struct join_group_response *out = c->out;

	out->member_id = arena_str(c->arena, member_id);
	out->error_code = (int16_t)err;
}

void classic_refuse_join(struct classic_member *m, struct shard_step *step, struct str member_id, int err)
{
	struct shard_command *c = m->join;

	if (!c)
		return;
	classic_set_join(m, NULL);
	refuse_join_command(c, member_id, err);
	shard_answer_at_once(step, c);
}

static struct shard_command *fill_sync(struct classic_member *m, int err)
{
	struct shard_command *c = m->sync;
	struct sync_group_response *out = c->out;
	struct str copy = arena_str(c->arena, (struct str){(const char *)m->assignment.p, m->assignment.len});

	m->sync = NULL;
	out->error_code = (int16_t)err;
	out->assignment = (struct bytes){(const uint8_t *)copy.p, copy.len};
	if (err == 0) {
		out->protocol_type = keep(c, m->group->protocol_type);
		out->protocol_name = keep(c, m->group->protocol);
	}
	if (c->arena->failed)
		c->err = ERR_UNKNOWN_SERVER_ERROR;
	return c;
}

void classic_tell_assignment(struct classic_member *m, struct shard_step *step)
{
	shard_answer(step, fill_sync(m, 0));
}

void classic_refuse_sync(struct classic_member *m, struct shard_step *step, int err)
{
	struct shard_command *c = m->sync;

	if (!c)
		return;
	m->sync = NULL;
	((struct sync_group_response *)c->out)->error_code = (int16_t)err;
	shard_answer_at_once(step, c);
}

void classic_propagate(struct group_shard *s, struct classic_group *g, struct shard_step *step, int err)
{
	list_each(it, &g->members)
	{
		struct classic_member *m = container_of(it, struct classic_member, link);

		if (!m->sync)
			continue;
		shard_answer_at_once(step, fill_sync(m, err));
		classic_start_session(s, m, step->now_ms, m->session_timeout_ms);
	}
}

/* ---- sessions ---- */

void classic_start_session(struct group_shard *s, struct classic_member *m, int64_t now_ms, int64_t timeout_ms)
{
	group_timer_start(s, &m->session, session_expired, now_ms, timeout_ms);
}

static void session_expired(struct group_shard *s, struct group_timer *t, struct shard_step *step)
{
	struct classic_member *m = container_of(t, struct classic_member, session);
	struct classic_group *g = m->group;

	/*
	 * A member that waits for the others is alive; but a new one may be gone before it has ever
	 * joined.
	 */
	if (!m->is_new && (m->join || m->sync))
		return;
	classic_refuse_join(m, step, STR(""), ERR_UNKNOWN_MEMBER_ID);
	classic_refuse_sync(m, step, ERR_UNKNOWN_MEMBER_ID);
	classic_remove(s, g, m);
	if (g->state == CLASSIC_STABLE || g->state == CLASSIC_COMPLETING)
		classic_rebalance(s, g, step);
	else if (g->state == CLASSIC_PREPARING && g->n_joining == g->n_members && g->n_pending == 0)
		classic_complete(s, g, step);
}

void classic_pending_expired(struct group_shard *s, struct group_timer *t, struct shard_step *step)
{
	struct classic_pending *p = container_of(t, struct classic_pending, session);
	struct classic_group *g = p->group;

	classic_remove_pending(s, g, p);
	if (g->state == CLASSIC_PREPARING && g->n_joining == g->n_members && g->n_pending == 0)
		classic_complete(s, g, step);
}

/* ---- syncing ---- */

static void stop_syncing(struct group_shard *s, struct classic_group *g)
{
	list_each(it, &g->members) classic_set_owes_sync(container_of(it, struct classic_member, link), false);
	group_timer_stop(s, &g->syncing);
}

void classic_has_synced(struct group_shard *s, struct classic_member *m)
{
	classic_set_owes_sync(m, false);
	if (m->group->n_owe_sync == 0)
		group_timer_stop(s, &m->group->syncing);
}

/* Removes members that have not synced in time. */
static void syncing_expired(struct group_shard *s, struct group_timer *t, struct shard_step *step)
{
	struct classic_group *g = container_of(t, struct classic_group, syncing);

	if (g->n_owe_sync == 0 || (g->state != CLASSIC_COMPLETING && g->state != CLASSIC_STABLE))
		return;
	list_each_safe(it, &g->members)
	{
		struct classic_member *m = container_of(it, struct classic_member, link);

		if (!m->owes_sync)
			continue;
		classic_refuse_sync(m, step, ERR_UNKNOWN_MEMBER_ID);
		classic_remove(s, g, m);
	}
	classic_prepare(s, g, step);
}

/* ---- joining ---- */

static void joining_expired(struct group_shard *s, struct group_timer *t, struct shard_step *step)
{
	classic_complete(s, container_of(t, struct classic_group, rebalance), step);
}

static int32_t initial_delay_ms(const struct group_shard *s)
{
	return (int32_t)group_setting(s, CONFIG_GROUP_INITIAL_REBALANCE_DELAY_MS);
}

/* Adds another delay if a member joined during this one, until the rebalance timeout is used up. */
static void initial_delay_over(struct group_shard *s, struct group_timer *t, struct shard_step *step)
{
	struct classic_group *g = container_of(t, struct classic_group, rebalance);
	int32_t delay_ms = initial_delay_ms(s), gone_ms = g->delay_ms;

	if (!g->new_member_added || g->remaining_ms == 0) {
		classic_complete(s, g, step);
		return;
	}
	g->new_member_added = false;
	g->delay_ms = delay_ms < g->remaining_ms ? delay_ms : g->remaining_ms;
	g->remaining_ms = g->remaining_ms > gone_ms ? g->remaining_ms - gone_ms : 0;
	group_timer_start(s, t, initial_delay_over, step->now_ms, g->delay_ms);
}

static void wait_for_first_members(struct group_shard *s, struct classic_group *g, struct shard_step *step)
{
	int32_t timeout_ms = classic_rebalance_timeout_ms(g);

	g->delay_ms = initial_delay_ms(s);
	g->remaining_ms = timeout_ms > g->delay_ms ? timeout_ms - g->delay_ms : 0;
	group_timer_start(s, &g->rebalance, initial_delay_over, step->now_ms, g->delay_ms);
}

void classic_prepare(struct group_shard *s, struct classic_group *g, struct shard_step *step)
{
	bool first = g->state == CLASSIC_EMPTY;

	if (g->state == CLASSIC_COMPLETING) {
		list_each(it, &g->members)
			classic_set_assignment(container_of(it, struct classic_member, link), BYTES_NULL);
		classic_propagate(s, g, step, ERR_REBALANCE_IN_PROGRESS);
	}
	stop_syncing(s, g);
	if (first)
		wait_for_first_members(s, g, step);
	classic_move(g, CLASSIC_PREPARING, step->wall_ms);
	if (first)
		return;
	if (g->n_joining == g->n_members && g->n_pending == 0)
		classic_complete(s, g, step);
	else
		group_timer_start(s, &g->rebalance, joining_expired, step->now_ms, classic_rebalance_timeout_ms(g));
}

void classic_maybe_complete(struct group_shard *s, struct classic_group *g, struct shard_step *step)
{
	if (g->state == CLASSIC_PREPARING && g->previous != CLASSIC_EMPTY && g->n_joining == g->n_members &&
	    g->n_pending == 0)
		classic_complete(s, g, step);
}

void classic_rebalance(struct group_shard *s, struct classic_group *g, struct shard_step *step)
{
	if (g->state == CLASSIC_PREPARING)
		classic_maybe_complete(s, g, step);
	else
		classic_prepare(s, g, step);
}

/* Removes dynamic members that did not rejoin; static ones are kept until their sessions expire. */
static void drop_who_did_not_join(struct group_shard *s, struct classic_group *g)
{
	list_each_safe(it, &g->members)
	{
		struct classic_member *m = container_of(it, struct classic_member, link);

		if (!m->join && !m->instance_id)
			classic_remove(s, g, m);
	}
}

/* Only a member that has rejoined can assign. False: there is none. */
static bool elect(struct classic_group *g)
{
	const struct classic_member *leader = g->leader ? classic_member(g, str_of(g->leader)) : NULL;

	if (leader && leader->join)
		return true;
	if (!g->leader)
		return false;
	list_each(it, &g->members)
	{
		const struct classic_member *m = container_of(it, struct classic_member, link);

		if (m->join) {
			classic_set_leader(g, str_of(m->id));
			return true;
		}
	}
	return false;
}

static void begin_generation(struct group_shard *s, struct classic_group *g, struct shard_step *step)
{
	g->generation++;
	classic_set_protocol(g, g->n_members > 0 ? classic_vote(g) : STR_NULL);
	classic_note_topics(g);
	classic_move(g, g->n_members > 0 ? CLASSIC_COMPLETING : CLASSIC_EMPTY, step->wall_ms);
	stop_syncing(s, g);
}

static void answer_joined(struct group_shard *s, struct classic_group *g, struct shard_step *step)
{
	list_each(it, &g->members)
	{
		struct classic_member *m = container_of(it, struct classic_member, link);
		struct shard_command *c = m->join;

		classic_set_join(m, NULL);
		if (c) {
			classic_answer_join(g, m, c, classic_is_leader(g, m));
			shard_answer_at_once(step, c);
		}
		classic_start_session(s, m, step->now_ms, m->session_timeout_ms);
		m->is_new = false;
		classic_set_owes_sync(m, true);
	}
	group_timer_start(s, &g->syncing, syncing_expired, step->now_ms, classic_rebalance_timeout_ms(g));
}

void classic_complete(struct group_shard *s, struct classic_group *g, struct shard_step *step)
{
	group_timer_stop(s, &g->rebalance);
	drop_who_did_not_join(s, g);
	if (!elect(g) && g->n_members > 0) {
		/* There are only static members, and none has come back yet. */
		int32_t wait_ms = classic_rebalance_timeout_ms(g);

		group_timer_start(s, &g->rebalance, joining_expired, step->now_ms,
				  wait_ms < WAIT_LEAST_MS ? WAIT_LEAST_MS : wait_ms);
		return;
	}
	begin_generation(s, g, step);
	if (g->state == CLASSIC_EMPTY) {
		classic_put(g, step, NULL, 0);
		step->applied = true;
	} else {
		answer_joined(s, g, step);
	}
}
