/*
 * fetch_session: the table of sessions and their members. The rules of eviction are Kafka's
 * (FetchSessionCacheShard); a session's value is (privileged, members, id), in this order.
 */
#include "broker/fetch_session.h"

#include "base/check.h"
#include "base/mem.h"
#include "broker/core.h"

struct fetch_sessions {
	struct fetch_sessions_config config;
	struct map by_id;
	struct list recent;
	int64_t bytes; /* of all members */
	bool stopped;
};

struct member_key {
	struct uuid topic_id;
	struct str topic;
	int32_t partition;
};

struct fetch_sessions *fetch_sessions_new(const struct fetch_sessions_config *config)
{
	struct fetch_sessions *s = xcalloc(1, sizeof(*s));

	check(config->of > 0 && config->index >= 0 && config->index < config->of);
	s->config = *config;
	map_init(&s->by_id, config->random(config->arg));
	list_init(&s->recent);
	return s;
}

void fetch_sessions_free(struct fetch_sessions *s)
{
	if (!s)
		return;
	fetch_sessions_stop(s);
	map_fini(&s->by_id);
	xfree(s);
}

void fetch_sessions_stop(struct fetch_sessions *s)
{
	s->stopped = true;
	while (!list_empty(&s->recent))
		fetch_session_close(s, container_of(s->recent.next, struct fetch_session, recent));
}

int fetch_sessions_count(const struct fetch_sessions *s)
{
	return (int)s->by_id.n;
}

int64_t fetch_sessions_bytes(const struct fetch_sessions *s)
{
	return s->bytes;
}

/* ---- finding and closing ---- */

static bool session_eq(const struct map_node *n, const void *key)
{
	return container_of(n, struct fetch_session, node)->id == *(const int32_t *)key;
}

struct fetch_session *fetch_session_find(struct fetch_sessions *s, int32_t id)
{
	struct map_node *n = map_find(&s->by_id, hash_u64(s->by_id.seed, (uint64_t)id), session_eq, &id);

	return n ? container_of(n, struct fetch_session, node) : NULL;
}

struct fetch_session *fetch_session_ref(struct fetch_session *session)
{
	session->refs++;
	return session;
}

void fetch_session_unref(struct fetch_session **session)
{
	struct fetch_session *f = *session;

	*session = NULL;
	if (!f || --f->refs > 0)
		return;
	while (!list_empty(&f->order))
		fetch_session_forget(f, container_of(f->order.next, struct fetch_member, order));
	map_fini(&f->members);
	if (waking_settle(&f->waking))
		xfree(f);
	else
		core_work_begins(f->all->config.core); /* a call is on its way, and frees it */
}

/* ---- members at rest ---- */

static void rouse(struct fetch_session *f, struct fetch_member *m)
{
	if (!list_empty(&m->active))
		return;
	list_push(&f->active, &m->active);
	f->n_active++;
}

/*
 * What has become ready is active again. The partition's lock is taken for each: whoever has made
 * it ready has then let go of the session.
 */
static void gather(struct fetch_session *f)
{
	for (struct waiter *w = waking_take(&f->waking), *next; w; w = next) {
		next = w->ready;
		partition_unwait(w);
		rouse(f, container_of(w, struct fetch_member, waiter));
	}
}

/* It does not wait any more: what its waiter may already have been gathered into is emptied. */
static void end_rest(struct fetch_session *f, struct fetch_member *m)
{
	if (!list_empty(&m->active))
		return;
	partition_unwait(&m->waiter);
	gather(f);
	rouse(f, m);
}

static void moved(struct waking *w)
{
	struct fetch_session *f = container_of(w, struct fetch_session, waking);

	if (f->refs == 0) {
		struct core *core = f->all->config.core;

		xfree(f);
		core_work_ends(core);
		return;
	}
	gather(f);
	if (f->news)
		f->news(f->arg);
}

void fetch_session_rest(struct fetch_session *f, struct fetch_member *m, const struct fetch_rest *rest)
{
	if (!f->all->config.core || f->closed || list_empty(&m->active))
		return;
	m->waiter = (struct waiter){
		.waking = &f->waking,
		.past = rest->upto,
		.watch = rest->watch,
		.watches_marks = true,
		.high_watermark = rest->high_watermark,
		.start = rest->start,
		.heard_ms = rest->replica_id >= 0 ? &f->heard_ms : NULL,
		.follower = rest->replica_id,
	};
	list_init(&m->waiter.link);
	if (!partition_wait(rest->partition, &m->waiter))
		return;
	list_remove(&m->active);
	f->n_active--;
}

static bool same_manner(const struct fetch_manner *a, const struct fetch_manner *b)
{
	return a->isolation == b->isolation && a->replica_id == b->replica_id && a->leader_only == b->leader_only &&
	       a->rack == b->rack && a->n_images == b->n_images;
}

void fetch_session_begin(struct fetch_session *f, const struct fetch_manner *manner, int64_t now_ms)
{
	__atomic_store_n(&f->heard_ms, now_ms, __ATOMIC_RELAXED);
	gather(f);
	if (same_manner(&f->manner, manner))
		return;
	f->manner = *manner;
	list_each(it, &f->order)
	{
		if (fetch_session_resting(f) == 0)
			break;
		end_rest(f, container_of(it, struct fetch_member, order));
	}
}

/* Requests of the session that are still being answered keep it by a reference. */
void fetch_session_close(struct fetch_sessions *s, struct fetch_session *session)
{
	if (session->closed)
		return;
	session->closed = true;
	map_remove(&s->by_id, &session->node);
	list_remove(&session->recent);
	fetch_session_unref(&session);
}

/* ---- opening ---- */

static bool session_is_old(const struct fetch_session *f, int64_t now_ms)
{
	return now_ms - f->created_ms > FETCH_SESSION_EVICTION_MS;
}

/* < 0 when a is worth less than b. */
static int session_compare(bool a_privileged, int a_size, int32_t a_id, const struct fetch_session *b)
{
	if (a_privileged != b->privileged)
		return a_privileged ? 1 : -1;
	if (a_size != b->cached_size)
		return a_size < b->cached_size ? -1 : 1;
	return a_id < b->id ? -1 : a_id > b->id;
}

static struct fetch_session *least_valuable(struct fetch_sessions *s, bool for_privileged, int64_t now_ms)
{
	struct fetch_session *least = NULL;

	list_each(it, &s->recent)
	{
		struct fetch_session *f = container_of(it, struct fetch_session, recent);
		bool evictable = session_is_old(f, now_ms) || (for_privileged && !f->privileged);

		if (evictable && (!least || session_compare(f->privileged, f->cached_size, f->id, least) < 0))
			least = f;
	}
	return least;
}

static bool make_room(struct fetch_sessions *s, bool privileged, int n_members, int64_t now_ms)
{
	struct list *oldest = list_first(&s->recent);
	struct fetch_session *f;

	if ((int)s->by_id.n < s->config.slots)
		return true;
	if (!oldest)
		return false;
	f = container_of(oldest, struct fetch_session, recent);
	if (now_ms - f->used_ms <= FETCH_SESSION_EVICTION_MS) {
		f = least_valuable(s, privileged, now_ms);
		if (!f || session_compare(privileged, n_members, 0, f) < 0)
			return false;
	}
	fetch_session_close(s, f);
	return true;
}

static int32_t new_id(struct fetch_sessions *s)
{
	for (;;) {
		uint32_t draw = (uint32_t)s->config.random(s->config.arg) & INT32_MAX;
		uint32_t id = draw - draw % (uint32_t)s->config.of + (uint32_t)s->config.index;

		if (id > 0 && id <= INT32_MAX && !fetch_session_find(s, (int32_t)id))
			return (int32_t)id;
	}
}

struct fetch_session *fetch_session_open(struct fetch_sessions *s, bool privileged, bool by_id, int n_members,
					 int64_t now_ms)
{
	struct fetch_session *f;

	if (s->stopped || !make_room(s, privileged, n_members, now_ms))
		return NULL;
	f = xcalloc(1, sizeof(*f));
	f->refs = 1;
	f->all = s;
	f->id = new_id(s);
	f->epoch = 1;
	f->privileged = privileged;
	f->by_id = by_id;
	f->created_ms = f->used_ms = now_ms;
	f->cached_size = n_members;
	map_init(&f->members, s->config.random(s->config.arg));
	list_init(&f->order);
	list_init(&f->active);
	waking_init(&f->waking, s->config.core ? s->config.core->loop : NULL, moved);
	f->waking.gathers = true;
	map_insert(&s->by_id, &f->node, hash_u64(s->by_id.seed, (uint64_t)f->id));
	list_push(&s->recent, &f->recent);
	return f;
}

void fetch_session_touch(struct fetch_sessions *s, struct fetch_session *session, int64_t now_ms)
{
	check(!session->closed);
	session->used_ms = now_ms;
	session->cached_size = (int)session->members.n;
	list_remove(&session->recent);
	list_push(&s->recent, &session->recent);
}

/* ---- members ---- */

static bool member_eq(const struct map_node *n, const void *key)
{
	const struct fetch_want *w = &container_of(n, struct fetch_member, node)->want;
	const struct member_key *k = key;

	if (w->partition != k->partition)
		return false;
	return uuid_is_zero(k->topic_id) ? str_eq(w->topic, k->topic) : uuid_eq(w->topic_id, k->topic_id);
}

static uint64_t member_hash(const struct map *m, const struct member_key *k)
{
	uint64_t topic = uuid_is_zero(k->topic_id) ? hash_bytes(m->seed, k->topic.p, (size_t)k->topic.len)
						   : hash_bytes(m->seed, k->topic_id.b, sizeof(k->topic_id.b));

	return hash_u64(topic, (uint64_t)(uint32_t)k->partition);
}

struct fetch_member *fetch_session_member(const struct fetch_session *session, struct uuid topic_id, struct str topic,
					  int32_t partition)
{
	struct member_key k = {.topic_id = topic_id, .topic = topic, .partition = partition};
	struct map_node *n = map_find(&session->members, member_hash(&session->members, &k), member_eq, &k);

	return n ? container_of(n, struct fetch_member, node) : NULL;
}

static int64_t member_bytes(const struct fetch_want *want)
{
	return (int64_t)sizeof(struct fetch_member) + (uuid_is_zero(want->topic_id) ? want->topic.len + 1 : 0);
}

/* Sessions that have not been used for long are evicted first. */
static bool room_for_member(struct fetch_session *session, int64_t bytes)
{
	struct fetch_sessions *s = session->all;

	while (s->bytes + bytes > s->config.bytes) {
		struct list *oldest = list_first(&s->recent);
		struct fetch_session *f = oldest ? container_of(oldest, struct fetch_session, recent) : NULL;

		if (!f || f == session || session->used_ms - f->used_ms <= FETCH_SESSION_EVICTION_MS)
			return false;
		fetch_session_close(s, f);
	}
	s->bytes += bytes;
	return true;
}

struct fetch_member *fetch_session_want(struct fetch_session *session, const struct fetch_want *want)
{
	struct member_key k = {.topic_id = want->topic_id, .topic = want->topic, .partition = want->partition};
	struct fetch_member *m = fetch_session_member(session, want->topic_id, want->topic, want->partition);

	if (m) {
		struct str name = m->want.topic;

		m->want = *want;
		m->want.topic = name;
		end_rest(session, m);
		return m;
	}
	if (!room_for_member(session, member_bytes(want)))
		return NULL;
	m = xcalloc(1, sizeof(*m));
	m->want = *want;
	m->want.topic = uuid_is_zero(want->topic_id) ? str_of(str_dup(want->topic)) : STR_NULL;
	m->said = (struct fetch_said){-1, -1};
	map_insert(&session->members, &m->node, member_hash(&session->members, &k));
	list_push(&session->order, &m->order);
	m->place = ++session->last_place;
	list_init(&m->active);
	rouse(session, m);
	return m;
}

void fetch_session_forget(struct fetch_session *session, struct fetch_member *m)
{
	end_rest(session, m);
	list_remove(&m->active);
	session->n_active--;
	map_remove(&session->members, &m->node);
	list_remove(&m->order);
	session->all->bytes -= member_bytes(&m->want);
	xfree((char *)m->want.topic.p);
	xfree(m);
}

void fetch_session_rotate(struct fetch_session *session, struct fetch_member *m)
{
	list_remove(&m->order);
	list_push(&session->order, &m->order);
	m->place = ++session->last_place;
}

bool fetch_session_would_tell(const struct fetch_member *m, const struct fetch_news *news)
{
	return news->has_records || news->has_more || news->has_error ||
	       m->said.high_watermark != news->high_watermark || m->said.log_start_offset != news->log_start_offset;
}

bool fetch_session_tells(struct fetch_member *m, const struct fetch_news *news)
{
	bool tells = fetch_session_would_tell(m, news);

	m->said.high_watermark = news->has_error || news->has_more ? -1 : news->high_watermark;
	m->said.log_start_offset = news->log_start_offset;
	return tells;
}
