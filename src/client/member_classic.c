/* member_classic: the classic group protocol: joins, syncs and heartbeats; and the leader's part. */
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "client/member_assign.h"
#include "client/member_private.h"
#include "protocol/heartbeat.h"
#include "protocol/join_group.h"
#include "protocol/leave_group.h"
#include "protocol/sync_group.h"
#include "wire/codec.h"

enum { PROTOCOL_VERSION = 3 };

static void join(struct member *m);
static void rejoin(struct member *m);

static void forget_id(struct member *m)
{
	xfree(m->id);
	m->id = xstrdup("");
}

static void handle_error(struct member *m, int err)
{
	switch (err) {
	case ERR_UNKNOWN_MEMBER_ID:
		forget_id(m);
		/* fallthrough */
	case ERR_ILLEGAL_GENERATION:
		member_lost(m);
		m->epoch = -1;
		/* fallthrough */
	case ERR_REBALANCE_IN_PROGRESS:
		member_later(m, STEP_JOIN);
		return;
	default:
		member_trouble(m, err);
	}
}

/* Encodes an embedded message: its version, then the message. False: out of memory. */
static bool encode_embedded(struct member *m, const struct schema *schema, const void *in, struct bytes *out)
{
	struct buf b = {0};
	uint8_t *p;
	int err;

	buf_put(&b, (uint8_t[]){0, PROTOCOL_VERSION}, 2);
	err = codec_encode_buf(schema, PROTOCOL_VERSION, in, &b);
	p = err == 0 ? arena_alloc(&m->arena, b.len) : NULL;
	if (p)
		memcpy(p, b.p, b.len);
	*out = (struct bytes){p, p ? (int32_t)b.len : 0};
	buf_fini(&b);
	return p != NULL;
}

/* An invalid message from another member is not the group's error: it is taken as empty. */
static void decode_embedded(struct member *m, const struct schema *schema, struct bytes in, void *out)
{
	struct reader r;
	int version;

	codec_init(schema, out);
	if (in.len < 2)
		return;
	reader_init(&r, in.p, (size_t)in.len);
	version = reader_i16(&r);
	if (version < 0 || version > PROTOCOL_VERSION)
		version = PROTOCOL_VERSION;
	if (codec_read(schema, version, &r, &m->arena, out) != 0)
		codec_init(schema, out);
}

/* ---- joining ---- */

static void step_count(struct member *m);
static void step_sync(struct member *m, const struct share *shares, int n);

/* Adds what it owns, for the leader; an eager member has given up everything. False: out of memory. */
static bool add_owned(struct member *m, struct consumer_protocol_subscription *s)
{
	struct partitions_list owned = member_owned(m, &m->arena);
	struct consumer_protocol_subscription_topic_partition *t =
		arena_array(&m->arena, (size_t)owned.n + 1, sizeof(*t));
	int32_t *numbers = arena_array(&m->arena, (size_t)owned.n + 1, sizeof(*numbers));

	if (!owned.v || !t || !numbers)
		return false;
	s->owned_partitions.v = t--;
	for (int i = 0; i < owned.n; i++) {
		if (i == 0 || !str_eq(owned.v[i].topic, owned.v[i - 1].topic)) {
			(++t)->topic = owned.v[i].topic;
			t->partitions.v = numbers + i;
			s->owned_partitions.n++;
		}
		t->partitions.v[t->partitions.n++] = owned.v[i].partition;
	}
	return true;
}

static bool encode_subscription(struct member *m, struct bytes *out)
{
	struct consumer_protocol_subscription s;

	codec_init(&consumer_protocol_subscription_schema, &s);
	s.topics.v = m->topics;
	s.topics.n = m->n_topics;
	s.generation_id = m->epoch;
	s.rack_id = m->options.rack;
	return add_owned(m, &s) && encode_embedded(m, &consumer_protocol_subscription_schema, &s, out);
}

static void on_joined(struct call *call)
{
	struct member *m = container_of(call, struct member, call);
	const struct join_group_response *r = call->response;
	struct str message;
	int err = call->err ? call->err : client_answer_error(call, &message);

	if (err == 0 || err == ERR_MEMBER_ID_REQUIRED) {
		xfree(m->id);
		m->id = str_dup(r->member_id);
	}
	if (err == ERR_MEMBER_ID_REQUIRED) {
		join(m);
		return;
	}
	if (err != 0) {
		handle_error(m, err);
		return;
	}
	m->epoch = r->generation_id;
	xfree(m->strategy);
	m->strategy = r->protocol_name.p ? str_dup(r->protocol_name) : xstrdup("");
	m->joined = r;
	if (str_eq(r->leader, r->member_id) && !r->skip_assignment)
		step_count(m);
	else
		step_sync(m, NULL, 0);
}

static int fit_join(struct call *call)
{
	const struct join_group_request *r = call->request;

	return call->version < 5 && r->group_instance_id.p ? ERR_UNSUPPORTED_VERSION : 0;
}

/* NULL: out of memory. */
static struct join_group_request *join_request(struct member *m)
{
	struct join_group_request *r = arena_alloc(&m->arena, sizeof(*r));
	struct bytes metadata;

	if (!r || !encode_subscription(m, &metadata))
		return NULL;
	codec_init(&join_group_request_schema, r);
	r->group_id = m->options.group;
	r->session_timeout_ms = m->options.session_timeout_ms;
	r->rebalance_timeout_ms = m->options.rebalance_timeout_ms;
	r->member_id = arena_str(&m->arena, str_of(m->id));
	r->group_instance_id = m->options.instance_id;
	r->protocol_type = STR("consumer");
	r->protocols.v = arena_array(&m->arena, STRATEGIES, sizeof(*r->protocols.v));
	for (int i = 0; r->protocols.v && i < m->options.n_strategies; i++)
		r->protocols.v[r->protocols.n++] =
			(struct join_group_request_protocol){strategy_name(m->options.strategies[i]), metadata};
	return m->arena.failed ? NULL : r;
}

static void join(struct member *m)
{
	struct join_group_request *r;

	timer_stop(&m->next);
	if (m->coordinator < 0) { /* it will join then */
		member_later(m, STEP_FIND);
		return;
	}
	m->step = STEP_JOIN;
	m->tell_topics = false;
	arena_reset(&m->arena);
	r = join_request(m);
	if (!r) {
		member_no_memory(m);
		return;
	}
	member_ask(m, join_group_request_KEY, 0, m->coordinator, r, on_joined);
	m->call.fit = fit_join;
}

/* ---- the leader's part ---- */

/* NULL: out of memory. */
static struct share *read_shares(struct member *m)
{
	int n = m->joined->members.n;
	struct share *v = arena_array(&m->arena, (size_t)n + 1, sizeof(*v));

	for (int i = 0; v && i < n; i++) {
		v[i].member_id = m->joined->members.v[i].member_id;
		v[i].instance_id = m->joined->members.v[i].group_instance_id;
		decode_embedded(m, &consumer_protocol_subscription_schema, m->joined->members.v[i].metadata,
				&v[i].subscription);
		codec_init(&consumer_protocol_assignment_schema, &v[i].assignment);
	}
	if (m->arena.failed)
		return NULL;
	shares_sort(v, n);
	return v;
}

static void on_counted(struct call *call)
{
	struct member *m = container_of(call, struct member, call);
	enum strategy strategy = strategy_find(str_of(m->strategy));
	struct share *shares;

	if (call->err) {
		handle_error(m, call->err);
		return;
	}
	if (strategy == STRATEGIES) { /* a strategy that was not offered */
		member_give_up(m, ERR_INCONSISTENT_GROUP_PROTOCOL);
		return;
	}
	shares = read_shares(m);
	if (!shares || !shares_assign(strategy, &m->arena, shares, m->joined->members.n, call->response))
		member_no_memory(m);
	else
		step_sync(m, shares, m->joined->members.n);
}

/* The topics that any member wants, without duplicates. False: out of memory. */
static bool wanted_topics(struct member *m, const struct share *shares, struct metadata_request *r)
{
	int n = m->joined->members.n;
	size_t total = 0;
	struct str *names;

	for (int i = 0; i < n; i++)
		total += (size_t)shares[i].subscription.topics.n;
	names = arena_array(&m->arena, total + 1, sizeof(*names));
	r->topics.v = arena_array(&m->arena, total + 1, sizeof(*r->topics.v));
	if (!names || !r->topics.v)
		return false;
	total = 0;
	for (int i = 0; i < n; i++)
		for (int32_t k = 0; k < shares[i].subscription.topics.n; k++)
			names[total++] = shares[i].subscription.topics.v[k];
	strs_sort(names, total);
	for (size_t i = 0; i < total; i++)
		if (i == 0 || !str_eq(names[i - 1], names[i]))
			r->topics.v[r->topics.n++].name = names[i];
	return true;
}

/* Finds the partition counts of the topics that any member wants. */
static void step_count(struct member *m)
{
	struct share *shares = read_shares(m);
	struct metadata_request *r = arena_zalloc(&m->arena, sizeof(*r));

	m->step = STEP_COUNT;
	if (!shares || !r || !wanted_topics(m, shares, r)) {
		member_no_memory(m);
		return;
	}
	r->allow_auto_topic_creation = true;
	member_ask(m, metadata_request_KEY, 0, CLIENT_ANY, r, on_counted);
}

/* ---- the assignment ---- */

static void take_assignment(struct member *m, struct bytes bytes)
{
	struct consumer_protocol_assignment a;
	struct consumer_partition *v;
	size_t total = 1;
	int n = 0;

	decode_embedded(m, &consumer_protocol_assignment_schema, bytes, &a);
	for (int32_t i = 0; i < a.assigned_partitions.n; i++)
		total += (size_t)a.assigned_partitions.v[i].partitions.n;
	v = arena_array(&m->arena, total, sizeof(*v));
	if (!v || m->arena.failed) {
		member_no_memory(m);
		return;
	}
	for (int32_t i = 0; i < a.assigned_partitions.n; i++)
		for (int32_t k = 0; k < a.assigned_partitions.v[i].partitions.n; k++)
			v[n++] = (struct consumer_partition){a.assigned_partitions.v[i].topic,
							     a.assigned_partitions.v[i].partitions.v[k], 0};
	member_reconcile(m, v, n);
}

static void on_synced(struct call *call)
{
	struct member *m = container_of(call, struct member, call);
	const struct sync_group_response *r = call->response;
	struct str message;
	int err = call->err ? call->err : client_answer_error(call, &message);

	if (err != 0)
		handle_error(m, err);
	else
		take_assignment(m, r->assignment);
}

static void step_sync(struct member *m, const struct share *shares, int n)
{
	struct sync_group_request *r = arena_alloc(&m->arena, sizeof(*r));

	m->step = STEP_SYNC;
	if (!r) {
		member_no_memory(m);
		return;
	}
	codec_init(&sync_group_request_schema, r);
	r->group_id = m->options.group;
	r->generation_id = m->epoch;
	r->member_id = arena_str(&m->arena, str_of(m->id));
	r->group_instance_id = m->options.instance_id;
	r->protocol_type = STR("consumer");
	r->protocol_name = arena_str(&m->arena, str_of(m->strategy));
	r->assignments.v = arena_array(&m->arena, (size_t)n + 1, sizeof(*r->assignments.v));
	for (int i = 0; r->assignments.v && i < n; i++) {
		struct sync_group_request_assignment *one = &r->assignments.v[r->assignments.n++];

		one->member_id = shares[i].member_id;
		if (!encode_embedded(m, &consumer_protocol_assignment_schema, &shares[i].assignment, &one->assignment))
			break;
	}
	if (m->arena.failed) {
		member_no_memory(m);
		return;
	}
	member_ask(m, sync_group_request_KEY, 0, m->coordinator, r, on_synced);
}

/*
 * A member that had to give something up rejoins, so that another one gets it; so does one whose
 * topics have changed meanwhile.
 */
static void reconciled(struct member *m, bool gave_up)
{
	if ((m->cooperative && gave_up) || m->tell_topics)
		rejoin(m);
	else
		timer_start(&m->next, m->options.heartbeat_ms);
}

/* ---- heartbeats ---- */

static void rejoin(struct member *m)
{
	timer_stop(&m->next);
	m->step = STEP_JOIN;
	if (m->cooperative)
		member_commit_then(m, join);
	else
		member_give_up_all(m, join);
}

static void changed(struct member *m)
{
	m->tell_topics = true;
	if (m->step == STEP_STABLE)
		rejoin(m);
}

static void on_beat(struct call *call)
{
	struct member *m = container_of(call, struct member, beat);
	int err = member_beat_end(m);

	if (m->step != STEP_STABLE)
		return;
	if (err == 0)
		timer_start(&m->next, m->options.heartbeat_ms);
	else if (err == ERR_REBALANCE_IN_PROGRESS)
		rejoin(m);
	else
		handle_error(m, err);
}

static void beat(struct member *m)
{
	struct heartbeat_request *r;

	if (m->beating)
		return;
	arena_reset(&m->beat_arena);
	r = arena_zalloc(&m->beat_arena, sizeof(*r));
	r->group_id = m->options.group;
	r->generation_id = m->epoch;
	r->member_id = arena_str(&m->beat_arena, str_of(m->id));
	r->group_instance_id = m->options.instance_id;
	member_beat_begin(m, heartbeat_request_KEY, r, on_beat);
}

/* ---- leaving ---- */

static int fit_leave(struct call *call)
{
	struct leave_group_request *r = (struct leave_group_request *)(uintptr_t)call->request;

	if (call->version >= 3)
		r->member_id = STR("");
	else
		r->members.n = 0;
	return 0;
}

static void leave(struct member *m, void (*done)(struct call *))
{
	struct leave_group_request *r;

	if (m->options.instance_id.p)
		return;
	r = arena_zalloc(&m->arena, sizeof(*r));
	r->group_id = m->options.group;
	r->member_id = arena_str(&m->arena, str_of(m->id));
	r->members.v = arena_zalloc(&m->arena, sizeof(*r->members.v));
	r->members.v[0] =
		(struct leave_group_request_member){r->member_id, STR_NULL, STR("the consumer is being closed")};
	r->members.n = 1;
	member_ask(m, leave_group_request_KEY, 0, m->coordinator, r, done);
	m->call.fit = fit_leave;
}

const struct member_protocol member_classic = {
	.join = join,
	.changed = changed,
	.beat = beat,
	.reconciled = reconciled,
	.leave = leave,
};
