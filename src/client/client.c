/* client: decides where a call goes, and what happens when it cannot get there. */
#include "client/client.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "client/internal.h"
#include "tls/tls.h"
#include "wire/protocol.h"

static void on_broken(struct channel *ch, int err, struct list *calls);

/* ---- nodes ---- */

struct client_node *client_node_new(struct client *c, int32_t id, const char *host, int port, const char *rack)
{
	struct client_node *n = xcalloc(1, sizeof(*n));

	channel_init(&n->channel, &c->channels, host, port);
	n->client = c;
	n->id = id;
	n->rack = rack ? xstrdup(rack) : NULL;
	list_push(&c->nodes, &n->link);
	return n;
}

void client_node_free(struct client_node *n)
{
	channel_fini(&n->channel);
	list_remove(&n->link);
	xfree(n->rack);
	xfree(n);
}

/* ---- bootstrap ---- */

/* Parses "host:port" or "[v6]:port"; the host is copied without brackets. */
static bool read_address(struct str text, char **host, int *port)
{
	const char *colon = NULL;
	int32_t number;

	for (int32_t i = 0; i < text.len; i++)
		if (text.p[i] == ':')
			colon = text.p + i;
	if (!colon || colon == text.p)
		return false;
	if (!str_to_i32((struct str){colon + 1, (int32_t)(text.p + text.len - colon - 1)}, &number) || number < 1 ||
	    number > 65535)
		return false;
	*port = number;
	if (text.p[0] == '[' && colon[-1] == ']')
		*host = xstrndup(text.p + 1, (size_t)(colon - text.p - 2));
	else
		*host = xstrndup(text.p, (size_t)(colon - text.p));
	return true;
}

static struct str trimmed(const char *p, size_t len)
{
	while (len > 0 && (*p == ' ' || *p == '\t'))
		p++, len--;
	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	return (struct str){p, (int32_t)len};
}

static int read_bootstrap(struct client *c, const char *text, struct str *wrong)
{
	int32_t id = -2; /* -1 would be CLIENT_ANY */

	for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		struct str one = trimmed(at, strcspn(at, ","));
		char *host;
		int port;

		if (one.len == 0)
			continue;
		if (!read_address(one, &host, &port)) {
			*wrong = one;
			return ERR_INVALID_CONFIG;
		}
		client_node_new(c, id--, host, port, NULL);
		xfree(host);
	}
	*wrong = str_of(text);
	return list_empty(&c->nodes) ? ERR_INVALID_CONFIG : 0;
}

int client_new(struct loop *l, const struct client_options *options, struct client **out, struct str *wrong)
{
	struct client *c = xcalloc(1, sizeof(*c));
	int err;

	channels_init(&c->channels, l);
	c->options = *options;
	c->client_id = str_dup(options->client_id);
	c->options.client_id = str_of(c->client_id);
	c->options.bootstrap = NULL;
	c->controller = -1;
	c->channels.client_id = c->options.client_id;
	c->channels.answer_max = c->options.answer_max;
	c->channels.broken = on_broken;
	c->channels.backoff_max_ms = options->reconnect_backoff_max_ms;
	c->channels.setup_timeout_ms = options->setup_timeout_ms;
	c->channels.setup_timeout_max_ms = options->setup_timeout_max_ms;
	c->channels.login = options->login;
	c->channels.tls = options->tls ? tls_context_ref(options->tls) : NULL;
	list_init(&c->nodes);
	list_init(&c->homeless);
	arena_init(&c->finding_arena, 64 << 20);
	timer_init(&c->sweep, l, discovery_sweep);
	err = read_bootstrap(c, options->bootstrap ? options->bootstrap : "", wrong);
	if (err != 0) {
		client_free(c);
		return err;
	}
	*out = c;
	return 0;
}

static void drop_calls(struct list *calls)
{
	list_each_safe(it, calls)
	{
		struct call *call = container_of(it, struct call, link);

		timer_stop(&call->timer);
		list_remove(it);
	}
}

void client_free(struct client *c)
{
	timer_stop(&c->sweep);
	drop_calls(&c->homeless);
	list_each_safe(it, &c->nodes) client_node_free(container_of(it, struct client_node, link));
	discovery_clear(c);
	arena_fini(&c->finding_arena);
	channels_fini(&c->channels);
	xfree(c->client_id);
	xfree(c->why);
	xfree(c);
}

bool client_is_busy(const struct client *c)
{
	return c->channels.n_resolving > 0;
}

const char *client_refusal(const struct client *c)
{
	return c->why ? c->why : "";
}

struct loop *client_loop(const struct client *c)
{
	return c->channels.loop;
}

int8_t client_lane(struct client *c)
{
	check(c->lanes < INT8_MAX);
	return ++c->lanes;
}

/* ---- where to ---- */

/* Prefers an existing connection to a new one; takes nodes in turn. */
static struct client_node *any_node(struct client *c)
{
	struct client_node *best = NULL;
	uint32_t n = 0, pick;

	list_each(it, &c->nodes)
	{
		struct client_node *node = container_of(it, struct client_node, link);

		if (node->lane != 0 || node->gone)
			continue;
		if (channel_is_ready(&node->channel))
			return node;
		n++;
	}
	pick = n ? c->turn % n : 0;
	list_each(it, &c->nodes)
	{
		struct client_node *node = container_of(it, struct client_node, link);

		if (node->lane == 0 && !node->gone && pick-- == 0)
			best = node;
	}
	return best;
}

static struct client_node *node_for(struct client *c, const struct call *call)
{
	if (call == &c->finding || call->node == CLIENT_ANY)
		return any_node(c);
	if (!c->is_known)
		return NULL;
	if (call->node == CLIENT_CONTROLLER) {
		struct client_node *n = c->controller >= 0 ? discovery_node(c, c->controller, call->lane) : NULL;

		return n ? n : any_node(c);
	}
	return discovery_node(c, call->node, call->lane);
}

static void route_call(struct call *call)
{
	struct client *c = call->owner;
	struct client_node *n = node_for(c, call);

	if (!n) {
		call->at = NULL;
		list_push(&c->homeless, &call->link);
		discovery_start(c);
		return;
	}
	channel_call(&n->channel, call);
}

static bool is_late(const struct call *call)
{
	const struct client *c = call->owner;

	return env_mono_ns(c->channels.loop->env) >= call->deadline_ns;
}

/*
 * Either the call's whole time is up, or the node's time for this request: then the connection is
 * closed and the call is sent again.
 */
static void on_time(struct timer *t)
{
	struct call *call = container_of(t, struct call, timer);
	struct channel *ch = call->sent ? call->at : NULL;

	if (call->err != 0) {
		call_finish(call, call->err);
		return;
	}
	if (!call->at && !is_late(call)) {
		list_remove(&call->link);
		route_call(call);
		return;
	}
	if (is_late(call) || (call->once && call->sent)) {
		list_remove(&call->link);
		call_finish(call, -ETIMEDOUT); /* from here on the call belongs to its caller */
		if (ch)
			channel_break(ch, -ETIMEDOUT);
		return;
	}
	timer_start_at(&call->timer, call->deadline_ns);
	if (ch)
		channel_break(ch, -ETIMEDOUT);
}

void client_call(struct client *c, struct call *call)
{
	int32_t timeout = call->timeout_ms ? call->timeout_ms : c->options.api_timeout_ms;
	int32_t first = timeout < c->options.request_timeout_ms ? timeout : c->options.request_timeout_ms;

	call->owner = c;
	call->err = 0;
	call->response = NULL;
	call->message = STR_NULL;
	call->sent = false;
	call->at = NULL;
	list_init(&call->link);
	timer_init(&call->timer, c->channels.loop, on_time);
	call->deadline_ns = env_mono_ns(c->channels.loop->env) + (int64_t)timeout * 1000000;
	timer_start(&call->timer, first);
	route_call(call);
}

void client_cancel(struct client *c, struct call *call)
{
	struct channel *ch = call->at;
	bool sent = call->sent;

	timer_stop(&call->timer);
	list_remove(&call->link);
	if (ch && sent)
		channel_break(ch, -ECANCELED);
}

/* Finishes later, from the loop: done() must not run inside its caller's call. */
static void finish_soon(struct call *call, int err)
{
	list_init(&call->link);
	call->at = NULL;
	call->err = err;
	timer_start(&call->timer, 0);
}

void client_explain(const struct client *c, struct call *call, int err)
{
	if (channel_is_refusal(err) && c->why)
		call->message = arena_str(call->arena, str_of(c->why));
}

static void keep_why(struct client *c, const struct channel *ch, int err)
{
	xfree(c->why);
	if (err == -EKEYREJECTED)
		c->why = xasprintf("SSL handshake failed: %s", channel_why(ch));
	else
		c->why = xstrdup(channel_why(ch));
}

/*
 * A connection has ended or could not be made: its calls go elsewhere or wait; if the client was
 * refused, they end.
 */
static void on_broken(struct channel *ch, int err, struct list *calls)
{
	struct client_node *n = container_of(ch, struct client_node, channel);
	struct client *c = n->client;

	if (channel_is_refusal(err))
		keep_why(c, ch, err);
	if (c->options.trouble && err != -ECANCELED)
		c->options.trouble(c->options.trouble_arg, ch->host, ch->port, err);
	c->turn++;
	c->is_known = c->is_known && n->id < 0; /* the leaders may have changed as well */
	list_each_safe(it, calls)
	{
		struct call *call = container_of(it, struct call, link);
		bool was_sent = call->sent;

		list_remove(it);
		call->sent = false;
		client_explain(c, call, err);
		if (channel_is_refusal(err))
			finish_soon(call, err);
		else if (call->once && was_sent)
			finish_soon(call, -ECONNRESET);
		else if (is_late(call))
			finish_soon(call, -ETIMEDOUT);
		else
			route_call(call);
	}
}

int client_answer_error(const struct call *call, struct str *message)
{
	const struct api_info *api = api_info_find(call->key);
	int err = 0;

	*message = STR_NULL;
	for (int i = 0; api && call->response && i < api->response->n_fields; i++) {
		const struct field *f = &api->response->fields[i];
		const char *at = (const char *)call->response + f->offset;

		if (f->kind == FIELD_ERROR && strcmp(f->name, "errorCode") == 0)
			err = *(const int16_t *)(const void *)at;
		else if (f->kind == FIELD_STRING && strcmp(f->name, "errorMessage") == 0)
			*message = *(const struct str *)(const void *)at;
	}
	return err;
}
