/*
 * member: the life of a member: finding the coordinator, the sequence of steps, heartbeats, errors,
 * leaving.
 */
#include "client/member.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "client/member_private.h"
#include "protocol/find_coordinator.h"
#include "protocol/join_group.h"
#include "protocol/leave_group.h"

enum { LEAVE_MS = 10000, FIND_VERSION = 3 };

/* ---- common to all steps ---- */

void member_later(struct member *m, enum step step)
{
	m->step = step;
	timer_start(&m->next, MEMBER_RETRY_MS);
}

static void on_answer(struct call *call)
{
	struct member *m = container_of(call, struct member, call);

	m->asking = false;
	m->answered(call);
}

void member_ask(struct member *m, int key, int version_max, int32_t node, const void *request,
		void (*done)(struct call *))
{
	m->call = (struct call){.key = (int16_t)key,
				.version_max = (int8_t)version_max,
				.node = node,
				.request = request,
				.arena = &m->arena,
				.done = on_answer};
	m->call.lane = node >= 0 ? m->lane : 0;
	if (key == join_group_request_KEY)
		m->call.timeout_ms = m->options.rebalance_timeout_ms + 5000;
	else if (m->step == STEP_LEAVE)
		m->call.timeout_ms = LEAVE_MS;
	check(!m->asking);
	m->answered = done;
	m->asking = true;
	client_call(m->client, &m->call);
}

void member_beat_begin(struct member *m, int16_t key, const void *request, void (*done)(struct call *))
{
	check(!m->beating);
	m->beating = true;
	m->beat = (struct call){.key = key,
				.lane = m->lane,
				.node = m->coordinator,
				.timeout_ms = m->options.session_timeout_ms,
				.request = request,
				.arena = &m->beat_arena,
				.done = done};
	client_call(m->client, &m->beat);
}

int member_beat_end(struct member *m)
{
	struct str message;

	m->beating = false;
	return m->beat.err ? m->beat.err : client_answer_error(&m->beat, &message);
}

static void stop_asking(struct member *m)
{
	if (m->asking)
		client_cancel(m->client, &m->call);
	m->asking = false;
	if (m->beating)
		client_cancel(m->client, &m->beat);
	m->beating = false;
	m->then = NULL;
	timer_stop(&m->next);
	timer_stop(&m->beat_timer);
}

void member_give_up(struct member *m, int err)
{
	stop_asking(m);
	m->step = STEP_GONE;
	timer_stop(&m->commit_timer);
	if (m->options.failed)
		m->options.failed(m->options.arg, err);
}

void member_no_memory(struct member *m)
{
	member_give_up(m, -ENOMEM);
}

void member_trouble(struct member *m, int err)
{
	if (err > 0 && !err_is_retriable(err)) {
		member_give_up(m, err);
		return;
	}
	stop_asking(m);
	m->coordinator = -1;
	member_later(m, STEP_FIND);
}

void member_lost(struct member *m)
{
	struct partitions_list owned;

	if (m->options.revoked && consumer_count(m->consumer) > 0) {
		arena_reset(&m->owed_arena);
		owned = member_owned(m, &m->owed_arena);
		m->options.revoked(m->options.arg, owned.v, owned.v ? owned.n : 0);
	}
	m->owed.n = 0;
	m->then = NULL;
	consumer_assign(m->consumer, NULL, 0);
	timer_stop(&m->commit_timer);
}

/* ---- the coordinator ---- */

static void on_found(struct call *call)
{
	struct member *m = container_of(call, struct member, call);
	const struct find_coordinator_response *r = call->response;
	struct str message;
	int err = call->err ? call->err : client_answer_error(call, &message);

	if (err == 0 && r->node_id < 0) /* an impossible node */
		err = ERR_COORDINATOR_NOT_AVAILABLE;
	if (err != 0) {
		member_trouble(m, err);
		return;
	}
	m->coordinator = r->node_id;
	m->protocol->join(m);
}

static void find_coordinator(struct member *m)
{
	struct find_coordinator_request *r;

	m->step = STEP_FIND;
	arena_reset(&m->arena);
	r = arena_zalloc(&m->arena, sizeof(*r));
	r->key = m->options.group;
	member_ask(m, find_coordinator_request_KEY, FIND_VERSION, CLIENT_ANY, r, on_found);
}

static void on_next(struct timer *t)
{
	struct member *m = container_of(t, struct member, next);

	if (m->step == STEP_STABLE)
		m->protocol->beat(m);
	else if (m->step == STEP_RECONCILE)
		member_reconcile_again(m);
	else if (m->step == STEP_FIND || m->coordinator < 0)
		find_coordinator(m);
	else if (m->step == STEP_JOIN)
		m->protocol->join(m);
}

/* ---- leaving ---- */

static void on_left(struct call *call)
{
	struct member *m = container_of(call, struct member, call);

	m->step = STEP_GONE;
	m->left(m->options.arg);
}

static void on_nothing_to_leave(struct timer *t)
{
	struct member *m = container_of(t, struct member, next);

	m->step = STEP_GONE;
	m->left(m->options.arg);
}

static void leave_now(struct member *m)
{
	timer_init(&m->next, m->loop, on_nothing_to_leave);
	timer_start(&m->next, 0);
}

static void leave_group(struct member *m)
{
	arena_reset(&m->arena);
	m->protocol->leave(m, on_left);
	if (!m->asking) /* a static member of a classic group stays in it until its session expires */
		leave_now(m);
}

void member_leave(struct member *m, void (*left)(void *arg))
{
	bool was_member = m->epoch >= 0 && m->id[0] != 0 && m->coordinator >= 0 && m->step != STEP_GONE;

	m->left = left;
	stop_asking(m);
	m->step = STEP_LEAVE;
	if (was_member)
		member_commit_then(m, leave_group);
	else
		leave_now(m);
}

/* ---- life ---- */

static const struct member_protocol *protocol_of(const struct member_options *o)
{
	return o->is_consumer ? &member_consumer : &member_classic;
}

/* With KIP-848 a member chooses its own id. */
static char *first_id(struct member *m)
{
	char text[UUID_TEXT_LEN + 1];

	return m->options.is_consumer ? xstrdup(uuid_text(env_random_uuid(m->loop->env), text)) : xstrdup("");
}

static void copy_options(struct member *m, const struct member_options *options)
{
	m->options = *options;
	m->group = str_dup(options->group);
	m->instance_id = str_dup(options->instance_id);
	m->rack = str_dup(options->rack);
	m->assignor = str_dup(options->assignor);
	m->options.group = str_of(m->group);
	m->options.instance_id = str_of(m->instance_id);
	m->options.rack = str_of(m->rack);
	m->options.assignor = str_of(m->assignor);
	m->cooperative = true;
	for (int i = 0; i < options->n_strategies; i++)
		m->cooperative = m->cooperative && options->strategies[i] == STRATEGY_COOPERATIVE_STICKY;
}

struct member *member_new(struct client *c, struct consumer *consumer, const struct member_options *options)
{
	struct member *m = xcalloc(1, sizeof(*m));

	check(options->is_consumer || options->n_strategies > 0);
	m->client = c;
	m->consumer = consumer;
	m->loop = client_loop(c);
	m->lane = client_lane(c);
	copy_options(m, options);
	m->protocol = protocol_of(options);
	m->id = first_id(m);
	m->epoch = -1;
	m->coordinator = -1;
	timer_init(&m->next, m->loop, on_next);
	timer_init(&m->beat_timer, m->loop, member_on_beat_time);
	arena_init(&m->arena, MEMBER_ARENA_MAX);
	arena_init(&m->beat_arena, MEMBER_ARENA_MAX);
	arena_init(&m->wanted_arena, MEMBER_ARENA_MAX);
	member_commit_init(m);
	return m;
}

static void drop_topics(struct member *m)
{
	for (int i = 0; i < m->n_topics; i++)
		xfree((char *)m->topics[i].p);
	xfree(m->topics);
}

void member_subscribe(struct member *m, const struct str *topics, int n)
{
	struct str *v = xcalloc((size_t)n + 1, sizeof(*v));

	for (int i = 0; i < n; i++)
		v[i] = (struct str){str_dup(topics[i]), topics[i].len};
	drop_topics(m);
	m->topics = v;
	m->n_topics = n;
	if (m->step == STEP_IDLE) {
		m->step = STEP_FIND;
		timer_start(&m->next, 0);
	} else {
		m->protocol->changed(m);
	}
}

void member_free(struct member *m)
{
	stop_asking(m);
	member_commit_free(m);
	arena_fini(&m->arena);
	arena_fini(&m->beat_arena);
	arena_fini(&m->wanted_arena);
	drop_topics(m);
	for (int i = 0; i < m->n_names; i++)
		xfree(m->names[i].name);
	xfree(m->names);
	xfree(m->group);
	xfree(m->instance_id);
	xfree(m->rack);
	xfree(m->assignor);
	xfree(m->id);
	xfree(m->strategy);
	xfree(m);
}
