/* The scribe and its writers in the simulated world: the same program as in test_real. */
#include <errno.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "tests/base/cm.h"
#include "tests/env/scribe.h"

struct story {
	struct sim_world *w;
	struct scribe *scribe;
	struct writer writer;
	bool done;
	bool stopped;
};

static void start_scribe(void *arg)
{
	struct story *s = arg;
	struct addr any;

	addr_parse("0.0.0.0", 9092, &any);
	s->scribe = scribe_start(sim_env(s->w, 0), "/data", &any, true);
}

static void writer_done(struct writer *w)
{
	container_of(w, struct story, writer)->done = true;
}

static void start_writer(void *arg)
{
	struct story *s = arg;

	s->writer.loop = loop_new(sim_env(s->w, 1), "writer");
	assert_int_equal(env_resolve(sim_env(s->w, 1), "node0", 9092, &s->writer.to, 1), 1);
	s->writer.done = writer_done;
	writer_start(&s->writer);
}

static void stop_writer(void *arg)
{
	struct story *s = arg;

	writer_fini(&s->writer);
	loop_stop(s->writer.loop);
	loop_free(s->writer.loop);
}

static void stop_scribe(void *arg)
{
	struct story *s = arg;

	scribe_stop(s->scribe);
}

static void free_scribe(void *arg)
{
	struct story *s = arg;

	scribe_free(s->scribe);
}

static bool is_done(void *arg)
{
	return ((struct story *)arg)->done;
}

static void assert_nothing_held(struct sim_world *w, int i)
{
	struct sim_held held;

	sim_held(w, i, &held);
	assert_int_equal(held.blocks, 0);
	assert_int_equal(held.files, 0);
	assert_int_equal(held.socks, 0);
	assert_int_equal(held.loops, 0);
	assert_int_equal(held.works, 0);
}

/* Runs one conversation and returns the hash of its trace. */
static uint64_t converse(uint64_t seed, const struct sim_options *options, int64_t reached[SIM_N_MARKS])
{
	struct story s = {.writer = {.n = 20, .seed = seed}};
	uint64_t hash;

	s.w = sim_world_new(seed, options);
	assert_true(sim_call(s.w, 0, start_scribe, &s));
	assert_true(sim_call(s.w, 1, start_writer, &s));
	assert_true(sim_run_until(s.w, 600000, is_done, &s));
	if (s.writer.error) {
		assert_true(options->reset > 0);
	} else {
		assert_int_equal(s.writer.acknowledged, 20);
		assert_int_equal(s.writer.book.len, s.writer.sent.len);
		assert_memory_equal(s.writer.book.p, s.writer.sent.p, s.writer.sent.len);
	}
	assert_true(sim_call(s.w, 1, stop_writer, &s));
	assert_true(sim_call(s.w, 0, stop_scribe, &s));
	sim_run_for(s.w, 60000);
	assert_true(sim_call(s.w, 0, free_scribe, &s));
	assert_nothing_held(s.w, 0);
	assert_nothing_held(s.w, 1);
	hash = sim_trace_hash(s.w);
	for (int i = 0; i < SIM_N_MARKS; i++)
		reached[i] += sim_reached(s.w, i);
	sim_world_free(s.w);
	return hash;
}

static void a_calm_world_carries_a_conversation(void **state)
{
	int64_t reached[SIM_N_MARKS] = {0};
	struct sim_options calm;

	sim_options_calm(&calm);
	calm.n_envs = 2;
	converse(1, &calm, reached);
	assert_int_equal(reached[SIM_MET_PARTIAL_READ], 0);
	assert_int_equal(reached[SIM_MET_RESET], 0);
}

static void whatever_the_network_does_the_bytes_are_right(void **state)
{
	static const enum sim_mark must[] = {SIM_MET_PARTIAL_READ, SIM_MET_PARTIAL_WRITE, SIM_MET_SPURIOUS,
					     SIM_MET_RESET,	   SIM_MET_STALL,	  SIM_MET_SEND_BUFFER_FULL,
					     SIM_MET_WRITEBACK,	   SIM_MET_SLOW_WORK};
	int64_t reached[SIM_N_MARKS] = {0};

	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct sim_options o;

		sim_options_draw(&o, seed);
		o.n_envs = 2;
		converse(seed, &o, reached);
	}
	for (size_t i = 0; i < sizeof(must) / sizeof(must[0]); i++)
		if (!reached[must[i]])
			fail_msg("never met: %s", sim_mark_name(must[i]));
}

static void the_same_seed_gives_the_same_trace(void **state)
{
	int64_t reached[SIM_N_MARKS] = {0};

	for (uint64_t seed = 1000; seed < 1010; seed++) {
		struct sim_options o;
		uint64_t first;

		sim_options_draw(&o, seed);
		o.n_envs = 2;
		first = converse(seed, &o, reached);
		assert_true(first == converse(seed, &o, reached));
		assert_true(first != converse(seed + 5000, &o, reached));
	}
}

static void a_machine_without_a_listener_refuses(void **state)
{
	struct story s = {.writer = {.n = 1}};
	struct sim_options calm;

	sim_options_calm(&calm);
	calm.n_envs = 2;
	s.w = sim_world_new(1, &calm);
	sim_call(s.w, 1, start_writer, &s);
	assert_true(sim_run_until(s.w, 1000, is_done, &s));
	assert_int_equal(s.writer.error, -ECONNREFUSED);
	assert_int_equal(sim_reached(s.w, SIM_MET_REFUSED), 1);
	sim_call(s.w, 1, stop_writer, &s);
	sim_world_free(s.w);
}

static void what_is_sent_over_a_cut_link_arrives_when_it_heals(void **state)
{
	struct story s = {.writer = {.n = 20, .seed = 3}};
	struct sim_options calm;

	sim_options_calm(&calm);
	calm.n_envs = 2;
	s.w = sim_world_new(1, &calm);
	sim_call(s.w, 0, start_scribe, &s);
	sim_call(s.w, 1, start_writer, &s);
	sim_run_for(s.w, 3);
	sim_cut(s.w, 1, 0, true);
	assert_false(sim_run_until(s.w, 5000, is_done, &s));
	assert_true(sim_reached(s.w, SIM_MET_CUT) > 0);
	sim_cut(s.w, 1, 0, false);
	assert_true(sim_run_until(s.w, 5000, is_done, &s));
	assert_int_equal(s.writer.error, 0);
	sim_world_free(s.w);
}

static void a_paused_machine_does_nothing_and_then_goes_on(void **state)
{
	struct story s = {.writer = {.n = 20, .seed = 3}};
	struct sim_options calm;
	int before;

	sim_options_calm(&calm);
	calm.n_envs = 2;
	s.w = sim_world_new(1, &calm);
	sim_call(s.w, 0, start_scribe, &s);
	sim_call(s.w, 1, start_writer, &s);
	sim_run_for(s.w, 5);
	sim_pause(s.w, 0, true);
	sim_run_for(s.w, 1); /* lets what is under way arrive */
	before = s.writer.acknowledged;
	assert_false(sim_run_until(s.w, 5000, is_done, &s));
	assert_int_equal(s.writer.acknowledged, before);
	sim_pause(s.w, 0, false);
	assert_true(sim_run_until(s.w, 5000, is_done, &s));
	assert_int_equal(s.writer.error, 0);
	sim_world_free(s.w);
}

static void a_peer_that_dies_is_noticed_and_can_come_back(void **state)
{
	struct story s = {.writer = {.n = 2000, .seed = 3}};
	struct sim_options calm;

	sim_options_calm(&calm);
	calm.n_envs = 2;
	s.w = sim_world_new(1, &calm);
	sim_call(s.w, 0, start_scribe, &s);
	sim_call(s.w, 1, start_writer, &s);
	sim_run_for(s.w, 30);
	assert_false(s.done);
	sim_crash(s.w, 0, SIM_KILL);
	assert_true(sim_is_down(s.w, 0));
	assert_nothing_held(s.w, 0);
	assert_true(sim_run_until(s.w, 1000, is_done, &s));
	assert_int_not_equal(s.writer.error, 0);
	sim_call(s.w, 1, stop_writer, &s);
	sim_restart(s.w, 0);
	s.writer = (struct writer){.n = 3, .seed = 4};
	s.done = false;
	sim_call(s.w, 0, start_scribe, &s);
	sim_call(s.w, 1, start_writer, &s);
	assert_true(sim_run_until(s.w, 1000, is_done, &s));
	assert_int_equal(s.writer.error, 0);
	sim_world_free(s.w);
}

/* A machine that lost its power sends nothing: the peer notices when it sends to the restarted one. */
static void a_peer_that_loses_power_may_leave_a_connection_half_open(void **state)
{
	struct story s = {.writer = {.n = 2000, .seed = 3}};
	struct sim_options calm;

	sim_options_calm(&calm);
	calm.n_envs = 2;
	calm.half_open = 1000000;
	s.w = sim_world_new(1, &calm);
	sim_call(s.w, 0, start_scribe, &s);
	sim_call(s.w, 1, start_writer, &s);
	sim_run_for(s.w, 30);
	assert_false(s.done);
	sim_crash(s.w, 0, SIM_POWER);
	assert_int_equal(sim_reached(s.w, SIM_MET_HALF_OPEN), 1);
	assert_false(sim_run_until(s.w, 10000, is_done, &s));
	sim_call(s.w, 1, stop_writer, &s);
	sim_world_free(s.w);
}

static void a_slow_link_is_late_and_loses_nothing(void **state)
{
	struct story s = {.writer = {.n = 20, .seed = 3}};
	struct sim_options calm;

	sim_options_calm(&calm);
	calm.n_envs = 2;
	s.w = sim_world_new(1, &calm);
	sim_call(s.w, 0, start_scribe, &s);
	sim_slow(s.w, 0, 1, 100000);
	sim_call(s.w, 1, start_writer, &s);
	assert_false(sim_run_until(s.w, 100, is_done, &s));
	assert_true(sim_run_until(s.w, 60000, is_done, &s));
	assert_int_equal(s.writer.error, 0);
	assert_int_equal(s.writer.acknowledged, 20);
	assert_true(sim_reached(s.w, SIM_MET_SLOW_LINK) > 0);
	sim_world_free(s.w);
}

static void without_descriptors_a_connection_is_turned_away(void **state)
{
	struct story s = {.writer = {.n = 1}};
	struct sim_options calm;

	sim_options_calm(&calm);
	calm.n_envs = 2;
	calm.descriptors = 2; /* the book and the listener */
	s.w = sim_world_new(1, &calm);
	sim_call(s.w, 0, start_scribe, &s);
	sim_call(s.w, 1, start_writer, &s);
	assert_true(sim_run_until(s.w, 1000, is_done, &s));
	assert_int_not_equal(s.writer.error, 0);
	assert_true(sim_reached(s.w, SIM_MET_NO_DESCRIPTOR) > 0);
	sim_world_free(s.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_calm_world_carries_a_conversation),
		cmocka_unit_test(whatever_the_network_does_the_bytes_are_right),
		cmocka_unit_test(the_same_seed_gives_the_same_trace),
		cmocka_unit_test(a_machine_without_a_listener_refuses),
		cmocka_unit_test(what_is_sent_over_a_cut_link_arrives_when_it_heals),
		cmocka_unit_test(a_paused_machine_does_nothing_and_then_goes_on),
		cmocka_unit_test(a_peer_that_dies_is_noticed_and_can_come_back),
		cmocka_unit_test(a_peer_that_loses_power_may_leave_a_connection_half_open),
		cmocka_unit_test(a_slow_link_is_late_and_loses_nothing),
		cmocka_unit_test(without_descriptors_a_connection_is_turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
