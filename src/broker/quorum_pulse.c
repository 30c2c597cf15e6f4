/*
 * quorum_pulse: finds out whether a broker's process still exists. When the connection of its
 * heartbeats breaks, and when this node begins to lead, the broker's listeners are dialled. If all
 * of them refuse, the process is gone, and the broker is fenced at once. A listener that accepts a
 * connection and breaks it may belong to a process that is just ending (a killed process closes its
 * sockets one after the other), and is dialled again. Anything else (an answer, silence, no route)
 * means nothing: then the session decides, as in Kafka. A node without TLS settings does not ask
 * TLS listeners: a pure controller has those with which it dials other controllers.
 */
#include <errno.h>

#include "base/diag.h"
#include "base/mem.h"
#include "broker/outgoing.h"
#include "broker/quorum_private.h"
#include "config/listener.h"
#include "protocol/api_versions.h"
#include "wire/codec.h"

#define ANSWER_MAX ((size_t)1 << 16)
#define AGAIN_MS 20	 /* before dialling one again that broke the connection, */
#define AGAIN_TIMES 25	 /* and how often */
#define LISTENER_MS 2000 /* one that has not refused by then counts as not refusing */

/* A broker that is being checked. */
struct pulse {
	struct list link;
	struct quorum *quorum;
	const struct image *image; /* a reference: it contains the broker */
	const struct image_node *broker;
	int at; /* index of the endpoint that is dialled */
	struct channel channel;
	struct call call;
	struct arena arena;
	struct api_versions_request request;
	struct timer timer; /* for the next step, outside the channel's own calls; or a timeout */
	int err;	    /* of this endpoint, so far */
	int n_again;	    /* number of repeated attempts */
	bool waits;	    /* to dial again */
};

static void pulse_end(struct pulse *p)
{
	timer_stop(&p->timer);
	channel_fini(&p->channel);
	arena_fini(&p->arena);
	image_unref(&p->image);
	list_remove(&p->link);
	xfree(p);
}

/* It answers, even if with something that is not an answer: the process lives. */
static void answered(struct call *c)
{
	struct pulse *p = container_of(c, struct pulse, call);

	p->err = 0;
	timer_start(&p->timer, 0);
}

static void broken(struct channel *ch, int err, struct list *calls)
{
	struct pulse *p = container_of(ch, struct pulse, channel);

	while (!list_empty(calls))
		list_remove(list_first(calls));
	p->err = err;
	timer_start(&p->timer, 0);
}

static bool is_tls(const struct image_endpoint *e)
{
	return e->security_protocol == PROTOCOL_SSL || e->security_protocol == PROTOCOL_SASL_SSL;
}

static void dial(struct pulse *p)
{
	const struct image_endpoint *e = &p->broker->endpoints[p->at];
	char *host = str_dup(e->host);

	channel_init(&p->channel, is_tls(e) ? &p->quorum->pulse_secure : &p->quorum->pulse_channels, host, e->port);
	xfree(host);
	p->err = -ETIMEDOUT;
	p->call = (struct call){
		.key = api_versions_request_KEY, .request = &p->request, .arena = &p->arena, .done = answered};
	list_init(&p->call.link);
	timer_start(&p->timer, LISTENER_MS);
	channel_call(&p->channel, &p->call);
}

static void redial(struct pulse *p)
{
	p->waits = false;
	channel_fini(&p->channel);
	dial(p);
}

static void go_on(struct timer *t)
{
	struct pulse *p = container_of(t, struct pulse, timer);

	if (p->waits) {
		redial(p);
		return;
	}
	if (p->err == -ECONNRESET && p->n_again++ < AGAIN_TIMES) {
		p->waits = true;
		timer_start(t, AGAIN_MS);
		return;
	}
	if (p->err == -ECONNREFUSED && p->at + 1 < p->broker->n_endpoints) {
		channel_fini(&p->channel);
		p->at++;
		dial(p);
		return;
	}
	if (p->err == -ECONNREFUSED)
		quorum_fence(p->quorum, p->broker->id, p->broker->epoch);
	pulse_end(p);
}

static bool is_looked_after(const struct quorum *q, int32_t id)
{
	list_each(it, &q->pulses) if (container_of(it, struct pulse, link)->broker->id == id) return true;
	return false;
}

/* TLS listeners are dialled with the settings for this node's other connections. */
static bool may_ask(const struct quorum *q, const struct image_node *broker)
{
	for (int i = 0; i < broker->n_endpoints && !q->pulse_secure.tls_slot; i++)
		if (is_tls(&broker->endpoints[i]))
			return false;
	return true;
}

static void look_after(struct quorum *q, const struct image *image, const struct image_node *broker)
{
	struct pulse *p;

	if (broker->fenced || broker->id == q->options.node_id || broker->n_endpoints == 0 ||
	    is_looked_after(q, broker->id) || !may_ask(q, broker))
		return;
	p = xcalloc(1, sizeof(*p));
	p->quorum = q;
	p->image = image_ref(image);
	p->broker = broker;
	arena_init(&p->arena, ANSWER_MAX);
	timer_init(&p->timer, q->loop, go_on);
	codec_init(&api_versions_request_schema, &p->request);
	p->request.client_software_name = STR("odradek");
	p->request.client_software_version = STR("pulse");
	list_push(&q->pulses, &p->link);
	dial(p);
}

void quorum_pulse_all(struct quorum *q)
{
	const struct image *image = controller_tip(q->controller);
	const struct image_node *broker;
	struct image_iter it;

	image_brokers(image, &it);
	while ((broker = image_nodes_next(&it)))
		look_after(q, image, broker);
}

/* ---- a connection that broke ---- */

struct hang_up {
	struct post post;
	struct quorum *quorum;
	int32_t broker;
	int64_t epoch;
};

static void hung_up(struct post *post)
{
	struct hang_up *h = container_of(post, struct hang_up, post);
	struct quorum *q = h->quorum;
	const struct image *image = quorum_leads(q) ? controller_tip(q->controller) : NULL;
	const struct image_node *broker = image ? image_broker(image, h->broker) : NULL;

	if (broker && broker->epoch == h->epoch)
		look_after(q, image, broker);
	xfree(h);
}

void quorum_broker_hung_up(struct quorum *q, int32_t broker, int64_t epoch)
{
	struct hang_up *h = xcalloc(1, sizeof(*h));

	h->post.run = hung_up;
	h->quorum = q;
	h->broker = broker;
	h->epoch = epoch;
	loop_post(q->loop, &h->post);
}

/* ---- creation and end ---- */

/*
 * ApiVersions is answered before a login. The endpoint may be one for clients, so it must not see
 * any secret of this node.
 */
static void init_channels(struct quorum *q, struct channels *all, enum outgoing_to as_if_to)
{
	outgoing_init(all, q->loop, q->options.outgoing, as_if_to);
	all->login = NULL;
	all->client_id = STR("odradek-controller");
	all->answer_max = ANSWER_MAX;
	all->broken = broken;
}

void quorum_pulse_init(struct quorum *q)
{
	list_init(&q->pulses);
	init_channels(q, &q->pulse_channels, OUTGOING_TO_BROKERS);
	q->pulse_channels.tls_slot = NULL;
	init_channels(q, &q->pulse_secure, OUTGOING_TO_BROKERS);
	if (!q->pulse_secure.tls_slot) {
		channels_fini(&q->pulse_secure);
		init_channels(q, &q->pulse_secure, OUTGOING_TO_CONTROLLERS);
	}
}

void quorum_pulse_stop(struct quorum *q)
{
	channels_stop(&q->pulse_channels);
	channels_stop(&q->pulse_secure);
	while (!list_empty(&q->pulses))
		pulse_end(container_of(list_first(&q->pulses), struct pulse, link));
}

void quorum_pulse_fini(struct quorum *q)
{
	quorum_pulse_stop(q);
	channels_fini(&q->pulse_channels);
	channels_fini(&q->pulse_secure);
}
