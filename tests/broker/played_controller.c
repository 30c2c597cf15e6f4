#include "tests/broker/played_controller.h"

#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/net.h"
#include "protocol/api_versions.h"
#include "tests/base/cm.h"
#include "wire/codec.h"
#include "wire/header.h"
#include "wire/protocol.h"

/* A request, until its answer has left or its connection is gone. */
struct visit {
	struct arena arena;
	struct frame frame;
	struct chain chain;
	struct played_controller *controller;
	struct timer later;
	struct conn *conn;
};

static void visit_free(void *arg)
{
	struct visit *v = arg;

	frame_release(&v->frame);
	arena_fini(&v->arena);
	xfree(v);
}

static void greet(const struct played_controller *p, struct arena *a, struct api_versions_response *out)
{
	out->api_keys.v = arena_array(a, (size_t)api_infos_n, sizeof(*out->api_keys.v));
	for (int i = 0; i < api_infos_n; i++) {
		struct api_versions_response_version *v = &out->api_keys.v[out->api_keys.n];

		if (api_infos[i].key == p->lacks)
			continue;
		*v = (struct api_versions_response_version){api_infos[i].key, api_infos[i].first, api_infos[i].last};
		if (api_infos[i].key == p->older && p->older)
			v->max_version = p->newest;
		out->api_keys.n++;
	}
}

static enum played_act act(struct visit *v, const struct played_request *r, void *out)
{
	struct played_controller *p = v->controller;

	if (r->key == api_versions_request_KEY) {
		greet(p, &v->arena, out);
		return PLAYED_ANSWER;
	}
	p->n_asked++;
	return p->act(p, r, out);
}

static void read_request(struct visit *v, struct played_request *r)
{
	struct request_header header;
	struct reader reader;
	const struct api_info *api;
	void *in;

	reader_init(&reader, v->frame.p, v->frame.len);
	assert_int_equal(header_read(&reader, &header), 0);
	api = api_info_find(header.request_api_key);
	in = arena_alloc(&v->arena, api->request->size);
	assert_int_equal(codec_read(api->request, header.request_api_version, &reader, &v->arena, in), 0);
	*r = (struct played_request){header.request_api_key,
				     header.request_api_version,
				     header.correlation_id,
				     header.client_id,
				     in,
				     &v->arena};
}

static void write_answer(struct visit *v, const struct played_request *r, const void *out)
{
	chain_init(&v->chain, &v->arena);
	assert_int_equal(header_write_response(&v->chain, r->key, r->version, r->correlation_id), 0);
	assert_int_equal(codec_encode(api_info_find(r->key)->response, r->version, out, &v->chain), 0);
}

static void write_garbage(struct visit *v)
{
	uint8_t *p;

	chain_init(&v->chain, &v->arena);
	p = chain_reserve(&v->chain, 40);
	memset(p, 0xff, 40);
}

static void now_at_last(struct timer *timer)
{
	struct visit *v = container_of(timer, struct visit, later);

	conn_set_data(v->conn, NULL);
	conn_reply(v->conn, &v->chain, visit_free, v);
}

static void on_frame(void *arg, struct conn *c, struct frame *f)
{
	struct visit *v = xcalloc(1, sizeof(*v));
	struct played_request r;
	enum played_act what;
	void *out;

	v->controller = arg;
	arena_init(&v->arena, 1 << 24);
	frame_take(&v->frame, f);
	read_request(v, &r);
	out = arena_alloc(&v->arena, api_info_find(r.key)->response->size);
	codec_init(api_info_find(r.key)->response, out);
	what = act(v, &r, out);
	if (what == PLAYED_ANSWER || what == PLAYED_LATE)
		write_answer(v, &r, out);
	else if (what == PLAYED_GARBAGE)
		write_garbage(v);
	if (what == PLAYED_LATE) {
		v->conn = c;
		conn_set_data(c, v);
		timer_init(&v->later, conn_loop(c), now_at_last);
		timer_start(&v->later, v->controller->late_ms);
		return;
	}
	if (what == PLAYED_ANSWER || what == PLAYED_GARBAGE) {
		conn_reply(c, &v->chain, visit_free, v);
		return;
	}
	visit_free(v);
	if (what == PLAYED_HANG_UP)
		conn_close(c, NULL);
}

static void on_opened(void *arg, struct conn *c)
{
	struct played_controller *p = arg;

	(void)c;
	p->n_connections++;
}

static void on_closed(void *arg, struct conn *c)
{
	struct visit *v = conn_data(c);

	(void)arg;
	if (!v)
		return;
	timer_stop(&v->later);
	visit_free(v);
}

static void start(void *arg)
{
	static const struct net_handler handler = {.opened = on_opened, .frame = on_frame, .closed = on_closed};
	struct played_controller *p = arg;
	struct net_listener_config l = {
		.name = "CONTROLLER",
		.port = PLAYED_PORT,
		.max_connections = NET_NO_LIMIT,
		.max_connection_creation_rate = NET_NO_LIMIT,
	};
	struct net_limits limits;
	int failed;

	net_limits_default(&limits, 0);
	p->net = net_new(sim_env(p->sim, p->machine), &limits, 1, &handler, p);
	assert_int_equal(net_listen(p->net, &l, 1, &failed), 0);
	net_accept(p->net, 0);
	net_start(p->net);
}

void played_start(struct played_controller *p)
{
	assert_true(sim_call(p->sim, p->machine, start, p));
}
