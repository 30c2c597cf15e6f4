/*
 * What a log knows of its producers: their last batches, their epochs and transactions, and the
 * snapshots that keep all this.
 */
#include "log/log.h"

#include "base/err.h"
#include "tests/log/fixture.h"

static struct fixture f;

static int set_up(void **state)
{
	fixture_init(&f);
	return 0;
}

static int tear_down(void **state)
{
	fixture_fini(&f);
	return 0;
}

static void duplicates_are_answered_with_their_first_offset(void **state)
{
	struct log_appended out;

	for (int i = 0; i < 7; i++)
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 2, .producer_id = 8, .sequence = 2 * i}, 0, &out), 0);
	for (int i = 2; i < 7; i++) {
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 2, .producer_id = 8, .sequence = 2 * i}, 0, &out), 0);
		assert_true(out.duplicate);
		assert_int_equal(out.base_offset, 2 * i);
	}
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 2, .producer_id = 8, .sequence = 2}, 0, &out),
			 ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 8, .sequence = 15}, 0, &out),
			 ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(log_offsets(f.log).end, 14);
}

static void sequences_go_on_after_a_restart_and_after_a_crash(void **state)
{
	struct log_appended out;

	for (int i = 0; i < 3; i++)
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 8, .sequence = i}, 0, &out), 0);
	for (int round = 0; round < 2; round++) {
		int32_t next = (int32_t)log_offsets(f.log).end;

		if (round == 0)
			fixture_restart(&f);
		else
			fixture_crash(&f);
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 8, .sequence = next - 1}, 0, &out),
			0);
		assert_true(out.duplicate);
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 8, .sequence = next + 1}, 0, &out),
			ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 8, .sequence = next}, 0, &out), 0);
		assert_false(out.duplicate);
	}
}

static void expect_duplicates(int first, int n)
{
	struct log_appended out;

	for (int i = first; i < first + n; i++) {
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 2, .producer_id = 8, .sequence = 2 * i}, 0, &out), 0);
		assert_true(out.duplicate);
		assert_int_equal(out.base_offset, 2 * i);
	}
	assert_int_equal(
		fixture_append(&f, (struct batch_of){.n = 2, .producer_id = 8, .sequence = 2 * first - 2}, 0, &out),
		ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
}

/*
 * A client whose answers were lost sends everything in flight again: only the snapshot of a stop,
 * or of a roll, tells.
 */
static void five_batches_are_known_after_a_restart_and_after_a_crash(void **state)
{
	f.config.segment_ms = 1000;
	for (int i = 0; i < 7; i++)
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 2, .producer_id = 8, .sequence = 2 * i}, 0, NULL), 0);
	fixture_restart(&f);
	expect_duplicates(2, 5);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 2, .timestamp = f.now_ms + 5000}, 0, NULL), 0);
	assert_int_equal(log_segments(f.log), 2);
	fixture_flush(&f);
	fixture_crash(&f);
	expect_duplicates(2, 5);
	log_expire_producers(f.log, f.now_ms + 86400000, 86400000);
	fixture_restart(&f);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 2, .producer_id = 8, .sequence = 77}, 0, NULL), 0);
}

static void epochs_of_producers_are_fenced(void **state)
{
	struct batch_of b = {.n = 1, .producer_id = 8, .epoch = 2};

	assert_int_equal(fixture_append(&f, b, 0, NULL), 0);
	b.epoch = 1;
	assert_int_equal(fixture_append(&f, b, 0, NULL), ERR_INVALID_PRODUCER_EPOCH);
	b.epoch = 3;
	b.sequence = 1;
	assert_int_equal(fixture_append(&f, b, 0, NULL), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	b.sequence = 0;
	assert_int_equal(fixture_append(&f, b, 0, NULL), 0);
	log_expire_producers(f.log, f.now_ms + 86400000, 86400000);
	b.sequence = 77; /* unknown again: anything is accepted */
	assert_int_equal(fixture_append(&f, b, 0, NULL), 0);
}

static void transactions_hold_the_stable_offset_and_aborted_ones_are_listed(void **state)
{
	struct aborted_txn *v;
	int n;

	fixture_append_n(&f, 2);
	assert_int_equal(
		fixture_append(&f, (struct batch_of){.n = 2, .producer_id = 8, .transactional = true}, 0, NULL), 0);
	assert_int_equal(
		fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 9, .transactional = true}, 0, NULL), 0);
	assert_int_equal(log_offsets(f.log).stable, 2);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 9, .sequence = 1}, 0, NULL),
			 ERR_INVALID_TXN_STATE);
	assert_int_equal(fixture_marker(&f, 8, 0, CONTROL_ABORT, 1), 0);
	assert_int_equal(log_offsets(f.log).stable, 2); /* the marker is above the high watermark */
	log_set_high_watermark(f.log, INT64_MAX);
	assert_int_equal(log_offsets(f.log).stable, 4);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(log_aborted(f.log, &(struct aborted_query){0, 6, &f.arena}, &v, &n, NULL), 0);
		assert_int_equal(n, 1);
		assert_int_equal(v[0].producer_id, 8);
		assert_int_equal(v[0].first_offset, 2);
		assert_int_equal(log_aborted(f.log, &(struct aborted_query){6, 100, &f.arena}, &v, &n, NULL), 0);
		assert_int_equal(n, 0);
		assert_int_equal(log_aborted(f.log, &(struct aborted_query){0, 2, &f.arena}, &v, &n, NULL), 0);
		assert_int_equal(n, 0);
		if (round == 0)
			fixture_restart(&f);
		else
			fixture_crash(&f);
		log_set_high_watermark(f.log, INT64_MAX);
		assert_int_equal(log_offsets(f.log).stable, 4);
	}
	assert_int_equal(fixture_marker(&f, 9, 0, CONTROL_COMMIT, 0), 0);
	assert_int_equal(fixture_marker(&f, 8, 0, CONTROL_COMMIT, 0), ERR_TRANSACTION_COORDINATOR_FENCED);
	log_set_high_watermark(f.log, INT64_MAX);
	assert_int_equal(log_offsets(f.log).stable, 7);
}

static void append_of(int64_t producer_id, int32_t sequence)
{
	struct batch_of b = {.n = 1, .producer_id = producer_id, .sequence = sequence, .transactional = true};

	assert_int_equal(fixture_append(&f, b, 0, NULL), 0);
}

/*
 * The state as it was: decided at 4, open from 2 on, with the high watermark between the two, where
 * other replicas consider 2 stable.
 */
static void check_unreplicated_until_passed(void)
{
	log_set_high_watermark(f.log, 4);
	assert_int_equal(log_offsets(f.log).stable, 2);
	log_set_high_watermark(f.log, 5);
	assert_int_equal(log_offsets(f.log).stable, 5);
}

/*
 * The snapshot of the stop does not mention it. The one of a roll in the middle of the transaction
 * has its beginning.
 */
static void what_is_decided_and_not_replicated_is_not_stable_after_a_clean_stop(void **state)
{
	for (int rolls = 0; rolls < 2; rolls++) {
		fixture_append_n(&f, 2);
		append_of(8, 0);
		f.unreplicated = true;
		f.config.segment_bytes = rolls ? 100 : 1 << 20;
		append_of(8, 1);
		assert_int_equal(fixture_marker(&f, 8, 0, rolls ? CONTROL_ABORT : CONTROL_COMMIT, 1), 0);
		append_of(8, 2);
		fixture_restart(&f);
		assert_int_equal(log_offsets(f.log).high_watermark, 3);
		assert_int_equal(log_offsets(f.log).stable, 2);
		check_unreplicated_until_passed();
		assert_int_equal(log_producer_count(f.log), 1);
		log_set_high_watermark(f.log, INT64_MAX);
		assert_int_equal(log_offsets(f.log).stable, 5); /* the next one is open */
		append_of(8, 3);				/* and its records are known */
		fixture_fini(&f);
		fixture_init(&f);
	}
}

static void what_is_decided_and_not_replicated_is_not_stable_after_a_cut(void **state)
{
	fixture_append_n(&f, 2);
	append_of(8, 0);
	f.unreplicated = true;
	append_of(8, 1);
	assert_int_equal(fixture_marker(&f, 8, 0, CONTROL_COMMIT, 1), 0);
	f.config.segment_bytes = 100;
	fixture_append_n(&f, 2); /* the roll writes a snapshot, at 5 */
	assert_int_equal(log_truncate_to(f.log, 6), 0);
	check_unreplicated_until_passed();
}

/* A power cut has taken an entry and left its place. In a segment that begins at 0, zeros look like an entry. */
static void zeros_in_the_index_are_no_aborted_transaction(void **state)
{
	static const uint8_t ZEROS[34] = {0};
	struct aborted_txn *v;
	int n;

	append_of(8, 0);
	fixture_restart(&f); /* the snapshot is at 1: the index is cut there */
	fixture_spill(&f, "00000000000000000000.txnindex", ZEROS, sizeof(ZEROS));
	fixture_crash(&f);
	assert_int_equal(log_aborted(f.log, &(struct aborted_query){0, 1, &f.arena}, &v, &n, NULL), 0);
	assert_int_equal(n, 0);
}

/*
 * The absence of a snapshot means that there are no producers. Once there is one, or a producer,
 * each stop writes another.
 */
static void a_small_log_without_producers_has_no_snapshot_after_a_stop(void **state)
{
	fixture_append_n(&f, 3);
	fixture_restart(&f);
	assert_false(fixture_exists(&f, "00000000000000000003.snapshot"));
	assert_int_equal(log_producer_count(f.log), 0);
	assert_true(log_is_closed(f.log));
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 8}, 0, NULL), 0);
	assert_false(log_is_closed(f.log));
	fixture_restart(&f);
	assert_true(fixture_exists(&f, "00000000000000000004.snapshot"));
	assert_int_equal(log_producer_count(f.log), 1);
	log_expire_producers(f.log, f.now_ms + 86400000, 86400000);
	fixture_append_n(&f, 1);
	fixture_restart(&f);
	assert_true(fixture_exists(&f, "00000000000000000005.snapshot"));
	assert_int_equal(log_producer_count(f.log), 0);
}

static void a_large_log_has_a_snapshot_after_a_stop(void **state)
{
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .value_len = 200000}, 0, NULL), 0);
	fixture_restart(&f);
	assert_true(fixture_exists(&f, "00000000000000000001.snapshot"));
}

/* Kafka's ProducerStateManager.removeStraySnapshots. */
static void snapshots_of_earlier_stops_go_at_the_next_start(void **state)
{
	f.config.segment_ms = 1000;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 8, .sequence = i}, 0, NULL), 0);
		fixture_restart(&f);
	}
	assert_false(fixture_exists(&f, "00000000000000000001.snapshot"));
	assert_false(fixture_exists(&f, "00000000000000000002.snapshot"));
	assert_true(fixture_exists(&f, "00000000000000000003.snapshot"));
	assert_int_equal(
		fixture_append(&f,
			       (struct batch_of){.n = 1, .producer_id = 8, .sequence = 3, .timestamp = f.now_ms + 5000},
			       0, NULL),
		0);
	assert_int_equal(log_segments(f.log), 2);
	fixture_restart(&f);
	assert_true(fixture_exists(&f, "00000000000000000003.snapshot")); /* a segment begins there */
	assert_true(fixture_exists(&f, "00000000000000000004.snapshot"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(duplicates_are_answered_with_their_first_offset),
		TEST(sequences_go_on_after_a_restart_and_after_a_crash),
		TEST(five_batches_are_known_after_a_restart_and_after_a_crash),
		TEST(epochs_of_producers_are_fenced),
		TEST(transactions_hold_the_stable_offset_and_aborted_ones_are_listed),
		TEST(what_is_decided_and_not_replicated_is_not_stable_after_a_clean_stop),
		TEST(what_is_decided_and_not_replicated_is_not_stable_after_a_cut),
		TEST(zeros_in_the_index_are_no_aborted_transaction),
		TEST(a_small_log_without_producers_has_no_snapshot_after_a_stop),
		TEST(a_large_log_has_a_snapshot_after_a_stop),
		TEST(snapshots_of_earlier_stops_go_at_the_next_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
