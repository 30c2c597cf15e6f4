#include "tests/broker/raw_world.h"

#include <errno.h>
#include <string.h>

#include "base/endian.h"
#include "broker/node.h"
#include "config/config.h"
#include "tests/base/cm.h"

#define PORT 9092

static struct {
	struct sim_world *sim;
	struct diag diag;
	struct node *node;
	struct config *config;
	struct loop *loop;  /* of the callers */
	struct caller *now; /* the caller that code on the other machine works on */
	const char *const *overrides;
	bool serving, stopped;
	int lines;
} w;

static const char *allowed_url;

/* ---- the node ---- */

static void count_line(void *arg, const char *line, int len)
{
	(void)arg;
	(void)line;
	(void)len;
	w.lines++;
}

static int64_t wall(void *arg)
{
	(void)arg;
	return sim_now_ns(w.sim) / 1000000;
}

static void node_event(void *arg, enum node_event event, const char *text)
{
	(void)arg;
	(void)text;
	w.serving |= event == NODE_EVENT_STARTED;
	w.stopped |= event == NODE_EVENT_STOPPED;
}

static void start_node(void *arg)
{
	struct config_input in = {.data_dir = STR("/data"), .overrides = w.overrides};
	struct config_notes notes;
	enum node_end end;

	(void)arg;
	config_load(&in, &w.config, &notes);
	config_notes_fini(&notes);
	w.node = node_start(&(struct node_options){.env = sim_env(w.sim, RAW_NODE),
						   .config = w.config,
						   .n_reactors = 2,
						   .release = "test",
						   .jvm = {.allowed_urls = str_of(allowed_url)},
						   .event = node_event},
			    &end);
	assert_non_null(w.node);
}

static void stop_node(void *arg)
{
	(void)arg;
	node_stop(w.node);
}

static void free_node(void *arg)
{
	(void)arg;
	assert_int_equal(node_free(w.node), NODE_END_CLEAN);
	config_free(w.config);
}

static bool is_serving(void *arg)
{
	(void)arg;
	return w.serving;
}

static bool has_stopped(void *arg)
{
	(void)arg;
	return w.stopped;
}

/* ---- callers ---- */

static void caller_ready(struct sock *s, int ready, void *arg)
{
	struct caller *c = arg;

	if (sock_error(s))
		c->closed = true;
	if (!c->closed && (ready & SOCK_WRITE) && c->sent < c->out_len) {
		struct iovec iov = {(void *)(c->out + c->sent), c->out_len - c->sent};
		ssize_t n = sock_writev(s, &iov, 1);

		c->sent += n > 0 ? (size_t)n : 0;
		c->closed = n < 0 && n != -EAGAIN;
	}
	if (!c->closed && (ready & SOCK_READ)) {
		ssize_t n = sock_read(s, c->in + c->in_len, sizeof(c->in) - c->in_len);

		c->in_len += n > 0 ? (size_t)n : 0;
		c->closed = n == 0 || (n < 0 && n != -EAGAIN);
	}
	sock_want(s, c->closed ? 0 : SOCK_READ | (c->sent < c->out_len ? SOCK_WRITE : 0));
}

static void dial(void *arg)
{
	struct addr to;

	(void)arg;
	assert_true(addr_parse("10.0.0.1", w.now->port ? (uint16_t)w.now->port : PORT, &to));
	if (!w.loop)
		w.loop = loop_new(sim_env(w.sim, RAW_PEER), "callers");
	assert_int_equal(env_dial(w.loop, &to, caller_ready, w.now, &w.now->sock), 0);
	sock_want(w.now->sock, SOCK_READ | SOCK_WRITE);
}

static void want_both(void *arg)
{
	(void)arg;
	sock_want(w.now->sock, SOCK_READ | SOCK_WRITE);
}

static void hang_up(void *arg)
{
	(void)arg;
	sock_close(w.now->sock);
	w.now->sock = NULL;
}

void raw_say(struct caller *c, const struct bytes_out *o)
{
	w.now = c;
	c->out = o->p;
	c->out_len = o->len;
	c->sent = c->in_len = 0;
	if (!c->sock) {
		c->closed = false;
		assert_true(sim_call(w.sim, RAW_PEER, dial, NULL));
	} else if (!c->closed) {
		assert_true(sim_call(w.sim, RAW_PEER, want_both, NULL));
	}
}

void raw_leave(struct caller *c)
{
	w.now = c;
	if (c->sock)
		assert_true(sim_call(w.sim, RAW_PEER, hang_up, NULL));
	c->closed = false;
}

bool raw_has_answer(void *arg)
{
	struct caller *c = arg;

	return c->closed || (c->in_len >= 4 && c->in_len - 4 >= get_u32(c->in));
}

bool raw_answered(struct caller *c)
{
	assert_true(sim_run_until(w.sim, RAW_PATIENCE_MS, raw_has_answer, c));
	return !c->closed;
}

struct sim_world *raw_world(void)
{
	return w.sim;
}

int64_t raw_world_ms(void)
{
	return env_wall_ms(sim_env(w.sim, RAW_NODE));
}

int raw_world_lines(void)
{
	return w.lines;
}

void raw_world_up(void)
{
	raw_world_up_with(NULL);
}

void raw_world_allow_url(const char *url)
{
	allowed_url = url;
}

void raw_world_up_with(const char *const *overrides)
{
	raw_world_up_after(overrides, NULL);
}

static void begin(const char *const *overrides, void (*before)(void *arg))
{
	struct sim_options calm;

	memset(&w, 0, sizeof(w));
	w.overrides = overrides;
	sim_options_calm(&calm);
	calm.n_envs = 2;
	w.sim = sim_world_new(1, &calm);
	w.diag = (struct diag){.level = DIAG_INFO, .wall_ms = wall, .write = count_line};
	sim_env_diag(w.sim, RAW_NODE, &w.diag);
	if (before)
		assert_true(sim_call(w.sim, RAW_NODE, before, NULL));
	assert_true(sim_call(w.sim, RAW_NODE, start_node, NULL));
}

void raw_world_up_after(const char *const *overrides, void (*before)(void *arg))
{
	begin(overrides, before);
	assert_true(sim_run_until(w.sim, RAW_PATIENCE_MS, is_serving, NULL));
}

static void end(void)
{
	assert_true(sim_call(w.sim, RAW_NODE, stop_node, NULL));
	assert_true(sim_run_until(w.sim, RAW_PATIENCE_MS, has_stopped, NULL));
	assert_true(sim_call(w.sim, RAW_NODE, free_node, NULL));
}

void raw_world_again(const char *const *overrides)
{
	end();
	w.serving = w.stopped = false;
	w.overrides = overrides;
	assert_true(sim_call(w.sim, RAW_NODE, start_node, NULL));
}

void raw_world_down(void)
{
	struct sim_held held;

	end();
	sim_held(w.sim, RAW_NODE, &held);
	assert_int_equal(held.blocks, 0);
	assert_int_equal(held.socks, 0);
	sim_world_free(w.sim);
}

static bool is_closed(void *of)
{
	return ((struct caller *)of)->closed;
}

const char *raw_metrics(struct caller *web)
{
	static const char get[] = "GET /metrics HTTP/1.0\r\n\r\n";
	struct bytes_out o = {.p = (uint8_t *)get, .len = sizeof(get) - 1};

	raw_leave(web);
	memset(web, 0, sizeof(*web));
	web->port = 9644;
	raw_say(web, &o);
	assert_true(sim_run_until(raw_world(), RAW_PATIENCE_MS, is_closed, web));
	web->in[web->in_len < sizeof(web->in) ? web->in_len : sizeof(web->in) - 1] = 0;
	return (const char *)web->in;
}
