/*
 * discovery: finds out which brokers there are and which node is the controller, from any node: by
 * Metadata from brokers, by DescribeCluster from controllers (KIP-919).
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "client/internal.h"
#include "protocol/describe_cluster.h"
#include "protocol/metadata.h"

enum { HOST_MAX = 255 };

/* An empty list: no topics. (In version 0 it means all, which is just slower.) */
static const struct metadata_request NO_TOPICS = {.allow_auto_topic_creation = true};
static const struct describe_cluster_request CONTROLLERS = {.endpoint_type = 2};

static struct client_node *find_node(struct client *c, int32_t id, int lane)
{
	list_each(it, &c->nodes)
	{
		struct client_node *n = container_of(it, struct client_node, link);

		if (!n->gone && n->id == id && n->lane == lane)
			return n;
	}
	return NULL;
}

struct client_node *discovery_node(struct client *c, int32_t id, int lane)
{
	struct client_node *n = find_node(c, id, lane), *first = n ? n : find_node(c, id, 0);

	if (n || !first)
		return n;
	n = client_node_new(c, id, first->channel.host, first->channel.port, first->rack);
	n->lane = lane;
	return n;
}

/* Another node has its address now, in all lanes. */
static void retire_nodes(struct client *c, int32_t id)
{
	list_each(it, &c->nodes)
	{
		struct client_node *n = container_of(it, struct client_node, link);

		n->gone = n->gone || n->id == id;
	}
}

/* Frees retired nodes that have no calls any more. */
void discovery_sweep(struct timer *t)
{
	struct client *c = container_of(t, struct client, sweep);

	list_each_safe(it, &c->nodes)
	{
		struct client_node *n = container_of(it, struct client_node, link);

		if (n->gone && channel_is_unused(&n->channel))
			client_node_free(n);
	}
}

static struct client_node *node_at(struct client *c, const char *host, int port)
{
	list_each(it, &c->nodes)
	{
		struct client_node *n = container_of(it, struct client_node, link);

		if (n->id < 0 && n->channel.port == port && strcmp(n->channel.host, host) == 0)
			return n;
	}
	return NULL;
}

/* Whether this can be a broker: the answer may come from anything. */
static bool is_possible(int32_t id, struct str host, int32_t port)
{
	return id >= 0 && host.len > 0 && host.len <= HOST_MAX && !memchr(host.p, '\0', (size_t)host.len) && port > 0 &&
	       port <= 65535;
}

/* A bootstrap address that turns out to be a broker's keeps its connection and gets the broker's id. */
static void add_broker(struct client *c, int32_t id, struct str host_text, int port, struct str rack)
{
	char *host, *rack_text;
	struct client_node *n;

	if (!is_possible(id, host_text, port))
		return;
	host = str_dup(host_text);
	rack_text = str_dup(rack);
	n = find_node(c, id, 0);
	if (n && (n->channel.port != port || strcmp(n->channel.host, host) != 0)) {
		retire_nodes(c, id);
		n = NULL;
	}
	if (!n)
		n = node_at(c, host, port);
	if (n)
		n->id = id;
	else
		n = client_node_new(c, id, host, port, rack_text);
	c->brokers = xreallocarray(c->brokers, (size_t)c->n_brokers + 1, sizeof(*c->brokers));
	c->brokers[c->n_brokers++] = (struct client_broker){.id = id, .host = host, .port = port, .rack = rack_text};
}

void discovery_clear(struct client *c)
{
	for (int i = 0; i < c->n_brokers; i++) {
		xfree((char *)c->brokers[i].host);
		xfree((char *)c->brokers[i].rack);
	}
	xfree(c->brokers);
	c->brokers = NULL;
	c->n_brokers = 0;
}

void discovery_take_metadata(struct client *c, const struct metadata_response *m)
{
	discovery_clear(c);
	c->controller = m->controller_id;
	for (int i = 0; i < m->brokers.n; i++)
		add_broker(c, m->brokers.v[i].node_id, m->brokers.v[i].host, m->brokers.v[i].port,
			   m->brokers.v[i].rack);
}

static void take_cluster(struct client *c, const struct describe_cluster_response *d)
{
	discovery_clear(c);
	c->controller = d->controller_id;
	for (int i = 0; i < d->brokers.n; i++)
		add_broker(c, d->brokers.v[i].broker_id, d->brokers.v[i].host, d->brokers.v[i].port,
			   d->brokers.v[i].rack);
}

/* Waiting calls go where they wanted to, or end because there is no such node. */
static void send_homeless(struct client *c, int err)
{
	struct list calls;

	list_init(&calls);
	list_splice(&calls, &c->homeless);
	list_each_safe(it, &calls)
	{
		struct call *call = container_of(it, struct call, link);
		struct client_node *n = err ? NULL : discovery_node(c, call->node, call->lane);

		if (call->node == CLIENT_CONTROLLER && !err)
			n = discovery_node(c, c->controller, call->lane);
		if (call->node == CLIENT_CONTROLLER && !err && !n)
			n = discovery_node(c, c->n_brokers ? c->brokers[0].id : -1, call->lane);
		if (!n) {
			client_explain(c, call, err);
			call_finish(call, err ? err : ERR_BROKER_NOT_AVAILABLE);
			continue;
		}
		list_remove(it);
		channel_call(&n->channel, call);
	}
}

static void on_found(struct call *call)
{
	struct client *c = call->owner;
	struct str message;
	int err = call->err ? call->err : client_answer_error(call, &message);

	c->is_finding = false;
	if (err == 0 && c->options.controllers)
		take_cluster(c, call->response);
	else if (err == 0)
		discovery_take_metadata(c, call->response);
	c->is_known = err == 0;
	timer_start(&c->sweep, 0);
	arena_reset(&c->finding_arena);
	send_homeless(c, err);
}

void discovery_start(struct client *c)
{
	if (c->is_finding)
		return;
	c->is_finding = true;
	c->finding = (struct call){
		.key = c->options.controllers ? describe_cluster_request_KEY : metadata_request_KEY,
		.node = CLIENT_ANY,
		.request = c->options.controllers ? (const void *)&CONTROLLERS : &NO_TOPICS,
		.arena = &c->finding_arena,
		.done = on_found,
	};
	client_call(c, &c->finding);
}

const struct client_broker *client_broker_find(const struct client *c, int32_t id)
{
	for (int i = 0; i < c->n_brokers; i++)
		if (c->brokers[i].id == id)
			return &c->brokers[i];
	return NULL;
}

void client_forget(struct client *c)
{
	c->is_known = false;
}
