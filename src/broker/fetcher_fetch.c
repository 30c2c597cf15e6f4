/*
 * fetcher_fetch: Fetch requests to one leader. The leader remembers what it was asked (a session,
 * KIP-227), so that a request names only what is new or to be forgotten, and an answer only what
 * has changed; Kafka's FetchSessionHandler.
 *
 *	epoch 0		names everything; closes session `id`, if that is an old one
 *	epoch 1..	changes the session
 *
 * 1. A replica is looked at when its state may have changed: an idle one costs nothing.
 * 2. A replica that must not fetch now (it backs off, waits for a flush, is throttled) is taken out
 *    of the session; otherwise its last question would be answered again.
 * 3. Such a replica does not wait for the others: if it is known when it may fetch, the leader is
 *    not asked to wait longer than that.
 * 4. If anything is wrong with a session, a new one begins.
 */
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/fetchers_private.h"
#include "broker/node_private.h"
#include "broker/quorum.h"
#include "broker/replication_quota.h"
#include "config/config.h"
#include "wire/codec.h"

#define CUT_MS 20    /* interval of checking whether the recovery point of a truncated replica has been written */
#define LOOK_MS 1000 /* interval of looking at all replicas: retention here moves the start of an idle one */

/* A partition that the session contains and is to forget. */
struct forgotten {
	struct list link;
	struct uuid topic_id;
	int32_t id;
};

void fetcher_look(struct fetched *d)
{
	if (list_empty(&d->look))
		list_push(&d->fetcher->looks, &d->look);
}

void fetcher_served(struct fetched *d)
{
	list_remove(&d->link);
	list_push(&d->fetcher->partitions, &d->link);
}

void fetcher_leave(struct fetched *d)
{
	partition_unwait(&d->waiter);
	list_remove(&d->link);
	list_remove(&d->look);
	fetcher_forget(d);
}

void fetcher_forget(struct fetched *d)
{
	struct fetcher *f = d->fetcher;
	struct forgotten *gone;

	if (!d->in_session)
		return;
	d->in_session = false;
	f->session.n--;
	gone = xcalloc(1, sizeof(*gone));
	gone->topic_id = d->partition->topic_id;
	gone->id = d->partition->id;
	list_push(&f->session.forgotten, &gone->link);
	f->session.n_forgotten++;
}

static void drop_forgotten(struct fetcher *f)
{
	while (!list_empty(&f->session.forgotten)) {
		struct forgotten *gone = container_of(list_first(&f->session.forgotten), struct forgotten, link);

		list_remove(&gone->link);
		xfree(gone);
	}
	f->session.n_forgotten = 0;
}

void fetcher_session_init(struct fetcher *f)
{
	list_init(&f->looks);
	list_init(&f->session.forgotten);
}

void fetcher_session_fini(struct fetcher *f)
{
	drop_forgotten(f);
}

void fetcher_session_anew(struct fetcher *f, int32_t close_id)
{
	drop_forgotten(f);
	f->session.id = close_id;
	f->session.epoch = 0;
	f->session.n = 0;
	list_init(&f->looks);
	list_each(it, &f->partitions)
	{
		struct fetched *d = container_of(it, struct fetched, link);

		d->in_session = false;
		list_push(&f->looks, &d->look);
	}
}

/* ---- the questions ---- */

static void look_at_all(struct fetcher *f)
{
	int64_t now_ms = env_mono_ms(f->all->node->env);

	if (now_ms - f->looked_ms < LOOK_MS)
		return;
	f->looked_ms = now_ms;
	list_each(it, &f->partitions) fetcher_look(container_of(it, struct fetched, link));
}

/* Kafka's RemoteLeaderEndPoint.shouldFollowerThrottle: a replica that has caught up is not throttled. */
static bool is_throttled(const struct fetched *d, const struct partition_replica *r)
{
	return r->is_throttled && d->lag != 0 &&
	       replication_quota_is_exceeded(d->fetcher->all->node->replication_quotas, QUOTA_FOLLOWER);
}

static enum fetched_stand later(struct fetched *d, int64_t ms)
{
	if (ms < 1)
		ms = 1;
	if (ms < d->fetcher->later_ms)
		d->fetcher->later_ms = ms;
	return FETCHED_LATER;
}

/*
 * May it fetch? The end of a flush does not interrupt a Fetch under way; that Fetch waits no longer
 * than the flush has taken so far.
 */
static enum fetched_stand stand_now(struct fetched *d)
{
	int64_t now_ms = env_mono_ms(d->fetcher->all->node->env);
	struct partition_replica r;

	if (d->following.state == FOLLOWING_NOBODY || d->following.state == FOLLOWING_FAILED)
		return FETCHED_NEVER;
	if (now_ms < d->following.not_before_ms)
		return later(d, d->following.not_before_ms - now_ms);
	if (!following_is_due(&d->following, FOLLOWING, now_ms))
		return FETCHED_LATER;
	partition_replica(d->partition, &r);
	if (is_throttled(d, &r))
		return FETCHED_LATER;
	if (!r.is_usable)
		return FETCHED_LATER;
	if (fetched_waits_for_flush(d, &r))
		return later(d, now_ms - d->waits_since_ms);
	if (fetched_waits_for_checkpoint(d, &r))
		return later(d, CUT_MS);
	d->want = (struct fetched_ask){d->following.leader_epoch, r.last_epoch, r.end, r.start};
	return FETCHED_NOW;
}

struct looked {
	int now;     /* may fetch */
	int resting; /* are in the session, and were not looked at */
	int leave;   /* are in the session, and must not be */
};

static struct looked look(struct fetcher *f)
{
	struct looked l = {.resting = f->session.n};

	f->later_ms = INT64_MAX;
	list_each(it, &f->looks)
	{
		struct fetched *d = container_of(it, struct fetched, look);

		d->stand = stand_now(d);
		l.now += d->stand == FETCHED_NOW;
		l.resting -= d->in_session;
		l.leave += d->in_session && d->stand != FETCHED_NOW;
	}
	return l;
}

static bool same_ask(const struct fetched_ask *a, const struct fetched_ask *b)
{
	return a->epoch == b->epoch && a->last_epoch == b->last_epoch && a->offset == b->offset && a->start == b->start;
}

static bool is_news(const struct fetched *d)
{
	return !d->in_session || !same_ask(&d->told, &d->want);
}

/* Adds a partition to the request; adjacent ones of one topic are grouped. */
static void tell_session(struct fetcher *f, struct fetched *d, struct fetch_request_partition *p)
{
	struct fetch_request *in = &f->in.fetch;
	struct fetch_request_topic *t = in->topics.n ? &in->topics.v[in->topics.n - 1] : NULL;

	if (!t || !uuid_eq(t->topic_id, d->partition->topic_id)) {
		t = &in->topics.v[in->topics.n++];
		*t = (struct fetch_request_topic){.topic_id = d->partition->topic_id, .partitions = {p, 0}};
	}
	t->partitions.n++;
	codec_init(&fetch_request_partition_schema, p);
	p->partition = d->partition->id;
	p->current_leader_epoch = d->want.epoch;
	p->fetch_offset = d->want.offset;
	p->last_fetched_epoch = d->want.last_epoch;
	p->log_start_offset = d->want.start;
	p->partition_max_bytes = config_int(f->all->node->config, CONFIG_REPLICA_FETCH_MAX_BYTES);
	f->session.n += !d->in_session;
	d->in_session = true;
	d->heard = false;
	d->told = d->want;
}

/* A replica without changes is not looked at again until something of it moves. */
static void tell_news(struct fetcher *f, struct fetch_request_partition *v)
{
	list_each_safe(it, &f->looks)
	{
		struct fetched *d = container_of(it, struct fetched, look);

		if (d->stand != FETCHED_NOW)
			fetcher_forget(d);
		else if (is_news(d))
			tell_session(f, d, v++);
		if (d->stand != FETCHED_LATER)
			list_remove(&d->look);
	}
}

/*
 * Is there a replica that has left and is back? The session's last report about it was ignored, and
 * the leader would not repeat it. It cannot be removed and added in one request, because the leader
 * adds before it removes.
 */
static bool some_are_back(struct fetcher *f)
{
	list_each(it, &f->session.forgotten)
	{
		const struct forgotten *gone = container_of(it, struct forgotten, link);
		const struct fetched *d = fetchers_find(f->all, gone->topic_id, gone->id);

		if (d && d->fetcher == f)
			return true;
	}
	return false;
}

static void tell_forgotten(struct fetcher *f, struct fetch_request_forgotten_topic *v, int32_t *ids)
{
	struct fetch_request *in = &f->in.fetch;

	in->forgotten_topics_data.v = v;
	list_each(it, &f->session.forgotten)
	{
		const struct forgotten *gone = container_of(it, struct forgotten, link);
		struct fetch_request_forgotten_topic *t =
			in->forgotten_topics_data.n ? &v[in->forgotten_topics_data.n - 1] : NULL;

		if (!t || !uuid_eq(t->topic_id, gone->topic_id)) {
			t = &v[in->forgotten_topics_data.n++];
			*t = (struct fetch_request_forgotten_topic){.topic_id = gone->topic_id, .partitions = {ids, 0}};
		}
		*ids++ = gone->id;
		t->partitions.n++;
	}
	drop_forgotten(f);
}

static void begin(struct fetcher *f)
{
	const struct node *n = f->all->node;
	struct fetch_request *in = &f->in.fetch;

	codec_init(&fetch_request_schema, in);
	in->replica_id = n->id;
	in->replica_state.replica_id = n->id;
	in->replica_state.replica_epoch = quorum_broker_epoch(n->quorum);
	in->max_wait_ms = config_int(n->config, CONFIG_REPLICA_FETCH_WAIT_MAX_MS);
	if (f->later_ms < in->max_wait_ms)
		in->max_wait_ms = (int32_t)f->later_ms;
	in->min_bytes = config_int(n->config, CONFIG_REPLICA_FETCH_MIN_BYTES);
	in->max_bytes = config_int(n->config, CONFIG_REPLICA_FETCH_RESPONSE_MAX_BYTES);
	in->session_id = f->session.id;
	in->session_epoch = f->session.epoch;
}

bool fetcher_make_fetch(struct fetcher *f)
{
	struct fetch_request *in = &f->in.fetch;
	struct fetch_request_forgotten_topic *forgotten;
	struct fetch_request_partition *v;
	size_t n_forgotten;
	int32_t *ids;
	struct looked l;

	look_at_all(f);
	if (some_are_back(f))
		fetcher_session_anew(f, f->session.id);
	l = look(f);
	if (l.now + l.resting == 0)
		return false;
	n_forgotten = (size_t)(f->session.n_forgotten + l.leave) + 1;
	begin(f);
	in->topics.v = arena_array(&f->arena, (size_t)l.now + 1, sizeof(*in->topics.v));
	v = arena_array(&f->arena, (size_t)l.now + 1, sizeof(*v));
	forgotten = arena_array(&f->arena, n_forgotten, sizeof(*forgotten));
	ids = arena_array(&f->arena, n_forgotten, sizeof(*ids));
	if (f->arena.failed)
		return false;
	tell_news(f, v);
	tell_forgotten(f, forgotten, ids);
	return true;
}

/* ---- answers ---- */

/* A replica that the answer did not mention asks again a little later. */
static void unheard(struct fetched *d)
{
	struct partition_replica r;
	struct following_view v = fetched_view(d, &r);

	following_unheard(&d->following, &v);
}

static void all_unheard(struct fetcher *f)
{
	list_each(it, &f->partitions)
	{
		struct fetched *d = container_of(it, struct fetched, link);

		if (d->in_session)
			unheard(d);
	}
}

void fetcher_fetch_failed(struct fetcher *f)
{
	all_unheard(f);
	fetcher_session_anew(f, f->session.id);
}

/* A session that is gone, or that is another's, is not an error: the next request names everything. */
static void refused(struct fetcher *f, int err)
{
	bool gone = err == ERR_FETCH_SESSION_ID_NOT_FOUND;

	diag_info(f->all->node->env->diag, "new fetch session", "broker=%d session=%d epoch=%d error=%s", f->leader,
		  f->session.id, f->session.epoch, err_name(err));
	if (f->session.epoch == 0 || (!gone && err != ERR_INVALID_FETCH_SESSION_EPOCH))
		all_unheard(f);
	fetcher_session_anew(f, gone ? 0 : f->session.id);
}

static int take_parts(struct fetcher *f, const struct fetch_response_topic *t)
{
	int heard = 0;

	for (int i = 0; i < t->partitions.n; i++) {
		struct fetched *d = fetchers_find(f->all, t->topic_id, t->partitions.v[i].partition_index);

		if (!d || d->fetcher != f || !d->in_session)
			continue;
		heard += !d->heard;
		d->heard = true;
		fetched_answered(d, &t->partitions.v[i]);
	}
	return heard;
}

/* The first answer of a session mentions everything that was asked. */
static void some_unheard(struct fetcher *f)
{
	list_each(it, &f->partitions)
	{
		struct fetched *d = container_of(it, struct fetched, link);

		if (d->in_session && !d->heard)
			unheard(d);
	}
}

void fetcher_take_fetch(struct fetcher *f, const struct fetch_response *out)
{
	struct fetcher_session *s = &f->session;
	bool complete = true;
	int heard = 0;

	if (out->error_code != 0) {
		refused(f, out->error_code);
		return;
	}
	for (int i = 0; i < out->responses.n; i++)
		heard += take_parts(f, &out->responses.v[i]);
	if (s->epoch == 0 && heard < s->n) {
		some_unheard(f);
		complete = false;
	}
	if (!complete || out->session_id == 0) { /* the leader keeps no session */
		fetcher_session_anew(f, out->session_id);
		return;
	}
	if (s->epoch == 0)
		s->id = out->session_id;
	s->epoch = s->epoch == INT32_MAX ? 1 : s->epoch + 1;
}
