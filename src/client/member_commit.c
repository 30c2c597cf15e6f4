/*
 * member_commit: commits what has been handed out: periodically, before partitions are given up, at
 * the end, and on request.
 */
#include "base/err.h"
#include "client/member_private.h"
#include "protocol/offset_commit.h"
#include "wire/codec.h"

enum { COMMIT_MS = 10000, COMMIT_VERSION = 9, TRIES = 10 };

/* ---- the request ---- */

/* How many, from the i-th on, are of its topic. */
static int same_topic(const struct partitions_list *l, int i)
{
	int end = i + 1;

	while (end < l->n && str_eq(l->v[end].topic, l->v[i].topic))
		end++;
	return end - i;
}

/* False: out of memory. */
static bool add_partitions(struct member *m, struct offset_commit_request *r, const struct partitions_list *l,
			   int *added)
{
	for (int i = 0, count; i < l->n; i += count) {
		struct offset_commit_request_topic *t = &r->topics.v[r->topics.n];

		count = same_topic(l, i);
		t->name = arena_str(&m->commit_arena, l->v[i].topic);
		t->partitions.v = arena_array(&m->commit_arena, (size_t)count, sizeof(*t->partitions.v));
		if (!t->partitions.v)
			return false;
		for (int k = i; k < i + count; k++)
			if (l->v[k].offset >= 0)
				t->partitions.v[t->partitions.n++] = (struct offset_commit_request_partition){
					l->v[k].partition, l->v[k].offset, -1, STR("")};
		*added += t->partitions.n;
		r->topics.n += t->partitions.n > 0;
	}
	return true;
}

/* Commits what it has and what it owes. NULL: nothing. */
static struct offset_commit_request *request_of(struct member *m)
{
	struct offset_commit_request *r;
	struct partitions_list owned;
	int added = 0;

	arena_reset(&m->commit_arena);
	r = arena_alloc(&m->commit_arena, sizeof(*r));
	owned = member_owned(m, &m->commit_arena);
	if (!r || !owned.v)
		return NULL;
	codec_init(&offset_commit_request_schema, r);
	r->group_id = m->options.group;
	r->generation_id_or_member_epoch = m->epoch;
	r->member_id = arena_str(&m->commit_arena, str_of(m->id));
	r->group_instance_id = m->options.instance_id;
	r->topics.v = arena_array(&m->commit_arena, (size_t)owned.n + (size_t)m->owed.n + 1, sizeof(*r->topics.v));
	if (!r->topics.v || !add_partitions(m, r, &owned, &added) || !add_partitions(m, r, &m->owed, &added))
		return NULL;
	return added > 0 ? r : NULL;
}

static void on_committed(struct call *call);

/* False: nothing to commit. */
static bool start_commit(struct member *m)
{
	struct offset_commit_request *r = m->coordinator < 0 || m->epoch < 0 ? NULL : request_of(m);

	if (!r)
		return false;
	m->committing = true;
	m->is_owed_sent = true;
	m->commit = (struct call){.key = offset_commit_request_KEY,
				  .lane = m->lane,
				  .version_max = COMMIT_VERSION,
				  .node = m->coordinator,
				  .timeout_ms = COMMIT_MS,
				  .request = r,
				  .arena = &m->commit_arena,
				  .done = on_committed};
	client_call(m->client, &m->commit);
	return true;
}

/* ---- the result ---- */

static int answer_error(const struct call *call)
{
	const struct offset_commit_response *r = call->response;
	int err = call->err;

	for (int32_t i = 0; err == 0 && i < r->topics.n; i++)
		for (int32_t k = 0; err == 0 && k < r->topics.v[i].partitions.n; k++)
			err = r->topics.v[i].partitions.v[k].error_code;
	return err;
}

/* Whatever was waiting for the commit continues, whatever the result. */
static void finish_commit(struct member *m, int err)
{
	void (*then)(struct member *) = m->then;
	void (*committed)(void *, int) = m->committed;

	m->owed.n = 0;
	m->commit_tries = 0;
	m->then = NULL;
	m->committed = NULL;
	if (committed)
		committed(m->options.arg, err);
	if (then)
		then(m);
	else if (!timer_is_running(&m->commit_timer))
		member_commit_periodically(m);
}

/* The epoch changes with a heartbeat, and a coordinator may still be loading. */
static bool is_transient(int err)
{
	return err == ERR_STALE_MEMBER_EPOCH || err == ERR_COORDINATOR_LOAD_IN_PROGRESS;
}

static void on_committed(struct call *call)
{
	struct member *m = container_of(call, struct member, commit);
	int err = answer_error(call);

	m->committing = false;
	if (!m->then && !m->committed) {
		member_commit_periodically(m);
		return;
	}
	if (!m->is_owed_sent && start_commit(m)) /* an earlier commit was under way */
		return;
	if (is_transient(err) && m->commit_tries++ < TRIES) {
		timer_start(&m->commit_timer, MEMBER_RETRY_MS);
		return;
	}
	finish_commit(m, err);
}

static void on_time(struct timer *t)
{
	struct member *m = container_of(t, struct member, commit_timer);
	bool waits = m->then || m->committed;

	if (m->committing || start_commit(m))
		return;
	if (waits)
		finish_commit(m, 0);
	else
		member_commit_periodically(m);
}

void member_commit_periodically(struct member *m)
{
	if (m->options.commits && m->step != STEP_LEAVE && m->step != STEP_GONE && consumer_count(m->consumer) > 0)
		timer_start(&m->commit_timer, m->options.commit_ms);
}

/* ---- for the other files ---- */

static void commit_or_go_on(struct member *m, bool wanted)
{
	m->is_owed_sent = false;
	if (m->committing)
		return;
	timer_stop(&m->commit_timer);
	if (!wanted || !start_commit(m))
		finish_commit(m, 0);
}

void member_commit_then(struct member *m, void (*then)(struct member *m))
{
	m->then = then;
	commit_or_go_on(m, m->options.commits);
}

void member_commit(struct member *m, void (*done)(void *arg, int err))
{
	m->committed = done;
	commit_or_go_on(m, true);
}

void member_owe(struct member *m, const struct consumer_partition *v, int n)
{
	if (!m->options.commits || n == 0)
		return;
	arena_reset(&m->owed_arena);
	m->owed = (struct partitions_list){arena_array(&m->owed_arena, (size_t)n, sizeof(*v)), 0};
	for (int i = 0; m->owed.v && i < n; i++) {
		m->owed.v[m->owed.n] = v[i];
		m->owed.v[m->owed.n++].topic = arena_str(&m->owed_arena, v[i].topic);
	}
}

void member_commit_init(struct member *m)
{
	timer_init(&m->commit_timer, m->loop, on_time);
	arena_init(&m->commit_arena, MEMBER_ARENA_MAX);
	arena_init(&m->owed_arena, MEMBER_ARENA_MAX);
}

void member_commit_free(struct member *m)
{
	timer_stop(&m->commit_timer);
	if (m->committing)
		client_cancel(m->client, &m->commit);
	arena_fini(&m->commit_arena);
	arena_fini(&m->owed_arena);
}
