#include "tests/sim/client.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/mem.h"
#include "wire/codec.h"
#include "wire/header.h"

enum { ARENA_BYTES = 16 << 20, FRAME_BYTES_MAX = 16 << 20 };

struct call {
	struct list link;
	int key;
	int version;
	int32_t correlation;
	const struct schema *schema;
	answer_fn *done;
	void *arg;
};

static void on_deadline(struct timer *t)
{
	client_hang_up(container_of(t, struct client, deadline));
}

void client_init(struct client *c, struct loop *l, const struct addr *to, const char *id)
{
	*c = (struct client){.loop = l, .to = *to, .id = id, .call_ms = CALL_MS, .next_correlation = 1};
	list_init(&c->calls);
	timer_init(&c->deadline, l, on_deadline);
}

static void disconnect(struct client *c)
{
	if (c->sock)
		sock_close(c->sock);
	c->sock = NULL;
	c->out.len = c->out_pos = c->in.len = 0;
	timer_stop(&c->deadline);
}

void client_fini(struct client *c)
{
	disconnect(c);
	list_each_safe(it, &c->calls) xfree(container_of(it, struct call, link));
	list_init(&c->calls);
	buf_fini(&c->out);
	buf_fini(&c->in);
}

void client_hang_up(struct client *c)
{
	struct list waiting;

	list_init(&waiting);
	list_splice(&waiting, &c->calls);
	disconnect(c);
	while (!list_empty(&waiting)) {
		struct call *call = container_of(waiting.next, struct call, link);

		list_remove(&call->link);
		call->done(call->arg, -ECONNRESET, NULL);
		xfree(call);
	}
}

void client_move(struct client *c, const struct brokers *b, int32_t id)
{
	int to = (int)env_random_below(c->loop->env, (uint64_t)b->n);

	for (int i = 0; i < b->n; i++)
		if (b->ids[i] == id)
			to = i;
	client_hang_up(c);
	c->to = b->addrs[to];
	c->call_ms = b->call_ms;
}

static void set_deadline(struct client *c)
{
	if (list_empty(&c->calls))
		timer_stop(&c->deadline);
	else
		timer_start(&c->deadline, c->call_ms);
}

/* ---- answers ---- */

static void take_answer(struct client *c, const uint8_t *p, size_t len)
{
	struct call *call = container_of(c->calls.next, struct call, link);
	struct arena a;
	struct reader r;
	int32_t correlation;
	void *answer;

	check(!list_empty(&c->calls));
	list_remove(&call->link);
	set_deadline(c);
	arena_init(&a, ARENA_BYTES);
	answer = arena_zalloc(&a, call->schema->size);
	reader_init(&r, p, len);
	check(header_read_response(&r, call->key, call->version, &correlation) == 0);
	check(correlation == call->correlation);
	check(codec_read(call->schema, call->version, &r, &a, answer) == 0 && reader_left(&r) == 0);
	call->done(call->arg, 0, answer);
	xfree(call);
	arena_fini(&a);
}

/* Takes whole frames off the front; false when the connection was closed meanwhile. */
static bool take_frames(struct client *c)
{
	while (c->sock && c->in.len >= 4) {
		uint32_t len = get_u32(c->in.p);
		uint8_t *frame;

		check(len <= FRAME_BYTES_MAX);
		if (c->in.len - 4 < len)
			break;
		frame = xmalloc(len ? len : 1);
		memcpy(frame, c->in.p + 4, len);
		c->in.len -= 4 + len;
		memmove(c->in.p, c->in.p + 4 + len, c->in.len);
		take_answer(c, frame, len);
		xfree(frame);
	}
	return c->sock;
}

static int read_some(struct client *c)
{
	ssize_t n;

	buf_reserve(&c->in, 16384);
	n = sock_read(c->sock, c->in.p + c->in.len, c->in.cap - c->in.len);
	if (n > 0)
		c->in.len += (size_t)n;
	return n == 0 ? -ECONNRESET : n < 0 && n != -EAGAIN ? (int)n : 0;
}

static int write_some(struct client *c)
{
	while (c->out_pos < c->out.len) {
		struct iovec iov = {c->out.p + c->out_pos, c->out.len - c->out_pos};
		ssize_t n = sock_writev(c->sock, &iov, 1);

		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		c->out_pos += (size_t)n;
	}
	c->out.len = c->out_pos = 0;
	return 0;
}

static void want(struct client *c)
{
	sock_want(c->sock, SOCK_READ | (c->out_pos < c->out.len ? SOCK_WRITE : 0));
}

static void on_ready(struct sock *s, int ready, void *arg)
{
	struct client *c = arg;
	int err = sock_error(s);

	if (!err && ready & SOCK_READ) {
		err = read_some(c);
		if (!err && !take_frames(c))
			return;
	}
	if (!err && ready & SOCK_WRITE)
		err = write_some(c);
	if (err)
		client_hang_up(c);
	else
		want(c);
}

/* ---- requests ---- */

static void flatten(struct buf *out, const struct chain *chain)
{
	uint8_t head[4];

	check(!chain->failed);
	put_u32(head, (uint32_t)chain->len);
	buf_put(out, head, sizeof(head));
	for (int i = 0; i < chain->n; i++) {
		check(!chain->parts[i].file);
		buf_put(out, chain->parts[i].p, chain->parts[i].len);
	}
}

static int32_t send_request(struct client *c, int version, const struct schema *schema, const void *request)
{
	int32_t correlation = c->next_correlation++;
	struct arena a;
	struct chain chain;

	arena_init(&a, ARENA_BYTES);
	chain_init(&chain, &a);
	check(header_write_request(&chain, schema->key, version, correlation, str_of(c->id)) == 0);
	check(codec_encode(schema, version, request, &chain) == 0);
	flatten(&c->out, &chain);
	arena_fini(&a);
	if (!c->sock) {
		/* It is refused later, or not at all: only the node may run out of descriptors. */
		check(env_dial(c->loop, &c->to, on_ready, c, &c->sock) == 0);
	}
	want(c);
	return correlation;
}

void client_tell(struct client *c, int version, const struct schema *schema, const void *request)
{
	send_request(c, version, schema, request);
}

void client_call(struct client *c, int version, const struct schema *request_schema, const void *request,
		 const struct schema *answer_schema, answer_fn *done, void *arg)
{
	struct call *call = xcalloc(1, sizeof(*call));

	call->key = request_schema->key;
	call->version = version;
	call->schema = answer_schema;
	call->done = done;
	call->arg = arg;
	list_push(&c->calls, &call->link);
	call->correlation = send_request(c, version, request_schema, request);
	set_deadline(c);
}
