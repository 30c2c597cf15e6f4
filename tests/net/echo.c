#include "tests/net/echo.h"

#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/list.h"
#include "base/mem.h"
#include "wire/chain.h"

struct request {
	struct arena arena;
	struct chain chain;
	struct frame frame;
	struct echo *echo;
	struct conn *conn; /* NULL: gone */
	struct post post;
};

static struct request *request_new(struct echo *e, struct conn *c, struct frame *f)
{
	struct request *r = xcalloc(1, sizeof(*r));

	arena_init(&r->arena, (size_t)64 << 20);
	chain_init(&r->chain, &r->arena);
	frame_take(&r->frame, f);
	r->echo = e;
	r->conn = c;
	atomic_fetch_add(&e->live, 1);
	return r;
}

static void request_free(void *arg)
{
	struct request *r = arg;

	atomic_fetch_sub(&r->echo->live, 1);
	frame_release(&r->frame);
	arena_fini(&r->arena);
	xfree(r);
}

static void request_sent(void *arg)
{
	struct request *r = arg;

	atomic_fetch_add(&r->echo->sent, 1);
	request_free(r);
}

static void request_reply(struct request *r)
{
	check(!r->chain.failed);
	conn_reply(r->conn, &r->chain, request_sent, r);
}

static void reply_frame(struct request *r)
{
	chain_put(&r->chain, r->frame.p, r->frame.len);
	request_reply(r);
}

static void unpark(struct post *p)
{
	struct request *r = container_of(p, struct request, post);

	if (!r->conn) {
		request_free(r);
		return;
	}
	conn_set_data(r->conn, NULL);
	reply_frame(r);
}

static void reply_file(struct request *r)
{
	chain_put(&r->chain, "<", 1);
	chain_put_file(&r->chain, r->echo->file, get_u32(r->frame.p + 1), get_u32(r->frame.p + 5));
	chain_put(&r->chain, ">", 1);
	request_reply(r);
}

static void reply_bytes(struct request *r)
{
	size_t len = get_u32(r->frame.p + 1);
	uint8_t *p = chain_reserve(&r->chain, len);

	check(p);
	for (size_t i = 0; i < len; i++)
		p[i] = echo_pattern(i);
	request_reply(r);
}

static void take_time(struct env *env, uint32_t us)
{
	int64_t until_ns = env_mono_ns(env) + us * INT64_C(1000);

	while (env_mono_ns(env) < until_ns)
		;
}

static void obey(struct request *r, char what)
{
	struct conn *c = r->conn;

	switch (what) {
	case 'e':
		reply_frame(r);
		return;
	case 'X':
		reply_frame(r);
		conn_close(c, "asked to, with an answer");
		return;
	case 'm':
		conn_mute(c, get_u16(r->frame.p + 1));
		reply_frame(r);
		return;
	case 'k':
		conn_know(c);
		reply_frame(r);
		return;
	case 'w':
		take_time(conn_loop(c)->env, get_u32(r->frame.p + 1));
		reply_frame(r);
		return;
	case 's':
		conn_set_secret(c, true);
		reply_frame(r);
		return;
	case 'M':
		conn_set_frame_max(c, get_u32(r->frame.p + 1));
		reply_frame(r);
		return;
	case 'f':
		reply_file(r);
		return;
	case 'b':
		reply_bytes(r);
		return;
	case 'p':
		r->post.run = unpark;
		conn_set_data(c, r);
		loop_post(conn_loop(c), &r->post);
		return;
	default:
		check(what == 'h');
		r->post.run = NULL;
		conn_set_data(c, r);
	}
}

static bool is_known(const struct frame *f)
{
	static const struct {
		char what;
		size_t len;
	} known[] = {{'e', 1}, {'X', 1}, {'m', 3}, {'M', 5}, {'f', 9}, {'b', 5},
		     {'p', 1}, {'h', 1}, {'s', 1}, {'k', 1}, {'w', 5}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (f->len >= known[i].len && f->p[0] == known[i].what)
			return true;
	return false;
}

static void on_frame(void *arg, struct conn *c, struct frame *f)
{
	struct echo *e = arg;
	char what = f->len > 0 ? (char)f->p[0] : '\0'; /* request_new takes the frame */

	check(!conn_data(c));
	atomic_store(&e->unsecured_before, atomic_load(&e->unsecured));
	atomic_fetch_add(&e->frames, 1);
	if (what == 'q')
		conn_no_reply(c);
	else if (is_known(f))
		obey(request_new(e, c, f), what);
	else
		conn_close(c, "not a command");
}

static void on_opened(void *arg, struct conn *c)
{
	struct echo *e = arg;

	atomic_fetch_add(&e->opened, 1);
	atomic_fetch_or(&e->reactors, UINT64_C(1) << conn_reactor(c));
}

static void on_secured(void *arg, struct conn *c, bool ok)
{
	struct echo *e = arg;

	(void)c;
	atomic_fetch_add(ok ? &e->secured : &e->unsecured, 1);
}

static void on_closed(void *arg, struct conn *c)
{
	struct echo *e = arg;
	struct request *r = conn_data(c);

	atomic_fetch_add(&e->closed, 1);
	if (!r)
		return;
	if (r->post.run)
		r->conn = NULL; /* its post is on the way */
	else
		request_free(r);
}

const struct net_handler echo_handler = {
	.opened = on_opened, .frame = on_frame, .secured = on_secured, .closed = on_closed};
