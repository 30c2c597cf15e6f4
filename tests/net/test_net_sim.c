/*
 * net in the simulator: the same reactors and connections, with every deadline, and peers that
 * misbehave on a bad network.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "env/sim/sim.h"
#include "net/net_priv.h"
#include "tests/base/cm.h"
#include "tests/net/echo.h"
#include "tests/net/peer.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)
#define PEERS_MAX 64
#define FILE_LEN ((uint32_t)(200 * KIB))
#define PORT 9092

/* Machine 0 is the node, 1 has healthy clients, 2 hostile ones. */
enum { NODE, HEALTHY, HOSTILE, MACHINES };

struct story {
	struct sim_world *w;
	struct net_limits limits;
	int n_reactors;
	bool exempt, lets_all_in;
	struct echo echo;
	struct net *net;
	struct loop *loops[MACHINES];
	struct peer peers[PEERS_MAX];
	int machine[PEERS_MAX];
	int n_peers;
	int starting;
	struct post stop;
	bool stopped;
	char lines[4096];
	int64_t most_held;
	struct diag diag;
};

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
	uint8_t *p = xmalloc(FILE_LEN);
	int failed;

	for (size_t i = 0; i < FILE_LEN; i++)
		p[i] = echo_pattern(i);
	assert_int_equal(env_open(env, "/file", FILE_WRITE | FILE_CREATE, &s->echo.file), 0);
	assert_int_equal(file_write_full(s->echo.file, p, FILE_LEN, 0), 0);
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

static void story_begin(struct story *s, uint64_t seed, const struct sim_options *options)
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

static struct story story_default(void)
{
	struct story s = {.n_reactors = 1};

	net_limits_default(&s.limits, 0);
	return s;
}

/* Adds a peer with an empty script, which story_script fills as code of its machine. */
static struct peer *peer_add(struct story *s, int machine)
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

static void peer_run(struct story *s, struct peer *p, void (*write)(struct peer *, uint64_t *), uint64_t chance)
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

/* A clean stop, after which nothing may be left. Returns the hash of everything that happened. */
static uint64_t story_end(struct story *s)
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

static bool first_is_done(void *arg)
{
	struct story *s = arg;
	struct sim_held held;

	sim_held(s->w, NODE, &held);
	if (held.bytes > s->most_held)
		s->most_held = held.bytes;
	return s->peers[0].done;
}

static void assert_told(const struct story *s, const char *what)
{
	if (!strstr(s->lines, what))
		fail_msg("not told: %s\n%s", what, s->lines);
}

/* ---- scripts ---- */

static void says_half_a_length(struct peer *p, uint64_t *chance)
{
	peer_says(p, "\0\0", 2);
	p->lingers = true;
}

static void says_half_a_frame(struct peer *p, uint64_t *chance)
{
	peer_says(p, "\0\0\1\0half", 8);
	p->lingers = true;
}

static void says_half_a_large_frame(struct peer *p, uint64_t *chance)
{
	uint8_t b[70000] = {0, 0x0f, 0, 0}; /* 983040 bytes */

	peer_says(p, b, sizeof(b));
	p->lingers = true;
}

static void asks_once(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 'e', 100);
	p->lingers = true;
}

static void asks_and_does_not_listen(struct peer *p, uint64_t *chance)
{
	for (int i = 0; i < 20; i++)
		peer_asks_bytes(p, 300000);
	p->deaf = true;
}

static void asks_to_be_muted(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 'm', 100); /* for 258 ms */
	peer_asks(p, 'e', 100);
}

/* It also has more to say, which is not read meanwhile. */
static void says_half_a_frame_and_is_muted(struct peer *p, uint64_t *chance)
{
	static const char frame[] = "\0\0\0\5m\xff\xff.."; /* for 65535 ms */

	peer_says(p, frame, 9);
	buf_put(&p->expected, frame, 9);
	says_half_a_frame(p, chance);
}

static void says_half_a_frame_and_is_held(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 'h', 5);
	says_half_a_frame(p, chance);
}

static void says_part_of_a_secret(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 's', 5);
	peer_says(p, "\0\0\1\0opensesame", 14);
	p->lingers = true;
}

static void asks_for_the_file(struct peer *p, uint64_t *chance)
{
	peer_asks_file(p, 0, FILE_LEN);
	peer_asks_file(p, 1000, FILE_LEN - 2000);
}

static void asks_many_things(struct peer *p, uint64_t *chance)
{
	static const char kinds[] = "eeepqm";
	int n = 20 + (int)(cm_random(chance) % 40);

	for (int i = 0; i < n; i++) {
		uint64_t r = cm_random(chance);
		size_t len = 3 + (size_t)(cm_random(chance) % (r % 16 == 0 ? 200000 : r % 4 == 0 ? 20000 : 300));

		switch (r >> 32 & 7) {
		case 0:
			peer_asks_file(p, (uint32_t)(r % 1000), (uint32_t)(len / 2));
			break;
		case 1:
			peer_asks_bytes(p, (uint32_t)len);
			break;
		default:
			peer_asks(p, kinds[(r >> 40) % 6], len);
		}
	}
	if (cm_random(chance) % 4 == 0)
		p->pace = 1 + (size_t)(cm_random(chance) % 200);
}

/* Equal ones in a row, longer ones, and small ones where a large one is expected. */
static void asks_large_things(struct peer *p, uint64_t *chance)
{
	static const size_t lens[] = {70000, 70000, 70001, 69000, 200000, 200000, 131072, 131068, 3, 400000, 70000};

	for (int i = 0; i < 40; i++) {
		uint64_t r = cm_random(chance);

		peer_asks(p, 'e', r % 4 ? lens[(r >> 8) % (sizeof(lens) / sizeof(lens[0]))] : 3 + (r >> 8) % 30000);
	}
}

static void says_garbage(struct peer *p, uint64_t *chance)
{
	for (int i = 0; i < 100; i++) {
		uint64_t r = cm_random(chance);

		peer_says(p, &r, sizeof(r));
	}
}

static void says_a_length_that_lies(struct peer *p, uint64_t *chance)
{
	peer_says(p, cm_random(chance) % 2 ? "\x7f\xff\xff\xff..." : "\xff\xff\xff\xff...", 7);
}

static void asks_to_be_held(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 'h', 50000);
	p->lingers = true;
}

static void says_byte_by_byte(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 'e', 3000);
	p->pace = 1;
}

static void sends_a_flood(struct peer *p, uint64_t *chance)
{
	for (int i = 0; i < 5000; i++)
		peer_asks(p, 'e', 20);
}

/* ---- deadlines ---- */

/* Runs one peer until the node closes it, which must be after `ms` and before half as much again. */
static void expect_closed_after(struct story *s, void (*write)(struct peer *, uint64_t *), int64_t ms)
{
	int64_t began = sim_now_ns(s->w) / 1000000;
	struct peer *p = peer_add(s, HOSTILE);

	peer_run(s, p, write, 1);
	sim_run_for(s->w, ms * 3 / 2);
	assert_true(p->closed);
	assert_in_range(p->closed_ms - began, ms, ms * 3 / 2);
}

static void half_a_frame_ends_at_its_deadline(void **state)
{
	struct story s = story_default();

	story_begin(&s, 1, NULL);
	expect_closed_after(&s, says_half_a_length, 30000);
	expect_closed_after(&s, says_half_a_frame, 30000);
	expect_closed_after(&s, says_half_a_large_frame, 30000);
	assert_told(&s, "frame not completed in time");
	story_end(&s);
}

static void half_a_frame_is_waited_for_until_then(void **state)
{
	struct story s = story_default();
	struct peer *p;

	story_begin(&s, 1, NULL);
	p = peer_add(&s, HOSTILE);
	peer_run(&s, p, says_half_a_frame, 1);
	sim_run_for(s.w, 29000);
	assert_false(p->closed);
	sim_run_for(s.w, 2000);
	assert_true(p->closed);
	story_end(&s);
}

static void half_a_frame_is_not_too_late_while_nobody_reads(void **state)
{
	struct story s = story_default();
	struct peer *p;

	story_begin(&s, 1, NULL);
	expect_closed_after(&s, says_half_a_frame_and_is_muted, 65535 + 30000);
	assert_told(&s, "frame not completed in time");
	p = peer_add(&s, HOSTILE);
	peer_run(&s, p, says_half_a_frame_and_is_held, 1);
	sim_run_for(s.w, 3600000);
	assert_false(p->closed);
	story_end(&s);
}

static void an_idle_connection_ends_after_connections_max_idle_ms(void **state)
{
	struct story s = story_default();
	struct peer *p;

	story_begin(&s, 1, NULL);
	p = peer_add(&s, HEALTHY);
	peer_run(&s, p, asks_once, 1);
	sim_run_for(s.w, 599000);
	assert_true(p->done && !p->closed);
	sim_run_for(s.w, 2000);
	assert_true(p->closed);
	assert_string_equal(s.lines, ""); /* nothing was logged */
	story_end(&s);
}

static void a_request_in_work_is_not_idle(void **state)
{
	struct story s = story_default();
	struct peer *p;

	story_begin(&s, 1, NULL);
	p = peer_add(&s, HEALTHY);
	peer_run(&s, p, asks_to_be_held, 1);
	sim_run_for(s.w, 3600000);
	assert_false(p->closed);
	story_end(&s);
}

static void a_reader_that_takes_nothing_is_cut(void **state)
{
	struct story s = story_default();
	struct peer *p;

	story_begin(&s, 1, NULL);
	p = peer_add(&s, HOSTILE);
	peer_run(&s, p, asks_and_does_not_listen, 1);
	sim_run_for(s.w, 58000);
	assert_int_equal(s.echo.closed, 0);
	assert_true(s.echo.live > 0 && s.echo.live < 3);
	sim_run_for(s.w, 5000);
	assert_int_equal(s.echo.closed, 1);
	assert_int_equal(s.echo.live, 0);
	assert_told(&s, "answers not taken in time");
	story_end(&s);
}

static void a_muted_connection_is_served_when_its_time_has_passed(void **state)
{
	struct story s = story_default();
	int64_t began;

	story_begin(&s, 1, NULL);
	peer_run(&s, peer_add(&s, HEALTHY), asks_to_be_muted, 1);
	began = sim_now_ns(s.w) / 1000000;
	assert_true(sim_run_until(s.w, 1000, first_is_done, &s));
	assert_false(s.peers[0].wrong || s.peers[0].closed);
	assert_in_range(s.peers[0].done_ms - began, 258, 400);
	story_end(&s);
}

static void a_range_that_is_not_in_the_page_cache_is_read_by_a_worker(void **state)
{
	struct story s = story_default();
	struct sim_options o;

	sim_options_calm(&o);
	o.cold = 1000000;
	story_begin(&s, 1, &o);
	peer_run(&s, peer_add(&s, HEALTHY), asks_for_the_file, 1);
	assert_true(sim_run_until(s.w, 60000, first_is_done, &s));
	assert_false(s.peers[0].wrong || s.peers[0].closed);
	assert_true(sim_reached(s.w, SIM_MET_COLD) > 0);
	story_end(&s);
}

static void a_connection_may_go_while_a_worker_reads_for_it(void **state)
{
	struct story s = story_default();
	struct sim_options o;

	sim_options_calm(&o);
	o.cold = 1000000;
	o.slow_work = 1000000;
	o.reset = 200000;
	story_begin(&s, 7, &o);
	for (int i = 0; i < 20; i++)
		peer_run(&s, peer_add(&s, HEALTHY), asks_for_the_file, 1);
	sim_run_for(s.w, 20000);
	assert_true(sim_reached(s.w, SIM_MET_COLD) > 0 && sim_reached(s.w, SIM_MET_RESET) > 0);
	story_end(&s);
}

static void an_unreadable_file_closes_the_connection_in_one_line(void **state)
{
	struct story s = story_default();
	struct sim_options o;

	sim_options_calm(&o);
	o.cold = 1000000;
	story_begin(&s, 1, &o);
	sim_bad_range(s.w, NODE, "/file", 5000, 1);
	peer_run(&s, peer_add(&s, HEALTHY), asks_for_the_file, 1);
	assert_true(sim_run_until(s.w, 60000, first_is_done, &s));
	assert_true(s.peers[0].closed && !s.peers[0].wrong);
	assert_told(&s, "a file cannot be read");
	story_end(&s);
}

/* ---- strangers ---- */

static void is_known(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 'k', 100);
	p->lingers = true;
}

static void the_oldest_stranger_goes_for_the_newest(void **state)
{
	struct story s = story_default();
	struct peer *known, *p[6];

	s.limits.max_strangers = 4;
	story_begin(&s, 1, NULL);
	known = peer_add(&s, HEALTHY);
	peer_run(&s, known, is_known, 1);
	for (int i = 0; i < 6; i++) {
		p[i] = peer_add(&s, HOSTILE);
		peer_run(&s, p[i], says_half_a_frame, 1);
		sim_run_for(s.w, 100);
	}
	assert_false(p[0]->closed); /* they could be a herd */
	sim_run_for(s.w, 3000);
	assert_true(p[0]->closed && p[1]->closed);
	for (int i = 2; i < 6; i++)
		assert_false(p[i]->closed);
	assert_false(known->closed);
	assert_told(&s, "too many that are not known yet");
	peer_run(&s, peer_add(&s, HEALTHY), is_known, 1);
	sim_run_for(s.w, 100);
	assert_true(p[2]->closed);
	peer_run(&s, peer_add(&s, HEALTHY), is_known, 1);
	sim_run_for(s.w, 100);
	assert_false(p[3]->closed);
	story_end(&s);
}

/* Ten times as many clients as there are places come at once: none is turned away. */
static void a_herd_gets_in_whole(void **state)
{
	struct story s = story_default();
	struct peer *p[40];

	s.limits.max_strangers = 4;
	s.n_reactors = 2;
	story_begin(&s, 1, NULL);
	for (int i = 0; i < 40; i++) {
		p[i] = peer_add(&s, HEALTHY);
		peer_run(&s, p[i], is_known, 1);
	}
	sim_run_for(s.w, 60000);
	for (int i = 0; i < 40; i++)
		assert_true(p[i]->done && !p[i]->closed && !p[i]->wrong);
	assert_int_equal(s.echo.opened, 40);
	story_end(&s);
}

/* After sixty clients that never finish a frame, one that does gets in. */
static void a_flood_keeps_nobody_out(void **state)
{
	struct story s = story_default();
	struct peer *p[60], *healthy;
	int n = 0;

	s.limits.max_strangers = 32;
	story_begin(&s, 1, NULL);
	for (int i = 0; i < 60; i++) {
		p[i] = peer_add(&s, HOSTILE);
		peer_run(&s, p[i], says_half_a_frame, 1);
	}
	healthy = peer_add(&s, HEALTHY);
	peer_run(&s, healthy, is_known, 1);
	sim_run_for(s.w, 6000);
	assert_true(healthy->done && !healthy->closed);
	for (int i = 0; i < 60; i++)
		n += !p[i]->closed;
	assert_in_range(n, 0, 32);
	story_end(&s);
}

static void asks_and_stays_unknown(struct peer *p, uint64_t *chance)
{
	for (int i = 0; i < 8; i++)
		peer_asks(p, 'e', 20000);
	p->pace = 1;
	p->lingers = true;
}

/* Steps that anyone can make, and no name: those behind them must not wait for long. */
static void steps_alone_are_no_herd(void **state)
{
	struct story s = story_default();
	struct peer *healthy;

	s.limits.max_strangers = 48;
	story_begin(&s, 1, NULL);
	for (int i = 0; i < PEERS_MAX - 1; i++)
		peer_run(&s, peer_add(&s, HOSTILE), asks_and_stays_unknown, 1);
	healthy = peer_add(&s, HEALTHY);
	peer_run(&s, healthy, is_known, 1);
	sim_run_for(s.w, 5000);
	assert_true(healthy->done && !healthy->closed);
	story_end(&s);
}

static void says_nothing(struct peer *p, uint64_t *chance)
{
	p->lingers = true;
}

static void who_lets_all_in_has_no_strangers(void **state)
{
	struct story s = story_default();
	struct peer *p[6];

	s.lets_all_in = true;
	s.limits.max_strangers = 4;
	story_begin(&s, 1, NULL);
	for (int i = 0; i < 6; i++) {
		p[i] = peer_add(&s, HEALTHY);
		peer_run(&s, p[i], says_nothing, 1);
	}
	sim_run_for(s.w, 1000);
	for (int i = 0; i < 6; i++)
		assert_false(p[i]->closed);
	story_end(&s);
}

static void says_a_long_frame(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 'e', NET_STRANGERS_FRAME_MAX + 1);
	p->lingers = true;
}

static void is_known_and_says_a_long_frame(struct peer *p, uint64_t *chance)
{
	is_known(p, chance);
	says_a_long_frame(p, chance);
}

static void an_exempt_listener_has_only_small_frames_of_strangers(void **state)
{
	struct story s = story_default();
	struct peer *stranger, *known;

	s.exempt = true;
	s.limits.max_strangers = 4;
	story_begin(&s, 1, NULL);
	stranger = peer_add(&s, HOSTILE);
	peer_run(&s, stranger, says_a_long_frame, 1);
	known = peer_add(&s, HEALTHY);
	peer_run(&s, known, is_known_and_says_a_long_frame, 1);
	sim_run_for(s.w, 1000);
	assert_true(stranger->closed);
	assert_false(known->closed);
	assert_true(known->done);
	for (int i = 0; i < 6; i++)
		peer_run(&s, peer_add(&s, HOSTILE), says_half_a_frame, 1);
	sim_run_for(s.w, 1000);
	assert_told(&s, "too many that are not known yet");
	assert_false(known->closed);
	story_end(&s);
}

/* ---- memory ---- */

static void a_length_that_lies_costs_what_was_sent(void **state)
{
	struct story s = story_default();
	struct sim_held before, held;

	story_begin(&s, 1, NULL);
	sim_held(s.w, NODE, &before);
	for (int i = 0; i < 50; i++)
		peer_run(&s, peer_add(&s, HOSTILE), says_half_a_frame, 1);
	sim_run_for(s.w, 10000);
	sim_held(s.w, NODE, &held);
	/* Frames of 256 bytes were announced. */
	assert_true(held.bytes - before.bytes < 50 * 1500);
	story_end(&s);
}

static bool remembers(const struct block *b, const char *word)
{
	return b && memmem(b->data, b->cap, word, strlen(word));
}

static void a_part_of_a_secret_is_left_nowhere(void **state)
{
	struct story s = story_default();
	struct peer *p;

	story_begin(&s, 1, NULL);
	p = peer_add(&s, HOSTILE);
	peer_run(&s, p, says_part_of_a_secret, 1);
	while (!s.net->reactors[0].landing || s.echo.sent == 0)
		sim_run_for(s.w, 1);
	sim_run_for(s.w, 20);
	assert_non_null(s.net->reactors[0].landing);
	assert_false(remembers(s.net->reactors[0].landing, "opensesame"));
	sim_run_for(s.w, 32000);
	assert_true(p->closed);
	for (struct block *b = s.net->reactors[0].pool.idle[0]; b; b = b->next)
		assert_false(remembers(b, "opensesame"));
	story_end(&s);
}

static void an_idle_connection_has_no_buffer(void **state)
{
	struct story s = story_default();
	struct sim_held before, held;

	story_begin(&s, 1, NULL);
	sim_held(s.w, NODE, &before);
	for (int i = 0; i < 50; i++)
		peer_run(&s, peer_add(&s, HEALTHY), asks_once, 1);
	sim_run_for(s.w, 10000);
	sim_held(s.w, NODE, &held);
	assert_int_equal(s.echo.sent, 50);
	assert_true((held.bytes - before.bytes) / 50 <= 1024); /* including the simulator's socket */
	story_end(&s);
}

static void large_frames_are_expected_and_their_memory_goes_when_they_end(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct story s = story_default();
		struct sim_held before, held;
		struct sim_options options;

		if (seed % 2 == 0)
			s.limits.queued_max_request_bytes = 500 * (int64_t)KIB;
		sim_options_draw(&options, seed);
		options.reset = 0;
		story_begin(&s, seed, seed % 4 > 1 ? &options : NULL);
		sim_held(s.w, NODE, &before);
		for (int i = 0; i < 4; i++)
			peer_run(&s, peer_add(&s, HEALTHY), asks_large_things, seed * 10 + (uint64_t)i);
		sim_run_for(s.w, 120000);
		for (int i = 0; i < 4; i++)
			if (!s.peers[i].done || s.peers[i].wrong || s.peers[i].closed)
				fail_msg("seed %d, peer %d: done %d wrong %d closed %d", (int)seed, i, s.peers[i].done,
					 s.peers[i].wrong, s.peers[i].closed);
		sim_held(s.w, NODE, &held);
		assert_true(held.bytes - before.bytes <= 4 * 1024);
		story_end(&s);
	}
}

static void who_waits_for_memory_gets_it_when_others_have_their_answers(void **state)
{
	struct story s = story_default();

	s.limits.queued_max_request_bytes = 256 * (int64_t)KIB;
	s.n_reactors = 3;
	story_begin(&s, 1, NULL);
	for (int i = 0; i < 30; i++)
		peer_run(&s, peer_add(&s, HEALTHY), asks_many_things, (uint64_t)i);
	sim_run_for(s.w, 60000);
	for (int i = 0; i < 30; i++)
		assert_true(s.peers[i].done && !s.peers[i].wrong && !s.peers[i].closed);
	story_end(&s);
}

static void one_frame_may_be_larger_than_all_the_memory_for_frames(void **state)
{
	struct story s = story_default();

	s.limits.queued_max_request_bytes = 100;
	story_begin(&s, 1, NULL);
	for (int i = 0; i < 5; i++)
		peer_run(&s, peer_add(&s, HEALTHY), asks_many_things, (uint64_t)i);
	sim_run_for(s.w, 60000);
	for (int i = 0; i < 5; i++)
		assert_true(s.peers[i].done && !s.peers[i].wrong && !s.peers[i].closed);
	story_end(&s);
}

static void memory_that_is_held_hostage_is_taken_back(void **state)
{
	struct story s = story_default();

	s.limits.queued_max_request_bytes = 2 * (int64_t)MIB;
	s.n_reactors = 2;
	story_begin(&s, 1, NULL);
	peer_add(&s, HEALTHY);
	for (int i = 0; i < 40; i++)
		peer_run(&s, peer_add(&s, HOSTILE), i % 2 ? says_half_a_large_frame : asks_and_does_not_listen, 1);
	sim_run_for(s.w, 500);
	peer_run(&s, &s.peers[0], asks_many_things, 5);
	/* Those before it in the queue have their turns, one second each. */
	assert_true(sim_run_until(s.w, 29000, first_is_done, &s));
	assert_false(s.peers[0].wrong || s.peers[0].closed);
	assert_told(&s, "too slow while others wait");
	story_end(&s);
}

/* ---- everything at once ---- */

static void (*const hostile[])(struct peer *, uint64_t *) = {
	says_half_a_length, says_half_a_frame, says_half_a_large_frame, asks_and_does_not_listen, says_garbage,
	says_byte_by_byte,  asks_to_be_held,   sends_a_flood,		says_a_length_that_lies,  asks_many_things,
	asks_large_things,
};

/* A healthy client among hostile ones. */
static uint64_t crowd(uint64_t seed, const struct sim_options *o)
{
	struct story s = story_default();
	uint64_t chance = seed;
	struct peer *p;

	s.limits.queued_max_request_bytes = 4 * (int64_t)MIB;
	s.limits.request_max_bytes = MIB;
	s.n_reactors = 1 + (int)(seed % 3);
	story_begin(&s, seed, o);
	p = peer_add(&s, HEALTHY);
	for (int i = 0; i < 20; i++)
		peer_run(&s, peer_add(&s, HOSTILE),
			 hostile[cm_random(&chance) % (sizeof(hostile) / sizeof(hostile[0]))], cm_random(&chance));
	sim_run_for(s.w, (int64_t)(cm_random(&chance) % 200));
	peer_run(&s, p, asks_many_things, cm_random(&chance));
	if (!sim_run_until(s.w, 600000, first_is_done, &s))
		fail_msg("seed %d: the healthy client is still waiting", (int)seed);
	if (p->wrong || (p->closed && o->reset == 0))
		fail_msg("seed %d: the healthy client was served wrongly", (int)seed);
	if (s.most_held > 16 * (int64_t)MIB)
		fail_msg("seed %d: %lld bytes held", (int)seed, (long long)s.most_held);
	return story_end(&s);
}

static void a_healthy_connection_is_served_among_hostile_ones(void **state)
{
	const char *only = getenv("SEED");
	uint64_t first = only ? strtoull(only, NULL, 0) : 1;

	for (uint64_t seed = first; seed < first + (only ? 1 : 60); seed++) {
		struct sim_options o;

		sim_options_draw(&o, seed);
		crowd(seed, &o);
	}
}

static void the_same_seed_is_the_same_story(void **state)
{
	for (uint64_t seed = 500; seed < 503; seed++) {
		struct sim_options o;

		sim_options_draw(&o, seed);
		assert_true(crowd(seed, &o) == crowd(seed, &o));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_a_frame_ends_at_its_deadline),
		cmocka_unit_test(half_a_frame_is_not_too_late_while_nobody_reads),
		cmocka_unit_test(half_a_frame_is_waited_for_until_then),
		cmocka_unit_test(an_idle_connection_ends_after_connections_max_idle_ms),
		cmocka_unit_test(a_request_in_work_is_not_idle),
		cmocka_unit_test(a_reader_that_takes_nothing_is_cut),
		cmocka_unit_test(a_muted_connection_is_served_when_its_time_has_passed),
		cmocka_unit_test(a_range_that_is_not_in_the_page_cache_is_read_by_a_worker),
		cmocka_unit_test(a_connection_may_go_while_a_worker_reads_for_it),
		cmocka_unit_test(an_unreadable_file_closes_the_connection_in_one_line),
		cmocka_unit_test(a_length_that_lies_costs_what_was_sent),
		cmocka_unit_test(the_oldest_stranger_goes_for_the_newest),
		cmocka_unit_test(a_herd_gets_in_whole),
		cmocka_unit_test(a_flood_keeps_nobody_out),
		cmocka_unit_test(steps_alone_are_no_herd),
		cmocka_unit_test(who_lets_all_in_has_no_strangers),
		cmocka_unit_test(an_exempt_listener_has_only_small_frames_of_strangers),
		cmocka_unit_test(a_part_of_a_secret_is_left_nowhere),
		cmocka_unit_test(an_idle_connection_has_no_buffer),
		cmocka_unit_test(large_frames_are_expected_and_their_memory_goes_when_they_end),
		cmocka_unit_test(who_waits_for_memory_gets_it_when_others_have_their_answers),
		cmocka_unit_test(one_frame_may_be_larger_than_all_the_memory_for_frames),
		cmocka_unit_test(memory_that_is_held_hostage_is_taken_back),
		cmocka_unit_test(a_healthy_connection_is_served_among_hostile_ones),
		cmocka_unit_test(the_same_seed_is_the_same_story),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
