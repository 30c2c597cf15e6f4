/*
 * classic_sync: SyncGroup, Heartbeat and LeaveGroup.
 *
 * The leader's SyncGroup is written before any member is answered: once it is committed, all get
 * their part and the group is STABLE; if it cannot be, all are told why and rejoin.
 */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "group/classic.h"
#include "protocol/heartbeat.h"
#include "protocol/leave_group.h"
#include "protocol/sync_group.h"

/* ---- SyncGroup ---- */

struct sync_write {
	char *group;
	int32_t generation;
	int n;
	struct classic_assignment v[];
};

static void refuse_sync(struct shard_command *c, struct shard_step *step, int err)
{
	((struct sync_group_response *)c->out)->error_code = (int16_t)err;
	shard_answer_at_once(step, c);
}

static struct sync_write *sync_write_new(const struct classic_group *g, const struct sync_group_request *in)
{
	struct sync_write *w = xcalloc(1, sizeof(*w) + (size_t)in->assignments.n * sizeof(w->v[0]));

	w->group = str_dup(group_id(&g->g));
	w->generation = g->generation;
	w->n = in->assignments.n;
	for (int i = 0; i < w->n; i++) {
		struct str id = in->assignments.v[i].member_id;
		struct classic_protocol copy = classic_protocol_make(id, in->assignments.v[i].assignment);

		w->v[i] = (struct classic_assignment){{copy.name, id.len}, copy.metadata};
	}
	return w;
}

static void sync_write_free(struct sync_write *w)
{
	for (int i = 0; i < w->n; i++) {
		xfree((void *)w->v[i].member_id.p);
		xfree((void *)w->v[i].assignment.p);
	}
	xfree(w->group);
	xfree(w);
}

static void take_assignments(struct classic_group *g, const struct sync_write *w)
{
	list_each(it, &g->members) classic_set_assignment(container_of(it, struct classic_member, link), BYTES_NULL);
	for (int i = 0; i < w->n; i++) {
		struct classic_member *m = classic_member(g, w->v[i].member_id);

		if (m)
			classic_set_assignment(m, w->v[i].assignment);
	}
}

static void assignment_is_written(void *state, struct shard_step *step, void *arg, int err)
{
	struct group_shard *s = state;
	struct sync_write *w = arg;
	struct group *group = group_find(s, str_of(w->group));
	struct classic_group *g = group && group_is_classic(group) ? classic_of(group) : NULL;

	if (g && g->state == CLASSIC_COMPLETING && g->generation == w->generation) {
		if (err) {
			list_each(it, &g->members)
				classic_set_assignment(container_of(it, struct classic_member, link), BYTES_NULL);
			classic_propagate(s, g, step, err);
			classic_prepare(s, g, step);
		} else {
			take_assignments(g, w);
			classic_propagate(s, g, step, 0);
			classic_move(g, CLASSIC_STABLE, step->wall_ms);
		}
	}
	sync_write_free(w);
}

static bool is_inconsistent(struct str asked, const char *have)
{
	return !str_is_null(asked) && have && !str_is(asked, have);
}

static int check_sync(const struct classic_group *g, const struct sync_group_request *in)
{
	int err = classic_check_member(g, in->member_id, in->group_instance_id);

	if (err)
		return err;
	if (in->generation_id != g->generation)
		return ERR_ILLEGAL_GENERATION;
	if (is_inconsistent(in->protocol_type, g->protocol_type) || is_inconsistent(in->protocol_name, g->protocol))
		return ERR_INCONSISTENT_GROUP_PROTOCOL;
	return g->state == CLASSIC_PREPARING ? ERR_REBALANCE_IN_PROGRESS : 0;
}

void classic_sync(struct group_shard *s, struct group *group, struct shard_command *c, struct shard_step *step)
{
	const struct sync_group_request *in = c->in;
	struct classic_group *g = classic_of(group);
	struct classic_member *m;
	int err = check_sync(g, in);

	if (err) {
		refuse_sync(c, step, err);
		return;
	}
	m = classic_member(g, in->member_id);
	/* Sent again: the sender of the first is most likely gone. */
	classic_refuse_sync(m, step, ERR_REBALANCE_IN_PROGRESS);
	m->sync = c;
	classic_has_synced(s, m);
	if (g->state == CLASSIC_STABLE) {
		classic_tell_assignment(m, step);
	} else if (classic_is_leader(g, m)) {
		struct sync_write *w = sync_write_new(g, in);

		classic_put(g, step, w->v, w->n);
		step->applied = true;
		shard_written(step, assignment_is_written, w);
	}
}

void classic_sync_command(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct sync_group_request *in = c->in;
	struct group *g = group_find(s, in->group_id);

	if (!g || g->kind->is_empty(g) || !g->kind->sync)
		refuse_sync(c, step, ERR_UNKNOWN_MEMBER_ID);
	else
		g->kind->sync(s, g, c, step);
}

/* ---- Heartbeat ---- */

static int beat(struct group_shard *s, struct classic_group *g, const struct heartbeat_request *in, int64_t now_ms)
{
	int err = classic_check_member(g, in->member_id, in->group_instance_id);
	struct classic_member *m;

	if (err)
		return err;
	if (in->generation_id != g->generation)
		return ERR_ILLEGAL_GENERATION;
	if (g->state == CLASSIC_EMPTY)
		return ERR_UNKNOWN_MEMBER_ID;
	m = classic_member(g, in->member_id);
	classic_start_session(s, m, now_ms, m->session_timeout_ms);
	return g->state == CLASSIC_PREPARING ? ERR_REBALANCE_IN_PROGRESS : 0;
}

void classic_heartbeat(struct group_shard *s, struct group *group, struct shard_command *c, struct shard_step *step)
{
	struct heartbeat_response *out = c->out;

	out->error_code = (int16_t)beat(s, classic_of(group), c->in, step->now_ms);
	shard_answer_at_once(step, c);
}

void classic_heartbeat_command(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct heartbeat_request *in = c->in;
	struct group *g = group_find(s, in->group_id);

	if (g && g->kind->heartbeat) {
		g->kind->heartbeat(s, g, c, step);
		return;
	}
	((struct heartbeat_response *)c->out)->error_code = ERR_UNKNOWN_MEMBER_ID;
	shard_answer_at_once(step, c);
}

/* ---- LeaveGroup ---- */

static int leave_one(struct group_shard *s, struct classic_group *g, const struct leave_group_request_member *in,
		     struct shard_step *step)
{
	struct classic_pending *pending = classic_find_pending(g, in->member_id);
	struct classic_member *m;
	int err;

	if (in->member_id.len == 0) {
		m = str_is_null(in->group_instance_id) ? NULL : classic_static_member(g, in->group_instance_id);
		if (!m)
			return ERR_UNKNOWN_MEMBER_ID;
	} else if (pending) {
		classic_remove_pending(s, g, pending);
		return 0;
	} else {
		err = classic_check_member(g, in->member_id, in->group_instance_id);
		if (err)
			return err;
		m = classic_member(g, in->member_id);
	}
	classic_refuse_join(m, step, STR(""), ERR_UNKNOWN_MEMBER_ID);
	classic_refuse_sync(m, step, ERR_UNKNOWN_MEMBER_ID);
	classic_remove(s, g, m);
	return 0;
}

void classic_leave(struct group_shard *s, struct group *group, struct shard_command *c, struct shard_step *step)
{
	const struct leave_group_request *in = c->in;
	struct leave_group_response *out = c->out;
	struct classic_group *g = classic_of(group);
	bool any = false;

	/* For an old version the sender has put the single member into the list. */
	for (int i = 0; i < in->members.n; i++) {
		struct leave_group_response_member *o = &out->members.v[i];

		o->error_code = (int16_t)leave_one(s, g, &in->members.v[i], step);
		any |= o->error_code == 0;
	}
	if (any && (g->state == CLASSIC_STABLE || g->state == CLASSIC_COMPLETING))
		classic_rebalance(s, g, step);
	else if (any)
		classic_maybe_complete(s, g, step);
	shard_answer(step, c);
}

void classic_leave_command(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct leave_group_request *in = c->in;
	struct leave_group_response *out = c->out;
	struct group *g = group_find(s, in->group_id);

	out->members.v = arena_array(c->arena, (size_t)in->members.n + 1, sizeof(*out->members.v));
	if (!out->members.v) {
		shard_refuse(step, c, ERR_UNKNOWN_SERVER_ERROR, STR_NULL);
		return;
	}
	out->members.n = in->members.n;
	for (int i = 0; i < in->members.n; i++) {
		out->members.v[i].member_id = in->members.v[i].member_id;
		out->members.v[i].group_instance_id = in->members.v[i].group_instance_id;
		out->members.v[i].error_code = ERR_UNKNOWN_MEMBER_ID;
	}
	if (g && g->kind->leave)
		g->kind->leave(s, g, c, step);
	else
		shard_answer_at_once(step, c);
}
