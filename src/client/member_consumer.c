/*
 * member_consumer: the protocol of KIP-848: one heartbeat request reports the member's changes and
 * returns its target assignment.
 *
 * Heartbeats continue while an assignment is carried out; another one that arrives meanwhile waits.
 * Topics are given by id; Metadata has their names.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "client/member_private.h"
#include "protocol/consumer_group_heartbeat.h"
#include "protocol/metadata.h"
#include "wire/codec.h"

enum { JOINING = 0, LEAVING = -1, AWAY = -2, METADATA_BY_ID = 12, BEAT_MS = 5000 };

static void beat(struct member *m);
static void carry_out(struct member *m);

/* ---- names of topics ---- */

static const char *name_of(const struct member *m, struct uuid id)
{
	for (int i = 0; i < m->n_names; i++)
		if (uuid_eq(m->names[i].id, id))
			return m->names[i].name;
	return NULL;
}

static const struct topic_name *topic_of(const struct member *m, struct str name)
{
	for (int i = m->n_names - 1; i >= 0; i--) /* if a topic was recreated, the newest id counts */
		if (str_is(name, m->names[i].name))
			return &m->names[i];
	return NULL;
}

static void note_name(struct member *m, struct uuid id, struct str name)
{
	if (!name.p || name_of(m, id))
		return;
	m->names = xreallocarray(m->names, (size_t)m->n_names + 1, sizeof(*m->names));
	m->names[m->n_names++] = (struct topic_name){id, str_dup(name)};
}

/* ---- heartbeats ---- */

/* Adds what it owns, by topic id. False: out of memory. */
static bool add_owned(struct member *m, struct consumer_group_heartbeat_request *r)
{
	struct partitions_list owned = member_owned(m, &m->beat_arena);
	struct consumer_group_heartbeat_request_topic *t = arena_array(&m->beat_arena, (size_t)owned.n + 1, sizeof(*t));
	int32_t *numbers = arena_array(&m->beat_arena, (size_t)owned.n + 1, sizeof(*numbers));

	if (!owned.v || !t || !numbers)
		return false;
	r->topic_partitions.v = t--;
	r->topic_partitions.n = 0;
	for (int i = 0; i < owned.n; i++) {
		const struct topic_name *topic = topic_of(m, owned.v[i].topic);

		if (!topic)
			continue;
		if (r->topic_partitions.n == 0 || !uuid_eq(t->topic_id, topic->id)) {
			(++t)->topic_id = topic->id;
			t->partitions.v = numbers + i;
			r->topic_partitions.n++;
		}
		t->partitions.v[t->partitions.n++] = owned.v[i].partition;
	}
	return true;
}

/* A joining member reports everything, later only changes. NULL: out of memory. */
static struct consumer_group_heartbeat_request *beat_request(struct member *m)
{
	struct consumer_group_heartbeat_request *r = arena_alloc(&m->beat_arena, sizeof(*r));
	bool joins = m->epoch == JOINING;

	if (!r)
		return NULL;
	codec_init(&consumer_group_heartbeat_request_schema, r);
	r->group_id = m->options.group;
	r->member_id = arena_str(&m->beat_arena, str_of(m->id));
	r->member_epoch = m->epoch;
	r->instance_id = m->options.instance_id;
	if (joins) {
		r->rack_id = m->options.rack;
		r->rebalance_timeout_ms = m->options.rebalance_timeout_ms;
		r->server_assignor = m->options.assignor;
	}
	if (joins || m->tell_topics) {
		r->subscribed_topic_names.v = arena_array(&m->beat_arena, (size_t)m->n_topics + 1, sizeof(struct str));
		r->subscribed_topic_names.n = m->n_topics;
		for (int i = 0; r->subscribed_topic_names.v && i < m->n_topics; i++)
			r->subscribed_topic_names.v[i] = arena_str(&m->beat_arena, m->topics[i]);
	}
	if ((joins || m->tell_owned) && !add_owned(m, r))
		return NULL;
	return m->beat_arena.failed ? NULL : r;
}

static void beat_soon(struct member *m, int64_t ms)
{
	timer_start(&m->beat_timer, ms);
}

/* The answer stays in its arena until it has been carried out; the next heartbeat uses the other arena. */
static void keep_wanted(struct member *m, const struct consumer_group_heartbeat_response *r)
{
	struct arena other = m->wanted_arena;

	m->wanted_arena = m->beat_arena;
	m->beat_arena = other;
	m->wanted = r;
	m->is_newer = true;
}

/* Other members have its partitions now; it starts again with the same id. */
static void join_anew(struct member *m)
{
	if (m->asking)
		client_cancel(m->client, &m->call);
	m->asking = false;
	m->wanted = NULL;
	m->epoch = JOINING;
	m->step = STEP_STABLE;
	member_lost(m);
	beat_soon(m, MEMBER_RETRY_MS);
}

static void take_answer(struct member *m, const struct consumer_group_heartbeat_response *r)
{
	m->epoch = r->member_epoch;
	m->interval_ms = r->heartbeat_interval_ms > 0 ? r->heartbeat_interval_ms : BEAT_MS;
	beat_soon(m, m->tell_topics || m->tell_owned ? 0 : m->interval_ms);
	if (!r->assignment)
		return;
	keep_wanted(m, r);
	if (m->step == STEP_STABLE)
		carry_out(m);
}

static void on_beat(struct call *call)
{
	struct member *m = container_of(call, struct member, beat);
	int err = member_beat_end(m);

	if (err == 0)
		take_answer(m, call->response);
	else if (err == ERR_UNKNOWN_MEMBER_ID || err == ERR_FENCED_MEMBER_EPOCH)
		join_anew(m);
	else if (err == ERR_COORDINATOR_LOAD_IN_PROGRESS)
		beat_soon(m, MEMBER_RETRY_MS);
	else
		member_trouble(m, err);
}

static void beat(struct member *m)
{
	struct consumer_group_heartbeat_request *r;

	if (m->beating)
		return;
	arena_reset(&m->beat_arena);
	r = beat_request(m);
	if (!r) {
		member_no_memory(m);
		return;
	}
	m->tell_topics = m->tell_owned = false;
	member_beat_begin(m, consumer_group_heartbeat_request_KEY, r, on_beat);
}

void member_on_beat_time(struct timer *t)
{
	beat(container_of(t, struct member, beat_timer));
}

/* ---- an assignment ---- */

/* Topics that no longer exist, or are not known here yet, are left out. */
static void reconcile_wanted(struct member *m)
{
	const struct consumer_group_heartbeat_response_assignment *a = m->wanted->assignment;
	struct consumer_partition *v;
	size_t total = 1;
	int n = 0;

	for (int32_t i = 0; i < a->topic_partitions.n; i++)
		total += (size_t)a->topic_partitions.v[i].partitions.n;
	v = arena_array(&m->arena, total, sizeof(*v));
	if (!v) {
		member_no_memory(m);
		return;
	}
	for (int32_t i = 0; i < a->topic_partitions.n; i++) {
		const char *name = name_of(m, a->topic_partitions.v[i].topic_id);
		struct str topic = name ? arena_str(&m->arena, str_of(name)) : STR_NULL;

		for (int32_t k = 0; topic.p && k < a->topic_partitions.v[i].partitions.n; k++)
			v[n++] = (struct consumer_partition){topic, a->topic_partitions.v[i].partitions.v[k], 0};
	}
	member_reconcile(m, v, n);
}

static void on_names(struct call *call)
{
	struct member *m = container_of(call, struct member, call);
	const struct metadata_response *r = call->response;

	if (call->err) {
		member_trouble(m, call->err);
		return;
	}
	for (int32_t i = 0; i < r->topics.n; i++)
		if (r->topics.v[i].error_code == 0)
			note_name(m, r->topics.v[i].topic_id, r->topics.v[i].name);
	reconcile_wanted(m);
}

static int fit_names(struct call *call)
{
	return call->version < METADATA_BY_ID ? ERR_UNSUPPORTED_VERSION : 0;
}

/* Asks for ids whose names are unknown; NULL: out of memory. */
static struct metadata_request *names_request(struct member *m)
{
	const struct consumer_group_heartbeat_response_assignment *a = m->wanted->assignment;
	struct metadata_request *r = arena_zalloc(&m->arena, sizeof(*r));

	if (!r)
		return NULL;
	r->topics.v = arena_array(&m->arena, (size_t)a->topic_partitions.n + 1, sizeof(*r->topics.v));
	for (int32_t i = 0; r->topics.v && i < a->topic_partitions.n; i++)
		if (!name_of(m, a->topic_partitions.v[i].topic_id))
			r->topics.v[r->topics.n++].topic_id = a->topic_partitions.v[i].topic_id;
	return r->topics.v ? r : NULL;
}

static void carry_out(struct member *m)
{
	struct metadata_request *r;

	m->is_newer = false;
	m->step = STEP_COUNT;
	arena_reset(&m->arena);
	r = names_request(m);
	if (!r) {
		member_no_memory(m);
	} else if (r->topics.n == 0) {
		reconcile_wanted(m);
	} else {
		member_ask(m, metadata_request_KEY, 0, CLIENT_ANY, r, on_names);
		m->call.fit = fit_names;
	}
}

static void reconciled(struct member *m, bool gave_up)
{
	(void)gave_up;
	m->tell_owned = true;
	if (m->is_newer)
		carry_out(m);
	else
		m->wanted = NULL;
	if (!m->beating)
		beat_soon(m, 0);
}

/* ---- the rest ---- */

/* The coordinator has been found: initially, or again midway. */
static void join(struct member *m)
{
	m->step = STEP_STABLE;
	if (m->epoch < 0)
		m->epoch = JOINING;
	beat(m);
	if (m->wanted)
		carry_out(m);
}

static void changed(struct member *m)
{
	m->tell_topics = true;
	if (m->epoch >= 0 && m->coordinator >= 0 && !m->beating)
		beat_soon(m, 0);
}

/* A static member is only away: its partitions are kept for it. */
static void leave(struct member *m, void (*done)(struct call *))
{
	struct consumer_group_heartbeat_request *r = arena_alloc(&m->arena, sizeof(*r));

	if (!r)
		return;
	codec_init(&consumer_group_heartbeat_request_schema, r);
	r->group_id = m->options.group;
	r->member_id = arena_str(&m->arena, str_of(m->id));
	r->instance_id = m->options.instance_id;
	r->member_epoch = m->options.instance_id.p ? AWAY : LEAVING;
	member_ask(m, consumer_group_heartbeat_request_KEY, 0, m->coordinator, r, done);
}

const struct member_protocol member_consumer = {
	.join = join,
	.changed = changed,
	.beat = beat,
	.reconciled = reconciled,
	.leave = leave,
};
