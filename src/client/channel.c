/*
 * channel: the connection to one node: name to address to socket, the greeting that tells what it speaks, requests out, answers in.
 *
 *	4 bytes of length, the header (wire/header.h), the body; both ways.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/mem.h"
#include "client/internal.h"
#include "protocol/api_versions.h"
#include "wire/codec.h"
#include "wire/header.h"
#include "wire/protocol.h"

enum { IOV_MAX_OURS = 64, ATTEMPT_MS = 10000 };

struct resolving {
	struct work work;
	struct client *client;
	struct client_node *node; /* NULL: nobody wants it any more */
	char *host;
	uint16_t port;
	struct addr found[ADDRESSES_MAX];
	int n;
};

static void channel_dial(struct client_node *n);
static void on_flush(struct timer *t);
static void on_attempt(struct timer *t);

struct client_node *channel_new(struct client *c, int32_t id, const char *host, int port, const char *rack)
{
	struct client_node *n = xcalloc(1, sizeof(*n));

	n->client = c;
	n->broker = (struct client_broker){
		.id = id, .host = xstrdup(host), .port = port, .rack = rack ? xstrdup(rack) : NULL};
	list_init(&n->waiting);
	list_init(&n->sending);
	list_init(&n->in_flight);
	timer_init(&n->flush, c->loop, on_flush);
	timer_init(&n->attempt, c->loop, on_attempt);
	arena_init(&n->greeting_arena, 1 << 20);
	list_push(&c->nodes, &n->link);
	return n;
}

void channel_close(struct client_node *n)
{
	timer_stop(&n->flush);
	timer_stop(&n->attempt);
	if (n->sock)
		sock_close(n->sock);
	if (n->resolving)
		n->resolving->node = NULL;
	n->resolving = NULL;
	n->sock = NULL;
	n->frame = NULL;
	n->head_len = 0;
	n->sent = 0;
	n->state = NODE_IDLE;
}

void channel_free(struct client_node *n)
{
	channel_close(n);
	list_remove(&n->link);
	arena_fini(&n->greeting_arena);
	xfree((char *)n->broker.host);
	xfree((char *)n->broker.rack);
	xfree(n);
}

/* ---- a connection ends ---- */

static int next_backoff(struct client_node *n)
{
	int now = n->backoff_ms ? n->backoff_ms : BACKOFF_FIRST_MS;

	n->backoff_ms = now * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : now * 2;
	return now;
}

void channel_break(struct client_node *n, int err)
{
	struct list calls;

	if (n->state == NODE_IDLE && !n->resolving)
		return;
	channel_close(n);
	timer_start(&n->attempt, next_backoff(n));
	list_init(&calls);
	list_splice(&calls, &n->in_flight);
	list_splice(&calls, &n->sending);
	list_splice(&calls, &n->waiting);
	client_node_failed(n, err, &calls);
}

/* ---- requests out ---- */

static int version_of(const struct client_node *n, const struct call *call, int *version)
{
	const struct api_info *api = api_info_find(call->key);
	const struct api_range *r = call->key < KEYS_MAX ? &n->apis[call->key] : NULL;
	int last;

	check(api);
	if (call->key == api_versions_request_KEY && call->version_max == 0) {
		*version = n->greeting_version;
		return 0;
	}
	last = api->last - api->latest_unstable;
	if (call->version_max > 0 && call->version_max < last)
		last = call->version_max;
	if (!r || r->min > r->max || r->min > last || r->max < api->first)
		return ERR_UNSUPPORTED_VERSION;
	*version = r->max < last ? r->max : last;
	return 0;
}

static int encode(struct client_node *n, struct call *call)
{
	const struct api_info *api = api_info_find(call->key);
	int err = call == &n->greeting ? 0 : version_of(n, call, &call->version);

	if (err == 0 && call->fit)
		err = call->fit(call);
	if (err != 0)
		return err;
	call->correlation = n->client->next_correlation++ & INT32_MAX;
	chain_init(&call->out, call->arena);
	err = header_write_request(&call->out, call->key, call->version, call->correlation,
				   n->client->options.client_id);
	if (err == 0)
		err = codec_encode(api->request, call->version, call->request, &call->out);
	put_i32(call->out_len, (int32_t)call->out.len);
	return err == 0 && call->out.failed ? -ENOMEM : err;
}

static int gather(struct client_node *n, struct iovec *iov)
{
	size_t skip = n->sent;
	int count = 0;

	list_each(it, &n->sending)
	{
		struct call *call = container_of(it, struct call, link);

		for (int i = -1; i < call->out.n && count < IOV_MAX_OURS; i++) {
			const void *p = i < 0 ? call->out_len : call->out.parts[i].p;
			size_t len = i < 0 ? sizeof(call->out_len) : call->out.parts[i].len;

			if (skip >= len) {
				skip -= len;
				continue;
			}
			iov[count++] = (struct iovec){(char *)(uintptr_t)p + skip, len - skip};
			skip = 0;
		}
	}
	return count;
}

/* What is wholly written waits for its answer. */
static void note_sent(struct client_node *n, size_t len)
{
	n->sent += len;
	while (!list_empty(&n->sending)) {
		struct call *call = container_of(list_first(&n->sending), struct call, link);
		size_t size = sizeof(call->out_len) + call->out.len;

		if (n->sent < size)
			return;
		n->sent -= size;
		list_remove(&call->link);
		if (call->silent)
			call_finish(call, 0);
		else
			list_push(&n->in_flight, &call->link);
	}
}

static int write_out(struct client_node *n)
{
	struct iovec iov[IOV_MAX_OURS];

	while (!list_empty(&n->sending)) {
		ssize_t len = sock_writev(n->sock, iov, gather(n, iov));

		if (len == -EAGAIN)
			break;
		if (len < 0)
			return (int)len;
		note_sent(n, (size_t)len);
		if (!n->sock)
			return 0;
	}
	sock_want(n->sock, SOCK_READ | (list_empty(&n->sending) ? 0 : SOCK_WRITE));
	return 0;
}

static void encode_waiting(struct client_node *n)
{
	while (n->state == NODE_READY && !list_empty(&n->waiting)) { /* a done() may have given the connection up */
		struct call *call = container_of(list_first(&n->waiting), struct call, link);
		int err = encode(n, call);

		if (err != 0) {
			call_finish(call, err);
			continue;
		}
		call->sent = true;
		list_remove(&call->link);
		list_push(&n->sending, &call->link);
	}
}

static void on_flush(struct timer *t)
{
	struct client_node *n = container_of(t, struct client_node, flush);
	int err;

	if (n->state != NODE_READY)
		return;
	encode_waiting(n);
	err = n->state == NODE_READY ? write_out(n) : 0;
	if (err != 0)
		channel_break(n, err);
}

/* ---- the greeting ---- */

static void greet(struct client_node *n);

static void take_ranges(struct client_node *n, const struct api_versions_response *answer)
{
	for (int i = 0; i < KEYS_MAX; i++)
		n->apis[i] = (struct api_range){1, 0};
	for (int32_t i = 0; i < answer->api_keys.n; i++) {
		const struct api_versions_response_version *v = &answer->api_keys.v[i];

		if (v->api_key >= 0 && v->api_key < KEYS_MAX)
			n->apis[v->api_key] = (struct api_range){v->min_version, v->max_version};
	}
}

static void on_greeted(struct call *call)
{
	struct client_node *n = container_of(call, struct client_node, greeting);
	const struct api_versions_response *answer = call->response;

	if (call->err == 0 && answer->error_code == ERR_UNSUPPORTED_VERSION && n->greeting_version > 0) {
		n->greeting_version = 0;
		greet(n);
		return;
	}
	if (call->err != 0 || answer->error_code != 0) {
		channel_break(n, call->err ? call->err : answer->error_code);
		return;
	}
	take_ranges(n, answer);
	arena_reset(&n->greeting_arena);
	timer_stop(&n->attempt);
	n->backoff_ms = 0;
	n->state = NODE_READY;
	on_flush(&n->flush);
}

static void greet(struct client_node *n)
{
	static const struct api_versions_request HELLO = {
		.client_software_name = {"odradek", 7}, .client_software_version = {"0", 1}, .node_id = -1};
	int err;

	arena_reset(&n->greeting_arena);
	n->state = NODE_GREETING;
	n->greeting = (struct call){
		.key = api_versions_request_KEY,
		.request = &HELLO,
		.arena = &n->greeting_arena,
		.done = on_greeted,
		.client = n->client,
		.at = n,
		.version = n->greeting_version,
		.sent = true,
	};
	timer_init(&n->greeting.timer, n->client->loop, on_attempt);
	err = encode(n, &n->greeting);
	list_init(&n->greeting.link);
	list_push(&n->sending, &n->greeting.link);
	if (err == 0)
		err = write_out(n);
	if (err != 0)
		channel_break(n, err);
}

/* ---- answers in ---- */

/* The reader of an ApiVersions answer to a version that the node has not got finds version 0's. */
static int decode(struct call *call, const uint8_t *p, size_t len)
{
	const struct api_info *api = api_info_find(call->key);
	void *out = arena_alloc(call->arena, api->response->size);
	struct reader r;
	int32_t correlation;
	int version = call->version;
	int err;

	reader_init(&r, p, len);
	err = header_read_response(&r, call->key, version, &correlation);
	if (err != 0 || !out || correlation != call->correlation)
		return -EPROTO;
	if (call->key == api_versions_response_KEY && reader_left(&r) >= 2 && get_i16(r.p) == ERR_UNSUPPORTED_VERSION)
		version = 0;
	err = codec_read(api->response, version, &r, call->arena, out);
	call->response = out;
	return err == ERR_INVALID_REQUEST ? -EPROTO : err;
}

static int frame_begin(struct client_node *n)
{
	struct call *call;
	int32_t len = get_i32(n->head);

	if (list_empty(&n->in_flight) || len < 4 || (size_t)len > n->client->options.answer_max)
		return -EPROTO;
	call = container_of(list_first(&n->in_flight), struct call, link);
	n->frame = arena_alloc(call->arena, (size_t)len);
	n->frame_len = (size_t)len;
	n->frame_pos = 0;
	return n->frame ? 0 : -ENOMEM;
}

/* 0, or why the connection cannot go on: after an answer that is not understood nothing can be trusted. */
static int frame_end(struct client_node *n)
{
	struct call *call = container_of(list_first(&n->in_flight), struct call, link);
	uint8_t *frame = n->frame;
	int err = decode(call, frame, n->frame_len);

	n->frame = NULL;
	n->head_len = 0;
	call_finish(call, err);
	return err == -EPROTO ? err : 0;
}

static int feed(struct client_node *n, const uint8_t *p, size_t len)
{
	int err = 0;

	while (len > 0 && err == 0 && n->sock) {
		size_t part;

		if (!n->frame) {
			n->head[n->head_len++] = *p++;
			len--;
			if (n->head_len == (int)sizeof(n->head))
				err = frame_begin(n);
			continue;
		}
		part = n->frame_len - n->frame_pos;
		part = part < len ? part : len;
		memcpy(n->frame + n->frame_pos, p, part);
		n->frame_pos += part;
		p += part;
		len -= part;
		if (n->frame_pos == n->frame_len)
			err = frame_end(n);
	}
	return err;
}

/* A large rest is read to where it belongs, everything else by way of the landing. */
static int read_in(struct client_node *n)
{
	while (n->sock) {
		size_t rest = n->frame ? n->frame_len - n->frame_pos : 0;
		bool direct = rest >= LANDING;
		ssize_t len = direct ? sock_read(n->sock, n->frame + n->frame_pos, rest)
				     : sock_read(n->sock, n->client->landing, LANDING);
		int err = 0;

		if (len == -EAGAIN)
			return 0;
		if (len <= 0)
			return len < 0 ? (int)len : -ECONNRESET;
		if (!direct)
			err = feed(n, n->client->landing, (size_t)len);
		else if ((n->frame_pos += (size_t)len) == n->frame_len)
			err = frame_end(n);
		if (err != 0)
			return err;
		if (!direct && len < LANDING)
			return 0;
	}
	return 0;
}

static void on_ready(struct sock *s, int ready, void *arg)
{
	struct client_node *n = arg;
	int err = 0;

	if (n->state == NODE_DIALLING) {
		err = sock_error(s);
		if (err == 0) {
			greet(n);
			return;
		}
		if (n->next_address < n->n_addresses) {
			sock_close(n->sock);
			n->sock = NULL;
			channel_dial(n);
			return;
		}
		channel_break(n, err);
		return;
	}
	if (ready & SOCK_READ)
		err = read_in(n);
	if (err == 0 && n->sock && (ready & SOCK_WRITE))
		err = write_out(n);
	if (err != 0 && n->sock)
		channel_break(n, err);
}

/* ---- name to socket ---- */

static void channel_dial(struct client_node *n)
{
	int err = -EHOSTUNREACH;

	n->state = NODE_DIALLING;
	n->greeting_version = api_info_find(api_versions_request_KEY)->last < 4 ? 3 : 4;
	while (n->next_address < n->n_addresses && err != 0)
		err = env_dial(n->client->loop, &n->addresses[n->next_address++], on_ready, n, &n->sock);
	if (err == 0)
		sock_want(n->sock, SOCK_WRITE);
	else
		channel_break(n, err);
}

static void resolve(struct work *w)
{
	struct resolving *r = container_of(w, struct resolving, work);

	r->n = env_resolve(r->client->loop->env, r->host, r->port, r->found, ADDRESSES_MAX);
}

static void on_resolved(struct work *w)
{
	struct resolving *r = container_of(w, struct resolving, work);
	struct client_node *n = r->node;

	r->client->n_resolving--;
	if (n) {
		n->resolving = NULL;
		n->n_addresses = r->n > 0 ? r->n : 0;
		n->next_address = 0;
		memcpy(n->addresses, r->found, sizeof(r->found));
		if (r->n > 0)
			channel_dial(n);
		else
			channel_break(n, r->n < 0 ? r->n : -EHOSTUNREACH);
	}
	xfree(r->host);
	xfree(r);
}

static void channel_resolve(struct client_node *n)
{
	struct resolving *r = xcalloc(1, sizeof(*r));

	n->state = NODE_RESOLVING;
	r->work.job = resolve;
	r->work.done = on_resolved;
	r->client = n->client;
	r->node = n;
	r->host = xstrdup(n->broker.host);
	r->port = (uint16_t)n->broker.port;
	n->resolving = r;
	n->client->n_resolving++;
	env_work(n->client->loop, &r->work);
}

static void channel_connect(struct client_node *n)
{
	timer_start(&n->attempt, ATTEMPT_MS);
	n->next_address = 0;
	n->n_addresses = addr_parse(n->broker.host, (uint16_t)n->broker.port, &n->addresses[0]);
	if (n->n_addresses > 0)
		channel_dial(n);
	else
		channel_resolve(n);
}

/* The pause after a failure is over; or the attempt takes too long. */
static void on_attempt(struct timer *t)
{
	struct client_node *n = container_of(t, struct client_node, attempt);

	if (n->state != NODE_IDLE)
		channel_break(n, -ETIMEDOUT);
	else if (!list_empty(&n->waiting))
		channel_connect(n);
}

void channel_want(struct client_node *n)
{
	if (n->state == NODE_READY && !timer_is_running(&n->flush))
		timer_start(&n->flush, 0);
	else if (n->state == NODE_IDLE && !timer_is_running(&n->attempt))
		timer_start(&n->attempt, 0); /* not inside the caller's call */
}
