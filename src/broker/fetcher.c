/*
 * fetcher: one leader, and the connection over which its replicas here fetch: one request at a
 * time.
 */
#include <errno.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/core.h"
#include "broker/fetchers_private.h"
#include "broker/node_private.h"
#include "broker/quorum.h"
#include "config/config.h"
#include "metadata/image.h"
#include "wire/codec.h"

#define ARENA_MAX ((size_t)2 << 30)

void fetcher_soon(struct fetcher *f, int64_t ms)
{
	if (!f->asking && !f->all->stopped && !list_empty(&f->partitions))
		timer_start(&f->timer, ms);
}

/* ---- ListOffsets, for a lost replica ---- */

enum { LATEST = -1, EARLIEST = -2 };

static struct fetched *lost_one(struct fetcher *f)
{
	list_each(it, &f->looks)
	{
		struct fetched *d = container_of(it, struct fetched, look);

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
	p->timestamp = d->following.leader_end < 0 ? LATEST : EARLIEST;
	d->lists = true;
	d->lists_epoch = d->following.leader_epoch;
	return true;
}

static void take_list(struct fetched *d, const struct list_offsets_response *out)
{
	const struct list_offsets_response_partition *p =
		out->topics.n == 1 && out->topics.v[0].partitions.n == 1 ? out->topics.v[0].partitions.v : NULL;
	struct partition_replica r;
	struct following_view v = fetched_view(d, &r);
	struct following_step step;

	d->lists = false;
	step = following_found(&d->following, d->lists_epoch, p ? p->error_code : ERR_UNKNOWN_SERVER_ERROR,
			       p ? p->offset : -1, &v);
	fetched_take_step(d, &step, NULL, &v);
	fetcher_look(d);
}

static void take_lists(struct fetcher *f, const struct list_offsets_response *out)
{
	list_each_safe(it, &f->partitions)
	{
		struct fetched *d = container_of(it, struct fetched, link);

		if (d->lists)
			take_list(d, out);
	}
}

static void lists_failed(struct fetcher *f)
{
	list_each(it, &f->partitions)
	{
		struct fetched *d = container_of(it, struct fetched, link);
		struct partition_replica r;
		struct following_view v;

		if (!d->lists)
			continue;
		d->lists = false;
		v = fetched_view(d, &r);
		following_unheard(&d->following, &v);
	}
}

/* ---- asking ---- */

/* Logs an error once, until it is followed by another one or by success. */
static void not_heard(struct fetcher *f, int err)
{
	if (f->trouble != err)
		diag_warn(f->all->node->env->diag, "nothing is fetched from a leader",
			  "broker=%d host=%s port=%d error=%s reason=\"%s\"", f->leader, f->channel.host,
			  f->channel.port, err_name(err), channel_why(&f->channel));
	f->trouble = err;
	lists_failed(f);
	fetcher_fetch_failed(f);
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
		fetcher_take_fetch(f, c->response);
	} else {
		take_lists(f, c->response);
	}
	arena_reset(&f->arena);
	fetcher_soon(f, 0);
}

static void too_late(struct timer *t)
{
	struct fetcher *f = container_of(t, struct fetcher, call.timer);

	channel_break(&f->channel, -ETIMEDOUT);
}

/* The replica's id is in one of two fields, depending on the version. */
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

/* No replica is due: returns when the first will be. */
static int64_t wait_ms(const struct fetcher *f)
{
	int64_t backoff_ms = config_int(f->all->node->config, CONFIG_REPLICA_FETCH_BACKOFF_MS);

	return f->later_ms < backoff_ms ? f->later_ms : backoff_ms;
}

static void turn(struct timer *t)
{
	struct fetcher *f = container_of(t, struct fetcher, timer);
	struct fetched *lost = lost_one(f);

	if (f->asking || f->all->stopped)
		return;
	arena_reset(&f->arena); /* what was allocated for a request that is not sent */
	if (lost && make_list(f, lost))
		ask(f, list_offsets_request_KEY, &f->in.list);
	else if (fetcher_make_fetch(f))
		ask(f, fetch_request_KEY, &f->in.fetch);
	else
		fetcher_soon(f, wait_ms(f));
}

static void flushed(struct waking *w)
{
	struct fetcher *f = container_of(w, struct fetcher, waking);

	fetcher_soon(f, 0);
}

/* ---- connecting and disconnecting ---- */

static void dial(struct fetcher *f, const struct image_endpoint *e)
{
	char *host = str_dup(e->host);

	channel_init(&f->channel, &f->all->channels, host, e->port);
	xfree(host);
}

struct fetcher *fetcher_new(struct fetchers *all, int32_t leader, int index, const struct image_endpoint *e)
{
	struct fetcher *f = xcalloc(1, sizeof(*f));

	f->all = all;
	f->leader = leader;
	f->index = index;
	list_init(&f->partitions);
	fetcher_session_init(f);
	arena_init(&f->arena, ARENA_MAX);
	timer_init(&f->timer, all->channels.loop, turn);
	waking_init(&f->waking, all->channels.loop, flushed);
	dial(f, e);
	list_push(&all->list, &f->link);
	return f;
}

/* Gives up its call, if there is one: done() does not run. */
static void hang_up(struct fetcher *f)
{
	timer_stop(&f->timer);
	if (f->asking)
		timer_stop(&f->call.timer);
	channel_fini(&f->channel);
	f->asking = false;
	arena_reset(&f->arena);
}

void fetcher_release(struct fetcher *f)
{
	list_remove(&f->link);
	fetcher_session_fini(f);
	arena_fini(&f->arena);
	xfree(f);
}

void fetcher_end(struct fetcher *f)
{
	check(list_empty(&f->partitions));
	hang_up(f);
	if (waking_settle(&f->waking)) {
		fetcher_release(f);
		return;
	}
	list_remove(&f->link);
	list_push(&f->all->gone, &f->link);
}

bool fetcher_is_at(const struct fetcher *f, const struct image_endpoint *e)
{
	return f->channel.port == e->port && str_is(e->host, f->channel.host);
}

void fetcher_move(struct fetcher *f, const struct image_endpoint *e)
{
	lists_failed(f);
	fetcher_session_anew(f, 0);
	hang_up(f);
	dial(f, e);
	fetcher_soon(f, 0);
}
