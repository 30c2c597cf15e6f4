/*
 * peers: one connection per broker and lane, with the calls on it.
 */
#include "broker/peers.h"

#include <errno.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/outgoing.h"
#include "config/config.h"
#include "config/listener.h"
#include "metadata/image.h"

#define ANSWER_MAX (16 << 20)
#define SETTLE_MS 20

struct peer {
	struct list link;
	int32_t broker;
	enum peer_lane lane;
	struct channel channel;
	bool gone; /* it is at another address now: its calls are ended in a later turn */
};

struct peers {
	struct core *core;
	struct channels channels;
	struct list list;
	struct timer gone;
	struct timer settle;
};

/* Ends a call for which there is no broker to ask; later, not at once. */
static void refused(struct timer *t)
{
	struct call *c = container_of(t, struct call, timer);

	c->done(c);
}

static void refuse(struct core *core, struct call *c, int err)
{
	c->err = err;
	timer_init(&c->timer, core->loop, refused);
	timer_start(&c->timer, 0);
}

static void broken(struct channel *ch, int err, struct list *calls)
{
	(void)ch;
	while (!list_empty(calls))
		call_finish(container_of(list_first(calls), struct call, link), err);
}

/* A call that was not sent is only waiting for the next attempt to connect. */
static void too_late(struct timer *t)
{
	struct call *c = container_of(t, struct call, timer);
	struct peer *p = c->owner;

	if (c->sent)
		channel_break(&p->channel, -ETIMEDOUT);
	else
		call_finish(c, -ETIMEDOUT);
}

/* ---- the peers ---- */

/* Between two attempts there is no connection to break: this ends the calls that wait for the next one. */
static void peer_free(struct peer *p)
{
	channel_break(&p->channel, -ECONNRESET);
	broken(&p->channel, -ECONNRESET, &p->channel.waiting);
	channel_fini(&p->channel);
	list_remove(&p->link);
	xfree(p);
}

static void free_gone(struct timer *t)
{
	struct peers *all = container_of(t, struct peers, gone);

	list_each_safe(it, &all->list)
	{
		struct peer *p = container_of(it, struct peer, link);

		if (p->gone)
			peer_free(p);
	}
}

static struct peers *peers_of(struct core *core)
{
	struct peers *all = core->peers;

	if (all)
		return all;
	all = core->peers = xcalloc(1, sizeof(*all));
	all->core = core;
	outgoing_init(&all->channels, core->loop, &core->node->outgoing, OUTGOING_TO_BROKERS);
	all->channels.client_id = STR("broker-transactions");
	all->channels.answer_max = ANSWER_MAX;
	all->channels.broken = broken;
	list_init(&all->list);
	timer_init(&all->gone, core->loop, free_gone);
	return all;
}

static const struct image_endpoint *endpoint_of(const struct core *core, int32_t broker)
{
	const struct image_node *n = core->image ? image_broker(core->image, broker) : NULL;

	return n ? image_node_endpoint(n, config_network(core->node->config)->inter_broker_listener) : NULL;
}

static void dial(struct peers *all, struct peer *p, const struct image_endpoint *e)
{
	char *host = str_dup(e->host);

	channel_init(&p->channel, &all->channels, host, e->port);
	xfree(host);
}

static struct peer *find(struct peers *all, enum peer_lane lane, int32_t broker)
{
	list_each(it, &all->list)
	{
		struct peer *p = container_of(it, struct peer, link);

		if (p->broker == broker && p->lane == lane && !p->gone)
			return p;
	}
	return NULL;
}

static struct peer *need(struct peers *all, enum peer_lane lane, int32_t broker, const struct image_endpoint *e)
{
	struct peer *p = find(all, lane, broker);

	if (p && p->channel.port == e->port && str_is(e->host, p->channel.host))
		return p;
	if (p) { /* freed later, since this may be called when one of its calls ends */
		p->gone = true;
		timer_start(&all->gone, 0);
	}
	p = xcalloc(1, sizeof(*p));
	p->broker = broker;
	p->lane = lane;
	list_push(&all->list, &p->link);
	dial(all, p, e);
	return p;
}

void peer_call(struct core *core, enum peer_lane lane, int32_t broker, struct call *c)
{
	const struct image_endpoint *e = endpoint_of(core, broker);

	list_init(&c->link);
	if (core->stopping || !e) {
		refuse(core, c, ERR_BROKER_NOT_AVAILABLE);
		return;
	}
	c->once = true;
	c->owner = need(peers_of(core), lane, broker, e);
	timer_init(&c->timer, core->loop, too_late);
	timer_start(&c->timer, config_int(core->node->config, CONFIG_REQUEST_TIMEOUT_MS));
	channel_call(&((struct peer *)c->owner)->channel, c);
}

/* ---- the end ---- */

static void settle(struct timer *t)
{
	struct peers *all = container_of(t, struct peers, settle);

	if (all->channels.n_resolving > 0)
		timer_start(t, SETTLE_MS);
	else
		core_work_ends(all->core);
}

void peers_stop(struct core *core)
{
	struct peers *all = core->peers;

	if (!all)
		return;
	core_work_begins(core);
	channels_stop(&all->channels);
	timer_stop(&all->gone);
	while (!list_empty(&all->list))
		peer_free(container_of(list_first(&all->list), struct peer, link));
	timer_init(&all->settle, core->loop, settle);
	settle(&all->settle);
}

void peers_free(struct peers *p)
{
	if (!p)
		return;
	channels_fini(&p->channels);
	xfree(p);
}
