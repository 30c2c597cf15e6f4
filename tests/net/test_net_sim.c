/*
 * net in the simulator: the same reactors and connections, with every deadline, and peers that
 * misbehave on a bad network.
 */
#include <stdlib.h>

#include "tests/base/cm.h"
#include "tests/net/story.h"

#define MIB ((size_t)1 << 20)

/* Runs one peer until the node closes it, which must be after `ms` and before half as much again. */
static void expect_closed_after(struct story *s, script_fn *write, int64_t ms)
{
	int64_t began = sim_now_ns(s->w) / 1000000;
	struct peer *p = story_add_peer(s, HOSTILE);

	story_run_peer(s, p, write, 1);
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
	story_assert_told(&s, "frame not completed in time");
	story_end(&s);
}

static void half_a_frame_is_waited_for_until_then(void **state)
{
	struct story s = story_default();
	struct peer *p;

	story_begin(&s, 1, NULL);
	p = story_add_peer(&s, HOSTILE);
	story_run_peer(&s, p, says_half_a_frame, 1);
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
	story_assert_told(&s, "frame not completed in time");
	p = story_add_peer(&s, HOSTILE);
	story_run_peer(&s, p, says_half_a_frame_and_is_held, 1);
	sim_run_for(s.w, 3600000);
	assert_false(p->closed);
	story_end(&s);
}

static void an_idle_connection_ends_after_connections_max_idle_ms(void **state)
{
	struct story s = story_default();
	struct peer *p;

	story_begin(&s, 1, NULL);
	p = story_add_peer(&s, HEALTHY);
	story_run_peer(&s, p, asks_once, 1);
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
	p = story_add_peer(&s, HEALTHY);
	story_run_peer(&s, p, asks_to_be_held, 1);
	sim_run_for(s.w, 3600000);
	assert_false(p->closed);
	story_end(&s);
}

static void a_reader_that_takes_nothing_is_cut(void **state)
{
	struct story s = story_default();
	struct peer *p;

	story_begin(&s, 1, NULL);
	p = story_add_peer(&s, HOSTILE);
	story_run_peer(&s, p, asks_and_does_not_listen, 1);
	sim_run_for(s.w, 58000);
	assert_int_equal(s.echo.closed, 0);
	assert_true(s.echo.live > 0 && s.echo.live < 3);
	sim_run_for(s.w, 5000);
	assert_int_equal(s.echo.closed, 1);
	assert_int_equal(s.echo.live, 0);
	story_assert_told(&s, "answers not taken in time");
	story_end(&s);
}

static void a_muted_connection_is_served_when_its_time_has_passed(void **state)
{
	struct story s = story_default();
	int64_t began;

	story_begin(&s, 1, NULL);
	story_run_peer(&s, story_add_peer(&s, HEALTHY), asks_to_be_muted, 1);
	began = sim_now_ns(s.w) / 1000000;
	assert_true(sim_run_until(s.w, 1000, story_first_is_done, &s));
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
	story_run_peer(&s, story_add_peer(&s, HEALTHY), asks_for_the_file, 1);
	assert_true(sim_run_until(s.w, 60000, story_first_is_done, &s));
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
		story_run_peer(&s, story_add_peer(&s, HEALTHY), asks_for_the_file, 1);
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
	story_run_peer(&s, story_add_peer(&s, HEALTHY), asks_for_the_file, 1);
	assert_true(sim_run_until(s.w, 60000, story_first_is_done, &s));
	assert_true(s.peers[0].closed && !s.peers[0].wrong);
	story_assert_told(&s, "a file cannot be read");
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
	p = story_add_peer(&s, HEALTHY);
	for (int i = 0; i < 20; i++)
		story_run_peer(&s, story_add_peer(&s, HOSTILE),
			       hostile[cm_random(&chance) % (sizeof(hostile) / sizeof(hostile[0]))],
			       cm_random(&chance));
	sim_run_for(s.w, (int64_t)(cm_random(&chance) % 200));
	story_run_peer(&s, p, asks_many_things, cm_random(&chance));
	if (!sim_run_until(s.w, 600000, story_first_is_done, &s))
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
		cmocka_unit_test(half_a_frame_is_waited_for_until_then),
		cmocka_unit_test(half_a_frame_is_not_too_late_while_nobody_reads),
		cmocka_unit_test(an_idle_connection_ends_after_connections_max_idle_ms),
		cmocka_unit_test(a_request_in_work_is_not_idle),
		cmocka_unit_test(a_reader_that_takes_nothing_is_cut),
		cmocka_unit_test(a_muted_connection_is_served_when_its_time_has_passed),
		cmocka_unit_test(a_range_that_is_not_in_the_page_cache_is_read_by_a_worker),
		cmocka_unit_test(a_connection_may_go_while_a_worker_reads_for_it),
		cmocka_unit_test(an_unreadable_file_closes_the_connection_in_one_line),
		cmocka_unit_test(a_healthy_connection_is_served_among_hostile_ones),
		cmocka_unit_test(the_same_seed_is_the_same_story),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
