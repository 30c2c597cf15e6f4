/*
 * classic_join: JoinGroup.
 *
 * A new member is first given an id to come back with (KIP-394), unless it has an instance id or
 * uses a version before 4. A joining member waits until the generation begins; if the group is
 * stable and the join changes nothing, it is answered at once.
 */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/setting.h"
#include "group/classic.h"
#include "protocol/join_group.h"

#define FIRST_JOIN_MS (5 * 60 * 1000) /* session of a new member until its first generation begins */
#define KNOWN_MEMBER_ID_SINCE 4
#define SKIP_ASSIGNMENT_SINCE 9
#define ID_MAX 65536

struct join {
	struct group_shard *s;
	struct classic_group *g;
	struct shard_command *c;
	struct shard_step *step;
	const struct join_group_request *in;
};

static void refuse(const struct join *j, struct str member_id, int err)
{
	struct join_group_response *out = j->c->out;

	out->member_id = arena_str(j->c->arena, member_id);
	out->error_code = (int16_t)err;
	shard_answer_at_once(j->step, j->c);
}

/* ---- what the request offers ---- */

/* A repeated name is ignored, as in Kafka's collections. */
static void copy_protocols(const struct join *j, struct classic_protocols *out)
{
	const struct join_group_request *in = j->in;
	struct str_index met;

	str_index_init(&met, j->s->options.seed);
	out->v = xcalloc((size_t)in->protocols.n + 1, sizeof(*out->v));
	out->n = 0;
	for (int i = 0; i < in->protocols.n; i++) {
		int *number = str_index_at(&met, in->protocols.v[i].name);

		if (*number < 0)
			out->v[out->n++] = classic_protocol_make(in->protocols.v[i].name, in->protocols.v[i].metadata);
		*number = i;
	}
	str_index_fini(&met);
}

static bool matches(const struct classic_member *m, const struct join_group_request *in)
{
	if (m->protocols.n != in->protocols.n)
		return false;
	for (int i = 0; i < m->protocols.n; i++)
		if (!str_is(in->protocols.v[i].name, m->protocols.v[i].name) ||
		    !bytes_eq(in->protocols.v[i].metadata, m->protocols.v[i].metadata))
			return false;
	return true;
}

/* Whether this member and all others have a protocol in common. */
static bool is_compatible(const struct classic_group *g, const struct join_group_request *in)
{
	if (g->state == CLASSIC_EMPTY)
		return in->protocol_type.len > 0 && in->protocols.n > 0;
	if (!g->protocol_type || !str_is(in->protocol_type, g->protocol_type))
		return false;
	for (int i = 0; i < in->protocols.n; i++)
		if (g->n_members == 0 || classic_supports(g, in->protocols.v[i].name))
			return true;
	return false;
}

int32_t join_rebalance_timeout_ms(const struct shard_command *c)
{
	const struct join_group_request *in = c->in;

	return c->version == 0 ? in->session_timeout_ms : in->rebalance_timeout_ms;
}

/* ---- joining ---- */

/* A second command replaces the first, whose sender is most likely gone. */
static void wait_with(const struct join *j, struct classic_member *m)
{
	classic_refuse_join(m, j->step, str_of(m->id), ERR_REBALANCE_IN_PROGRESS);
	classic_set_join(m, j->c);
}

static void add_member(const struct join *j, struct str member_id)
{
	struct classic_member_options options = {
		.id = member_id,
		.instance_id = j->in->group_instance_id,
		.client_id = j->c->client_id,
		.client_host = j->c->client_host,
		.rebalance_timeout_ms = join_rebalance_timeout_ms(j->c),
		.session_timeout_ms = j->in->session_timeout_ms,
		.protocol_type = j->in->protocol_type,
	};
	struct classic_protocols protocols;
	struct classic_member *m;

	copy_protocols(j, &protocols);
	if (j->g->state == CLASSIC_PREPARING && j->g->previous == CLASSIC_EMPTY)
		j->g->new_member_added = true;
	m = classic_add(j->s, j->g, &options, &protocols);
	m->is_new = true;
	classic_set_join(m, j->c);
	classic_start_session(j->s, m, j->step->now_ms, FIRST_JOIN_MS);
	classic_rebalance(j->s, j->g, j->step);
}

static void update_member(const struct join *j, struct classic_member *m)
{
	struct classic_protocols protocols;

	copy_protocols(j, &protocols);
	classic_set_protocols(m, &protocols);
	m->rebalance_timeout_ms = join_rebalance_timeout_ms(j->c);
	m->session_timeout_ms = j->in->session_timeout_ms;
	wait_with(j, m);
}

static struct str new_member_id(const struct join *j)
{
	struct str prefix = str_is_null(j->in->group_instance_id) ? j->c->client_id : j->in->group_instance_id;
	uint64_t a = j->step->random(j->step->random_arg), b = j->step->random(j->step->random_arg);

	/* As java.util.UUID.randomUUID: version 4, variant 2. */
	a = (a & ~0xf000ull) | 0x4000;
	b = (b & ~(3ull << 62)) | 1ull << 63;
	return arena_printf(j->step->arena, "%.*s-%08x-%04x-%04x-%04x-%012llx", STR_ARG(prefix), (unsigned)(a >> 32),
			    (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xffff, (unsigned)(b >> 48),
			    (unsigned long long)(b & 0xffffffffffffull));
}

static void join_new_dynamic(const struct join *j, struct str member_id)
{
	struct classic_pending *p;

	if (j->c->version < KNOWN_MEMBER_ID_SINCE) {
		add_member(j, member_id);
		return;
	}
	p = classic_add_pending(j->g, member_id);
	group_timer_start(j->s, &p->session, classic_pending_expired, j->step->now_ms, j->in->session_timeout_ms);
	refuse(j, member_id, ERR_MEMBER_ID_REQUIRED);
}

/* ---- a static member returns with a new id (KIP-345) ---- */

struct return_write {
	char *group;
	char *old_id;
	char *new_id;
	char *leader; /* the leader before */
	int32_t generation;
	int32_t rebalance_timeout_ms;
	int32_t session_timeout_ms;
	struct classic_protocols protocols;
};

static void return_write_free(struct return_write *w)
{
	classic_protocols_free(&w->protocols);
	xfree(w->group);
	xfree(w->old_id);
	xfree(w->new_id);
	xfree(w->leader);
	xfree(w);
}

static void keep_protocols(const struct classic_member *m, struct classic_protocols *out)
{
	out->v = xcalloc((size_t)m->protocols.n + 1, sizeof(*out->v));
	out->n = m->protocols.n;
	for (int i = 0; i < out->n; i++)
		out->v[i] = classic_protocol_make(str_of(m->protocols.v[i].name), m->protocols.v[i].metadata);
}

static void return_is_lost(struct group_shard *s, struct classic_group *g, struct classic_member *m,
			   struct shard_step *step, struct return_write *w, int err)
{
	struct shard_command *c = m->join;

	if (c) {
		classic_answer_join(g, m, c, false);
		((struct join_group_response *)c->out)->leader = arena_str(c->arena, str_of(w->leader));
		classic_refuse_join(m, step, STR(""), err);
	}
	classic_set_protocols(m, &w->protocols);
	m->rebalance_timeout_ms = w->rebalance_timeout_ms;
	m->session_timeout_ms = w->session_timeout_ms;
	classic_rename(g, m, str_of(w->old_id));
	classic_start_session(s, m, step->now_ms, m->session_timeout_ms);
}

static void return_is_written(void *state, struct shard_step *step, void *arg, int err)
{
	struct group_shard *s = state;
	struct return_write *w = arg;
	struct group *group = group_find(s, str_of(w->group));
	struct classic_group *g = group && group_is_classic(group) ? classic_of(group) : NULL;
	struct classic_member *m = g ? classic_member(g, str_of(w->new_id)) : NULL;

	if (m && err) {
		/*
		 * If the group has moved on meanwhile, it did so with what the member offers now,
		 * and that stands.
		 */
		if (g->state == CLASSIC_STABLE && g->generation == w->generation)
			return_is_lost(s, g, m, step, w, err);
	} else if (m && m->join && g->state == CLASSIC_STABLE) {
		struct shard_command *c = m->join;
		struct join_group_response *out = c->out;
		bool leads = classic_is_leader(g, m), skips = c->version >= SKIP_ASSIGNMENT_SINCE;

		classic_set_join(m, NULL);
		classic_answer_join(g, m, c, leads && skips);
		out->skip_assignment = leads && skips;
		if (!skips)
			out->leader = arena_str(c->arena, str_of(w->leader));
		shard_answer_at_once(step, c);
	}
	return_write_free(w);
}

static void join_returning(const struct join *j, struct classic_member *m, struct str member_id)
{
	struct classic_group *g = j->g;
	struct return_write *w = xcalloc(1, sizeof(*w));

	*w = (struct return_write){
		.group = str_dup(group_id(&g->g)),
		.old_id = xstrdup(m->id),
		.new_id = str_dup(member_id),
		.leader = str_dup(str_of(g->leader)),
		.generation = g->generation,
		.rebalance_timeout_ms = m->rebalance_timeout_ms,
		.session_timeout_ms = m->session_timeout_ms,
	};
	keep_protocols(m, &w->protocols);
	classic_refuse_join(m, j->step, str_of(m->id), ERR_FENCED_INSTANCE_ID);
	classic_refuse_sync(m, j->step, ERR_FENCED_INSTANCE_ID);
	classic_set_owes_sync(m, false);
	m->is_new = false;
	classic_rename(g, m, member_id);
	classic_start_session(j->s, m, j->step->now_ms, m->session_timeout_ms);
	update_member(j, m);
	if (g->state == CLASSIC_STABLE && str_is(classic_vote(g), g->protocol)) {
		/* The member resumes its assignment without disturbing the others. */
		classic_put(g, j->step, NULL, 0);
		j->step->applied = true;
		shard_written(j->step, return_is_written, w);
		return;
	}
	return_write_free(w);
	if (g->state == CLASSIC_STABLE || g->state == CLASSIC_COMPLETING)
		classic_prepare(j->s, g, j->step);
	else
		classic_maybe_complete(j->s, g, j->step);
}

/* ---- who joins ---- */

static void join_new(const struct join *j)
{
	struct str instance_id = j->in->group_instance_id;
	struct classic_member *m = NULL;
	struct str member_id;

	if (!is_compatible(j->g, j->in)) {
		refuse(j, STR(""), ERR_INCONSISTENT_GROUP_PROTOCOL);
		return;
	}
	member_id = new_member_id(j);
	if (str_is_null(member_id)) {
		j->c->err = ERR_UNKNOWN_SERVER_ERROR;
		shard_answer_at_once(j->step, j->c);
		return;
	}
	if (str_is_null(instance_id)) {
		join_new_dynamic(j, member_id);
		return;
	}
	m = classic_static_member(j->g, instance_id);
	if (m)
		join_returning(j, m, member_id);
	else
		add_member(j, member_id);
}

static void join_known(const struct join *j, struct classic_member *m)
{
	struct classic_group *g = j->g;
	bool same = matches(m, j->in), leads = classic_is_leader(g, m);

	if (g->state == CLASSIC_EMPTY) {
		refuse(j, j->in->member_id, ERR_UNKNOWN_MEMBER_ID);
		return;
	}
	if ((g->state == CLASSIC_COMPLETING && same) || (g->state == CLASSIC_STABLE && same && !leads)) {
		/* It did not get this generation's answer, or has no changes. */
		classic_answer_join(g, m, j->c, leads && g->state == CLASSIC_COMPLETING);
		shard_answer_at_once(j->step, j->c);
		return;
	}
	update_member(j, m);
	classic_rebalance(j->s, g, j->step);
}

static void join_existing(const struct join *j)
{
	struct str member_id = j->in->member_id;
	int err;

	if (!is_compatible(j->g, j->in)) {
		refuse(j, member_id, ERR_INCONSISTENT_GROUP_PROTOCOL);
		return;
	}
	if (classic_find_pending(j->g, member_id)) {
		/* A dynamic member's id: a request with this id and an instance id is invalid. */
		if (str_is_null(j->in->group_instance_id))
			add_member(j, member_id);
		else
			refuse(j, member_id, ERR_UNKNOWN_SERVER_ERROR);
		return;
	}
	err = classic_check_member(j->g, member_id, j->in->group_instance_id);
	if (err)
		refuse(j, member_id, err);
	else
		join_known(j, classic_member(j->g, member_id));
}

static bool has_room(const struct join *j)
{
	const struct classic_member *m = classic_member(j->g, j->in->member_id);
	int64_t max = group_setting(j->s, CONFIG_GROUP_MAX_SIZE);

	switch (j->g->state) {
	case CLASSIC_EMPTY:
		return true;
	case CLASSIC_PREPARING:
		return (m && m->join) || j->g->n_joining < max;
	default:
		return m || j->g->n_members < max;
	}
}

static void turn_away(const struct join *j)
{
	struct classic_member *m = classic_member(j->g, j->in->member_id);
	struct classic_pending *p = classic_find_pending(j->g, j->in->member_id);

	if (m)
		classic_remove(j->s, j->g, m);
	if (p)
		classic_remove_pending(j->s, j->g, p);
	refuse(j, STR(""), ERR_GROUP_MAX_SIZE_REACHED);
}

static void join_classic(struct join *j)
{
	struct group *old = group_find(j->s, j->in->group_id);
	bool unknown = j->in->member_id.len == 0;

	if (!old && !unknown) {
		refuse(j, j->in->member_id, ERR_UNKNOWN_MEMBER_ID);
		return;
	}
	j->g = old ? classic_of(old) : classic_new(j->s, j->in->group_id, j->step->wall_ms);
	if (!has_room(j))
		turn_away(j);
	else if (unknown)
		join_new(j);
	else
		join_existing(j);
	if (!old) {
		classic_put_new(j->g, j->step);
		j->step->applied = true;
	}
}

/* ---- an empty group of another kind is replaced ---- */

static void way_is_made(void *state, struct shard_step *step, void *arg, int err)
{
	struct shard_command *c = arg;
	struct join j = {.s = state, .c = c, .step = step, .in = c->in};
	struct group *g = group_find(state, j.in->group_id);

	if (err)
		refuse(&j, STR(""), err);
	else if (g && !group_is_classic(g))
		refuse(&j, STR(""), ERR_INCONSISTENT_GROUP_PROTOCOL);
	else
		join_classic(&j);
}

/* The group's tombstones are written first; the member joins when they are committed. */
static void make_way(const struct join *j, struct group *g)
{
	if (j->in->member_id.len > 0) {
		refuse(j, j->in->member_id, ERR_UNKNOWN_MEMBER_ID);
		return;
	}
	g->kind->put_tombstones(j->s, g, j->step);
	shard_written(j->step, way_is_made, j->c);
}

void classic_join_command(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	struct join j = {.s = s, .c = c, .step = step, .in = c->in};
	struct group *g = group_find(s, j.in->group_id);

	if (!g || group_is_classic(g))
		join_classic(&j);
	else if (g->kind->is_empty(g))
		make_way(&j, g);
	else if (g->kind->join)
		g->kind->join(s, g, c, step);
	else
		refuse(&j, STR(""), ERR_INCONSISTENT_GROUP_PROTOCOL);
}
