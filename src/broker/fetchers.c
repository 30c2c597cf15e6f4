/* fetchers: see the header. */
#include "broker/fetchers.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/partitions.h"
#include "broker/quorum.h"
#include "broker/upkeep.h"
#include "config/config.h"
#include "metadata/image.h"
#include "net/channel.h"
#include "protocol/fetch.h"
#include "protocol/list_offsets.h"
#include "replication/following.h"
#include "wire/codec.h"

#define ANSWER_MAX ((size_t)1 << 30)
#define ARENA_MAX ((size_t)2 << 30)
#define CUT_MS 20    /* between two looks whether the recovery point of a replica that was cut is written */
#define SETTLE_MS 10 /* between two looks whether look-ups of names have ended, at a stop */

struct fetcher;

/* A replica of ours that another broker leads. */
struct fetched {
	struct map_node node;
	struct list link; /* of its fetcher */
	struct fetcher *fetcher;
	struct partition *partition; /* a reference */
	struct following following;
	bool asked; /* by the request under way, in this epoch and at this offset: */
	int32_t asked_epoch;
	int64_t asked_offset;
	int64_t leader_end;	       /* while it is lost: -1, or what the leader has said */
	int64_t leader_high_watermark; /* as it said last; -1 */
	struct waiter waiter;
};

/* One leader. */
struct fetcher {
	struct list link;
	struct fetchers *all;
	int32_t leader;
	struct channel channel;
	struct list partitions; /* of struct fetched */
	struct call call;
	struct arena arena;
	union {
		struct fetch_request fetch;
		struct list_offsets_request list;
	} in;
	bool asking;
	bool cut;	      /* one of them waits for its recovery point to be written */
	struct timer timer;   /* the next request */
	struct waking waking; /* a flush that was waited for */
	int trouble;	      /* that was told */
	struct lately answers;
};

struct fetchers {
	struct node *node;
	struct channels channels;
	struct list list; /* of struct fetcher */
	struct list gone; /* whose waking is still on its way */
	struct map partitions;
	const struct image *image; /* the one that was followed last */
	struct timer settle;
	bool stopped;
};

struct fetched_key {
	struct uuid topic_id;
	int32_t id;
};

static void turn(struct timer *t);

/* ---- the table ---- */

static uint64_t key_hash(const struct map *m, const struct fetched_key *k)
{
	return hash_u64(hash_bytes(m->seed, k->topic_id.b, sizeof(k->topic_id.b)), (uint64_t)(uint32_t)k->id);
}

static bool key_eq(const struct map_node *n, const void *key)
{
	const struct partition *p = container_of(n, struct fetched, node)->partition;
	const struct fetched_key *k = key;

	return p->id == k->id && uuid_eq(p->topic_id, k->topic_id);
}

static struct fetched *find(struct fetchers *all, struct uuid topic_id, int32_t id)
{
	struct fetched_key k = {topic_id, id};
	struct map_node *n = map_find(&all->partitions, key_hash(&all->partitions, &k), key_eq, &k);

	return n ? container_of(n, struct fetched, node) : NULL;
}

static void drop(struct fetched *d)
{
	partition_unwait(&d->waiter);
	map_remove(&d->fetcher->all->partitions, &d->node);
	list_remove(&d->link);
	partition_unref(&d->partition);
	xfree(d);
}

static void soon(struct fetcher *f, int64_t ms)
{
	if (!f->asking && !f->all->stopped && !list_empty(&f->partitions))
		timer_start(&f->timer, ms);
}

/* ---- a replica's log ---- */

static struct following_view view_of(struct fetched *d, struct partition_replica *r)
{
	const struct node *n = d->fetcher->all->node;

	partition_replica(d->partition, r);
	return (struct following_view){
		.end = r->end,
		.high_watermark = r->high_watermark,
		.last_epoch = r->last_epoch,
		.now_ms = env_mono_ms(n->env),
		.backoff_ms = config_int(n->config, CONFIG_REPLICA_FETCH_BACKOFF_MS),
	};
}

static void tell(struct fetched *d, const char *what, int64_t offset)
{
	diag_info(d->fetcher->all->node->env->diag, what, "topic=%s partition=%d leader=%d epoch=%d offset=%lld",
		  d->partition->topic->name, d->partition->id, d->following.leader, d->following.leader_epoch,
		  (long long)offset);
}

/* Bytes may come whole the next time, descriptors be there again, and a disk have room; a directory that has failed is lost until the next start. */
static bool is_for_good(struct fetched *d, int err)
{
	struct partition_replica r;

	partition_replica(d->partition, &r);
	if (err == ERR_KAFKA_STORAGE_ERROR)
		return !r.is_usable;
	return err != ERR_CORRUPT_MESSAGE && err != ERR_INVALID_RECORD && err != ERR_NOT_LEADER_OR_FOLLOWER &&
	       !err_passes(err);
}

/* It cannot go on with these bytes, for now or for good. */
static void stumble(struct fetched *d, int err, const struct following_view *v)
{
	diag_warn(d->fetcher->all->node->env->diag, "replica cannot follow",
		  "topic=%s partition=%d leader=%d offset=%lld error=%s", d->partition->topic->name, d->partition->id,
		  d->following.leader, (long long)v->end, err_name(err));
	following_stumbled(&d->following, is_for_good(d, err), v);
}

static void cut(struct fetched *d, const struct following_step *step, const struct following_view *v)
{
	struct core *core = &d->fetcher->all->node->cores[0];
	bool fully = step->act == FOLLOW_RESTART;
	struct effects e = {0};
	int err;

	if (!fully && step->offset >= v->end) /* no record goes, but an epoch may that the leader does not know */
		tell(d, "replica is compared with its leader once more", step->offset);
	else
		tell(d,
		     fully ? "replica begins anew where its leader's log starts"
			   : "replica is cut to what its leader has",
		     step->offset);
	err = partition_truncate(d->partition, step->offset, fully, &e);
	effects_run(&e, core);
	if (err)
		stumble(d, err, v);
}

static void append(struct fetched *d, const struct fetch_response_partition *p, const struct following_view *v)
{
	struct node *n = d->fetcher->all->node;
	struct partition_replicated r = {
		.p = p->records.p,
		.len = p->records.p ? (size_t)p->records.len : 0,
		.leader_epoch = d->asked_epoch,
		.high_watermark = p->high_watermark,
		.log_start = p->log_start_offset,
		.wall_ms = env_wall_ms(n->env),
	};
	struct effects e = {0};
	int err = partition_replicate(d->partition, &r, &n->cores[0], &e);

	effects_run(&e, &n->cores[0]);
	if (err)
		stumble(d, err, v);
}

static void take_step(struct fetched *d, const struct following_step *step, const struct fetch_response_partition *p,
		      const struct following_view *v)
{
	if (step->act == FOLLOW_APPEND)
		append(d, p, v);
	else if (step->act != FOLLOW_NOTHING)
		cut(d, step, v);
}

/* ---- Fetch ---- */

static void take_part(struct fetched *d, const struct fetch_response_partition *p)
{
	struct partition_replica r;
	struct following_view v = view_of(d, &r);
	struct following_answer a = {
		.asked_epoch = d->asked_epoch,
		.asked_offset = d->asked_offset,
		.err = p->error_code,
		.diverging_epoch = p->diverging_epoch.epoch,
		.diverging_end = p->diverging_epoch.end_offset,
		.own_epoch = -1,
	};
	struct following_step step;

	if (a.diverging_epoch >= 0) {
		struct epoch_end own = partition_own_epoch(d->partition, a.diverging_epoch);

		a.own_epoch = own.epoch;
		a.own_end = own.end_offset;
	}
	step = following_answered(&d->following, &a, &v);
	if (p->error_code == 0)
		d->leader_high_watermark = p->high_watermark;
	take_step(d, &step, p, &v);
}

/* Whom the answer did not speak of asks again a little later. */
static void none_heard(struct fetcher *f)
{
	list_each(it, &f->partitions)
	{
		struct fetched *d = container_of(it, struct fetched, link);
		struct partition_replica r;
		struct following_view v;

		if (!d->asked)
			continue;
		d->asked = false;
		v = view_of(d, &r);
		following_unheard(&d->following, &v);
	}
}

static void take_fetch(struct fetcher *f, const struct fetch_response *out)
{
	for (int i = 0; out->error_code == 0 && i < out->responses.n; i++) {
		const struct fetch_response_topic *t = &out->responses.v[i];

		for (int j = 0; j < t->partitions.n; j++) {
			struct fetched *d = find(f->all, t->topic_id, t->partitions.v[j].partition_index);

			if (!d || d->fetcher != f || !d->asked)
				continue;
			d->asked = false;
			take_part(d, &t->partitions.v[j]);
		}
	}
	none_heard(f);
}

static struct fetch_request_topic *fetch_topic(struct fetcher *f, struct uuid id, int most)
{
	struct fetch_request *in = &f->in.fetch;
	struct fetch_request_topic *t = in->topics.n ? &in->topics.v[in->topics.n - 1] : NULL;

	if (t && uuid_eq(t->topic_id, id))
		return t;
	t = &in->topics.v[in->topics.n++];
	*t = (struct fetch_request_topic){.topic_id = id};
	t->partitions.v = arena_array(&f->arena, (size_t)most, sizeof(*t->partitions.v));
	return t;
}

/* What is not flushed yet, though that is promised, is waited for: its flush wakes the fetcher. */
static bool waits_for_flush(struct fetched *d, const struct partition_replica *r)
{
	if (r->is_flushed)
		return false;
	partition_unwait(&d->waiter);
	d->waiter = (struct waiter){.waking = &d->fetcher->waking, .past = r->end - 1, .watch = WATCH_FLUSHED};
	list_init(&d->waiter.link);
	return partition_wait(d->partition, &d->waiter);
}

/* What it writes where it was cut would be trusted by a start that finds the recovery point of before. */
static bool waits_for_checkpoint(struct fetched *d, const struct partition_replica *r)
{
	struct node *n = d->fetcher->all->node;

	if (!r->is_cut)
		return false;
	d->fetcher->cut = true;
	if (n->upkeep)
		upkeep_recovery_points_are_due(n->upkeep);
	return true;
}

static bool add_fetch(struct fetcher *f, struct fetched *d, int most)
{
	struct fetch_request_topic *t;
	struct partition_replica r;
	struct fetch_request_partition *p;

	if (!following_is_due(&d->following, FOLLOWING, env_mono_ms(f->all->node->env)))
		return false;
	partition_replica(d->partition, &r);
	if (!r.is_usable || waits_for_flush(d, &r) || waits_for_checkpoint(d, &r))
		return false;
	t = fetch_topic(f, d->partition->topic_id, most);
	if (!t->partitions.v)
		return false;
	p = &t->partitions.v[t->partitions.n++];
	codec_init(&fetch_request_partition_schema, p);
	p->partition = d->partition->id;
	p->current_leader_epoch = d->following.leader_epoch;
	p->fetch_offset = r.end;
	p->last_fetched_epoch = r.last_epoch;
	p->log_start_offset = r.start;
	p->partition_max_bytes = config_int(f->all->node->config, CONFIG_REPLICA_FETCH_MAX_BYTES);
	d->asked = true;
	d->asked_epoch = d->following.leader_epoch;
	d->asked_offset = r.end;
	return true;
}

/* How many are asked for. */
static int make_fetch(struct fetcher *f)
{
	const struct node *n = f->all->node;
	struct fetch_request *in = &f->in.fetch;
	int most = 0, count = 0;

	f->cut = false;
	list_each(it, &f->partitions) most++;
	codec_init(&fetch_request_schema, in);
	in->replica_id = n->id;
	in->replica_state.replica_id = n->id;
	in->replica_state.replica_epoch = quorum_broker_epoch(n->quorum);
	in->max_wait_ms = config_int(n->config, CONFIG_REPLICA_FETCH_WAIT_MAX_MS);
	in->min_bytes = config_int(n->config, CONFIG_REPLICA_FETCH_MIN_BYTES);
	in->max_bytes = config_int(n->config, CONFIG_REPLICA_FETCH_RESPONSE_MAX_BYTES);
	in->session_epoch = -1;
	in->topics.v = arena_array(&f->arena, (size_t)most, sizeof(*in->topics.v));
	list_each(it, &f->partitions) if (in->topics.v) count +=
		add_fetch(f, container_of(it, struct fetched, link), most);
	return count;
}

/* ---- ListOffsets, for one that is lost ---- */

enum { LATEST = -1, EARLIEST = -2 };

static struct fetched *lost_one(struct fetcher *f)
{
	list_each(it, &f->partitions)
	{
		struct fetched *d = container_of(it, struct fetched, link);

		if (following_is_due(&d->following, FOLLOWING_LOST, env_mono_ms(f->all->node->env)))
			return d;
	}
	return NULL;
}

static bool make_list(struct fetcher *f, struct fetched *d)
{
	struct list_offsets_request *in = &f->in.list;
	struct list_offsets_request_topic *t = arena_zalloc(&f->arena, sizeof(*t));
	struct list_offsets_request_partition *p = arena_zalloc(&f->arena, sizeof(*p));

	if (!t || !p)
		return false;
	codec_init(&list_offsets_request_schema, in);
	in->replica_id = f->all->node->id;
	in->topics.v = t;
	in->topics.n = 1;
	t->name = arena_str(&f->arena, str_of(d->partition->topic->name));
	t->partitions.v = p;
	t->partitions.n = 1;
	p->partition_index = d->partition->id;
	p->current_leader_epoch = d->following.leader_epoch;
	p->timestamp = d->leader_end < 0 ? LATEST : EARLIEST;
	d->asked = true;
	d->asked_epoch = d->following.leader_epoch;
	return true;
}

/* The end was asked for first, then the start. */
static void take_list(struct fetcher *f, struct fetched *d, const struct list_offsets_response *out)
{
	const struct list_offsets_response_partition *p =
		out->topics.n == 1 && out->topics.v[0].partitions.n == 1 ? out->topics.v[0].partitions.v : NULL;
	struct partition_replica r;
	struct following_view v = view_of(d, &r);
	struct following_step step;

	d->asked = false;
	if (p && p->error_code == 0 && d->leader_end < 0) {
		d->leader_end = p->offset;
		return;
	}
	step = following_found(&d->following, d->asked_epoch, p ? p->error_code : ERR_UNKNOWN_SERVER_ERROR,
			       p ? p->offset : -1, d->leader_end, &v);
	d->leader_end = -1;
	take_step(d, &step, NULL, &v);
	(void)f;
}

/* ---- asking ---- */

/* Said once, until it is another trouble or none. */
static void not_heard(struct fetcher *f, int err)
{
	if (f->trouble != err)
		diag_warn(f->all->node->env->diag, "nothing is fetched from a leader",
			  "broker=%d host=%s port=%d error=%s", f->leader, f->channel.host, f->channel.port,
			  err_name(err));
	f->trouble = err;
	none_heard(f);
}

static void answered(struct call *c)
{
	struct fetcher *f = container_of(c, struct fetcher, call);

	f->asking = false;
	if (c->err) {
		not_heard(f, c->err);
	} else if (c->key == fetch_request_KEY) {
		f->trouble = 0;
		lately_note(&f->answers, 1, env_mono_ms(f->all->node->env));
		take_fetch(f, c->response);
	} else {
		list_each_safe(it, &f->partitions)
		{
			struct fetched *d = container_of(it, struct fetched, link);

			if (d->asked)
				take_list(f, d, c->response);
		}
	}
	arena_reset(&f->arena);
	soon(f, 0);
}

static void too_late(struct timer *t)
{
	struct fetcher *f = container_of(t, struct fetcher, call.timer);

	channel_break(&f->channel, -ETIMEDOUT);
}

/* Who fetches stands in one of two places. */
static int fit(struct call *c)
{
	struct fetcher *f = container_of(c, struct fetcher, call);

	if (c->key == fetch_request_KEY && c->version >= 15)
		f->in.fetch.replica_id = -1;
	else if (c->key == fetch_request_KEY)
		codec_init(&fetch_request_replica_state_schema, &f->in.fetch.replica_state);
	return 0;
}

static void ask(struct fetcher *f, int16_t key, const void *request)
{
	f->call = (struct call){.key = key, .request = request, .arena = &f->arena, .fit = fit, .done = answered};
	list_init(&f->call.link);
	timer_init(&f->call.timer, f->all->channels.loop, too_late);
	timer_start(&f->call.timer, config_int(f->all->node->config, CONFIG_REPLICA_SOCKET_TIMEOUT_MS));
	f->asking = true;
	channel_call(&f->channel, &f->call);
}

/* Nobody is due: when will the first be? */
static int64_t wait_ms(const struct fetcher *f)
{
	int64_t now_ms = env_mono_ms(f->all->node->env);
	int64_t wait = config_int(f->all->node->config, CONFIG_REPLICA_FETCH_BACKOFF_MS);

	list_each(it, &f->partitions)
	{
		const struct fetched *d = container_of(it, struct fetched, link);
		int64_t left = d->following.not_before_ms - now_ms;

		if (left > 0 && left < wait)
			wait = left;
	}
	return f->cut && wait > CUT_MS ? CUT_MS : wait;
}

static void turn(struct timer *t)
{
	struct fetcher *f = container_of(t, struct fetcher, timer);
	struct fetched *lost = lost_one(f);

	if (f->asking || f->all->stopped)
		return;
	arena_reset(&f->arena); /* what was made for a request that nobody was due for */
	if (lost && make_list(f, lost))
		ask(f, list_offsets_request_KEY, &f->in.list);
	else if (make_fetch(f) > 0)
		ask(f, fetch_request_KEY, &f->in.fetch);
	else
		soon(f, wait_ms(f));
}

/* The call comes back: it is not sent again as it was, since the roles may have changed. */
static void broken(struct channel *ch, int err, struct list *calls)
{
	while (!list_empty(calls))
		call_finish(container_of(list_first(calls), struct call, link), err);
}

static void flushed(struct waking *w)
{
	struct fetcher *f = container_of(w, struct fetcher, waking);

	soon(f, 0);
}

/* ---- leaders come and go ---- */

static struct fetcher *fetcher_of(struct fetchers *all, int32_t leader)
{
	list_each(it, &all->list)
	{
		struct fetcher *f = container_of(it, struct fetcher, link);

		if (f->leader == leader)
			return f;
	}
	return NULL;
}

static const struct image_endpoint *endpoint_of(const struct fetchers *all, const struct image *image, int32_t broker)
{
	const struct image_node *n = image_broker(image, broker);

	return n ? image_node_endpoint(n, config_network(all->node->config)->inter_broker_listener) : NULL;
}

static void dial(struct fetcher *f, const struct image_endpoint *e)
{
	char *host = str_dup(e->host);

	channel_init(&f->channel, &f->all->channels, host, e->port);
	xfree(host);
}

static struct fetcher *fetcher_new(struct fetchers *all, int32_t leader, const struct image_endpoint *e)
{
	struct fetcher *f = xcalloc(1, sizeof(*f));

	f->all = all;
	f->leader = leader;
	list_init(&f->partitions);
	arena_init(&f->arena, ARENA_MAX);
	timer_init(&f->timer, all->channels.loop, turn);
	waking_init(&f->waking, all->channels.loop, flushed);
	dial(f, e);
	list_push(&all->list, &f->link);
	return f;
}

/* Its call, if there is one, is given up: done() does not run. */
static void hang_up(struct fetcher *f)
{
	timer_stop(&f->timer);
	if (f->asking)
		timer_stop(&f->call.timer);
	channel_fini(&f->channel);
	f->asking = false;
	arena_reset(&f->arena);
}

static void release(struct fetcher *f)
{
	list_remove(&f->link);
	arena_fini(&f->arena);
	xfree(f);
}

static void fetcher_end(struct fetcher *f)
{
	check(list_empty(&f->partitions));
	hang_up(f);
	if (waking_settle(&f->waking)) {
		release(f);
		return;
	}
	list_remove(&f->link);
	list_push(&f->all->gone, &f->link);
}

static bool is_at(const struct channel *ch, const struct image_endpoint *e)
{
	return ch->port == e->port && str_is(e->host, ch->host);
}

/* A leader that is somewhere else now is dialled there; one that nothing is fetched from any more is let go. */
static void look_at_leaders(struct fetchers *all, const struct image *image)
{
	list_each_safe(it, &all->list)
	{
		struct fetcher *f = container_of(it, struct fetcher, link);
		const struct image_endpoint *e = endpoint_of(all, image, f->leader);

		if (list_empty(&f->partitions)) {
			fetcher_end(f);
		} else if (e && !is_at(&f->channel, e)) {
			none_heard(f);
			hang_up(f);
			dial(f, e);
			soon(f, 0);
		}
	}
	list_each_safe(it, &all->gone)
	{
		struct fetcher *f = container_of(it, struct fetcher, link);

		if (waking_settle(&f->waking))
			release(f);
	}
}

/* ---- numbers ---- */

static void take_number(const struct fetched *d, struct fetcher_numbers *out)
{
	if (out->n == out->cap) {
		out->cap = out->cap ? 2 * out->cap : 64;
		out->v = xreallocarray(out->v, (size_t)out->cap, sizeof(*out->v));
	}
	out->n_failed += d->following.state == FOLLOWING_FAILED;
	out->v[out->n++] = (struct fetched_number){.partition = partition_ref(d->partition),
						   .leader = d->following.leader,
						   .leader_high_watermark = d->leader_high_watermark,
						   .id = d->partition->id};
}

void fetchers_numbers(const struct fetchers *all, struct fetcher_numbers *out)
{
	int64_t now_ms = env_mono_ms(all->node->env);

	*out = (struct fetcher_numbers){0};
	list_each(it, &all->list)
	{
		const struct fetcher *f = container_of(it, struct fetcher, link);
		double rate = lately_rate(&f->answers, now_ms);

		if (out->n_leaders++ == 0 || rate < out->rate_min)
			out->rate_min = rate;
		list_each(at, &f->partitions) take_number(container_of(at, struct fetched, link), out);
	}
}

void fetcher_numbers_count(struct fetcher_numbers *numbers)
{
	for (int i = 0; i < numbers->n; i++) {
		struct fetched_number *f = &numbers->v[i];
		struct partition_replica r;

		partition_replica(f->partition, &r);
		f->topic = partition_topic(f->partition);
		f->lag = f->leader_high_watermark > r.end ? f->leader_high_watermark - r.end : 0;
		if (f->leader_high_watermark < 0)
			f->lag = -1;
		else if (f->lag > numbers->lag_max)
			numbers->lag_max = f->lag;
	}
}

void fetcher_numbers_fini(struct fetcher_numbers *numbers)
{
	for (int i = 0; i < numbers->n; i++) {
		topic_state_unref(&numbers->v[i].topic);
		partition_unref(&numbers->v[i].partition);
	}
	xfree(numbers->v);
	*numbers = (struct fetcher_numbers){0};
}

/* ---- following the metadata ---- */

static void follow_leader(struct fetched *d, struct fetcher *f, const struct image_partition *p)
{
	struct partition_replica r;
	struct following_view v;
	struct following_step step;

	if (d->following.leader != p->leader)
		d->leader_high_watermark = -1;
	if (d->fetcher != f) {
		list_remove(&d->link);
		d->fetcher = f;
		list_push(&f->partitions, &d->link);
		d->asked = false;
	}
	v = view_of(d, &r);
	step = following_follow(&d->following, p->leader, p->leader_epoch, &v);
	take_step(d, &step, NULL, &v);
	soon(f, 0);
}

static struct fetched *take_up(struct fetcher *f, struct uuid topic_id, int32_t id)
{
	struct partition *p = partitions_get(f->all->node->partitions, topic_id, id);
	struct fetched_key k = {topic_id, id};
	struct fetched *d;

	if (!p)
		return NULL;
	d = xcalloc(1, sizeof(*d));
	d->partition = p;
	d->fetcher = f;
	d->leader_end = d->leader_high_watermark = -1;
	following_init(&d->following);
	list_init(&d->waiter.link);
	list_push(&f->partitions, &d->link);
	map_insert(&f->all->partitions, &d->node, key_hash(&f->all->partitions, &k));
	return d;
}

static void follow_partition(struct fetchers *all, struct uuid topic_id, const struct image_partition *p,
			     const struct image *image)
{
	bool has = image_ids_has(partition_replicas(p), all->node->id);
	bool follows = has && p->leader >= 0 && p->leader != all->node->id;
	const struct image_endpoint *e = follows ? endpoint_of(all, image, p->leader) : NULL;
	struct fetched *d = find(all, topic_id, p->id);
	struct fetcher *f;

	if (!e) {
		if (d)
			drop(d);
		return;
	}
	f = fetcher_of(all, p->leader);
	if (!f)
		f = fetcher_new(all, p->leader, e);
	if (!d)
		d = take_up(f, topic_id, p->id);
	if (d)
		follow_leader(d, f, p);
}

struct news {
	struct fetchers *all;
	const struct image *now;
};

static void follow_topic(void *arg, const struct image_topic *old, const struct image_topic *now)
{
	struct news *n = arg;

	for (int i = 0; now && i < now->n_partitions; i++)
		if (now->partitions[i])
			follow_partition(n->all, now->id, now->partitions[i], n->now);
	for (int i = 0; !now && i < old->n_partitions; i++) {
		struct fetched *d = old->partitions[i] ? find(n->all, old->id, old->partitions[i]->id) : NULL;

		if (d)
			drop(d);
	}
}

static void follow_all(struct news *n)
{
	const struct image_topic *t;
	struct image_iter it;

	image_topics(n->now, &it);
	while ((t = image_topics_next(&it)))
		follow_topic(n, NULL, t);
}

/* A broker that is alone leads all there is: nothing is looked at before there is another. */
void fetchers_follow(struct fetchers *all, const struct image *image)
{
	struct news n = {all, image};

	if (all->stopped || (!all->image && image_broker_count(image) < 2))
		return;
	if (all->image)
		image_diff_topics(all->image, image, follow_topic, &n);
	else
		follow_all(&n);
	look_at_leaders(all, image);
	image_unref(&all->image);
	all->image = image_ref(image);
}

/* ---- life ---- */

/* The core has work until names that are looked up have been found or not. */
static void settle(struct timer *t)
{
	struct fetchers *all = container_of(t, struct fetchers, settle);

	if (all->channels.n_resolving > 0)
		timer_start(t, SETTLE_MS);
	else
		core_work_ends(&all->node->cores[0]);
}

struct fetchers *fetchers_new(struct node *n)
{
	struct fetchers *all = xcalloc(1, sizeof(*all));

	all->node = n;
	channels_init(&all->channels, n->cores[0].loop);
	all->channels.client_id = STR("broker-fetcher");
	all->channels.answer_max = ANSWER_MAX;
	all->channels.broken = broken;
	list_init(&all->list);
	list_init(&all->gone);
	map_init(&all->partitions, env_random_u64(n->env));
	timer_init(&all->settle, n->cores[0].loop, settle);
	return all;
}

void fetchers_stop(struct fetchers *all)
{
	all->stopped = true;
	core_work_begins(&all->node->cores[0]);
	list_each_safe(it, &all->list)
	{
		struct fetcher *f = container_of(it, struct fetcher, link);

		while (!list_empty(&f->partitions))
			drop(container_of(list_first(&f->partitions), struct fetched, link));
		fetcher_end(f);
	}
	settle(&all->settle);
}

void fetchers_free(struct fetchers *all)
{
	if (!all)
		return;
	while (!list_empty(&all->gone))
		release(container_of(list_first(&all->gone), struct fetcher, link));
	check(list_empty(&all->list));
	map_fini(&all->partitions);
	channels_fini(&all->channels);
	image_unref(&all->image);
	xfree(all);
}
