/*
 * net's strangers: connections that nobody has vouched for yet, and which of them have to go when
 * there are many.
 */
#include "tests/base/cm.h"
#include "tests/net/story.h"

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
	known = story_add_peer(&s, HEALTHY);
	story_run_peer(&s, known, is_known, 1);
	for (int i = 0; i < 6; i++) {
		p[i] = story_add_peer(&s, HOSTILE);
		story_run_peer(&s, p[i], says_half_a_frame, 1);
		sim_run_for(s.w, 100);
	}
	assert_false(p[0]->closed); /* they could be a herd */
	sim_run_for(s.w, 3000);
	assert_true(p[0]->closed && p[1]->closed);
	for (int i = 2; i < 6; i++)
		assert_false(p[i]->closed);
	assert_false(known->closed);
	story_assert_told(&s, "too many that are not known yet");
	story_run_peer(&s, story_add_peer(&s, HEALTHY), is_known, 1);
	sim_run_for(s.w, 100);
	assert_true(p[2]->closed);
	story_run_peer(&s, story_add_peer(&s, HEALTHY), is_known, 1);
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
		p[i] = story_add_peer(&s, HEALTHY);
		story_run_peer(&s, p[i], is_known, 1);
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
		p[i] = story_add_peer(&s, HOSTILE);
		story_run_peer(&s, p[i], says_half_a_frame, 1);
	}
	healthy = story_add_peer(&s, HEALTHY);
	story_run_peer(&s, healthy, is_known, 1);
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
		story_run_peer(&s, story_add_peer(&s, HOSTILE), asks_and_stays_unknown, 1);
	healthy = story_add_peer(&s, HEALTHY);
	story_run_peer(&s, healthy, is_known, 1);
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
		p[i] = story_add_peer(&s, HEALTHY);
		story_run_peer(&s, p[i], says_nothing, 1);
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
	stranger = story_add_peer(&s, HOSTILE);
	story_run_peer(&s, stranger, says_a_long_frame, 1);
	known = story_add_peer(&s, HEALTHY);
	story_run_peer(&s, known, is_known_and_says_a_long_frame, 1);
	sim_run_for(s.w, 1000);
	assert_true(stranger->closed);
	assert_false(known->closed);
	assert_true(known->done);
	for (int i = 0; i < 6; i++)
		story_run_peer(&s, story_add_peer(&s, HOSTILE), says_half_a_frame, 1);
	sim_run_for(s.w, 1000);
	story_assert_told(&s, "too many that are not known yet");
	assert_false(known->closed);
	story_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_stranger_goes_for_the_newest),
		cmocka_unit_test(a_herd_gets_in_whole),
		cmocka_unit_test(a_flood_keeps_nobody_out),
		cmocka_unit_test(steps_alone_are_no_herd),
		cmocka_unit_test(who_lets_all_in_has_no_strangers),
		cmocka_unit_test(an_exempt_listener_has_only_small_frames_of_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
