/*
 * story: see story.h.
 */
#include "tests/net/story.h"

#include <string.h>

#include "base/mem.h"
#include "tests/base/cm.h"

#define PORT 9092

static void keep_line(void *arg, const char *line, int len)
{
	struct story *s = arg;
	size_t had = strlen(s->lines);

	if (had + (size_t)len < sizeof(s->lines))
		memcpy(s->lines + had, line, (size_t)len);
}

static int64_t wall(void *arg)
{
	return sim_now_ns(((struct story *)arg)->w) / 1000000;
}

static void node_begin(void *arg)
{
	struct story *s = arg;
	struct env *env = sim_env(s->w, NODE);
	struct net_listener_config l = {
		.name = "PLAINTEXT",
		.port = PORT,
		.max_connections = NET_NO_LIMIT,
		.max_connection_creation_rate = NET_NO_LIMIT,
		.exempt = s->exempt,
		.lets_all_in = s->lets_all_in,
	};
	uint8_t *p = xmalloc(ECHO_FILE_LEN);
	int failed;

	for (size_t i = 0; i < ECHO_FILE_LEN; i++)
		p[i] = echo_pattern(i);
	assert_int_equal(env_open(env, "/file", FILE_WRITE | FILE_CREATE, &s->echo.file), 0);
	assert_int_equal(file_write_full(s->echo.file, p, ECHO_FILE_LEN, 0), 0);
	xfree(p);
	s->net = net_new(env, &s->limits, s->n_reactors, &echo_handler, &s->echo);
	assert_int_equal(net_listen(s->net, &l, 1, &failed), 0);
	net_accept(s->net, 0);
	net_start(s->net);
}

static void peers_begin(void *arg)
{
	struct story *s = arg;
	int m = s->starting;

	s->loops[m] = loop_new(sim_env(s->w, m), "peers");
}

void story_begin(struct story *s, uint64_t seed, const struct sim_options *options)
{
	struct sim_options o;

	if (options) {
		o = *options;
	} else {
		sim_options_calm(&o);
	}
	o.n_envs = MACHINES;
	s->w = sim_world_new(seed, &o);
	s->diag = (struct diag){.level = DIAG_INFO, .wall_ms = wall, .write = keep_line, .arg = s};
	sim_env_diag(s->w, NODE, &s->diag);
	if (!s->n_reactors)
		s->n_reactors = 1;
	assert_true(sim_call(s->w, NODE, node_begin, s));
	for (s->starting = HEALTHY; s->starting < MACHINES; s->starting++)
		assert_true(sim_call(s->w, s->starting, peers_begin, s));
}

struct story story_default(void)
{
	struct story s = {.n_reactors = 1};

	net_limits_default(&s.limits, 0);
	return s;
}

struct peer *story_add_peer(struct story *s, int machine)
{
	struct peer *p = &s->peers[s->n_peers];

	assert_true(s->n_peers < PEERS_MAX);
	s->machine[s->n_peers++] = machine;
	p->loop = s->loops[machine];
	assert_int_equal(env_resolve(sim_env(s->w, machine), "node0", PORT, &p->to, 1), 1);
	return p;
}

struct scripted {
	struct peer *peer;
	void (*write)(struct peer *p, uint64_t *chance);
	uint64_t chance;
};

static void write_and_start(void *arg)
{
	struct scripted *x = arg;

	x->write(x->peer, &x->chance);
	peer_start(x->peer);
}

void story_run_peer(struct story *s, struct peer *p, void (*write)(struct peer *, uint64_t *), uint64_t chance)
{
	struct scripted x = {.peer = p, .write = write, .chance = chance};

	assert_true(sim_call(s->w, s->machine[p - s->peers], write_and_start, &x));
}

static void peers_end(void *arg)
{
	struct story *s = arg;
	int m = s->starting;

	for (int i = 0; i < s->n_peers; i++)
		if (s->machine[i] == m)
			peer_stop(&s->peers[i]);
	loop_stop(s->loops[m]);
	loop_free(s->loops[m]);
}

static void told_stopped(void *arg)
{
	((struct story *)arg)->stopped = true;
}

static void net_stops(struct post *p)
{
	struct story *s = (struct story *)((char *)p - offsetof(struct story, stop));

	net_stop(s->net, 5000, told_stopped, s);
}

static void node_stops(void *arg)
{
	struct story *s = arg;

	s->stop.run = net_stops;
	loop_post(net_loop(s->net, 0), &s->stop);
}

static void node_end(void *arg)
{
	struct story *s = arg;

	net_free(s->net);
	file_unref(&s->echo.file);
}

static bool is_stopped(void *arg)
{
	return ((struct story *)arg)->stopped;
}

static void assert_nothing_held(struct story *s, int machine)
{
	struct sim_held held;

	sim_held(s->w, machine, &held);
	assert_int_equal(held.blocks, 0);
	assert_int_equal(held.files, 0);
	assert_int_equal(held.socks, 0);
	assert_int_equal(held.loops, 0);
	assert_int_equal(held.works, 0);
}

uint64_t story_end(struct story *s)
{
	uint64_t hash;

	assert_true(sim_call(s->w, NODE, node_stops, s));
	assert_true(sim_run_until(s->w, 60000, is_stopped, s));
	for (s->starting = HEALTHY; s->starting < MACHINES; s->starting++)
		assert_true(sim_call(s->w, s->starting, peers_end, s));
	sim_run_for(s->w, 20000);
	assert_true(sim_call(s->w, NODE, node_end, s));
	for (int m = NODE; m < MACHINES; m++)
		assert_nothing_held(s, m);
	assert_int_equal(s->echo.live, 0);
	assert_int_equal(s->echo.opened, s->echo.closed);
	hash = sim_trace_hash(s->w);
	sim_world_free(s->w);
	return hash;
}

bool story_first_is_done(void *arg)
{
	struct story *s = arg;
	struct sim_held held;

	sim_held(s->w, NODE, &held);
	if (held.bytes > s->most_held)
		s->most_held = held.bytes;
	return s->peers[0].done;
}

void story_assert_told(const struct story *s, const char *what)
{
	if (!strstr(s->lines, what))
		fail_msg("not told: %s\n%s", what, s->lines);
}
