/* leading: replica 1 as the leader of three replicas (1, 2, 3). */
#include "tests/base/cm.h"

#include "base/err.h"
#include "base/mem.h"
#include "replication/leading.h"
#include "tests/replication/brokers.h"

enum { LAG_MAX_MS = 30000, OWN_EPOCH = 101 };

static const int32_t ALL[] = {1, 2, 3};

struct world {
	struct leading l;
	const struct image *image;
	int64_t log_end;
	int64_t high_watermark;
	int64_t now_ms;
	int32_t min_isr;
};

static void brokers(struct world *w, const struct broker_state_of *v, int n)
{
	image_unref(&w->image);
	w->image = brokers_image(v, n);
}

static bool follow(struct world *w, struct image_ids isr, int32_t leader_epoch, int32_t partition_epoch)
{
	struct image_partition *p =
		brokers_partition((struct image_ids){ALL, 3}, isr, 1, leader_epoch, partition_epoch);
	bool took = leading_follow(&w->l, p, w->log_end, w->now_ms);

	xfree(p);
	return took;
}

static int setup(void **state)
{
	static const struct broker_state_of up[] = {
		{1, 101, false, false}, {2, 102, false, false}, {3, 103, false, false}};
	struct world *w = xcalloc(1, sizeof(*w));

	leading_init(&w->l, 1, LAG_MAX_MS);
	brokers(w, up, 3);
	w->log_end = 10;
	w->now_ms = 1000;
	w->min_isr = 1;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	leading_fini(&w->l);
	image_unref(&w->image);
	xfree(w);
	return 0;
}

static struct isr_view view(const struct world *w)
{
	return (struct isr_view){w->image, w->log_end, w->high_watermark, w->now_ms, w->min_isr};
}

static int64_t high_watermark(const struct world *w)
{
	struct isr_view v = view(w);

	return leading_high_watermark(&w->l, &v);
}

static bool expand(struct world *w, int32_t id)
{
	struct isr_view v = view(w);

	return leading_expand(&w->l, &v, id);
}

static bool shrink(struct world *w)
{
	struct isr_view v = view(w);

	return leading_shrink(&w->l, &v);
}

static int fetch_as(struct world *w, int32_t id, int64_t broker_epoch, int64_t offset)
{
	struct follower_fetch f = {.id = id,
				   .broker_epoch = broker_epoch,
				   .has_leader_epoch = true,
				   .offset = offset,
				   .log_start = 0,
				   .log_end = w->log_end,
				   .now_ms = w->now_ms};
	int err = leading_knows(&w->l, &f);

	return err ? err : leading_fetched(&w->l, w->image, &f);
}

static int fetch(struct world *w, int32_t id, int64_t offset)
{
	return fetch_as(w, id, 100 + id, offset);
}

static enum isr_verdict answered(struct world *w, int err, int32_t partition_epoch, struct image_ids isr)
{
	struct isr_answer a = {err, w->l.leader_epoch, partition_epoch, isr.v, isr.n, 0};

	return leading_answered(&w->l, w->l.serial, &a);
}

/* ---- the high watermark ---- */

static void test_the_high_watermark_is_what_all_in_sync_have(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 3}, 5, 7);
	assert_int_equal(high_watermark(w), -1); /* no follower has been heard */
	fetch(w, 2, 10);
	fetch(w, 3, 4);
	assert_int_equal(high_watermark(w), 4);
	fetch(w, 3, 9);
	assert_int_equal(high_watermark(w), 9);
}

static void test_below_min_insync_replicas_it_does_not_move(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 1}, 5, 7);
	w->min_isr = 2;
	assert_int_equal(high_watermark(w), -1);
	assert_false(leading_has_enough(&w->l, 2));
	assert_true(leading_has_enough(&w->l, 1));
	assert_int_equal(leading_min_isr(&w->l, 9), 3); /* at most the number of replicas */
}

static void test_it_waits_for_one_that_has_caught_up_and_may_come_in(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 1}, 5, 7);
	fetch(w, 2, 10);
	w->log_end = 12;
	assert_int_equal(high_watermark(w), 10);
	w->now_ms += LAG_MAX_MS + 1;
	assert_int_equal(high_watermark(w), 12);
}

static void test_a_fenced_one_that_has_caught_up_is_not_waited_for(void **state)
{
	static const struct broker_state_of fenced[] = {{1, 101, false, false}, {2, 102, true, false}};
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 1}, 5, 7);
	fetch(w, 2, 10);
	w->log_end = 12;
	brokers(w, fenced, 2);
	assert_int_equal(high_watermark(w), 12);
}

/* ---- coming in ---- */

static void test_a_follower_comes_in_when_it_has_what_is_committed_of_this_epoch(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 1}, 5, 7); /* the epoch starts at 10 */
	w->log_end = 12;
	w->high_watermark = 8;
	fetch(w, 2, 9);
	assert_false(expand(w, 2)); /* not of this epoch */
	fetch(w, 2, 10);
	assert_true(expand(w, 2));
	assert_int_equal(w->l.n_proposed, 2);
	assert_int_equal(leading_maximal_isr(&w->l), 2);
	assert_int_equal(high_watermark(w), 10); /* effective at once */
}

static void test_it_lacks_what_is_committed_and_stays_out(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 1}, 5, 7);
	w->log_end = 20;
	w->high_watermark = 15;
	fetch(w, 2, 14);
	assert_false(expand(w, 2));
}

static void test_who_is_fenced_leaving_or_of_another_life_stays_out(void **state)
{
	static const struct broker_state_of fenced[] = {{1, 101, false, false}, {2, 102, true, false}};
	static const struct broker_state_of leaving[] = {{1, 101, false, false}, {2, 102, false, true}};
	static const struct broker_state_of newer[] = {{1, 101, false, false}, {2, 200, false, false}};
	static const struct broker_state_of gone[] = {{1, 101, false, false}};
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 1}, 5, 7);
	fetch(w, 2, 10);
	brokers(w, fenced, 2);
	assert_false(expand(w, 2));
	brokers(w, leaving, 2);
	assert_false(expand(w, 2));
	brokers(w, newer, 2);
	assert_false(expand(w, 2));
	brokers(w, gone, 1);
	assert_false(expand(w, 2));
	assert_false(expand(w, 9)); /* not a replica */
}

static void test_a_fetch_of_an_earlier_life_moves_nothing(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 3}, 5, 7);
	fetch(w, 3, 10);
	assert_int_equal(fetch_as(w, 2, 50, 10), ERR_NOT_LEADER_OR_FOLLOWER);
	assert_int_equal(high_watermark(w), -1);
	assert_int_equal(fetch_as(w, 2, BROKER_EPOCH_UNTOLD, 10), 0);
	assert_int_equal(high_watermark(w), 10);
}

static void test_who_is_no_replica_is_told_so(void **state)
{
	struct world *w = *state;
	struct follower_fetch f = {.id = 9, .has_leader_epoch = true};

	follow(w, (struct image_ids){ALL, 3}, 5, 7);
	assert_int_equal(leading_knows(&w->l, &f), ERR_UNKNOWN_LEADER_EPOCH);
	f.has_leader_epoch = false;
	assert_int_equal(leading_knows(&w->l, &f), ERR_NOT_LEADER_OR_FOLLOWER);
}

/* ---- going out ---- */

static void test_who_is_behind_for_too_long_goes_out(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 3}, 5, 7);
	fetch(w, 2, 10);
	w->now_ms += LAG_MAX_MS;
	assert_false(shrink(w)); /* a new leader gives all followers the full time */
	w->now_ms++;
	assert_true(shrink(w)); /* 2 has everything, however long ago that was; 3 was never heard */
	assert_int_equal(w->l.n_proposed, 2);
	assert_int_equal(leading_proposed(&w->l, 0, OWN_EPOCH).id, 1);
	assert_int_equal(leading_proposed(&w->l, 0, OWN_EPOCH).broker_epoch, OWN_EPOCH);
	assert_int_equal(leading_proposed(&w->l, 1, OWN_EPOCH).id, 2);
	assert_int_equal(leading_proposed(&w->l, 1, OWN_EPOCH).broker_epoch, 102);
	assert_int_equal(high_watermark(w), -1); /* until the controller agrees, 3 counts */
	assert_int_equal(answered(w, 0, 8, (struct image_ids){ALL, 2}), ISR_MOVED);
	assert_int_equal(high_watermark(w), 10);
}

/*
 * It has just become leader: it has not heard any of the others, and need not hear itself
 * (apache/fluss#3927).
 */
static void test_a_leader_that_has_heard_of_nobody_stays_in_sync_itself(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 3}, 1, 1);
	assert_true(leading_is_in_sync(&w->l, 1));
	assert_true(leading_is_in_sync(&w->l, 3));
	w->now_ms += LAG_MAX_MS + 1;
	w->log_end++;
	assert_true(shrink(w));
	assert_int_equal(w->l.n_proposed, 1);
	assert_int_equal(leading_proposed(&w->l, 0, 101).id, 1);
	assert_true(leading_is_in_sync(&w->l, 3)); /* until the controller has said so */
	assert_int_equal(answered(w, 0, 2, (struct image_ids){ALL, 1}), ISR_MOVED);
	assert_false(leading_is_in_sync(&w->l, 3));
	assert_true(leading_is_in_sync(&w->l, 1));
}

static void test_one_that_is_never_quite_there_but_fetches_is_in_time(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 2}, 5, 7);
	for (int i = 0; i < 100; i++) { /* each fetch reaches what was there at the previous one */
		fetch(w, 2, w->log_end - 5);
		w->log_end += 5;
		w->now_ms += 1000;
		assert_false(shrink(w));
	}
	w->now_ms += LAG_MAX_MS + 1;
	assert_true(shrink(w));
}

/* It rests in a fetch session, where it waits for more. */
static void test_who_had_everything_until_now_and_was_heard_of_is_in_time(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 3}, 5, 7);
	fetch(w, 2, 10);
	fetch(w, 3, 10);
	w->now_ms += 100 * LAG_MAX_MS;
	assert_false(shrink(w));
	leading_heard(&w->l, 2, w->now_ms - 500);
	leading_heard(&w->l, 3, w->now_ms - LAG_MAX_MS - 1);
	w->log_end = 11;
	assert_true(shrink(w)); /* 3 is not */
	assert_int_equal(w->l.n_proposed, 2);
	assert_int_equal(leading_proposed(&w->l, 1, OWN_EPOCH).id, 2);
	w->now_ms += LAG_MAX_MS;
	leading_heard(&w->l, 2, 0); /* time does not go back */
	assert_int_equal(answered(w, 0, 8, (struct image_ids){ALL, 2}), ISR_MOVED);
	assert_true(shrink(w));
}

/* Else it would hold up the high watermark, without having been heard in this epoch. */
static void test_one_that_is_not_in_sync_or_was_never_heard_is_not_heard_at_rest(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 2}, 5, 7);
	leading_heard(&w->l, 3, w->now_ms);
	fetch(w, 2, 10);
	assert_int_equal(high_watermark(w), 10);
	leading_heard(&w->l, 9, w->now_ms); /* not a replica */
	w->now_ms += LAG_MAX_MS + 1;
	leading_fini(&w->l);
	follow(w, (struct image_ids){ALL, 2}, 7, 9);
	w->now_ms += LAG_MAX_MS + 1;
	leading_heard(&w->l, 2, w->now_ms);
	assert_true(shrink(w));
}

/* ---- proposals ---- */

static void test_there_is_one_proposal_at_a_time(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 1}, 5, 7);
	fetch(w, 2, 10);
	fetch(w, 3, 10);
	assert_true(expand(w, 2));
	assert_false(expand(w, 3));
	assert_int_equal(answered(w, 0, 8, (struct image_ids){ALL, 2}), ISR_MOVED);
	assert_true(expand(w, 3));
}

static void test_what_the_controller_refuses_is_taken_back_and_what_it_does_not_say_is_not(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 1}, 5, 7);
	fetch(w, 2, 10);
	expand(w, 2);
	assert_int_equal(answered(w, ERR_NOT_CONTROLLER, -1, (struct image_ids){NULL, 0}), ISR_AGAIN);
	assert_int_equal(answered(w, ERR_INVALID_UPDATE_VERSION, -1, (struct image_ids){NULL, 0}), ISR_LEFT);
	assert_int_equal(leading_maximal_isr(&w->l), 2);
	assert_int_equal(answered(w, ERR_INELIGIBLE_REPLICA, -1, (struct image_ids){NULL, 0}), ISR_REFUSED);
	assert_int_equal(leading_maximal_isr(&w->l), 1);
}

static void test_metadata_that_is_newer_settles_a_proposal_and_its_late_answer_is_nothing(void **state)
{
	struct world *w = *state;
	struct isr_answer late = {0, 5, 8, ALL, 2, 0};
	uint32_t serial;

	follow(w, (struct image_ids){ALL, 1}, 5, 7);
	fetch(w, 2, 10);
	expand(w, 2);
	serial = w->l.serial;
	assert_true(follow(w, (struct image_ids){ALL, 2}, 5, 8));
	assert_int_equal(w->l.proposal, ISR_COMMITTED);
	assert_int_equal(leading_answered(&w->l, serial, &late), ISR_LEFT);
	assert_false(follow(w, (struct image_ids){ALL, 1}, 5, 7)); /* older */
	assert_int_equal(w->l.n_isr, 2);
}

/*
 * The answer came before the metadata, and the next proposal is already under way: it may be
 * committed, so it counts.
 */
static void test_metadata_that_is_known_already_leaves_the_next_proposal_alone(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 1}, 5, 7);
	fetch(w, 2, 10);
	fetch(w, 3, 10);
	expand(w, 2);
	answered(w, 0, 8, (struct image_ids){ALL, 2});
	assert_true(expand(w, 3));
	follow(w, (struct image_ids){ALL, 2}, 5, 8);
	assert_int_equal(w->l.proposal, ISR_EXPANDS);
	assert_int_equal(leading_maximal_isr(&w->l), 3);
}

static void test_an_epoch_of_ours_that_follows_another_keeps_what_was_heard(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 3}, 5, 7);
	fetch(w, 2, 10);
	fetch(w, 3, 10);
	w->now_ms += LAG_MAX_MS + 1;
	w->log_end = 12;
	follow(w, (struct image_ids){ALL, 3}, 6, 8);
	assert_int_equal(w->l.epoch_start, 12);
	assert_int_equal(high_watermark(w), 10);
	assert_false(shrink(w)); /* all have the full time again */
}

static void test_an_epoch_of_ours_after_one_that_we_never_heard_of_forgets_what_was_heard(void **state)
{
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 3}, 5, 7);
	fetch(w, 2, 10);
	fetch(w, 3, 9);
	w->high_watermark = 9;
	/* Another replica led epoch 6, and 2 was truncated to 9. */
	follow(w, (struct image_ids){ALL, 3}, 7, 9);
	fetch(w, 3, 10);
	assert_int_equal(high_watermark(w), -1);
	fetch(w, 2, 9);
	assert_int_equal(high_watermark(w), 9);
	fetch(w, 2, 10);
	assert_int_equal(high_watermark(w), 10);
}

static void test_the_low_watermark_is_of_those_that_live(void **state)
{
	static const struct broker_state_of two[] = {
		{1, 101, false, false}, {2, 102, false, false}, {3, 103, true, false}};
	struct world *w = *state;

	follow(w, (struct image_ids){ALL, 3}, 5, 7);
	fetch(w, 2, 10);
	assert_int_equal(leading_low_watermark(&w->l, w->image, 6), -1);
	brokers(w, two, 3);
	assert_int_equal(leading_low_watermark(&w->l, w->image, 6), 0);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORY(test_the_high_watermark_is_what_all_in_sync_have),
		STORY(test_below_min_insync_replicas_it_does_not_move),
		STORY(test_it_waits_for_one_that_has_caught_up_and_may_come_in),
		STORY(test_a_fenced_one_that_has_caught_up_is_not_waited_for),
		STORY(test_a_follower_comes_in_when_it_has_what_is_committed_of_this_epoch),
		STORY(test_it_lacks_what_is_committed_and_stays_out),
		STORY(test_who_is_fenced_leaving_or_of_another_life_stays_out),
		STORY(test_a_fetch_of_an_earlier_life_moves_nothing),
		STORY(test_who_is_no_replica_is_told_so),
		STORY(test_who_is_behind_for_too_long_goes_out),
		STORY(test_a_leader_that_has_heard_of_nobody_stays_in_sync_itself),
		STORY(test_one_that_is_never_quite_there_but_fetches_is_in_time),
		STORY(test_who_had_everything_until_now_and_was_heard_of_is_in_time),
		STORY(test_one_that_is_not_in_sync_or_was_never_heard_is_not_heard_at_rest),
		STORY(test_there_is_one_proposal_at_a_time),
		STORY(test_what_the_controller_refuses_is_taken_back_and_what_it_does_not_say_is_not),
		STORY(test_metadata_that_is_newer_settles_a_proposal_and_its_late_answer_is_nothing),
		STORY(test_metadata_that_is_known_already_leaves_the_next_proposal_alone),
		STORY(test_an_epoch_of_ours_that_follows_another_keeps_what_was_heard),
		STORY(test_an_epoch_of_ours_after_one_that_we_never_heard_of_forgets_what_was_heard),
		STORY(test_the_low_watermark_is_of_those_that_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
