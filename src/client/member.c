/*
 * member: FIND -> JOIN -> (leader: COUNT partitions) -> SYNC -> OFFSETS -> STABLE; and back when the coordinator says so.
 */
#include "client/member.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "protocol/consumer_protocol.h"
#include "protocol/find_coordinator.h"
#include "protocol/heartbeat.h"
#include "protocol/join_group.h"
#include "protocol/leave_group.h"
#include "protocol/metadata.h"
#include "protocol/offset_commit.h"
#include "protocol/offset_fetch.h"
#include "protocol/sync_group.h"
#include "wire/codec.h"

enum {
	ARENA_MAX = 64 << 20,
	RETRY_MS = 100,
	LEAVE_MS = 10000,
	COMMIT_VERSION = 9,
	OFFSETS_VERSION = 7,
	SUBSCRIPTION_VERSION = 3
};

enum step { STEP_IDLE, STEP_FIND, STEP_JOIN, STEP_COUNT, STEP_SYNC, STEP_OFFSETS, STEP_STABLE, STEP_LEAVE, STEP_GONE };

struct member {
	struct client *client;
	struct consumer *consumer;
	struct loop *loop;
	struct member_options options;
	enum step step;
	char *group, *instance_id, *id, *protocol;
	int32_t generation;
	int32_t coordinator; /* -1: to be found */
	int8_t lane;	     /* of what is asked of it: a join waits for the others */
	struct str *topics;
	int n_topics;
	struct timer next; /* the next step, or the next heartbeat */
	struct timer commit_timer;
	struct call call; /* of the step */
	struct arena arena;
	struct call beat;
	struct arena beat_arena;
	bool beating;
	struct call commit;
	struct arena commit_arena;
	bool committing;
	bool again;				  /* joins anew as soon as the commit is through */
	const struct join_group_response *joined; /* in the arena, until the assignment is sent */
	void (*left)(void *arg);
};

static void step_find(struct member *m);
static void step_join(struct member *m);
static void step_leave(struct member *m);

/* ---- what all steps share ---- */

static void later(struct member *m, enum step step)
{
	m->step = step;
	timer_start(&m->next, RETRY_MS);
}

static void ask(struct member *m, int key, int version_max, int32_t node, const void *request,
		void (*done)(struct call *))
{
	m->call = (struct call){.key = (int16_t)key,
				.version_max = (int8_t)version_max,
				.node = node,
				.request = request,
				.arena = &m->arena,
				.done = done};
	m->call.lane = node >= 0 ? m->lane : 0;
	if (key == join_group_request_KEY)
		m->call.timeout_ms = m->options.rebalance_timeout_ms + 5000;
	else if (key == leave_group_request_KEY)
		m->call.timeout_ms = LEAVE_MS;
	client_call(m->client, &m->call);
}

static void give_up(struct member *m, int err)
{
	m->step = STEP_GONE;
	timer_stop(&m->next);
	timer_stop(&m->commit_timer);
	if (m->options.failed)
		m->options.failed(m->options.arg, err);
}

/* True when the error was one that the protocol has an answer to. */
static void handle(struct member *m, int err)
{
	switch (err) {
	case ERR_UNKNOWN_MEMBER_ID:
		xfree(m->id);
		m->id = xstrdup("");
		m->generation = -1;
		later(m, STEP_JOIN);
		return;
	case ERR_ILLEGAL_GENERATION:
	case ERR_REBALANCE_IN_PROGRESS:
		later(m, STEP_JOIN);
		return;
	default:
		if (err > 0 && !err_is_retriable(err)) {
			give_up(m, err);
			return;
		}
		m->coordinator = -1;
		later(m, STEP_FIND);
	}
}

static void give_up_partitions(struct member *m)
{
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

	if (err == 0)
		m->coordinator = r->node_id;
	if (err > 0 && !err_is_retriable(err))
		give_up(m, err);
	else if (err != 0)
		later(m, STEP_FIND);
	else
		step_join(m);
}

static void step_find(struct member *m)
{
	struct find_coordinator_request *r;

	m->step = STEP_FIND;
	arena_reset(&m->arena);
	r = arena_zalloc(&m->arena, sizeof(*r));
	r->key = m->options.group;
	ask(m, find_coordinator_request_KEY, 3, CLIENT_ANY, r, on_found);
}

/* ---- joining ---- */

static struct bytes subscription(struct member *m)
{
	struct consumer_protocol_subscription s;
	struct buf b = {0};
	uint8_t *p;

	codec_init(&consumer_protocol_subscription_schema, &s);
	s.topics.v = m->topics;
	s.topics.n = m->n_topics;
	s.generation_id = m->generation;
	buf_put(&b, (uint8_t[]){0, SUBSCRIPTION_VERSION}, 2);
	check(codec_encode_buf(&consumer_protocol_subscription_schema, SUBSCRIPTION_VERSION, &s, &b) == 0);
	p = arena_alloc(&m->arena, b.len);
	memcpy(p, b.p, b.len);
	struct bytes out = {p, (int32_t)b.len};
	buf_fini(&b);
	return out;
}

static void step_count(struct member *m);
static void send_assignments(struct member *m, const struct metadata_response *topics);

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
		step_join(m);
		return;
	}
	if (err != 0) {
		handle(m, err);
		return;
	}
	m->generation = r->generation_id;
	xfree(m->protocol);
	m->protocol = r->protocol_name.p ? str_dup(r->protocol_name) : xstrdup("range");
	m->joined = r;
	if (str_eq(r->leader, r->member_id) && !r->skip_assignment)
		step_count(m);
	else
		send_assignments(m, NULL);
}

static int fit_join(struct call *call)
{
	struct join_group_request *r = (struct join_group_request *)(uintptr_t)call->request;

	return call->version < 5 && r->group_instance_id.p ? ERR_UNSUPPORTED_VERSION : 0;
}

static void step_join(struct member *m)
{
	struct join_group_request *r;

	if (m->coordinator < 0) {
		step_find(m);
		return;
	}
	m->step = STEP_JOIN;
	arena_reset(&m->arena);
	r = arena_alloc(&m->arena, sizeof(*r));
	codec_init(&join_group_request_schema, r);
	r->group_id = m->options.group;
	r->session_timeout_ms = m->options.session_timeout_ms;
	r->rebalance_timeout_ms = m->options.rebalance_timeout_ms;
	r->member_id = arena_str(&m->arena, str_of(m->id));
	r->group_instance_id = m->options.instance_id;
	r->protocol_type = STR("consumer");
	r->protocols.v = arena_zalloc(&m->arena, sizeof(*r->protocols.v));
	r->protocols.v[0] = (struct join_group_request_protocol){STR("range"), subscription(m)};
	r->protocols.n = 1;
	ask(m, join_group_request_KEY, 0, m->coordinator, r, on_joined);
	m->call.fit = fit_join;
}

/* ---- the leader's part: range ---- */

struct share {
	struct str member_id;
	struct str instance_id;
	struct consumer_protocol_subscription subscription;
	struct consumer_protocol_assignment assignment;
};

static int by_member(const void *a, const void *b)
{
	const struct share *x = a, *y = b;
	bool both = x->instance_id.p && y->instance_id.p;

	if (!both && (x->instance_id.p || y->instance_id.p))
		return x->instance_id.p ? -1 : 1;
	return both ? str_cmp(x->instance_id, y->instance_id) : str_cmp(x->member_id, y->member_id);
}

/* What a coordinator has sent does not fit: nothing more is done with it. */
static void no_memory(struct member *m)
{
	give_up(m, -ENOMEM);
}

/* NULL: no memory. */
static struct share *read_shares(struct member *m)
{
	struct share *v = arena_array(&m->arena, (size_t)m->joined->members.n + 1, sizeof(*v));

	for (int32_t i = 0; v && i < m->joined->members.n; i++) {
		const struct join_group_response_member *one = &m->joined->members.v[i];
		struct reader r;
		int version;

		v[i].member_id = one->member_id;
		v[i].instance_id = one->group_instance_id;
		codec_init(&consumer_protocol_subscription_schema, &v[i].subscription);
		reader_init(&r, one->metadata.p, (size_t)(one->metadata.len > 0 ? one->metadata.len : 0));
		version = reader_i16(&r);
		if (version < 0 || version > SUBSCRIPTION_VERSION)
			version = SUBSCRIPTION_VERSION;
		if (codec_read(&consumer_protocol_subscription_schema, version, &r, &m->arena, &v[i].subscription) != 0)
			v[i].subscription.topics.n = 0;
	}
	if (m->arena.failed)
		return NULL;
	qsort(v, (size_t)m->joined->members.n, sizeof(*v), by_member);
	return v;
}

static bool has_topic(const struct share *s, struct str topic)
{
	for (int32_t i = 0; i < s->subscription.topics.n; i++)
		if (str_eq(s->subscription.topics.v[i], topic))
			return true;
	return false;
}

static void step_sync(struct member *m, const struct share *shares);

static void on_counted(struct call *call)
{
	struct member *m = container_of(call, struct member, call);

	if (call->err) {
		handle(m, call->err);
		return;
	}
	send_assignments(m, call->response);
}

static int by_topic(const void *a, const void *b)
{
	return str_cmp(((const struct metadata_request_topic *)a)->name,
		       ((const struct metadata_request_topic *)b)->name);
}

/* The topics that anybody wants, each once. False: no memory. */
static bool wanted_topics(struct member *m, const struct share *shares, struct metadata_request *r)
{
	size_t total = 0, kept = 0;

	for (int32_t i = 0; i < m->joined->members.n; i++)
		total += (size_t)shares[i].subscription.topics.n;
	r->topics.v = arena_array(&m->arena, total + 1, sizeof(*r->topics.v));
	if (!r->topics.v)
		return false;
	total = 0;
	for (int32_t i = 0; i < m->joined->members.n; i++)
		for (int32_t k = 0; k < shares[i].subscription.topics.n; k++)
			r->topics.v[total++].name = shares[i].subscription.topics.v[k];
	qsort(r->topics.v, total, sizeof(*r->topics.v), by_topic);
	for (size_t i = 0; i < total; i++)
		if (kept == 0 || !str_eq(r->topics.v[kept - 1].name, r->topics.v[i].name))
			r->topics.v[kept++].name = r->topics.v[i].name;
	r->topics.n = (int32_t)kept;
	return true;
}

/* How many partitions have the topics that anybody wants? */
static void step_count(struct member *m)
{
	struct share *shares = read_shares(m);
	struct metadata_request *r = arena_zalloc(&m->arena, sizeof(*r));

	m->step = STEP_COUNT;
	if (!shares || !r || !wanted_topics(m, shares, r)) {
		no_memory(m);
		return;
	}
	r->allow_auto_topic_creation = true;
	ask(m, metadata_request_KEY, 0, CLIENT_ANY, r, on_counted);
}

static void share_add(struct member *m, struct share *s, struct str topic, int first, int n)
{
	struct consumer_protocol_assignment_topic_partition *t =
		&s->assignment.assigned_partitions.v[s->assignment.assigned_partitions.n];

	t->topic = topic;
	t->partitions.v = arena_array(&m->arena, (size_t)n, sizeof(int32_t));
	if (!t->partitions.v)
		return;
	s->assignment.assigned_partitions.n++;
	for (int i = 0; i < n; i++)
		t->partitions.v[t->partitions.n++] = first + i;
}

/* Of each topic everybody gets a range, the first ones one more when it does not come out even. */
static void share_out(struct member *m, struct share *shares, int n, const struct metadata_response_topic *t)
{
	int wanting = 0, at = 0, first = 0;

	for (int i = 0; i < n; i++)
		wanting += has_topic(&shares[i], t->name);
	for (int i = 0; i < n; i++) {
		int count = wanting ? t->partitions.n / wanting : 0;

		if (!has_topic(&shares[i], t->name))
			continue;
		count += at++ < t->partitions.n % wanting;
		if (count > 0)
			share_add(m, &shares[i], t->name, first, count);
		first += count;
	}
}

static void send_assignments(struct member *m, const struct metadata_response *topics)
{
	struct share *shares = topics ? read_shares(m) : NULL;
	int n = m->joined->members.n;

	for (int i = 0; shares && i < n; i++)
		shares[i].assignment.assigned_partitions.v =
			arena_array(&m->arena, (size_t)topics->topics.n + 1,
				    sizeof(struct consumer_protocol_assignment_topic_partition));
	for (int32_t i = 0; !m->arena.failed && shares && i < topics->topics.n; i++)
		share_out(m, shares, n, &topics->topics.v[i]);
	if (m->arena.failed)
		no_memory(m);
	else
		step_sync(m, shares);
}

/* ---- the assignment ---- */

static void step_offsets(struct member *m, struct bytes assignment);

static void on_synced(struct call *call)
{
	struct member *m = container_of(call, struct member, call);
	const struct sync_group_response *r = call->response;
	struct str message;
	int err = call->err ? call->err : client_answer_error(call, &message);

	if (err != 0)
		handle(m, err);
	else
		step_offsets(m, r->assignment);
}

static struct bytes encode_assignment(struct member *m, const struct share *s)
{
	struct buf b = {0};
	uint8_t *p;
	int32_t len;

	buf_put(&b, (uint8_t[]){0, SUBSCRIPTION_VERSION}, 2);
	check(codec_encode_buf(&consumer_protocol_assignment_schema, SUBSCRIPTION_VERSION, &s->assignment, &b) == 0);
	p = arena_alloc(&m->arena, b.len);
	if (p)
		memcpy(p, b.p, b.len);
	len = p ? (int32_t)b.len : 0;
	buf_fini(&b);
	return (struct bytes){p, len};
}

static void step_sync(struct member *m, const struct share *shares)
{
	struct sync_group_request *r = arena_alloc(&m->arena, sizeof(*r));
	int n = shares ? m->joined->members.n : 0;

	m->step = STEP_SYNC;
	if (!r) {
		no_memory(m);
		return;
	}
	codec_init(&sync_group_request_schema, r);
	r->group_id = m->options.group;
	r->generation_id = m->generation;
	r->member_id = arena_str(&m->arena, str_of(m->id));
	r->group_instance_id = m->options.instance_id;
	r->protocol_type = STR("consumer");
	r->protocol_name = arena_str(&m->arena, str_of(m->protocol));
	r->assignments.v = arena_array(&m->arena, (size_t)n + 1, sizeof(*r->assignments.v));
	for (int i = 0; r->assignments.v && i < n; i++)
		r->assignments.v[r->assignments.n++] =
			(struct sync_group_request_assignment){shares[i].member_id, encode_assignment(m, &shares[i])};
	if (m->arena.failed) {
		no_memory(m);
		return;
	}
	ask(m, sync_group_request_KEY, 0, m->coordinator, r, on_synced);
}

static void become_stable(struct member *m, const struct consumer_partition *v, int n)
{
	m->step = STEP_STABLE;
	consumer_assign(m->consumer, v, n);
	timer_start(&m->next, m->options.heartbeat_ms);
	if (m->options.commits)
		timer_start(&m->commit_timer, m->options.commit_ms);
}

static void on_offsets(struct call *call)
{
	struct member *m = container_of(call, struct member, call);
	const struct offset_fetch_response *r = call->response;
	struct consumer_partition *v;
	struct str message;
	int err = call->err ? call->err : client_answer_error(call, &message);
	int n = 0, cap = 0;

	for (int32_t i = 0; err == 0 && i < r->topics.n; i++) {
		cap += r->topics.v[i].partitions.n;
		for (int32_t k = 0; err == 0 && k < r->topics.v[i].partitions.n; k++)
			err = r->topics.v[i].partitions.v[k].error_code;
	}
	if (err != 0) {
		handle(m, err);
		return;
	}
	v = arena_array(&m->arena, (size_t)cap + 1, sizeof(*v));
	if (!v) {
		no_memory(m);
		return;
	}
	for (int32_t i = 0; i < r->topics.n; i++)
		for (int32_t k = 0; k < r->topics.v[i].partitions.n; k++) {
			const struct offset_fetch_response_partition *p = &r->topics.v[i].partitions.v[k];

			v[n++] = (struct consumer_partition){r->topics.v[i].name, p->partition_index,
							     p->committed_offset >= 0 ? p->committed_offset
										      : m->options.reset};
		}
	become_stable(m, v, n);
}

static void step_offsets(struct member *m, struct bytes bytes)
{
	struct consumer_protocol_assignment *a = arena_alloc(&m->arena, sizeof(*a));
	struct offset_fetch_request *r = arena_zalloc(&m->arena, sizeof(*r));
	struct reader reader;
	int version;

	if (!a || !r) {
		no_memory(m);
		return;
	}
	codec_init(&consumer_protocol_assignment_schema, a);
	reader_init(&reader, bytes.p, (size_t)(bytes.len > 0 ? bytes.len : 0));
	version = bytes.len > 1 ? reader_i16(&reader) : 0;
	version = version < 0 || version > SUBSCRIPTION_VERSION ? SUBSCRIPTION_VERSION : version;
	if (bytes.len > 1 && codec_read(&consumer_protocol_assignment_schema, version, &reader, &m->arena, a) != 0)
		a->assigned_partitions.n = 0;
	if (a->assigned_partitions.n == 0) {
		become_stable(m, NULL, 0);
		return;
	}
	m->step = STEP_OFFSETS;
	r->group_id = m->options.group;
	r->topics.v = arena_array(&m->arena, (size_t)a->assigned_partitions.n, sizeof(*r->topics.v));
	if (!r->topics.v) {
		no_memory(m);
		return;
	}
	for (int32_t i = 0; i < a->assigned_partitions.n; i++) {
		r->topics.v[i].name = a->assigned_partitions.v[i].topic;
		r->topics.v[i].partition_indexes.v = a->assigned_partitions.v[i].partitions.v;
		r->topics.v[i].partition_indexes.n = a->assigned_partitions.v[i].partitions.n;
	}
	r->topics.n = a->assigned_partitions.n;
	ask(m, offset_fetch_request_KEY, OFFSETS_VERSION, m->coordinator, r, on_offsets);
}

/* ---- commits ---- */

static void after_commit(struct member *m)
{
	if (m->step == STEP_LEAVE) {
		step_leave(m);
	} else if (m->again) {
		m->again = false;
		give_up_partitions(m);
		step_join(m);
	} else if (m->step == STEP_STABLE && m->options.commits) {
		timer_start(&m->commit_timer, m->options.commit_ms);
	}
}

static void on_committed(struct call *call)
{
	struct member *m = container_of(call, struct member, commit);

	m->committing = false;
	after_commit(m);
}

/* How many partitions from the i-th on are of its topic. */
static int same_topic(struct member *m, int i, int n)
{
	struct str topic = consumer_position(m->consumer, i).topic;
	int end = i + 1;

	while (end < n && str_eq(consumer_position(m->consumer, end).topic, topic))
		end++;
	return end - i;
}

static int commit_topics(struct member *m, struct offset_commit_request *r)
{
	int n = consumer_count(m->consumer), added = 0;

	r->topics.v = arena_array(&m->commit_arena, (size_t)n + 1, sizeof(*r->topics.v));
	if (!r->topics.v)
		return 0;
	for (int i = 0; i < n; i++) {
		struct consumer_partition p = consumer_position(m->consumer, i);
		struct offset_commit_request_topic *t = &r->topics.v[r->topics.n - 1];

		if (p.offset < 0)
			continue;
		if (r->topics.n == 0 || !str_eq(t->name, p.topic)) {
			t = &r->topics.v[r->topics.n++];
			t->name = arena_str(&m->commit_arena, p.topic);
			t->partitions.v =
				arena_array(&m->commit_arena, (size_t)same_topic(m, i, n), sizeof(*t->partitions.v));
			if (!t->partitions.v)
				return 0;
		}
		t->partitions.v[t->partitions.n++] =
			(struct offset_commit_request_partition){p.partition, p.offset, -1, STR("")};
		added++;
	}
	return added;
}

/* False when there is nothing to commit. */
static bool commit_start(struct member *m)
{
	struct offset_commit_request *r;

	if (m->committing)
		return true;
	if (!m->options.commits || m->coordinator < 0 || m->generation < 0)
		return false;
	arena_reset(&m->commit_arena);
	r = arena_alloc(&m->commit_arena, sizeof(*r));
	codec_init(&offset_commit_request_schema, r);
	r->group_id = m->options.group;
	r->generation_id_or_member_epoch = m->generation;
	r->member_id = arena_str(&m->commit_arena, str_of(m->id));
	r->group_instance_id = m->options.instance_id;
	if (commit_topics(m, r) == 0)
		return false;
	m->committing = true;
	m->commit = (struct call){.key = offset_commit_request_KEY,
				  .lane = m->lane,
				  .version_max = COMMIT_VERSION,
				  .node = m->coordinator,
				  .timeout_ms = 10000,
				  .request = r,
				  .arena = &m->commit_arena,
				  .done = on_committed};
	client_call(m->client, &m->commit);
	return true;
}

static void on_commit_time(struct timer *t)
{
	struct member *m = container_of(t, struct member, commit_timer);

	if (m->step == STEP_STABLE && !commit_start(m))
		timer_start(&m->commit_timer, m->options.commit_ms);
}

/* ---- heartbeats ---- */

static void rejoin(struct member *m)
{
	timer_stop(&m->next);
	m->step = STEP_JOIN;
	if (commit_start(m)) {
		m->again = true;
		return;
	}
	give_up_partitions(m);
	step_join(m);
}

static void on_beat(struct call *call)
{
	struct member *m = container_of(call, struct member, beat);
	struct str message;
	int err = call->err ? call->err : client_answer_error(call, &message);

	m->beating = false;
	if (m->step != STEP_STABLE)
		return;
	if (err == 0)
		timer_start(&m->next, m->options.heartbeat_ms);
	else if (err == ERR_REBALANCE_IN_PROGRESS)
		rejoin(m);
	else {
		if (err == ERR_UNKNOWN_MEMBER_ID || err == ERR_ILLEGAL_GENERATION)
			give_up_partitions(m);
		handle(m, err);
	}
}

static void beat(struct member *m)
{
	struct heartbeat_request *r;

	if (m->beating)
		return;
	m->beating = true;
	arena_reset(&m->beat_arena);
	r = arena_zalloc(&m->beat_arena, sizeof(*r));
	r->group_id = m->options.group;
	r->generation_id = m->generation;
	r->member_id = arena_str(&m->beat_arena, str_of(m->id));
	r->group_instance_id = m->options.instance_id;
	m->beat = (struct call){.key = heartbeat_request_KEY,
				.lane = m->lane,
				.node = m->coordinator,
				.timeout_ms = m->options.session_timeout_ms,
				.request = r,
				.arena = &m->beat_arena,
				.done = on_beat};
	client_call(m->client, &m->beat);
}

static void on_next(struct timer *t)
{
	struct member *m = container_of(t, struct member, next);

	if (m->step == STEP_STABLE)
		beat(m);
	else if (m->step == STEP_FIND)
		step_find(m);
	else if (m->step == STEP_JOIN)
		step_join(m);
}

/* ---- leaving ---- */

static void on_left(struct call *call)
{
	struct member *m = container_of(call, struct member, call);

	m->step = STEP_GONE;
	m->left(m->options.arg);
}

static int fit_leave(struct call *call)
{
	struct leave_group_request *r = (struct leave_group_request *)(uintptr_t)call->request;

	if (call->version >= 3)
		r->member_id = STR("");
	else
		r->members.n = 0;
	return 0;
}

static void step_leave(struct member *m)
{
	struct leave_group_request *r;

	arena_reset(&m->arena);
	r = arena_zalloc(&m->arena, sizeof(*r));
	r->group_id = m->options.group;
	r->member_id = arena_str(&m->arena, str_of(m->id));
	r->members.v = arena_zalloc(&m->arena, sizeof(*r->members.v));
	r->members.v[0] =
		(struct leave_group_request_member){r->member_id, STR_NULL, STR("the consumer is being closed")};
	r->members.n = 1;
	ask(m, leave_group_request_KEY, 0, m->coordinator >= 0 ? m->coordinator : CLIENT_ANY, r, on_left);
	m->call.fit = fit_leave;
}

static bool is_asking(const struct member *m)
{
	return m->step == STEP_FIND || m->step == STEP_JOIN || m->step == STEP_COUNT || m->step == STEP_SYNC ||
	       m->step == STEP_OFFSETS;
}

static void on_nothing_to_leave(struct timer *t)
{
	struct member *m = container_of(t, struct member, next);

	m->step = STEP_GONE;
	m->left(m->options.arg);
}

void member_leave(struct member *m, void (*left)(void *arg))
{
	bool was_member = m->id[0] != 0 && m->coordinator >= 0 && m->step != STEP_GONE;

	m->left = left;
	timer_stop(&m->commit_timer);
	if (is_asking(m) && !timer_is_running(&m->next) && !m->again)
		client_cancel(m->client, &m->call);
	timer_stop(&m->next);
	m->again = false;
	/* A static member stays in the group until its session ends. */
	if (!was_member || (m->options.instance_id.p && !m->options.commits)) {
		m->step = STEP_GONE;
		timer_init(&m->next, m->loop, on_nothing_to_leave);
		timer_start(&m->next, 0);
		return;
	}
	m->step = STEP_LEAVE;
	if (!commit_start(m))
		step_leave(m);
}

/* ---- life ---- */

struct member *member_new(struct client *c, struct consumer *consumer, const struct member_options *options)
{
	struct member *m = xcalloc(1, sizeof(*m));

	m->client = c;
	m->consumer = consumer;
	m->loop = client_loop(c);
	m->lane = client_lane(c);
	m->options = *options;
	m->group = str_dup(options->group);
	m->instance_id = str_dup(options->instance_id);
	m->options.group = str_of(m->group);
	m->options.instance_id = str_of(m->instance_id);
	m->id = xstrdup("");
	m->generation = -1;
	m->coordinator = -1;
	timer_init(&m->next, m->loop, on_next);
	timer_init(&m->commit_timer, m->loop, on_commit_time);
	arena_init(&m->arena, ARENA_MAX);
	arena_init(&m->beat_arena, 1 << 20);
	arena_init(&m->commit_arena, ARENA_MAX);
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
	if (m->step == STEP_IDLE)
		later(m, STEP_FIND), timer_start(&m->next, 0);
	else if (m->step == STEP_STABLE)
		rejoin(m);
}

void member_free(struct member *m)
{
	timer_stop(&m->next);
	timer_stop(&m->commit_timer);
	if (m->beating)
		client_cancel(m->client, &m->beat);
	if (m->committing)
		client_cancel(m->client, &m->commit);
	if (is_asking(m) && m->call.owner && m->call.at)
		client_cancel(m->client, &m->call);
	arena_fini(&m->arena);
	arena_fini(&m->beat_arena);
	arena_fini(&m->commit_arena);
	drop_topics(m);
	xfree(m->group);
	xfree(m->instance_id);
	xfree(m->id);
	xfree(m->protocol);
	xfree(m);
}
