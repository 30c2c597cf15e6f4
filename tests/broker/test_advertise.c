/*
 * Clients that were sent an address, in the simulator: machine 0 keeps the book, machines 1 and 2
 * are clients.
 */
#include "broker/advertise.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "net/net.h"
#include "tests/base/cm.h"

#define PORT 9092
#define CLIENTS 4

/*
 * The frames of every connection are commands, all with one client id: 'v' is a request of the
 * prelude, 'm' Metadata that names the node, 'w' work.
 */
struct story {
	struct sim_world *w;
	struct net *net;
	struct advertise *a;
	struct diag diag;
	char lines[4096];
	struct post post;
	bool stopped;
	struct loop *loop[3];
	struct sock *socks[CLIENTS];
	int machine;
	int client;
	const char *says;
	struct addr to;
};

static const struct str client_id = {"shop \"1\"", 8};

static void on_opened(void *arg, struct conn *c)
{
	(void)arg;
	conn_set_data(c, xcalloc(1, sizeof(struct advertise_conn)));
}

static void on_frame(void *arg, struct conn *c, struct frame *f)
{
	struct story *s = arg;
	struct advertise_conn *ac = conn_data(c);

	check(f->len == 1);
	advertise_request(s->a, ac, c, client_id, f->p[0] != 'w');
	if (f->p[0] == 'm')
		advertise_told(s->a, ac, c, client_id, STR("kafka.example"), 9092);
	conn_no_reply(c);
}

static void on_closed(void *arg, struct conn *c)
{
	struct story *s = arg;

	advertise_closed(s->a, conn_data(c), c);
	xfree(conn_data(c));
}

static void keep_line(void *arg, const char *line, int len)
{
	struct story *s = arg;

	strncat(s->lines, line, (size_t)len);
}

static int64_t wall(void *arg)
{
	return sim_now_ns(((struct story *)arg)->w) / 1000000;
}

static void node_begin(void *arg)
{
	static const struct net_handler handler = {.opened = on_opened, .frame = on_frame, .closed = on_closed};
	struct story *s = arg;
	struct net_listener_config l = {
		.name = "PLAINTEXT",
		.port = PORT,
		.max_connections = NET_NO_LIMIT,
		.max_connection_creation_rate = NET_NO_LIMIT,
	};
	struct net_limits limits;
	int failed;

	net_limits_default(&limits, 0);
	s->net = net_new(sim_env(s->w, 0), &limits, 2, &handler, s);
	s->a = advertise_new(sim_env(s->w, 0), net_loop(s->net, 0));
	assert_int_equal(net_listen(s->net, &l, 1, &failed), 0);
	net_accept(s->net, 0);
	net_start(s->net);
}

static void client_begin(void *arg)
{
	struct story *s = arg;

	s->loop[s->machine] = loop_new(sim_env(s->w, s->machine), "client");
}

static void story_begin(struct story *s)
{
	struct sim_options o;

	memset(s, 0, sizeof(*s));
	sim_options_calm(&o);
	o.n_envs = 3;
	s->w = sim_world_new(1, &o);
	s->diag = (struct diag){.level = DIAG_INFO, .wall_ms = wall, .write = keep_line, .arg = s};
	sim_env_diag(s->w, 0, &s->diag);
	sim_call(s->w, 0, node_begin, s);
	for (s->machine = 1; s->machine < 3; s->machine++)
		sim_call(s->w, s->machine, client_begin, s);
}

static void on_ready(struct sock *sock, int ready, void *arg)
{
	sock_want(sock, 0);
}

static void dial(void *arg)
{
	struct story *s = arg;

	assert_int_equal(env_resolve(sim_env(s->w, s->machine), "node0", PORT, &s->to, 1), 1);
	assert_int_equal(env_dial(s->loop[s->machine], &s->to, on_ready, s, &s->socks[s->client]), 0);
}

static void say(void *arg)
{
	struct story *s = arg;

	for (const char *p = s->says; *p; p++) {
		uint8_t frame[5] = {0, 0, 0, 1, (uint8_t)*p};
		struct iovec iov = {frame, sizeof(frame)};

		assert_int_equal(sock_writev(s->socks[s->client], &iov, 1), sizeof(frame));
	}
}

/* Client number `client` of a machine connects and sends these commands. */
static void client_says(struct story *s, int machine, int client, const char *says)
{
	s->machine = machine;
	s->client = client;
	s->says = says;
	if (!s->socks[client]) {
		assert_true(sim_call(s->w, machine, dial, s));
		sim_run_for(s->w, 100);
	}
	assert_true(sim_call(s->w, machine, say, s));
	sim_run_for(s->w, 100);
}

static void hang_up(void *arg)
{
	struct story *s = arg;

	if (s->socks[s->client])
		sock_close(s->socks[s->client]);
	s->socks[s->client] = NULL;
}

static void client_closes(struct story *s, int machine, int client)
{
	s->client = client;
	assert_true(sim_call(s->w, machine, hang_up, s));
	sim_run_for(s->w, 100);
}

static void told_stopped(void *arg)
{
	((struct story *)arg)->stopped = true;
}

static void net_stops(struct post *p)
{
	struct story *s = (struct story *)((char *)p - offsetof(struct story, post));

	net_stop(s->net, 1000, told_stopped, s);
}

static void node_stops(void *arg)
{
	struct story *s = arg;

	s->post.run = net_stops;
	loop_post(net_loop(s->net, 0), &s->post);
}

static void node_end(void *arg)
{
	struct story *s = arg;

	advertise_free(s->a);
	net_free(s->net);
}

static void story_end(struct story *s)
{
	struct sim_held held;

	assert_true(sim_call(s->w, 0, node_stops, s));
	sim_run_for(s->w, 5000);
	assert_true(s->stopped);
	assert_true(sim_call(s->w, 0, node_end, s));
	sim_held(s->w, 0, &held);
	assert_int_equal(held.blocks, 0);
	sim_world_free(s->w);
}

static void a_client_that_never_comes_back_is_named_once(void **state)
{
	struct story s;

	story_begin(&s);
	client_says(&s, 1, 0, "vm");
	sim_run_for(s.w, 14000);
	assert_string_equal(s.lines, "");
	sim_run_for(s.w, 2000);
	assert_non_null(strstr(s.lines, "client never came back"));
	assert_non_null(strstr(s.lines, "client_id=\"shop ?1?\" peer=10.0.0.2 sent=kafka.example:9092"));
	s.lines[0] = 0;
	client_says(&s, 1, 0, "mmm");
	client_says(&s, 1, 1, "vm");
	sim_run_for(s.w, 60000);
	assert_string_equal(s.lines, "");
	story_end(&s);
}

static void a_client_that_opens_another_connection_has_come_back(void **state)
{
	struct story s;

	story_begin(&s);
	client_says(&s, 1, 0, "vm");
	client_says(&s, 1, 1, "v");
	sim_run_for(s.w, 60000);
	assert_string_equal(s.lines, "");
	story_end(&s);
}

static void another_client_does_not_come_back_for_it(void **state)
{
	struct story s;

	story_begin(&s);
	client_says(&s, 1, 0, "vm");
	client_says(&s, 2, 1, "vw");
	sim_run_for(s.w, 60000);
	assert_non_null(strstr(s.lines, "peer=10.0.0.2"));
	story_end(&s);
}

static void a_client_that_works_is_well(void **state)
{
	struct story s;

	story_begin(&s);
	client_says(&s, 1, 0, "vmw");
	client_says(&s, 1, 1, "vm"); /* works on the other connection */
	sim_run_for(s.w, 60000);
	assert_string_equal(s.lines, "");
	client_closes(&s, 1, 0);
	sim_run_for(s.w, 60000);
	assert_string_equal(s.lines, "");
	story_end(&s);
}

static void a_client_that_only_looked_and_left_is_not_named(void **state)
{
	struct story s;

	story_begin(&s);
	client_says(&s, 1, 0, "vm");
	client_closes(&s, 1, 0);
	sim_run_for(s.w, 60000);
	assert_string_equal(s.lines, "");
	story_end(&s);
}

static void who_was_told_nothing_is_not_watched(void **state)
{
	struct story s;

	story_begin(&s);
	client_says(&s, 1, 0, "vvv");
	sim_run_for(s.w, 60000);
	assert_string_equal(s.lines, "");
	story_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_that_never_comes_back_is_named_once),
		cmocka_unit_test(a_client_that_opens_another_connection_has_come_back),
		cmocka_unit_test(another_client_does_not_come_back_for_it),
		cmocka_unit_test(a_client_that_works_is_well),
		cmocka_unit_test(a_client_that_only_looked_and_left_is_not_named),
		cmocka_unit_test(who_was_told_nothing_is_not_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
