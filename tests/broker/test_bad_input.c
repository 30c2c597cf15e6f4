/*
 * Bad input against a whole node in the simulator. What is sent is written byte by byte (tests/bench/raw.h), not by the codec under test.
 *
 * After every attempt a healthy client on a connection of its own asks for metadata and has to be answered.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "base/err.h"
#include "broker/node.h"
#include "config/config.h"
#include "env/sim/sim.h"
#include "tests/base/cm.h"
#include "tests/bench/raw.h"

#define NODE 0
#define PEER 1
#define PORT 9092
#define PATIENCE_MS 30000
#define CALLERS 64
#define HELD_MAX ((int64_t)32 << 20)

struct caller {
	struct sock *sock;
	const uint8_t *out;
	size_t out_len, sent;
	uint8_t in[1 << 16];
	size_t in_len;
	bool closed;
};

static struct {
	struct sim_world *sim;
	struct diag diag;
	struct node *node;
	struct config *config;
	struct loop *loop; /* of the callers */
	struct caller healthy;
	struct caller v[CALLERS];
	struct caller *now; /* what the code of the other machine works on */
	bool serving, stopped;
	int lines;
} w;

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
	struct config_input in = {.data_dir = STR("/data")};
	struct config_notes notes;
	enum node_end end;

	(void)arg;
	config_load(&in, &w.config, &notes);
	config_notes_fini(&notes);
	w.node = node_start(&(struct node_options){.env = sim_env(w.sim, NODE),
						   .config = w.config,
						   .n_reactors = 2,
						   .release = "test",
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
	assert_true(addr_parse("10.0.0.1", PORT, &to));
	if (!w.loop)
		w.loop = loop_new(sim_env(w.sim, PEER), "callers");
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

/* Sends these bytes, on a new connection if there is none. */
static void say(struct caller *c, const struct bytes_out *o)
{
	w.now = c;
	c->out = o->p;
	c->out_len = o->len;
	c->sent = c->in_len = 0;
	if (!c->sock) {
		c->closed = false;
		assert_true(sim_call(w.sim, PEER, dial, NULL));
	} else if (!c->closed) {
		assert_true(sim_call(w.sim, PEER, want_both, NULL));
	}
}

static void leave(struct caller *c)
{
	w.now = c;
	if (c->sock)
		assert_true(sim_call(w.sim, PEER, hang_up, NULL));
	c->closed = false;
}

static bool has_answer(void *arg)
{
	struct caller *c = arg;

	return c->closed || (c->in_len >= 4 && c->in_len - 4 >= get_u32(c->in));
}

/* True when an answer has come, false when the connection was closed; anything else fails. */
static bool answered(struct caller *c)
{
	assert_true(sim_run_until(w.sim, PATIENCE_MS, has_answer, c));
	return !c->closed;
}

static void expect_healthy(void)
{
	struct bytes_out o = {0};
	struct sim_held held;

	put_metadata(&o, 5, NULL, false);
	say(&w.healthy, &o);
	assert_true(answered(&w.healthy));
	assert_int_equal(get_i32(w.healthy.in + 4), 5);
	sim_held(w.sim, NODE, &held);
	assert_true(held.bytes < HELD_MAX);
	free(o.p);
}

/* The bytes end the connection, and nothing else. */
static void expect_closed(const struct bytes_out *o, const char *what, int n)
{
	say(&w.v[0], o);
	if (answered(&w.v[0]))
		fail_msg("answered: %s %d", what, n);
	leave(&w.v[0]);
	expect_healthy();
}

static int bring_up(void **state)
{
	struct bytes_out o = {0};
	struct sim_options calm;

	(void)state;
	memset(&w, 0, sizeof(w));
	sim_options_calm(&calm);
	calm.n_envs = 2;
	w.sim = sim_world_new(1, &calm);
	w.diag = (struct diag){.level = DIAG_INFO, .wall_ms = wall, .write = count_line};
	sim_env_diag(w.sim, NODE, &w.diag);
	assert_true(sim_call(w.sim, NODE, start_node, NULL));
	assert_true(sim_run_until(w.sim, PATIENCE_MS, is_serving, NULL));
	put_create_topic(&o, 1, "t", 1);
	say(&w.healthy, &o);
	assert_true(answered(&w.healthy));
	free(o.p);
	expect_healthy();
	return 0;
}

static int bring_down(void **state)
{
	struct sim_held held;

	(void)state;
	expect_healthy();
	leave(&w.healthy);
	assert_true(sim_call(w.sim, NODE, stop_node, NULL));
	assert_true(sim_run_until(w.sim, PATIENCE_MS, has_stopped, NULL));
	assert_true(sim_call(w.sim, NODE, free_node, NULL));
	sim_held(w.sim, NODE, &held);
	assert_int_equal(held.blocks, 0);
	assert_int_equal(held.socks, 0);
	sim_world_free(w.sim);
	return 0;
}

/* ---- attempts ---- */

static void put_header(struct bytes_out *o, int key, int version)
{
	put16(o, key);
	put16(o, version);
	put32(o, 9);
	put_text(o, "bad");
}

static void keys_and_versions_that_are_not_served_close(void **state)
{
	static const struct {
		int key, version;
	} v[] = {{-1, 0}, {999, 0}, {32767, 32767}, {0, 2}, {0, 99}, {1, 3}, {3, 99}, {3, -1}, {19, 1},
		 /* those of the controller's listener, and what is between nodes */
		 {52, 0}, {53, 0}, {54, 0}, {59, 0}, {62, 0}, {63, 0}, {70, 0}, {4, 0}, {5, 0}, {6, 0}, {7, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct bytes_out o = {0};

		put32(&o, 0);
		put_header(&o, v[i].key, v[i].version);
		put64(&o, 0);
		put64(&o, 0);
		raw_end(&o, 0);
		expect_closed(&o, "key", v[i].key);
		free(o.p);
	}
}

static void a_version_of_api_versions_that_is_not_known_is_answered(void **state)
{
	struct bytes_out o = {0};
	size_t began;

	(void)state;
	began = raw_begin(&o, API_VERSIONS, 99, 7);
	put8(&o, 0); /* the header's tags: it is a flexible one */
	raw_end(&o, began);
	say(&w.v[0], &o);
	assert_true(answered(&w.v[0]));
	assert_int_equal(get_i32(w.v[0].in + 4), 7);
	assert_int_equal(get_i16(w.v[0].in + 8), ERR_UNSUPPORTED_VERSION);
	leave(&w.v[0]);
	free(o.p);
}

/* A frame that says its true length, but whose request ends `len` bytes after its beginning. */
static void expect_closed_when_cut(const struct bytes_out *whole, const char *what)
{
	for (size_t len = 0; len < whole->len - 4; len++) {
		struct bytes_out o = {0};

		put32(&o, (int32_t)len);
		put_raw(&o, whole->p + 4, len);
		expect_closed(&o, what, (int)len);
		free(o.p);
	}
}

static void a_request_that_ends_too_early_closes_at_every_length(void **state)
{
	struct bytes_out batch = {0}, o = {0};

	(void)state;
	batch_make(&batch, 1, 3);
	put_produce(&o, 1, "t", 0, 1, &batch);
	expect_closed_when_cut(&o, "produce");
	o.len = 0;
	put_fetch(&o, 1, "t", 0, 0, 100, 0);
	expect_closed_when_cut(&o, "fetch");
	o.len = 0;
	put_metadata(&o, 1, "t", true);
	expect_closed_when_cut(&o, "metadata");
	o.len = 0;
	put_create_topic(&o, 1, "u", 1);
	expect_closed_when_cut(&o, "create topics");
	free(o.p);
	free(batch.p);
}

/* Every four bytes of a request in turn become a large number: a length or a count that lies, most often. */
static void numbers_that_lie_cost_nothing(void **state)
{
	static const uint32_t lies[] = {0x7fffffff, 0x80000000, 0xffffffff, 0x00ffffff};
	struct bytes_out batch = {0}, whole = {0};

	(void)state;
	batch_make(&batch, 3, 30);
	put_produce(&whole, 1, "t", 0, 1, &batch);
	put_fetch(&whole, 1, "t", 0, 0, 100, 0);
	put_metadata(&whole, 1, "t", false);
	for (size_t at = 4; at + 4 <= whole.len; at++) {
		struct bytes_out o = {0};

		put_raw(&o, whole.p, whole.len);
		put_u32(o.p + at, lies[at % 4]);
		say(&w.v[0], &o);
		sim_run_for(w.sim, 50);
		leave(&w.v[0]);
		expect_healthy();
		free(o.p);
	}
	free(whole.p);
	free(batch.p);
}

static void every_api_survives_random_bodies(void **state)
{
	uint64_t chance = 42;
	int n_answered = 0;

	(void)state;
	for (int n = 0; n < 10000; n++) {
		struct bytes_out o = {0};
		struct caller *c = &w.v[n % CALLERS];
		size_t len = cm_random(&chance) % 120;

		leave(c);
		put32(&o, 0);
		put_header(&o, (int)(cm_random(&chance) % 95), (int)(cm_random(&chance) % 14));
		for (size_t i = 0; i < len; i++)
			put8(&o, cm_random(&chance) % 3 ? (int)(cm_random(&chance) % 3) : (int)cm_random(&chance));
		raw_end(&o, 0);
		say(c, &o);
		sim_run_until(w.sim, 1000, has_answer, c);
		n_answered += !c->closed && has_answer(c);
		if (n % 50 == 0)
			expect_healthy();
		leave(c);
		free(o.p);
	}
	assert_true(n_answered > 50); /* some bodies are requests */
}

/* Bytes 0-7 are the base offset, 12-15 the leader epoch: neither is under the checksum. The node writes both itself. */
static void a_batch_with_any_bit_wrong_is_refused(void **state)
{
	struct bytes_out batch = {0};

	(void)state;
	batch_make(&batch, 2, 5);
	for (size_t bit = 8 * 8; bit < batch.len * 8; bit++) {
		struct bytes_out o = {0};
		struct bytes_in in;

		if (bit / 8 >= 12 && bit / 8 < 16)
			continue;
		batch.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		put_produce(&o, 1, "t", 0, 1, &batch);
		batch.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		say(&w.v[0], &o);
		if (answered(&w.v[0])) {
			in = (struct bytes_in){.p = w.v[0].in + 8, .left = get_u32(w.v[0].in) - 4};
			if (produce_error(in) == 0)
				fail_msg("bit %zu of byte %zu was taken", bit % 8, bit / 8);
		} else {
			leave(&w.v[0]);
		}
		free(o.p);
	}
	leave(&w.v[0]);
	free(batch.p);
}

static void a_crowd_of_garbage_is_told_in_few_lines_and_held_in_little_memory(void **state)
{
	static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: kafka\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
					    "\xff\xff\xff\xff", "\x7f\xff\xff\xff", "SSH-2.0-OpenSSH_9.2\r\n"};
	struct bytes_out o[CALLERS];
	uint64_t chance = 7;
	int before = w.lines;

	(void)state;
	memset(o, 0, sizeof(o));
	for (int n = 0; n < 2000; n++) {
		int i = n % CALLERS;
		struct caller *c = &w.v[i];

		leave(c);
		o[i].len = 0;
		if (n % 3 == 0) {
			const char *text = texts[cm_random(&chance) % 5];

			put_raw(&o[i], text, strlen(text));
		} else if (n % 3 == 1) { /* the beginning of a large frame, and silence */
			put32(&o[i], 50000000);
			for (int k = 0; k < 3000; k++)
				put32(&o[i], (int32_t)cm_random(&chance));
		} else {
			for (int k = 0; k < 100; k++)
				put32(&o[i], (int32_t)cm_random(&chance));
		}
		say(c, &o[i]);
		if (n % 100 == 0)
			expect_healthy();
	}
	expect_healthy();
	sim_run_for(w.sim, 60000);
	assert_true(w.lines - before < 400);
	for (int i = 0; i < CALLERS; i++) {
		leave(&w.v[i]);
		free(o[i].p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys_and_versions_that_are_not_served_close, bring_up, bring_down),
		cmocka_unit_test_setup_teardown(a_version_of_api_versions_that_is_not_known_is_answered, bring_up, bring_down),
		cmocka_unit_test_setup_teardown(a_request_that_ends_too_early_closes_at_every_length, bring_up, bring_down),
		cmocka_unit_test_setup_teardown(numbers_that_lie_cost_nothing, bring_up, bring_down),
		cmocka_unit_test_setup_teardown(every_api_survives_random_bodies, bring_up, bring_down),
		cmocka_unit_test_setup_teardown(a_batch_with_any_bit_wrong_is_refused, bring_up, bring_down),
		cmocka_unit_test_setup_teardown(a_crowd_of_garbage_is_told_in_few_lines_and_held_in_little_memory, bring_up,
						bring_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
