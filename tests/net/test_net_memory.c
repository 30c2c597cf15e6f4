/*
 * net's memory: what connections hold, what announced frames cost, and how the node's budget for
 * frames is shared.
 */
#include <string.h>

#include "tests/base/cm.h"
#include "tests/net/story.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)

static void a_length_that_lies_costs_what_was_sent(void **state)
{
	struct story s = story_default();
	struct sim_held before, held;

	story_begin(&s, 1, NULL);
	sim_held(s.w, NODE, &before);
	for (int i = 0; i < 50; i++)
		story_run_peer(&s, story_add_peer(&s, HOSTILE), says_half_a_frame, 1);
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
	p = story_add_peer(&s, HOSTILE);
	story_run_peer(&s, p, says_part_of_a_secret, 1);
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
		story_run_peer(&s, story_add_peer(&s, HEALTHY), asks_once, 1);
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
			story_run_peer(&s, story_add_peer(&s, HEALTHY), asks_large_things, seed * 10 + (uint64_t)i);
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
		story_run_peer(&s, story_add_peer(&s, HEALTHY), asks_many_things, (uint64_t)i);
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
		story_run_peer(&s, story_add_peer(&s, HEALTHY), asks_many_things, (uint64_t)i);
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
	story_add_peer(&s, HEALTHY);
	for (int i = 0; i < 40; i++)
		story_run_peer(&s, story_add_peer(&s, HOSTILE),
			       i % 2 ? says_half_a_large_frame : asks_and_does_not_listen, 1);
	sim_run_for(s.w, 500);
	story_run_peer(&s, &s.peers[0], asks_many_things, 5);
	/* Those before it in the queue have their turns, one second each. */
	assert_true(sim_run_until(s.w, 29000, story_first_is_done, &s));
	assert_false(s.peers[0].wrong || s.peers[0].closed);
	story_assert_told(&s, "too slow while others wait");
	story_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_length_that_lies_costs_what_was_sent),
		cmocka_unit_test(a_part_of_a_secret_is_left_nowhere),
		cmocka_unit_test(an_idle_connection_has_no_buffer),
		cmocka_unit_test(large_frames_are_expected_and_their_memory_goes_when_they_end),
		cmocka_unit_test(who_waits_for_memory_gets_it_when_others_have_their_answers),
		cmocka_unit_test(one_frame_may_be_larger_than_all_the_memory_for_frames),
		cmocka_unit_test(memory_that_is_held_hostage_is_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
