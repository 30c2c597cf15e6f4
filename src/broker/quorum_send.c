/*
 * quorum_send: raft's requests to other nodes of the quorum, over one channel per node.
 *
 * 1. Nothing is sent while quorum-state is not on disk: it is held until then.
 * 2. Every request that is sent ends, and raft is told: with its answer, or why there is none. One
 *    that takes longer than controller.quorum.request.timeout.ms breaks its connection, since later
 *    requests would wait behind it.
 * 3. A request is copied: the struct from raft lives as long as its step, and the version is known
 *    when there is a connection.
 */
#include <errno.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/outgoing.h"
#include "broker/quorum_private.h"
#include "protocol/fetch.h"
#include "wire/codec.h"
#include "wire/protocol.h"

/* For a request and its answer: records in whole batches, or a piece of a snapshot. */
#define ANSWER_MAX ((size_t)1 << 28)
#define ARENA_MAX ((size_t)1 << 29)
/* A voter that comes back is needed at once. */
#define BACKOFF_MAX_MS 50

struct quorum_peer {
	struct list link;
	struct quorum *quorum;
	int32_t id;
	struct channel channel;
	int trouble; /* last error that was logged */
	bool gone;   /* it is at another address now: nobody waits for its answers */
};

struct sending {
	struct list link;
	struct quorum *quorum;
	struct quorum_peer *peer;
	struct call call;
	struct arena arena;
	int32_t correlation;
};

/* ---- peers ---- */

static void free_sending(struct sending *s)
{
	timer_stop(&s->call.timer);
	list_remove(&s->call.link);
	list_remove(&s->link);
	arena_fini(&s->arena);
	xfree(s);
}

static void free_peer(struct quorum_peer *p)
{
	channel_fini(&p->channel);
	list_each_safe(it, &p->quorum->sendings)
	{
		struct sending *s = container_of(it, struct sending, link);

		if (s->peer == p)
			free_sending(s);
	}
	list_remove(&p->link);
	xfree(p);
}

static void free_gone(struct timer *t)
{
	struct quorum *q = container_of(t, struct quorum, peers_timer);

	list_each_safe(it, &q->peers)
	{
		struct quorum_peer *p = container_of(it, struct quorum_peer, link);

		if (p->gone)
			free_peer(p);
	}
}

static struct quorum_peer *add_peer(struct quorum *q, int32_t id, const char *host, uint16_t port)
{
	struct quorum_peer *p = xcalloc(1, sizeof(*p));

	p->quorum = q;
	p->id = id;
	channel_init(&p->channel, &q->channels, host, port);
	list_push(&q->peers, &p->link);
	return p;
}

/* A channel may be in the middle of a call: one that is no longer needed is freed in a later turn. */
static struct quorum_peer *find_peer(struct quorum *q, const struct raft_node *node)
{
	struct quorum_peer *found;
	char *host;

	list_each(it, &q->peers)
	{
		struct quorum_peer *p = container_of(it, struct quorum_peer, link);

		if (p->id != node->id || p->gone)
			continue;
		p->gone = !str_is(node->host, p->channel.host) || p->channel.port != node->port;
		if (!p->gone)
			return p;
		timer_start(&q->peers_timer, 0);
	}
	host = str_dup(node->host);
	found = add_peer(q, node->id, host, node->port);
	xfree(host);
	return found;
}

/* ---- results of requests ---- */

/* In Kafka's terms, as in its KafkaNetworkChannel. */
static int error_of(int err)
{
	if (err == ERR_UNSUPPORTED_VERSION)
		return err;
	return err == -ETIMEDOUT ? ERR_REQUEST_TIMED_OUT : ERR_BROKER_NOT_AVAILABLE;
}

/* Logs an error once, until it is followed by another one or by success. */
static void note_trouble(struct quorum_peer *p, int err)
{
	if (err != 0 && err != ERR_UNSUPPORTED_VERSION && p->trouble != err)
		diag_warn(p->quorum->env->diag, "a node of the metadata quorum does not answer",
			  "node=%d host=%s port=%d error=%s reason=\"%s\"", p->id, p->channel.host, p->channel.port,
			  err_name(err), channel_why(&p->channel));
	p->trouble = err;
}

static void done(struct call *c)
{
	struct sending *s = container_of(c, struct sending, call);
	struct raft_event event = {.type = RAFT_EVENT_ANSWER, .correlation = s->correlation};

	if (c->err != 0)
		event.err = error_of(c->err);
	else
		event.response = c->response;
	if (!s->peer->gone) {
		note_trouble(s->peer, c->err);
		quorum_step(s->quorum, event);
	}
	free_sending(s);
}

static void broken(struct channel *ch, int err, struct list *calls)
{
	(void)ch;
	while (!list_empty(calls))
		call_finish(container_of(list_first(calls), struct call, link), err);
}

static void is_late(struct timer *t)
{
	struct call *c = container_of(t, struct call, timer);

	if (c->at->state == CHANNEL_IDLE)
		call_finish(c, -ETIMEDOUT);
	else
		channel_break(c->at, -ETIMEDOUT);
}

/* ---- sending ---- */

/* Below version 15 a Fetch has another field for the replica's id. */
static int fit(struct call *c)
{
	struct fetch_request *in = (struct fetch_request *)c->request;

	if (c->key == fetch_request_KEY && c->version < 15) {
		in->replica_id = in->replica_state.replica_id;
		in->replica_state.replica_id = -1;
	}
	return 0;
}

static const void *copy_request(const struct api_info *api, const void *request, struct arena *a)
{
	struct buf bytes = {0};
	struct str copy;
	void *out = arena_alloc(a, api->request->size);

	check(codec_encode_buf(api->request, api->last, request, &bytes) == 0);
	copy = arena_str(a, buf_str(&bytes));
	buf_fini(&bytes);
	check(out && codec_decode(api->request, api->last, copy.p, (size_t)copy.len, a, out) == 0);
	return out;
}

static void depart(struct sending *s)
{
	list_remove(&s->link);
	list_push(&s->quorum->sendings, &s->link);
	timer_start(&s->call.timer, config_int(s->quorum->options.config, CONFIG_CONTROLLER_QUORUM_REQUEST_TIMEOUT_MS));
	channel_call(&s->peer->channel, &s->call);
}

void quorum_send(struct quorum *q, const struct raft_effect *e)
{
	struct sending *s = xcalloc(1, sizeof(*s));

	arena_init(&s->arena, ARENA_MAX);
	list_init(&s->link);
	s->quorum = q;
	s->correlation = e->correlation;
	s->call = (struct call){
		.key = e->api,
		.request = copy_request(api_info_find(e->api), e->request, &s->arena),
		.arena = &s->arena,
		.fit = fit,
		.done = done,
	};
	list_init(&s->call.link);
	timer_init(&s->call.timer, q->loop, is_late);
	s->peer = find_peer(q, &e->node);
	list_push(&q->sendings, &s->link);
	if (!q->state_write)
		depart(s);
}

void quorum_send_held(struct quorum *q)
{
	struct list held;

	list_init(&held);
	list_splice(&held, &q->sendings);
	list_each_safe(it, &held)
	{
		struct sending *s = container_of(it, struct sending, link);

		if (s->call.at) { /* it has already been sent */
			list_remove(&s->link);
			list_push(&q->sendings, &s->link);
		} else {
			depart(s);
		}
	}
}

/* ---- creation and end ---- */

void quorum_send_init(struct quorum *q)
{
	list_init(&q->peers);
	list_init(&q->sendings);
	timer_init(&q->peers_timer, q->loop, free_gone);
	q->client_id = xasprintf("raft-client-%d", q->options.node_id);
	outgoing_init(&q->channels, q->loop, q->options.outgoing, OUTGOING_TO_CONTROLLERS);
	q->channels.client_id = str_of(q->client_id);
	q->channels.answer_max = ANSWER_MAX;
	q->channels.backoff_max_ms = BACKOFF_MAX_MS;
	q->channels.broken = broken;
}

void quorum_send_stop(struct quorum *q)
{
	channels_stop(&q->channels);
	timer_stop(&q->peers_timer);
	while (!list_empty(&q->peers))
		free_peer(container_of(list_first(&q->peers), struct quorum_peer, link));
}

void quorum_send_fini(struct quorum *q)
{
	quorum_send_stop(q);
	channels_fini(&q->channels);
	xfree(q->client_id);
}
