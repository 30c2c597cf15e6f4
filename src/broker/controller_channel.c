/*
 * controller_channel: the lanes to the controller, and the errands on them: requests sent,
 * repeated, answered or timed out.
 */
#include "broker/controller_channel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/controller_version.h"
#include "broker/envelope.h"
#include "broker/outgoing.h"
#include "broker/quorum.h"
#include "broker/quorum_private.h"
#include "net/channel.h"
#include "protocol/broker_heartbeat.h"
#include "protocol/broker_registration.h"
#include "protocol/controller_registration.h"
#include "protocol/envelope.h"
#include "raft/raft.h"
#include "wire/codec.h"
#include "wire/protocol.h"

#define ANSWER_MAX (64 << 20)
#define FORWARD_MS 60000 /* Kafka's, for a client's request */
#define AGAIN_MS 50	 /* after NOT_CONTROLLER, when no other leader is known */
#define CLIENT_ID_MAX 16

struct lane;

/* A request on its way. */
struct errand {
	struct list link; /* in its lane */
	struct lane *lane;
	struct quorum_request *request;
	struct call call;
	struct arena arena; /* of one attempt: both frames, and the answer */
	struct envelope_request envelope;
	struct timer late;
};

enum lane_id { LANE_HEARTBEAT, LANE_OWN, LANE_CLIENTS, N_LANES };

/* A connection, and what waits for it. */
struct lane {
	struct controller_channel *all;
	struct channel channel;
	bool is_open;	       /* the channel is initialized */
	struct list errands;   /* in the order of submission */
	struct errand *asking; /* the one that the channel has, or NULL */
	struct timer again;
};

struct controller_channel {
	struct controller_channel_options options;
	struct channels channels;
	char client_id[CLIENT_ID_MAX];
	struct lane lanes[N_LANES];
	bool is_known; /* the leader is known, and the lanes' channels go there */
	int trouble;   /* last error that was logged; 0: none */
	bool stopped;
};

static void next(struct lane *l);

/* ---- the end of an errand ---- */

static void errand_free(void *arg)
{
	struct errand *e = arg;

	arena_fini(&e->arena);
	xfree(e);
}

/* Removes it from its lane. The channel must no longer have the call. */
static void leave(struct errand *e)
{
	timer_stop(&e->late);
	timer_stop(&e->call.timer);
	list_remove(&e->link);
	if (e->lane->asking == e)
		e->lane->asking = NULL;
}

static void give_error(struct quorum_request *r, int err)
{
	r->err = err_to_kafka(err);
	quorum_give(r);
}

/* Completes it without an answer. */
static void fail(struct errand *e, int err)
{
	struct quorum_request *r = e->request;

	leave(e);
	errand_free(e);
	give_error(r, err);
}

/* What the answer points to lives as long as the request's own memory. */
static void succeed(struct errand *e)
{
	struct quorum_request *r = e->request;

	leave(e);
	arena_cleanup(r->arena, errand_free, e);
	r->err = 0;
	quorum_give(r);
}

/* ---- answers ---- */

static void disagree(struct errand *e)
{
	e->request->hang_up = true;
	fail(e, ERR_UNKNOWN_SERVER_ERROR);
}

/*
 * Kafka tells the client nothing about errors between its brokers and controllers, but closes the
 * connection of a client that has to negotiate versions again.
 */
static void take_envelope(struct errand *e, const struct envelope_response *out)
{
	if (out->error_code == ERR_UNSUPPORTED_VERSION)
		disagree(e);
	else if (out->error_code || envelope_unwrap(out, e->request, &e->arena))
		fail(e, ERR_UNKNOWN_SERVER_ERROR);
	else
		succeed(e);
}

static void take_answer(struct errand *e)
{
	const struct api_info *api = api_info_find(e->call.key);

	if (codec_has_error(api->response, e->call.response, ERR_NOT_CONTROLLER)) {
		timer_start(&e->lane->again, AGAIN_MS);
		return;
	}
	if (e->request->client) {
		take_envelope(e, e->call.response);
		return;
	}
	memcpy(e->request->response, e->call.response, api->response->size);
	succeed(e);
}

static void answered(struct call *call)
{
	struct errand *e = container_of(call, struct errand, call);
	struct lane *l = e->lane;

	l->asking = NULL;
	l->all->trouble = 0;
	if (!call->err)
		take_answer(e);
	else if (call->err == ERR_UNSUPPORTED_VERSION && !e->request->client)
		fail(e, ERR_UNSUPPORTED_VERSION);
	else
		fail(e, ERR_UNKNOWN_SERVER_ERROR);
	next(l);
}

/* ---- asking ---- */

static int fit(struct call *call)
{
	struct errand *e = container_of(call, struct errand, call);

	call->request = controller_version_fit(call->key, call->version, e->request->request, &e->arena);
	return call->request ? 0 : -ENOMEM;
}

static int wrap(struct errand *e)
{
	arena_reset(&e->arena);
	if (!e->request->client) {
		e->call.key = e->request->api;
		e->call.request = e->request->request;
		e->call.fit = fit;
		return 0;
	}
	e->call.key = envelope_request_KEY;
	e->call.request = &e->envelope;
	return envelope_wrap(e->request, &e->arena, &e->envelope);
}

static void unanswered(struct timer *t)
{
	struct errand *e = container_of(t, struct errand, call.timer);

	channel_break(&e->lane->channel, -ETIMEDOUT);
}

static void ask(struct errand *e)
{
	struct lane *l = e->lane;

	l->asking = e;
	list_init(&e->call.link);
	timer_init(&e->call.timer, l->all->channels.loop, unanswered);
	timer_start(&e->call.timer, l->all->options.answer_ms);
	channel_call(&l->channel, &e->call);
}

/* Sends the lane's first errand, if possible. */
static void next(struct lane *l)
{
	while (l->is_open && l->all->is_known && !l->asking && !timer_is_running(&l->again) &&
	       !list_empty(&l->errands)) {
		struct errand *e = container_of(list_first(&l->errands), struct errand, link);

		e->call = (struct call){.arena = &e->arena, .done = answered};
		if (wrap(e))
			fail(e, ERR_UNKNOWN_SERVER_ERROR);
		else
			ask(e);
	}
}

static void try_again(struct timer *t)
{
	next(container_of(t, struct lane, again));
}

/* Logs an error once, until it is followed by another one or by success. */
static void tell(struct lane *l, int err)
{
	struct controller_channel *c = l->all;

	if (c->trouble != err && !c->stopped)
		diag_warn(c->options.loop->env->diag, "the active controller cannot be reached",
			  "host=%s port=%d error=%s reason=\"%s\"", l->channel.host, l->channel.port, err_name(err),
			  channel_why(&l->channel));
	c->trouble = err;
}

/* The channel dials again, after a short while. */
static void broken(struct channel *ch, int err, struct list *calls)
{
	struct lane *l = container_of(ch, struct lane, channel);

	tell(l, err);
	if (!list_empty(calls)) {
		check(l->asking);
		list_remove(&l->asking->call.link);
		timer_stop(&l->asking->call.timer);
		l->asking = NULL;
	}
	next(l);
}

/* ---- lanes ---- */

static void lane_close(struct lane *l)
{
	timer_stop(&l->again);
	if (l->is_open)
		channel_fini(&l->channel); /* which drops its call, and stops its timer */
	l->is_open = false;
	l->asking = NULL;
}

static bool is_at(const struct lane *l, const struct raft_node *n)
{
	return l->is_open && l->channel.port == n->port && str_is(n->host, l->channel.host);
}

static void lane_open(struct lane *l, const struct raft_node *leader)
{
	char *host = str_dup(leader->host);

	channel_init(&l->channel, &l->all->channels, host, leader->port);
	xfree(host);
	l->is_open = true;
}

static struct lane *lane_of(struct controller_channel *c, const struct quorum_request *r)
{
	if (r->client)
		return &c->lanes[LANE_CLIENTS];
	if (r->api == broker_heartbeat_request_KEY || r->api == broker_registration_request_KEY ||
	    r->api == controller_registration_request_KEY)
		return &c->lanes[LANE_HEARTBEAT];
	return &c->lanes[LANE_OWN];
}

void controller_channel_follow(struct controller_channel *c, const struct raft_node *leader)
{
	c->is_known = leader && !c->stopped;
	for (int i = 0; i < N_LANES && c->is_known; i++) {
		struct lane *l = &c->lanes[i];

		if (!is_at(l, leader)) {
			lane_close(l);
			lane_open(l, leader);
		}
		next(l);
	}
}

/* ---- requests ---- */

static void too_late(struct timer *t)
{
	struct errand *e = container_of(t, struct errand, late);
	struct lane *l = e->lane;
	bool asking = l->asking == e;

	if (asking)
		list_remove(&e->call.link);
	fail(e, ERR_REQUEST_TIMED_OUT);
	if (asking) /* its answer may still come, and is dropped */
		channel_break(&l->channel, -ETIMEDOUT);
}

static int64_t deadline_of(const struct quorum_request *r, int64_t now_ms)
{
	int64_t most_ms = now_ms + FORWARD_MS;

	if (r->client && (r->deadline_ms == 0 || r->deadline_ms > most_ms))
		return most_ms;
	return r->deadline_ms;
}

void controller_channel_submit(struct controller_channel *c, struct quorum_request *r)
{
	struct lane *l = lane_of(c, r);
	struct errand *e;
	int64_t deadline_ms = deadline_of(r, env_mono_ms(c->options.loop->env));

	if (c->stopped) {
		give_error(r, ERR_NOT_CONTROLLER);
		return;
	}
	r->message = STR_NULL; /* it may have been decided here, in vain */
	codec_init(api_info_find(r->api)->response, r->response);
	e = xcalloc(1, sizeof(*e));
	e->lane = l;
	e->request = r;
	arena_init(&e->arena, r->arena->budget);
	timer_init(&e->late, c->channels.loop, too_late);
	timer_init(&e->call.timer, c->channels.loop, unanswered);
	if (deadline_ms > 0)
		timer_start_at(&e->late, deadline_ms * 1000000);
	list_push(&l->errands, &e->link);
	next(l);
}

static void give_all(struct lane *l, void (*give)(struct quorum_request *r))
{
	lane_close(l);
	while (!list_empty(&l->errands)) {
		struct errand *e = container_of(list_first(&l->errands), struct errand, link);
		struct quorum_request *r = e->request;

		leave(e);
		errand_free(e);
		give(r);
	}
}

void controller_channel_give_back(struct controller_channel *c, void (*give)(struct quorum_request *r))
{
	c->is_known = false;
	for (int i = 0; i < N_LANES; i++)
		give_all(&c->lanes[i], give);
}

/* ---- creation and end ---- */

struct controller_channel *controller_channel_new(const struct controller_channel_options *options)
{
	struct controller_channel *c = xcalloc(1, sizeof(*c));

	c->options = *options;
	snprintf(c->client_id, sizeof(c->client_id), "%d", options->node_id); /* as in Kafka */
	outgoing_init(&c->channels, options->loop, options->outgoing, OUTGOING_TO_CONTROLLERS);
	c->channels.client_id = str_of(c->client_id);
	c->channels.answer_max = ANSWER_MAX;
	c->channels.broken = broken;
	for (int i = 0; i < N_LANES; i++) {
		c->lanes[i].all = c;
		list_init(&c->lanes[i].errands);
		timer_init(&c->lanes[i].again, options->loop, try_again);
	}
	return c;
}

static void give_up(struct quorum_request *r)
{
	give_error(r, ERR_NOT_CONTROLLER);
}

void controller_channel_stop(struct controller_channel *c)
{
	c->stopped = true;
	channels_stop(&c->channels);
	controller_channel_give_back(c, give_up);
}

bool controller_channel_is_settled(const struct controller_channel *c)
{
	return c->channels.n_resolving == 0;
}

void controller_channel_free(struct controller_channel *c)
{
	if (!c)
		return;
	if (!c->stopped)
		controller_channel_stop(c);
	channels_fini(&c->channels);
	xfree(c);
}
