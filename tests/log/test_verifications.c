/*
 * What KIP-890 requires of a log: no records of a transaction without the coordinator's
 * confirmation, no marker that ends the wrong one.
 */
#include "tests/base/cm.h"
#include "tests/log/fixture.h"

#include "base/err.h"
#include "log/verifications.h"

static struct fixture f;

static int set_up(void **state)
{
	(void)state;
	fixture_init(&f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_fini(&f);
	return 0;
}

#define PRODUCER 9

/* Readers look for the next one at its first offset (KIP-98); in the index they are in the order of their ends. */
static void aborted_transactions_are_listed_by_their_first_offsets(void **state)
{
	static const int64_t producers[] = {7, 8, 9};
	struct aborted_txn *v;
	int n;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct batch_of b = {.n = 1, .producer_id = producers[i], .transactional = true};

		assert_int_equal(fixture_append(&f, b, 0, NULL), 0);
	}
	for (int i = 2; i >= 0; i--) /* the last to begin is the first to end */
		assert_int_equal(fixture_marker(&f, producers[i], 0, CONTROL_ABORT, 1), 0);
	assert_int_equal(log_aborted(f.log, &(struct aborted_query){0, 6, &f.arena}, &v, &n, NULL), 0);
	assert_int_equal(n, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(v[i].producer_id, producers[i]);
		assert_int_equal(v[i].first_offset, i);
	}
}

static uint64_t ask(int16_t epoch, int32_t sequence, bool bumps)
{
	struct verification_question q = {PRODUCER, epoch, sequence, bumps};
	uint64_t guard;

	assert_int_equal(log_verify(f.log, &q, f.now_ms, &guard), 0);
	return guard;
}

static int write(int16_t epoch, int32_t sequence, uint64_t guard)
{
	struct batch_of b = {.n = 1,
			     .producer_id = PRODUCER,
			     .epoch = epoch,
			     .sequence = sequence,
			     .transactional = true,
			     .transaction = {.must_be_verified = true, .guard = guard}};

	return fixture_append(&f, b, 0, NULL);
}

static void what_the_coordinator_was_not_asked_about_stays_out(void **state)
{
	uint64_t guard;

	(void)state;
	assert_int_equal(write(0, 0, 0), ERR_INVALID_TXN_STATE);
	guard = ask(0, 0, false);
	assert_int_not_equal(guard, 0);
	assert_int_equal(write(0, 0, 0), ERR_INVALID_TXN_STATE);
	assert_int_equal(write(0, 0, guard + 1), ERR_INVALID_TXN_STATE);
	assert_int_equal(write(0, 0, guard), 0);
	assert_int_equal(ask(0, 1, false), 0);
	assert_int_equal(write(0, 1, 0), 0);
	fixture_marker(&f, PRODUCER, 0, CONTROL_COMMIT, 0);
	assert_int_equal(write(0, 2, 0), ERR_INVALID_TXN_STATE);
}

static void an_answer_that_is_late_does_not_begin_another_transaction(void **state)
{
	uint64_t guard = ask(0, 0, false), other;

	(void)state;
	fixture_marker(&f, PRODUCER, 0, CONTROL_ABORT, 0);
	assert_int_equal(write(0, 0, guard), ERR_INVALID_TXN_STATE);
	other = ask(0, 0, false);
	assert_int_not_equal(other, guard);
	assert_int_equal(write(0, 0, guard), ERR_INVALID_TXN_STATE);
	assert_int_equal(write(0, 0, other), 0);
}

static void a_late_marker_of_version_2_does_not_end_the_next_question(void **state)
{
	uint64_t guard;

	(void)state;
	assert_int_equal(write(0, 0, ask(0, 0, true)), 0);
	assert_int_equal(fixture_marker_of(&f, PRODUCER, 1, 0, 2), 0);
	guard = ask(1, 0, true);
	assert_int_equal(fixture_marker_of(&f, PRODUCER, 1, 0, 2), 0); /* sent a second time */
	assert_int_equal(write(1, 0, guard), 0);
	assert_int_equal(fixture_marker_of(&f, PRODUCER, 1, 0, 2), ERR_INVALID_PRODUCER_EPOCH);
	assert_int_equal(fixture_marker_of(&f, PRODUCER, 0, 0, 2), ERR_INVALID_PRODUCER_EPOCH);
	assert_int_equal(fixture_marker_of(&f, PRODUCER, 2, 0, 2), 0);
}

static void a_marker_of_version_0_ends_its_own_epoch(void **state)
{
	(void)state;
	assert_int_equal(write(3, 0, ask(3, 0, false)), 0);
	assert_int_equal(fixture_marker_of(&f, PRODUCER, 2, 0, 0), ERR_INVALID_PRODUCER_EPOCH);
	assert_int_equal(fixture_marker_of(&f, PRODUCER, 3, 5, 0), 0);
	assert_int_equal(fixture_marker_of(&f, PRODUCER, 3, 4, 0), ERR_TRANSACTION_COORDINATOR_FENCED);
}

static void who_is_fenced_is_told_so_before_anything_else(void **state)
{
	struct verification_question q = {PRODUCER, 1, 0, true};
	uint64_t guard;

	(void)state;
	assert_int_equal(write(2, 0, ask(2, 0, true)), 0);
	assert_int_equal(log_verify(f.log, &q, f.now_ms, &guard), ERR_INVALID_PRODUCER_EPOCH);
	assert_int_equal(write(1, 0, 0), ERR_INVALID_PRODUCER_EPOCH);
}

static void a_sequence_waits_for_the_lowest_that_was_asked_for(void **state)
{
	uint64_t guard;

	(void)state;
	assert_int_equal(write(0, 0, ask(0, 0, false)), 0);
	fixture_marker(&f, PRODUCER, 0, CONTROL_COMMIT, 0);
	guard = ask(0, 2, false);
	assert_int_equal(ask(0, 1, false), guard);
	assert_int_equal(write(0, 2, guard), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(write(0, 1, guard), 0);
	assert_int_equal(write(0, 2, guard), 0);
}

static void a_producer_of_version_2_begins_with_sequence_0(void **state)
{
	(void)state;
	assert_int_equal(write(0, 4, ask(0, 4, true)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(write(0, 0, ask(0, 0, true)), 0);
}

static void questions_that_nobody_comes_back_to_are_forgotten(void **state)
{
	uint64_t guard = ask(0, 0, false);

	(void)state;
	f.now_ms += 1000;
	log_expire_producers(f.log, f.now_ms, 1000);
	assert_int_equal(write(0, 0, guard), ERR_INVALID_TXN_STATE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(aborted_transactions_are_listed_by_their_first_offsets),
		TEST(what_the_coordinator_was_not_asked_about_stays_out),
		TEST(an_answer_that_is_late_does_not_begin_another_transaction),
		TEST(a_late_marker_of_version_2_does_not_end_the_next_question),
		TEST(a_marker_of_version_0_ends_its_own_epoch),
		TEST(who_is_fenced_is_told_so_before_anything_else),
		TEST(a_sequence_waits_for_the_lowest_that_was_asked_for),
		TEST(a_producer_of_version_2_begins_with_sequence_0),
		TEST(questions_that_nobody_comes_back_to_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
