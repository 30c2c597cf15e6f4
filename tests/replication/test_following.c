/* following: a follower whose log ends at 20, in epoch 3, with 15 committed. */
#include "tests/base/cm.h"

#include "base/err.h"
#include "replication/following.h"

static const struct following_view LOG = {
	.end = 20, .high_watermark = 15, .last_epoch = 3, .now_ms = 1000, .backoff_ms = 500};

static struct following of_leader_2(void)
{
	struct following f;

	following_init(&f);
	following_follow(&f, 2, 4, &LOG);
	return f;
}

static struct following_answer answer(void)
{
	return (struct following_answer){.asked_epoch = 4, .asked_offset = 20, .diverging_epoch = -1, .own_epoch = -1};
}

#define assert_step(step, what, where)                                                                                 \
	do {                                                                                                           \
		struct following_step s_ = (step);                                                                     \
		assert_int_equal(s_.act, what);                                                                        \
		assert_int_equal(s_.offset, where);                                                                    \
	} while (0)

static void test_it_fetches_at_its_end_from_who_leads(void **state)
{
	struct following f;

	(void)state;
	following_init(&f);
	assert_false(following_is_due(&f, FOLLOWING, 1000));
	assert_step(following_follow(&f, 2, 4, &LOG), FOLLOW_NOTHING, -1);
	assert_true(following_is_due(&f, FOLLOWING, 1000));
	assert_step(following_answered(
			    &f, &(struct following_answer){.asked_epoch = 4, .asked_offset = 20, .diverging_epoch = -1},
			    &LOG),
		    FOLLOW_APPEND, 20);
}

static void test_a_log_without_epochs_is_cut_to_what_is_committed(void **state)
{
	struct following_view old = LOG;
	struct following f;

	(void)state;
	old.last_epoch = -1;
	following_init(&f);
	assert_step(following_follow(&f, 2, 4, &old), FOLLOW_CUT, 15);
	assert_step(following_follow(&f, 2, 4, &old), FOLLOW_NOTHING, -1); /* only once */
}

static void test_an_older_epoch_changes_nothing(void **state)
{
	struct following f = of_leader_2();

	(void)state;
	following_follow(&f, 3, 3, &LOG);
	assert_int_equal(f.leader, 2);
	following_follow(&f, -1, 5, &LOG);
	assert_false(following_is_due(&f, FOLLOWING, 1000));
}

static void test_answers_to_what_it_does_not_ask_any_more_are_nothing(void **state)
{
	struct following f = of_leader_2();
	struct following_answer a = answer();

	(void)state;
	a.asked_epoch = 3;
	assert_step(following_answered(&f, &a, &LOG), FOLLOW_NOTHING, -1);
	a = answer();
	a.asked_offset = 19;
	assert_step(following_answered(&f, &a, &LOG), FOLLOW_NOTHING, -1);
}

static void test_where_the_logs_part_ours_is_cut(void **state)
{
	struct following f = of_leader_2();
	struct following_answer a = answer();

	(void)state;
	a.diverging_epoch = 3;
	a.diverging_end = 18;
	a.own_epoch = 3;
	a.own_end = 20;
	assert_step(following_answered(&f, &a, &LOG), FOLLOW_CUT, 18);
	a.own_end = 17; /* the leader has more of that epoch */
	assert_step(following_answered(&f, &a, &LOG), FOLLOW_CUT, 17);
	a.own_epoch = 1; /* we do not have that epoch: the one below it is compared next */
	a.own_end = 9;
	assert_step(following_answered(&f, &a, &LOG), FOLLOW_CUT, 9);
	a.own_epoch = -1; /* nor any below it */
	assert_step(following_answered(&f, &a, &LOG), FOLLOW_CUT, 18);
	a.diverging_end = 99; /* never beyond our own end */
	assert_step(following_answered(&f, &a, &LOG), FOLLOW_CUT, 20);
}

static void test_out_of_range_it_looks_for_the_leaders_log(void **state)
{
	struct following f = of_leader_2();
	struct following_answer a = answer();

	(void)state;
	a.err = ERR_OFFSET_OUT_OF_RANGE;
	assert_step(following_answered(&f, &a, &LOG), FOLLOW_NOTHING, -1);
	assert_false(following_is_due(&f, FOLLOWING, 1000));
	assert_true(following_is_due(&f, FOLLOWING_LOST, 1000));
	assert_step(following_found(&f, 4, ERR_NOT_LEADER_OR_FOLLOWER, -1, &LOG), FOLLOW_NOTHING, -1);
	assert_false(following_is_due(&f, FOLLOWING_LOST, 1004));
	assert_true(following_is_due(&f, FOLLOWING_LOST, 1005));
	assert_step(following_found(&f, 4, ERR_KAFKA_STORAGE_ERROR, -1, &LOG), FOLLOW_NOTHING, -1);
	assert_false(following_is_due(&f, FOLLOWING_LOST, 1499));
	assert_step(following_found(&f, 4, 0, 12, &LOG), FOLLOW_NOTHING, -1); /* the end; then the start */
	assert_step(following_found(&f, 4, 0, 0, &LOG), FOLLOW_CUT, 12);
	assert_true(following_is_due(&f, FOLLOWING, 1500));
}

static void test_behind_the_leaders_start_it_begins_anew(void **state)
{
	struct following f = of_leader_2();
	struct following_answer a = answer();

	(void)state;
	a.err = ERR_OFFSET_OUT_OF_RANGE;
	following_answered(&f, &a, &LOG);
	assert_step(following_found(&f, 3, 0, 50, &LOG), FOLLOW_NOTHING, -1); /* asked in another epoch */
	assert_step(following_found(&f, 4, 0, 50, &LOG), FOLLOW_NOTHING, -1);
	assert_step(following_found(&f, 4, 0, 40, &LOG), FOLLOW_RESTART, 40);
}

/* What an earlier leader's log ended at says nothing about the next one's. */
static void test_another_leaders_end_is_asked_anew(void **state)
{
	struct following f = of_leader_2();
	struct following_answer a = answer();

	(void)state;
	a.err = ERR_OFFSET_OUT_OF_RANGE;
	following_answered(&f, &a, &LOG);
	assert_step(following_found(&f, 4, 0, 12, &LOG), FOLLOW_NOTHING, -1);
	assert_int_equal(f.leader_end, 12);
	following_follow(&f, 3, 5, &LOG);
	a.asked_epoch = 5;
	following_answered(&f, &a, &LOG);
	assert_int_equal(f.leader_end, -1);
	assert_step(following_found(&f, 5, 0, 50, &LOG), FOLLOW_NOTHING, -1);
	assert_step(following_found(&f, 5, 0, 40, &LOG), FOLLOW_RESTART, 40);
}

static void test_offsets_below_zero_are_not_believed(void **state)
{
	struct following f = of_leader_2();
	struct following_answer a = answer();

	(void)state;
	a.diverging_epoch = a.own_epoch = 3;
	a.diverging_end = -1;
	a.own_end = 20;
	assert_step(following_answered(&f, &a, &LOG), FOLLOW_NOTHING, -1);
	assert_false(following_is_due(&f, FOLLOWING, 1499)); /* nor asked again at once */
	a = answer();
	a.err = ERR_OFFSET_OUT_OF_RANGE;
	following_answered(&f, &a, &LOG);
	assert_step(following_found(&f, 4, 0, -1, &LOG), FOLLOW_NOTHING, -1);
	assert_false(following_is_due(&f, FOLLOWING_LOST, 1499));
	assert_step(following_found(&f, 4, 0, 12, &LOG), FOLLOW_NOTHING, -1);
	assert_step(following_found(&f, 4, 0, -7, &LOG), FOLLOW_NOTHING, -1);
	assert_int_equal(f.state, FOLLOWING_LOST);
	assert_int_equal(f.leader_end, -1);
}

static void test_a_start_at_its_end_needs_nothing(void **state)
{
	struct following f = of_leader_2();
	struct following_answer a = answer();

	(void)state;
	a.err = ERR_OFFSET_OUT_OF_RANGE;
	following_answered(&f, &a, &LOG);
	assert_step(following_found(&f, 4, 0, 50, &LOG), FOLLOW_NOTHING, -1);
	assert_step(following_found(&f, 4, 0, 20, &LOG), FOLLOW_NOTHING, -1);
	assert_true(following_is_due(&f, FOLLOWING, 1000));
}

static void test_a_fenced_one_waits_for_the_metadata(void **state)
{
	struct following f = of_leader_2();
	struct following_answer a = answer();

	(void)state;
	a.err = ERR_FENCED_LEADER_EPOCH;
	following_answered(&f, &a, &LOG);
	assert_int_equal(f.state, FOLLOWING_FAILED);
	following_follow(&f, 3, 5, &LOG);
	assert_int_equal(f.state, FOLLOWING);
}

static void test_other_errors_are_tried_again_later(void **state)
{
	static const int errors[] = {ERR_KAFKA_STORAGE_ERROR, ERR_UNKNOWN_SERVER_ERROR, ERR_INCONSISTENT_TOPIC_ID};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct following f = of_leader_2();
		struct following_answer a = answer();

		a.err = errors[i];
		assert_step(following_answered(&f, &a, &LOG), FOLLOW_NOTHING, -1);
		assert_false(following_is_due(&f, FOLLOWING, 1499));
		assert_true(following_is_due(&f, FOLLOWING, 1500));
	}
}

static void test_who_does_not_know_yet_that_it_leads_is_asked_again_soon_then_later(void **state)
{
	static const int errors[] = {ERR_UNKNOWN_LEADER_EPOCH, ERR_NOT_LEADER_OR_FOLLOWER,
				     ERR_UNKNOWN_TOPIC_OR_PARTITION, ERR_UNKNOWN_TOPIC_ID};
	static const int64_t pauses_ms[] = {5, 10, 20, 40, 80, 160, 320, 500, 500};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct following f = of_leader_2();
		struct following_answer a = answer();

		for (size_t k = 0; k < sizeof(pauses_ms) / sizeof(pauses_ms[0]); k++) {
			a.err = errors[i];
			assert_step(following_answered(&f, &a, &LOG), FOLLOW_NOTHING, -1);
			assert_false(following_is_due(&f, FOLLOWING, 1000 + pauses_ms[k] - 1));
			assert_true(following_is_due(&f, FOLLOWING, 1000 + pauses_ms[k]));
		}
		a.err = 0;
		assert_step(following_answered(&f, &a, &LOG), FOLLOW_APPEND, 20);
		a.err = errors[i];
		following_answered(&f, &a, &LOG);
		assert_true(following_is_due(&f, FOLLOWING, 1005));
	}
}

static void test_a_disk_that_fails_ends_it_and_bad_bytes_do_not(void **state)
{
	struct following f = of_leader_2();

	(void)state;
	following_stumbled(&f, false, &LOG);
	assert_true(following_is_due(&f, FOLLOWING, 1500));
	following_unheard(&f, &LOG);
	assert_true(following_is_due(&f, FOLLOWING, 1500));
	following_stumbled(&f, true, &LOG);
	assert_int_equal(f.state, FOLLOWING_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_fetches_at_its_end_from_who_leads),
		cmocka_unit_test(test_a_log_without_epochs_is_cut_to_what_is_committed),
		cmocka_unit_test(test_an_older_epoch_changes_nothing),
		cmocka_unit_test(test_answers_to_what_it_does_not_ask_any_more_are_nothing),
		cmocka_unit_test(test_where_the_logs_part_ours_is_cut),
		cmocka_unit_test(test_out_of_range_it_looks_for_the_leaders_log),
		cmocka_unit_test(test_behind_the_leaders_start_it_begins_anew),
		cmocka_unit_test(test_another_leaders_end_is_asked_anew),
		cmocka_unit_test(test_offsets_below_zero_are_not_believed),
		cmocka_unit_test(test_a_start_at_its_end_needs_nothing),
		cmocka_unit_test(test_a_fenced_one_waits_for_the_metadata),
		cmocka_unit_test(test_other_errors_are_tried_again_later),
		cmocka_unit_test(test_who_does_not_know_yet_that_it_leads_is_asked_again_soon_then_later),
		cmocka_unit_test(test_a_disk_that_fails_ends_it_and_bad_bytes_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
