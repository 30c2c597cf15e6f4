/*
 * Fetch: record batches as they lie in the log, as ranges of its files, now or when there are
 * enough (KafkaApis.handleFetchRequest, ReplicaManager.fetchMessages, KIP-227, KIP-74).
 *
 *	session -> wants -> read -> (wait for more, or for the disk; read again) -> open sealed batches, in a job ->
 *	what the session must report -> answer
 *
 * 1. Batches are whole. The first partition that has any returns at least one, however large; after
 *    that the limits apply.
 * 2. Of a session, only the partitions that may have something new are read (fetch_session.h); the
 *    others join a request that waits when they move.
 * 3. A request that waits holds no file and no range: it reads again when something has moved.
 * 4. What is read is referenced until the last byte of the answer has been sent.
 * 5. Batches that may be sealed (log/sealed.h) are opened in memory: up to OPENED_MAX for one
 *    request, and little for each when there are many. A batch that cannot be opened is its
 *    partition's error if it is the first; otherwise the answer ends before it.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api/fetch_private.h"
#include "broker/core.h"
#include "broker/forward.h"
#include "broker/named.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "broker/replication_quota.h"
#include "broker/throttle.h"
#include "config/config.h"
#include "wire/codec.h"

#define REPLICA_CONSUMER (-1)
#define REPLICA_FUTURE (-3)
#define SESSION_FINAL_EPOCH (-1)

/* ---- reading the request ---- */

/* Kafka's FetchRequest takes any negative epoch as none. */
static int32_t epoch_or_none(int32_t epoch)
{
	return epoch < 0 ? -1 : epoch;
}

static struct fetch_want want_of(const struct fetch_request_topic *t, const struct fetch_request_partition *p, bool id)
{
	return (struct fetch_want){
		.topic_id = id ? t->topic_id : UUID_ZERO,
		.topic = id ? STR_NULL : t->topic,
		.partition = p->partition,
		.max_bytes = p->partition_max_bytes,
		.current_leader_epoch = epoch_or_none(p->current_leader_epoch),
		.last_fetched_epoch = epoch_or_none(p->last_fetched_epoch),
		.fetch_offset = p->fetch_offset,
		.log_start_offset = p->log_start_offset,
	};
}

static int count_wants(const struct fetch_request *in)
{
	int n = 0;

	for (int i = 0; i < in->topics.n; i++)
		n += in->topics.v[i].partitions.n;
	return n;
}

static bool parts_new(struct fetch *f, int n)
{
	struct part *v = arena_array(&f->r->arena, (size_t)n + 1, sizeof(*v));

	f->parts = arena_array(&f->r->arena, (size_t)n + 1, sizeof(*f->parts));
	if (!v || !f->parts)
		return false;
	f->n = f->room = n;
	for (int i = 0; i < n; i++)
		f->parts[i] = &v[i];
	return true;
}

/* A partition that is named twice is one, at its first place, of which the last is wanted (FetchRequest.fetchData). */
static bool join_repeated(struct fetch *f)
{
	struct named *v = arena_array(&f->r->arena, (size_t)f->n + 1, sizeof(*v));
	int n = 0;

	if (!v)
		return false;
	for (int i = 0; i < f->n; i++)
		v[i] = (struct named){f->parts[i]->want.topic_id, f->parts[i]->want.topic, f->parts[i]->want.partition,
				      .at = i};
	named_group(v, f->n);
	for (int i = 0, same; i < f->n; i += same) {
		same = named_of_partition(&v[i], f->n - i);
		f->parts[v[i].at]->want = f->parts[v[i + same - 1].at]->want;
		for (int j = i + 1; j < i + same; j++)
			f->parts[v[j].at] = NULL;
	}
	for (int i = 0; i < f->n; i++)
		if (f->parts[i])
			f->parts[n++] = f->parts[i];
	f->n = n;
	return true;
}

static bool wants_of_request(struct fetch *f, const struct fetch_request *in)
{
	struct part **p;

	if (!parts_new(f, count_wants(in)))
		return false;
	p = f->parts;
	for (int i = 0; i < in->topics.n; i++)
		for (int j = 0; j < in->topics.v[i].partitions.n; j++)
			(*p++)->want = want_of(&in->topics.v[i], &in->topics.v[i].partitions.v[j], fetch_is_by_id(f));
	return f->n < 2 || join_repeated(f);
}

/*
 * Copies the name for the request, because another connection may make the session forget it while
 * this one waits. Adjacent partitions share one copy.
 */
static bool own_name(struct fetch *f, struct fetch_want *w, struct str *last)
{
	if (str_is_null(w->topic))
		return true;
	if (str_is_null(*last) || !str_eq(*last, w->topic))
		*last = arena_str(&f->r->arena, w->topic);
	w->topic = *last;
	return !str_is_null(*last);
}

static int by_place(const void *a, const void *b)
{
	const struct part *x = *(struct part *const *)a, *y = *(struct part *const *)b;

	return (x->place > y->place) - (x->place < y->place);
}

static bool take_member(struct fetch *f, struct part *p, struct fetch_member *m, struct str *last)
{
	p->want = m->want;
	p->place = m->place;
	m->looked_in = f->session_epoch;
	return own_name(f, &p->want, last);
}

static bool wants_of_session(struct fetch *f)
{
	struct str last = STR_NULL;
	int n = 0;

	if (!parts_new(f, f->session->n_active))
		return false;
	list_each(it, &f->session->active)
	{
		if (!take_member(f, f->parts[n++], container_of(it, struct fetch_member, active), &last))
			return false;
	}
	qsort(f->parts, (size_t)n, sizeof(*f->parts), by_place);
	return true;
}

/* Adds an empty part; NULL without memory. */
static struct part *add_part(struct fetch *f)
{
	struct part **v = arena_grow(&f->r->arena, f->parts, f->n, &f->room, sizeof(struct part *));
	struct part *p;

	if (!v)
		return NULL;
	f->parts = v;
	p = arena_zalloc(&f->r->arena, sizeof(*p));
	if (p)
		v[f->n++] = p;
	return p;
}

static bool add_to_session(struct fetch *f, const struct fetch_request *in)
{
	for (int i = 0; i < in->topics.n; i++)
		for (int j = 0; j < in->topics.v[i].partitions.n; j++) {
			struct fetch_want w =
				want_of(&in->topics.v[i], &in->topics.v[i].partitions.v[j], fetch_is_by_id(f));

			if (!fetch_session_want(f->session, &w))
				return false;
		}
	return true;
}

static void drop_from_session(struct fetch *f, const struct fetch_request *in)
{
	for (int i = 0; i < in->forgotten_topics_data.n; i++) {
		const struct fetch_request_forgotten_topic *t = &in->forgotten_topics_data.v[i];

		for (int j = 0; j < t->partitions.n; j++) {
			struct fetch_member *m = fetch_session_member(
				f->session, fetch_is_by_id(f) ? t->topic_id : UUID_ZERO, t->topic, t->partitions.v[j]);

			if (m)
				fetch_session_forget(f->session, m);
		}
	}
}

/* ---- the session ---- */

static void expect_no_news(struct fetch *f)
{
	if (f->session && f->session->arg == f)
		f->session->news = NULL;
}

static void release(void *arg)
{
	struct fetch *f = arg;

	for (int i = 0; i < f->n; i++)
		partition_unref(&f->parts[i]->partition);
	expect_no_news(f);
	fetch_session_unref(&f->session);
}

/* 0, an error of the session, or -ENOMEM. */
static int open_context(struct fetch *f, const struct fetch_request *in)
{
	struct fetch_sessions *sessions = f->r->core->sessions;
	struct fetch_session *session = fetch_session_find(sessions, in->session_id);

	if (in->session_epoch == 0 || in->session_epoch == SESSION_FINAL_EPOCH) {
		if (session)
			fetch_session_close(sessions, session);
		f->context = in->session_epoch == 0 ? CONTEXT_FULL : CONTEXT_SESSIONLESS;
		return wants_of_request(f, in) ? 0 : -ENOMEM;
	}
	if (!session)
		return ERR_FETCH_SESSION_ID_NOT_FOUND;
	if (session->epoch != in->session_epoch)
		return ERR_INVALID_FETCH_SESSION_EPOCH;
	if (session->by_id != fetch_is_by_id(f))
		return ERR_FETCH_SESSION_TOPIC_ID_ERROR;
	f->session = fetch_session_ref(session);
	if (!add_to_session(f, in)) {
		fetch_session_close(sessions, session);
		return ERR_FETCH_SESSION_ID_NOT_FOUND;
	}
	drop_from_session(f, in);
	/* even if the session ends here: a request may wait on it */
	session->epoch = fetch_epoch_after(session->epoch);
	if (session->members.n == 0) {
		f->context = CONTEXT_SESSIONLESS;
		fetch_session_close(sessions, session);
		return wants_of_request(f, in) ? 0 : -ENOMEM;
	}
	fetch_session_touch(sessions, session, env_mono_ms(f->r->core->loop->env));
	fetch_session_begin(session, &f->manner, env_mono_ms(f->r->core->loop->env));
	f->session_epoch = session->epoch;
	f->context = CONTEXT_INCREMENTAL;
	return wants_of_session(f) ? 0 : -ENOMEM;
}

/* ---- reading ---- */

/* Whether a partition of this topic may be read; adjacent partitions usually have the same topic. */
struct reader_permission {
	struct str topic; /* the last one checked; null: none */
	bool may;
};

static bool may_read(struct fetch *f, struct str topic, struct reader_permission *last)
{
	if (f->is_replica)
		return true;
	if (!str_is_null(last->topic) && str_eq(last->topic, topic))
		return last->may;
	last->topic = topic;
	last->may = request_may(f->r, ACL_READ, ACL_TOPIC, topic);
	return last->may;
}

static void look_up(struct fetch *f, struct part *p, struct reader_permission *last)
{
	const struct image_topic *t = answer_topic(f->r->image, p->want.topic_id, p->want.topic);
	struct partition *found;

	p->read.diverging = (struct epoch_end){-1, -1};
	p->name = t ? t->name : p->want.topic;
	if (f->replica_id >= 0 &&
	    !f->is_replica) { /* a client that only claims to be a replica learns nothing of what exists */
		p->error = ERR_TOPIC_AUTHORIZATION_FAILED;
		return;
	}
	if (!t && fetch_is_by_id(f)) {
		p->error = ERR_UNKNOWN_TOPIC_ID;
		return;
	}
	if (!may_read(f, p->name, last)) {
		p->error = ERR_TOPIC_AUTHORIZATION_FAILED;
		return;
	}
	if (!t || !image_topic_partition(t, p->want.partition)) {
		p->error = ERR_UNKNOWN_TOPIC_OR_PARTITION;
		return;
	}
	found = core_partition(f->r->core, t->id, p->want.partition);
	if (!found) {
		p->error = ERR_NOT_LEADER_OR_FOLLOWER;
		f->has_error = true;
		return;
	}
	p->partition = partition_ref(found);
}

/* Releases the files of an earlier read; those of the last one are released with the arena. */
static void drop_reading(struct fetch *f)
{
	for (int i = 0; i < f->n; i++)
		file_unref(&f->parts[i]->read.records.file);
	f->readable = 0;
	f->sealed = 0;
}

#define OPENED_MAX (8 << 20)
#define OPENED_LOW_MAX (64 << 10)
#define OPENED_TOGETHER_MAX ((int64_t)256 << 20) /* for all requests together; beyond it, each has OPENED_LOW_MAX */

/* How many more bytes may be opened in memory for this request. The first batch comes whole. */
static int32_t may_open(const struct fetch *f)
{
	int64_t together = __atomic_load_n(&f->r->node->opened_bytes, __ATOMIC_RELAXED);
	int64_t left = (together < OPENED_TOGETHER_MAX ? OPENED_MAX : OPENED_LOW_MAX) - f->sealed;

	return left > 0 ? (int32_t)left : 1;
}

static int read_part(struct fetch *f, struct part *p, int64_t limit, bool nowait)
{
	struct effects effects = {0};
	struct partition_follower follower = {
		.id = f->replica_id,
		.broker_epoch = f->replica_epoch,
		.log_start = p->want.log_start_offset,
		.image = f->r->core->image,
		.effects = &effects,
	};
	struct partition_consumer consumer = {
		.image = f->r->core->image,
		.rack = ((const struct fetch_request *)f->r->in)->rack_id,
		.listener = f->r->listener,
	};
	struct partition_read *r = &p->read;
	int err;

	*r = (struct partition_read){
		.follower = f->replica_id >= 0 && !f->told ? &follower : NULL,
		.consumer = f->by_rack ? &consumer : NULL,
		.consumes = f->replica_id < 0 && f->replica_id != REPLICA_FUTURE,
		.offset = p->want.fetch_offset,
		.max_bytes = p->want.max_bytes < limit ? p->want.max_bytes : (int32_t)limit,
		.current_leader_epoch = p->want.current_leader_epoch,
		.last_fetched_epoch = p->want.last_fetched_epoch,
		.isolation = f->isolation,
		.min_one_message = f->readable == 0,
		.leader_only = f->leader_only,
		.nowait = nowait,
		.withholds = f->withheld,
		.replica = f->replica_id >= 0 ? f->replica_id : -1,
		.arena = &f->r->arena,
		.sealed_max = may_open(f),
	};
	err = partition_read(p->partition, r);
	effects_run(&effects, f->r->core);
	return err;
}

static void note_capacity(struct fetch *f, const struct partition_read *r)
{
	f->is_cut |= r->is_cut;
	if (r->held_ms > 0 && (f->held_ms == 0 || r->held_ms < f->held_ms))
		f->held_ms = r->held_ms;
}

/* Reads all partitions; false when pages have to be fetched from the disk first. */
static bool read_parts(struct fetch *f, bool nowait)
{
	bool cold = false;

	drop_reading(f);
	f->is_cut = f->is_older = false;
	f->held_ms = 0;
	f->withheld = f->replica_id >= 0 && replication_quota_is_exceeded(f->r->node->replication_quotas, QUOTA_LEADER);
	for (int i = 0; i < f->n; i++) {
		struct part *p = f->parts[i];
		int64_t limit = f->max_bytes > f->readable ? f->max_bytes - f->readable : 0;
		int err;

		if (!p->partition)
			continue;
		err = read_part(f, p, limit, nowait);
		if (err == -EAGAIN) {
			cold = true;
			f->readable += p->read.cold.len;
			continue;
		}
		p->error = err;
		note_capacity(f, &p->read);
		f->has_error |= err != 0;
		f->is_sent_on |= err == 0 && p->read.nearer >= 0;
		f->is_older |= p->read.is_older;
		f->readable += p->read.records.len;
		f->sealed += p->read.sealed.any ? p->read.records.len : 0;
	}
	f->told = true;
	return !cold;
}

static bool any_diverges(const struct fetch *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->parts[i]->read.diverging.epoch >= 0)
			return true;
	return false;
}

/* Those at rest may have more at any moment. */
static int interesting(const struct fetch *f)
{
	int n = f->context == CONTEXT_INCREMENTAL ? fetch_session_resting(f->session) : 0;

	for (int i = 0; i < f->n; i++)
		n += f->parts[i]->partition != NULL;
	return n;
}

/* Kafka does not wait for min_bytes either while a reader is in an older segment (DelayedFetch, case F). */
static bool is_enough(const struct fetch *f)
{
	const struct fetch_request *in = f->r->in;

	return f->answers_now || in->max_wait_ms <= 0 || f->has_error || f->is_sent_on || f->is_cut || f->is_older ||
	       f->readable >= f->min_bytes || interesting(f) == 0 || any_diverges(f);
}

/* ---- opening sealed batches ---- */

static void forget_opened(void *arg)
{
	buf_fini(arg);
}

/* The opened bytes live until the answer has been sent. */
static void open_part(struct fetch *f, struct part *p)
{
	struct buf *bytes = arena_zalloc(&f->r->arena, sizeof(*bytes));
	int err = -ENOMEM;

	if (bytes) {
		err = sealed_read(&p->read.sealed, p->name, &p->read.records, bytes);
		arena_cleanup(&f->r->arena, forget_opened, bytes);
	}
	file_unref(&p->read.records.file);
	p->error = err_to_kafka(err);
	p->read.records = err ? (struct records){0} : (struct records){.p = bytes->p, .len = (int32_t)bytes->len};
}

static void open_job(struct work *work)
{
	struct fetch *f = container_of(work, struct fetch, work);

	for (int i = 0; i < f->n; i++)
		if (f->parts[i]->read.sealed.any && f->parts[i]->read.records.file)
			open_part(f, f->parts[i]);
}

static void open_done(struct work *work)
{
	struct fetch *f = container_of(work, struct fetch, work);

	if (fetch_answer(f))
		request_complete(f->r);
	else
		request_end(f->r, true);
}

static void give_back_room(void *arg)
{
	struct fetch *f = arg;

	__atomic_sub_fetch(&f->r->node->opened_bytes, f->sealed, __ATOMIC_RELAXED);
}

/*
 * What was read will be answered; the request is parked. Its memory is accounted for now, so that
 * the next reader knows of it.
 */
static void open_sealed(struct fetch *f)
{
	f->ended = true;
	__atomic_add_fetch(&f->r->node->opened_bytes, f->sealed, __ATOMIC_RELAXED);
	arena_cleanup(&f->r->arena, give_back_room, f);
	f->work = (struct work){.job = open_job, .done = open_done, .loop = f->r->core->loop};
	env_work(f->r->core->loop, &f->work);
}

/* ---- waiting ---- */

static void stop_waiting(struct fetch *f)
{
	for (int i = 0; i < f->n; i++)
		partition_unwait(&f->parts[i]->waiter);
	timer_stop(&f->timer);
}

/* Answers with everything that was last read. */
static void finish(struct fetch *f)
{
	stop_waiting(f);
	expect_no_news(f);
	f->ended = true;
	if (!waking_settle(&f->waking))
		return;			    /* a call is on its way, and ends this */
	if (f->sealed > 0 && !f->r->conn) { /* nobody is left to open it for */
		drop_reading(f);
		request_end(f->r, true);
	} else if (f->sealed > 0) {
		open_sealed(f);
	} else if (fetch_answer(f)) {
		request_complete(f->r);
	} else {
		request_end(f->r, true);
	}
}

static void cold_job(struct work *work)
{
	struct fetch *f = container_of(work, struct fetch, work);

	for (int i = 0; i < f->n; i++)
		if (f->parts[i]->read.cold.file)
			log_cold_run(&f->parts[i]->read.cold);
}

/* Members that have moved are looked at from now on. True: there were some. */
static bool take_moved(struct fetch *f)
{
	struct reader_permission last = {STR_NULL, false};
	struct str name = STR_NULL;
	int n = f->n;

	if (!f->session || f->session->arg != f || !f->session->news || f->session->epoch != f->session_epoch)
		return false;
	for (struct list *it = f->session->active.prev; it != &f->session->active; it = it->prev) {
		struct fetch_member *m = container_of(it, struct fetch_member, active);
		struct part *p;

		if (m->looked_in == f->session_epoch)
			break; /* those that have moved since are at the end */
		p = add_part(f);
		if (!p || !take_member(f, p, m, &name))
			break; /* the arena is spent: the answer will hang up */
		look_up(f, p, &last);
	}
	if (f->n == n)
		return false;
	qsort(f->parts, (size_t)f->n, sizeof(*f->parts), by_place);
	return true;
}

static void read_again(struct fetch *f);
static void look_again(struct fetch *f);

static void cold_done(struct work *work)
{
	struct fetch *f = container_of(work, struct fetch, work);

	f->reads_cold = false;
	read_parts(f, false);
	if (is_enough(f) || f->r->conn == NULL)
		finish(f);
	else if (take_moved(f))
		read_again(f);
	else
		look_again(f);
}

static void read_cold(struct fetch *f)
{
	stop_waiting(f);
	f->reads_cold = true;
	f->work = (struct work){.job = cold_job, .done = cold_done, .loop = f->r->core->loop};
	env_work(f->r->core->loop, &f->work);
}

/* True when nothing has moved since the read. */
static bool wait_for_part(struct fetch *f, struct part *p)
{
	if (p->waiter.partition && !list_empty(&p->waiter.link))
		return true;
	partition_unwait(&p->waiter);
	p->waiter = (struct waiter){
		.waking = &f->waking,
		.past = p->read.upto > p->want.fetch_offset ? p->read.upto : p->want.fetch_offset,
		.watch = fetch_watch(f),
	};
	list_init(&p->waiter.link);
	return partition_wait(p->partition, &p->waiter);
}

static bool wait_for_parts(struct fetch *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->parts[i]->partition && !wait_for_part(f, f->parts[i]))
			return false;
	return true;
}

static int64_t time_left_ms(const struct fetch *f)
{
	const struct fetch_request *in = f->r->in;

	return in->max_wait_ms - (env_mono_ns(f->r->core->loop->env) - f->r->began_ns) / 1000000;
}

/* Waits until the request's time is over, or until a partition that is held back has capacity again. */
static void wait_for_time(struct fetch *f)
{
	int64_t left = time_left_ms(f);

	if (f->held_ms > 0)
		timer_start(&f->timer, f->held_ms < left ? f->held_ms : left);
	else if (!timer_is_running(&f->timer))
		timer_start(&f->timer, left);
}

static void look_again(struct fetch *f)
{
	while (!wait_for_parts(f)) {
		if (!read_parts(f, true)) {
			read_cold(f);
			return;
		}
		if (is_enough(f)) {
			finish(f);
			return;
		}
	}
	drop_reading(f);
	wait_for_time(f);
}

static void read_again(struct fetch *f)
{
	if (f->reads_cold)
		return;
	take_moved(f);
	if (!read_parts(f, true))
		read_cold(f);
	else if (is_enough(f))
		finish(f);
	else
		look_again(f);
}

static void woken(struct waking *w)
{
	struct fetch *f = container_of(w, struct fetch, waking);

	if (f->ended)
		finish(f);
	else
		read_again(f);
}

static void news_came(void *arg)
{
	struct fetch *f = arg;

	if (!f->ended)
		read_again(f);
}

/* The request is parked, and is told of members that move. */
static void expect_news(struct fetch *f)
{
	if (f->context != CONTEXT_INCREMENTAL)
		return;
	f->session->news = news_came;
	f->session->arg = f;
}

static void give_what_there_is(struct fetch *f)
{
	if (f->ended || f->reads_cold)
		return;
	if (read_parts(f, true))
		finish(f);
	else
		read_cold(f);
}

static void time_is_over(struct timer *t)
{
	struct fetch *f = container_of(t, struct fetch, timer);

	if (time_left_ms(f) > 0) { /* capacity has returned */
		read_again(f);
		return;
	}
	f->answers_now = true;
	give_what_there_is(f);
}

static void hurry(struct request *r)
{
	struct fetch *f = r->state;

	f->answers_now = true;
	give_what_there_is(f);
}

/* ---- the request ---- */

/* A fetching controller takes this error as "not the leader, or stopping". */
static void fail(struct request *r, int err, struct str message)
{
	struct fetch_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)(err == ERR_NOT_CONTROLLER ? ERR_BROKER_NOT_AVAILABLE : err);
}

static void read_limits(struct fetch *f, const struct fetch_request *in)
{
	int32_t most = config_int(f->r->node->config, CONFIG_FETCH_MAX_BYTES);
	bool consumer;

	f->replica_id = f->r->version >= 15 ? in->replica_state.replica_id : in->replica_id;
	f->replica_epoch = f->r->version >= 15 ? in->replica_state.replica_epoch : -1;
	consumer = f->replica_id < 0 && f->replica_id != REPLICA_FUTURE;
	f->max_bytes = in->max_bytes < most ? in->max_bytes : most;
	f->is_replica = f->replica_id >= 0 && request_may_cluster(f->r, ACL_CLUSTER_ACTION);
	f->r->exempt = f->is_replica;
	if (f->replica_id < 0 && image_has_quotas(f->r->image))
		f->max_bytes = throttle_fetch_max(f->r, f->max_bytes);
	f->min_bytes = in->min_bytes < f->max_bytes ? in->min_bytes : f->max_bytes;
	f->isolation = !consumer			       ? READ_TO_END
		       : in->isolation_level == READ_COMMITTED ? READ_COMMITTED
							       : READ_UNCOMMITTED;
	f->leader_only = !consumer || f->r->version < 11;
	f->by_rack = consumer && in->rack_id.len > 0 &&
		     config_string(f->r->node->config, CONFIG_REPLICA_SELECTOR_CLASS).len > 0;
	f->manner = (struct fetch_manner){
		.isolation = f->isolation,
		.replica_id = f->replica_id,
		.leader_only = f->leader_only,
		.rack = f->by_rack ? hash_bytes(1, in->rack_id.p, (size_t)in->rack_id.len) : 0,
		.n_images = f->r->core->n_images,
	};
}

static enum outcome run(struct request *r)
{
	const struct fetch_request *in = r->in;
	struct reader_permission last = {STR_NULL, false};
	struct fetch *f;
	int err;

	if (r->from_controller) /* the metadata log is the quorum's */
		return request_may_cluster(r, ACL_CLUSTER_ACTION) ? forward_run(r)
								  : request_fail_cluster(r, ACL_CLUSTER_ACTION);
	f = arena_zalloc(&r->arena, sizeof(*f));
	if (!f || !r->image)
		return HANG_UP;
	f->r = r;
	arena_cleanup(&r->arena, release, f);
	read_limits(f, in);
	err = open_context(f, in);
	if (err)
		return err < 0 ? HANG_UP : request_fail(r, err, STR_NULL);
	waking_init(&f->waking, r->core->loop, woken);
	timer_init(&f->timer, r->core->loop, time_is_over);
	for (int i = 0; i < f->n; i++)
		look_up(f, f->parts[i], &last);
	if (!read_parts(f, true)) {
		request_park(r, f, hurry);
		expect_news(f);
		read_cold(f);
		return PARKED;
	}
	if (is_enough(f) && f->sealed == 0)
		return fetch_answer(f) ? REPLY : HANG_UP;
	request_park(r, f, hurry);
	if (is_enough(f)) {
		open_sealed(f);
		return PARKED;
	}
	expect_news(f);
	look_again(f);
	return PARKED;
}

const struct api api_fetch = {
	.key = fetch_request_KEY,
	.first = fetch_request_FIRST,
	.last = fetch_request_LAST,
	.flags = API_BROKER | API_CONTROLLER,
	.in = &fetch_request_schema,
	.out = &fetch_response_schema,
	.run = run,
	.fail = fail,
};
