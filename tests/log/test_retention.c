/*
 * What leaves a log at its start while transactions are open there, while it is not replicated, and
 * when a directory needs room: as in Kafka's UnifiedLog and ProducerStateManager, except that a
 * transaction whose records are all gone is not forgotten by a restart.
 */
#include "log/log.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "tests/log/fixture.h"

enum { PID = 8, OTHER = 9 };

static struct fixture f;

static int set_up(void **state)
{
	(void)state;
	fixture_init(&f);
	f.config.segment_bytes = 4000;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_fini(&f);
	return 0;
}

/* Until nothing more is deleted. */
static void retain(int64_t now_ms, int64_t upto)
{
	struct log_deletion *d;

	do {
		assert_int_equal(log_retain_beyond(f.log, now_ms, upto, &d), 0);
		if (d) {
			assert_int_equal(log_deletion_finish(d), 0);
			log_deletion_free(d);
		}
	} while (d);
}

static void append(int64_t producer_id, int32_t sequence)
{
	struct batch_of b = {.n = 1, .producer_id = producer_id, .sequence = sequence, .transactional = true};

	assert_int_equal(fixture_append(&f, b, 0, NULL), 0);
}

static void is_open_from_the_start(void)
{
	struct log_offsets o;

	log_set_high_watermark(f.log, INT64_MAX);
	o = log_offsets(f.log);
	assert_true(o.start > 1);
	assert_int_equal(o.stable, o.start);
	assert_int_equal(o.high_watermark, o.end);
}

/* Ends it: readers are not told of records that are gone, and the stable offset moves to the end. */
static void ends_aborted(int64_t producer_id)
{
	struct aborted_txn *v;
	struct log_offsets o;
	int n;

	assert_int_equal(fixture_marker(&f, producer_id, 0, CONTROL_ABORT, 1), 0);
	log_set_high_watermark(f.log, INT64_MAX);
	o = log_offsets(f.log);
	assert_int_equal(o.stable, o.end);
	assert_int_equal(log_aborted(f.log, &(struct aborted_query){o.start, o.end, &f.arena}, &v, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(v[0].producer_id, producer_id);
	assert_int_equal(v[0].first_offset, 1);
}

static void a_transaction_whose_records_retention_takes_stays_open(void **state)
{
	int32_t sequence = 0;

	(void)state;
	f.config.retention_bytes = 8000;
	fixture_append_n(&f, 1);
	append(PID, sequence++);
	fixture_append_n(&f, 300);
	retain(f.now_ms, -1);
	is_open_from_the_start();
	assert_true(log_size(f.log) < 12000);
	for (int round = 0; round < 3; round++) {
		if (round == 1)
			fixture_restart(&f);
		if (round == 2)
			fixture_crash(&f);
		is_open_from_the_start();
		append(PID, sequence++);
	}
	ends_aborted(PID);
}

static void records_are_deleted_into_an_open_transaction(void **state)
{
	int32_t sequence = 0;
	bool moved;

	(void)state;
	fixture_append_n(&f, 1);
	for (int i = 0; i < 4; i++)
		append(PID, sequence++);
	assert_int_equal(log_set_start(f.log, 3, &moved), 0);
	assert_true(moved);
	for (int round = 0; round < 3; round++) {
		if (round == 1)
			fixture_restart(&f);
		if (round == 2)
			fixture_crash(&f);
		is_open_from_the_start();
		assert_int_equal(log_offsets(f.log).start, 3);
		append(PID, sequence++);
	}
	ends_aborted(PID);
}

/* What is decided but not replicated is no longer undecided once its marker is below the start. */
static void a_start_behind_a_marker_leaves_nothing_undecided(void **state)
{
	bool moved;

	(void)state;
	append(PID, 0);
	append(OTHER, 0);
	assert_int_equal(fixture_marker(&f, PID, 0, CONTROL_COMMIT, 0), 0);
	log_set_high_watermark(f.log, 3);
	assert_int_equal(log_set_start(f.log, 3, &moved), 0);
	assert_int_equal(log_offsets(f.log).stable, 3);
	assert_int_equal(fixture_marker(&f, OTHER, 0, CONTROL_COMMIT, 0), 0);
	log_set_high_watermark(f.log, INT64_MAX);
	assert_int_equal(log_offsets(f.log).stable, 4);
}

/* Neither after a minute nor after a day: a producer is known while its transaction is open. */
static void a_producer_with_an_open_transaction_does_not_expire(void **state)
{
	(void)state;
	append(PID, 0);
	append(OTHER, 0);
	assert_int_equal(fixture_marker(&f, OTHER, 0, CONTROL_COMMIT, 0), 0);
	assert_int_equal(log_producer_count(f.log), 2);
	log_expire_producers(f.log, f.now_ms + 86400001, 86400000);
	assert_int_equal(log_producer_count(f.log), 1);
	log_set_high_watermark(f.log, INT64_MAX);
	assert_int_equal(log_offsets(f.log).stable, 0);
	assert_int_equal(
		fixture_append(&f, (struct batch_of){.n = 1, .producer_id = PID, .sequence = 5, .transactional = true},
			       0, NULL),
		ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	append(PID, 1);
	assert_int_equal(fixture_marker(&f, PID, 0, CONTROL_COMMIT, 0), 0);
	log_expire_producers(f.log, f.now_ms + 86400001, 86400000);
	assert_int_equal(log_producer_count(f.log), 0);
}

static void all_taken_at_once_begins_anew_without_transactions(void **state)
{
	struct log_offsets o;

	(void)state;
	append(PID, 0);
	assert_int_equal(log_truncate_fully_at(f.log, 50), 0);
	o = log_offsets(f.log);
	assert_int_equal(o.start, 50);
	assert_int_equal(o.stable, 50);
	assert_int_equal(log_producer_count(f.log), 0);
	append(PID, 7); /* unknown: anything is accepted */
	assert_int_equal(log_offsets(f.log).stable, 50);
}

/* ---- what may not go ---- */

/* It is not reported as replicated. */
static void append_unreplicated(void)
{
	struct batch_of what = {.n = 1};
	struct log_appended out;
	struct batch_info info;
	struct buf b = {0};

	fixture_build(&b, &what, f.now_ms);
	assert_int_equal(fixture_check(&f, &b, &info), 0);
	assert_int_equal(log_append(f.log, b.p, &info, 0, f.now_ms, &out), 0);
	buf_fini(&b);
}

static void what_is_not_replicated_stays(void **state)
{
	struct log_front front;
	int64_t end;

	(void)state;
	f.config.retention_ms = 1;
	fixture_append_n(&f, 100);
	for (int i = 0; i < 200; i++)
		append_unreplicated();
	end = log_offsets(f.log).end;
	assert_int_equal(log_offsets(f.log).high_watermark, 100);
	retain(f.now_ms + 10000, INT64_MAX);
	assert_true(log_offsets(f.log).start > 0 && log_offsets(f.log).start <= 100);
	assert_int_equal(log_front(f.log, 0, &front), -ENOENT);
	log_set_high_watermark(f.log, INT64_MAX);
	retain(f.now_ms + 10000, -1);
	assert_int_equal(log_offsets(f.log).start, end);
}

static void an_empty_active_segment_stays_as_it_is(void **state)
{
	int64_t start;

	(void)state;
	f.config.retention_ms = 1;
	fixture_append_n(&f, 3);
	retain(f.now_ms + 10000, -1);
	start = log_offsets(f.log).start;
	assert_int_equal(start, 3);
	assert_int_equal(log_segments(f.log), 1);
	assert_true(fixture_exists(&f, "00000000000000000003.log"));
	retain(f.now_ms + 100000, INT64_MAX);
	assert_int_equal(log_segments(f.log), 1);
	assert_true(fixture_exists(&f, "00000000000000000003.log"));
	assert_false(fixture_exists(&f, "00000000000000000003.log.deleted"));
	fixture_restart(&f);
	assert_int_equal(log_offsets(f.log).start, 3);
	retain(f.now_ms + 100000, -1);
	fixture_append_n(&f, 1);
	assert_int_equal(log_offsets(f.log).end, 4);
	fixture_check_whole(&f);
}

static void settings_count_from_when_they_are_told(void **state)
{
	struct topic_config other;

	(void)state;
	f.config.retention_ms = -1;
	fixture_append_n(&f, 300);
	retain(f.now_ms + 10000, -1);
	assert_int_equal(log_offsets(f.log).start, 0);
	other = f.config;
	other.retention_bytes = 4000;
	log_configure(f.log, &other);
	retain(f.now_ms, -1);
	assert_true(log_size(f.log) >= 4000 && log_size(f.log) < 8000);
	other.retention_ms = 1;
	log_configure(f.log, &other);
	retain(f.now_ms + 2, -1);
	assert_int_equal(log_offsets(f.log).start, log_offsets(f.log).end);
	log_configure(f.log, &f.config);
}

/* ---- a directory that has to be lighter ---- */

static void fronts_are_told_oldest_first_and_go_when_they_are_let_go(void **state)
{
	struct log_front front, last = {0};
	int n = 0;

	(void)state;
	f.config.retention_ms = -1;
	for (int i = 0; i < 300; i++)
		assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .timestamp = 1000 + i}, 0, NULL), 0);
	log_set_high_watermark(f.log, INT64_MAX);
	for (; log_front(f.log, n, &front) == 0; n++) {
		assert_true(front.end > last.end);
		assert_int_equal(front.newest_ms, 1000 + front.end - 1);
		assert_true(front.bytes > 3000 && front.bytes <= 4000);
		last = front;
	}
	assert_int_equal(n, log_segments(f.log) - 1); /* except the active one */
	assert_int_equal(log_front(f.log, 0, &front), 0);
	retain(f.now_ms, front.end);
	assert_int_equal(log_segments(f.log), n);
	assert_int_equal(log_offsets(f.log).start, front.end);
	fixture_check_whole(&f);
}

static void a_policy_that_does_not_delete_has_no_front(void **state)
{
	struct log_front front;

	(void)state;
	f.config.cleanup_delete = false;
	fixture_append_n(&f, 300);
	assert_int_equal(log_front(f.log, 0, &front), -ENOENT);
	retain(f.now_ms, INT64_MAX);
	assert_int_equal(log_offsets(f.log).start, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_transaction_whose_records_retention_takes_stays_open, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(records_are_deleted_into_an_open_transaction, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_start_behind_a_marker_leaves_nothing_undecided, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_producer_with_an_open_transaction_does_not_expire, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_taken_at_once_begins_anew_without_transactions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_replicated_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_empty_active_segment_stays_as_it_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(settings_count_from_when_they_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(fronts_are_told_oldest_first_and_go_when_they_are_let_go, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_policy_that_does_not_delete_has_no_front, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
