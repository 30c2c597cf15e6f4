#include "log/log.h"
#include "log/verifications.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/endian.h"
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

static void an_empty_log_has_no_directory(void **state)
{
	struct buf b = {0};

	assert_false(fixture_exists(&f, ""));
	assert_int_equal(fixture_read(&f, 0, 100, &b), 0);
	assert_int_equal(b.len, 0);
	assert_int_equal(fixture_read(&f, 1, 100, &b), ERR_OFFSET_OUT_OF_RANGE);
	fixture_restart(&f);
	assert_false(fixture_exists(&f, ""));
	assert_int_equal(log_offsets(f.log).end, 0);
}

static void the_first_append_makes_it_with_its_topic_id(void **state)
{
	struct log_appended out;
	struct buf b;

	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 3}, 4, &out), 0);
	assert_int_equal(out.base_offset, 0);
	assert_int_equal(out.last_offset, 2);
	assert_int_equal(out.log_append_time_ms, -1);
	assert_true(fixture_exists(&f, "00000000000000000000.log"));
	b = fixture_slurp(&f, "partition.metadata");
	assert_memory_equal(b.p, "version: 0\ntopic_id: AQIDAAAAAAAAAAAAAAAAAA\n", b.len);
	buf_fini(&b);
	assert_int_equal(log_offsets(f.log).last_epoch, 4);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 2}, 4, &out), 0);
	assert_int_equal(out.base_offset, 3);
	fixture_check_whole(&f);
}

static void every_offset_is_found_in_many_segments(void **state)
{
	struct buf b = {0};
	struct batch_header h;

	f.config.segment_bytes = 20000;
	f.config.index_interval_bytes = 300;
	for (int i = 0; i < 600; i++)
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 1 + i % 5, .value_len = 20 + i % 70}, 0, NULL), 0);
	assert_true(log_segments(f.log) > 3);
	int64_t end = log_offsets(f.log).end;
	for (int64_t at = 0; at < end; at++) {
		assert_int_equal(fixture_read(&f, at, 1, &b), 0); /* one byte: the first batch is returned whole */
		assert_int_equal(batch_header_read(b.p, b.len, &h), 0);
		assert_int_equal(batch_size(&h), b.len);
		assert_true(h.base_offset <= at && at <= batch_last_offset(&h));
	}
	fixture_check_whole(&f);
	log_close_idle(f.log, INT64_MAX);
	fixture_check_whole(&f);
	fixture_restart(&f);
	assert_int_equal(log_offsets(f.log).end, end);
	fixture_check_whole(&f);
	fixture_append_n(&f, 1);
	fixture_check_whole(&f);
	buf_fini(&b);
}

static void a_read_stops_at_its_bounds(void **state)
{
	struct log_read r = {.offset = 0, .max_bytes = 1 << 20, .upto_offset = 5};
	struct records records;
	struct batch_iter it;
	struct buf b = {0};
	int64_t last = -1;

	fixture_append_n(&f, 10);
	assert_int_equal(log_read(f.log, &r, &records, NULL), 0);
	buf_reserve(&b, (size_t)records.len);
	file_read_full(records.file, b.p, (size_t)records.len, records.pos);
	for (it = batch_iter(b.p, (size_t)records.len); batch_next(&it);)
		last = batch_last_offset(&it.header);
	assert_int_equal(last, 4);
	file_unref(&records.file);
	r.max_bytes = 10; /* less than a batch, which need not be returned */
	assert_int_equal(log_read(f.log, &r, &records, NULL), 0);
	assert_null(records.file);
	r.offset = r.upto_offset = 7;
	assert_int_equal(log_read(f.log, &r, &records, NULL), 0);
	assert_null(records.file);
	buf_fini(&b);
}

static void index_entries_are_kafkas(void **state)
{
	struct buf log, index, time;
	int64_t last_indexed = 0, pos = 0;
	size_t n = 0;

	for (int i = 0; i < 500; i++)
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 2, .value_len = 200, .timestamp = 1000 + i}, 0, NULL),
			0);
	assert_int_equal(log_close(f.log), 0);
	log = fixture_slurp(&f, "00000000000000000000.log");
	index = fixture_slurp(&f, "00000000000000000000.index");
	time = fixture_slurp(&f, "00000000000000000000.timeindex");
	for (struct batch_iter it = batch_iter(log.p, log.len); batch_next(&it); pos = (int64_t)it.pos) {
		if (pos - last_indexed <= 4096)
			continue;
		assert_true((n + 1) * 8 <= index.len && (n + 1) * 12 <= time.len);
		assert_int_equal(get_i32(index.p + 8 * n), batch_last_offset(&it.header));
		assert_int_equal(get_i32(index.p + 8 * n + 4), pos);
		assert_int_equal(get_i64(time.p + 12 * n), it.header.max_timestamp);
		assert_int_equal(get_i32(time.p + 12 * n + 8), batch_last_offset(&it.header));
		last_indexed = pos;
		n++;
	}
	assert_true(n > 10);
	assert_int_equal(index.len, 8 * n);
	assert_int_equal(time.len, 12 * (n + 1)); /* includes the last timestamp, written at the close */
	assert_int_equal(get_i64(time.p + 12 * n), 1499);
	assert_int_equal(get_i32(time.p + 12 * n + 8), 999);
	buf_fini(&log);
	buf_fini(&index);
	buf_fini(&time);
}

static void segments_roll_by_time_of_their_records(void **state)
{
	f.config.segment_ms = 1000;
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .timestamp = 5000}, 0, NULL), 0);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .timestamp = 6000}, 0, NULL), 0);
	assert_int_equal(log_segments(f.log), 1);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .timestamp = 6001}, 0, NULL), 0);
	assert_int_equal(log_segments(f.log), 2);
	assert_true(fixture_exists(&f, "00000000000000000002.log"));
	assert_true(fixture_exists(&f, "00000000000000000002.snapshot"));
}

static void a_full_index_rolls(void **state)
{
	f.config.segment_index_bytes = 5 * 12;
	f.config.index_interval_bytes = 0;
	fixture_append_n(&f, 40);
	assert_true(log_segments(f.log) >= 5);
	fixture_check_whole(&f);
}

static void a_batch_larger_than_a_segment_is_refused(void **state)
{
	f.config.segment_bytes = 1000;
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .value_len = 2000}, 0, NULL),
			 ERR_RECORD_LIST_TOO_LARGE);
	assert_int_equal(log_offsets(f.log).end, 0);
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

static void offsets_are_found_by_time(void **state)
{
	static const struct {
		int64_t ask, offset, timestamp;
	} CASES[] = {{0, 0, 10000},
		     {10000, 0, 10000},
		     {10001, 1, 10010},
		     {10995, 100, 11000},
		     {19990, 999, 19990},
		     {19991, -1, -1},
		     {LOOKUP_MAX_TIMESTAMP, 999, 19990}};

	f.config.segment_bytes = 9000;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .timestamp = 10000 + 10 * i}, 3, NULL),
				 0);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
			struct log_lookup l;

			assert_int_equal(log_lookup_begin(f.log, CASES[i].ask, INT64_MAX, &l), 0);
			assert_int_equal(log_lookup_run(&l, f.codecs), 0);
			log_lookup_fini(&l);
			assert_int_equal(l.found_offset, CASES[i].offset);
			assert_int_equal(l.found_timestamp, CASES[i].timestamp);
			assert_int_equal(l.found_epoch, CASES[i].offset < 0 ? -1 : 3);
		}
		fixture_restart(&f);
	}
}

/*
 * As in Kafka: UnifiedLog.fetchOffsetByTimestamp looks at all segments, and only then does
 * ReplicaManager check whether the result may be told.
 */
static void a_largest_timestamp_that_may_not_be_told_yet_hides_those_before_it(void **state)
{
	struct log_lookup l;

	f.config.segment_bytes = 1000;
	for (int i = 0; i < 100; i++)
		assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .timestamp = 10000 + 10 * i}, 3, NULL),
				 0);
	assert_true(log_segments(f.log) > 5);
	assert_int_equal(log_lookup_begin(f.log, LOOKUP_MAX_TIMESTAMP, 50, &l), 0);
	assert_int_equal(log_lookup_run(&l, f.codecs), 0);
	log_lookup_fini(&l);
	assert_int_equal(l.found_offset, -1);
	assert_int_equal(log_lookup_begin(f.log, 10500, 50, &l), 0);
	assert_int_equal(log_lookup_run(&l, f.codecs), 0);
	log_lookup_fini(&l);
	assert_int_equal(l.found_offset, -1);
	assert_int_equal(log_lookup_begin(f.log, 10490, 50, &l), 0);
	assert_int_equal(log_lookup_run(&l, f.codecs), 0);
	log_lookup_fini(&l);
	assert_int_equal(l.found_offset, 49);
}

static void retention_takes_old_segments_and_the_active_one_last(void **state)
{
	struct log_deletion *d;
	struct buf b = {0};

	f.config.segment_bytes = 4000;
	f.config.retention_ms = 1000;
	fixture_append_n(&f, 300);
	int n = log_segments(f.log);
	assert_int_equal(log_retain(f.log, f.now_ms + 1000, &d), 0);
	assert_null(d);
	assert_int_equal(log_retain(f.log, f.now_ms + 1001, &d), 0);
	assert_non_null(d);
	assert_int_equal(log_segments(f.log), 1);
	assert_int_equal(log_offsets(f.log).start, 300);
	assert_int_equal(log_offsets(f.log).end, 300);
	assert_int_equal(d->n, 4 * n - 1); /* three files each, and a snapshot for all but the first */
	assert_true(fixture_exists(&f, "00000000000000000000.log.deleted"));
	assert_int_equal(log_deletion_finish(d), 0);
	assert_false(fixture_exists(&f, "00000000000000000000.log.deleted"));
	log_deletion_free(d);
	assert_int_equal(fixture_read(&f, 299, 100, &b), ERR_OFFSET_OUT_OF_RANGE);
	fixture_append_n(&f, 1);
	fixture_crash(&f);
	assert_int_equal(log_offsets(f.log).start, 300);
	assert_int_equal(log_offsets(f.log).end, 301);
	buf_fini(&b);
}

static void retention_by_size_keeps_at_least_that_much(void **state)
{
	struct log_deletion *d;

	f.config.segment_bytes = 4000;
	f.config.retention_bytes = 10000;
	fixture_append_n(&f, 300);
	assert_int_equal(log_retain(f.log, f.now_ms, &d), 0);
	assert_true(log_size(f.log) >= 10000 && log_size(f.log) < 14000);
	log_deletion_finish(d);
	log_deletion_free(d);
	fixture_check_whole(&f);
}

static void only_a_policy_that_deletes_lets_segments_go_by_time_or_size(void **state)
{
	struct log_deletion *d;
	bool moved;

	f.config.segment_bytes = 4000;
	f.config.retention_ms = 1000;
	f.config.retention_bytes = 1000;
	f.config.cleanup_delete = false;
	fixture_append_n(&f, 300);
	int n = log_segments(f.log);
	assert_int_equal(log_retain(f.log, f.now_ms + 100000, &d), 0);
	assert_null(d);
	assert_int_equal(log_set_start(f.log, 299, &moved), 0); /* what was deleted by offset goes regardless */
	assert_int_equal(log_retain(f.log, f.now_ms, &d), 0);
	assert_non_null(d);
	assert_true(log_segments(f.log) < n);
	assert_int_equal(log_offsets(f.log).start, 299);
	log_deletion_finish(d);
	log_deletion_free(d);
	fixture_check_whole(&f);
}

static void what_has_a_time_to_come_stays_until_then(void **state)
{
	struct log_deletion *d;

	f.config.segment_bytes = 4000;
	f.config.retention_ms = 1000;
	for (int i = 0; i < 100; i++)
		assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .timestamp = f.now_ms + 50000}, 0, NULL),
				 0);
	assert_int_equal(log_retain(f.log, f.now_ms + 10000, &d), 0);
	assert_null(d); /* a future timestamp keeps a segment */
	assert_int_equal(log_retain(f.log, f.now_ms + 51001, &d), 0);
	assert_non_null(d);
	log_deletion_free(d);
}

static void delete_records_moves_the_start_across_restarts(void **state)
{
	bool moved;
	struct buf b = {0};

	fixture_append_n(&f, 10);
	assert_int_equal(log_set_start(f.log, 11, &moved), ERR_OFFSET_OUT_OF_RANGE);
	assert_int_equal(log_set_start(f.log, 4, &moved), 0);
	assert_true(moved);
	assert_int_equal(log_set_start(f.log, 4, &moved), 0);
	assert_false(moved);
	assert_int_equal(fixture_read(&f, 3, 100, &b), ERR_OFFSET_OUT_OF_RANGE);
	fixture_restart(&f);
	assert_int_equal(log_offsets(f.log).start, 4);
	assert_int_equal(fixture_read(&f, 4, 100, &b), 0);
	buf_fini(&b);
}

static void truncation_drops_what_lies_behind_and_appends_go_to_a_new_segment(void **state)
{
	f.config.segment_bytes = 4000;
	fixture_append_n(&f, 100);
	for (int i = 0; i < 20; i++)
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 5, .sequence = i}, 1, NULL), 0);
	assert_int_equal(log_truncate_to(f.log, 500), 0);
	assert_int_equal(log_offsets(f.log).end, 120);
	assert_int_equal(log_truncate_to(f.log, 110), 0);
	assert_int_equal(log_offsets(f.log).end, 110);
	assert_int_equal(log_offsets(f.log).high_watermark, 110);
	int n = log_segments(f.log);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 5, .sequence = 10}, 2, NULL), 0);
	assert_int_equal(log_segments(f.log), n + 1);
	fixture_check_whole(&f);
	assert_int_equal(log_truncate_to(f.log, 50), 0);
	assert_int_equal(log_offsets(f.log).last_epoch, 0);
	assert_int_equal(log_truncate_to(f.log, 0), 0);
	assert_int_equal(log_offsets(f.log).end, 0);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 5, .sequence = 0}, 3, NULL), 0);
	fixture_check_whole(&f);
	assert_int_equal(log_truncate_fully_at(f.log, 1000), 0);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1}, 3, NULL), 0);
	assert_int_equal(log_offsets(f.log).start, 1000);
	fixture_crash(&f);
	assert_int_equal(log_offsets(f.log).start, 1000);
	assert_int_equal(log_offsets(f.log).end, 1001);
	fixture_check_whole(&f);
}

static void an_epoch_without_records_goes_when_the_end_is_where_it_began(void **state)
{
	fixture_append_n(&f, 3);
	log_begin_epoch(f.log, 5);
	assert_int_equal(log_offsets(f.log).last_epoch, 5);
	assert_int_equal(log_truncate_to(f.log, 3),
			 0); /* nothing to truncate, but the leader does not know epoch 5 (KAFKA-10706) */
	assert_int_equal(log_offsets(f.log).last_epoch, 0);
	assert_int_equal(log_offsets(f.log).end, 3);
	fixture_flush(&f);
	fixture_restart(&f);
	assert_int_equal(log_offsets(f.log).last_epoch, 0);
}

static void a_send_in_flight_never_carries_other_bytes_after_a_truncation(void **state)
{
	struct log_read r = {.offset = 5, .max_bytes = 1 << 20, .upto_offset = 10};
	struct records records;
	uint8_t bytes[61];

	fixture_append_n(&f, 10);
	assert_int_equal(log_read(f.log, &r, &records, NULL), 0);
	log_close_idle(f.log, INT64_MAX);
	assert_int_equal(log_truncate_to(f.log, 5), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .value_len = 99}, 1, NULL), 0);
	assert_int_equal(file_pread(records.file, bytes, sizeof(bytes), records.pos), 0);
	file_unref(&records.file);
}

static void epochs_are_answered_from_the_cache(void **state)
{
	struct epoch_end e;

	for (int32_t epoch = 2; epoch <= 6; epoch += 2)
		for (int i = 0; i < 10; i++)
			assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1}, epoch, NULL), 0);
	for (int round = 0; round < 3; round++) {
		static const int32_t ASK[] = {-1, 1, 2, 3, 4, 6, 7}, EPOCH[] = {-1, 1, 2, 2, 4, 6, -1};
		static const int64_t END[] = {-1, 0, 10, 10, 20, 30, -1};

		for (int i = 0; i < 7; i++) {
			e = log_epoch_end(f.log, ASK[i]);
			assert_int_equal(e.epoch, EPOCH[i]);
			assert_int_equal(e.end_offset, END[i]);
		}
		assert_int_equal(log_epoch_of(f.log, 10), 4);
		if (round == 0)
			fixture_restart(&f);
		else
			fixture_crash(&f);
	}
}

static void a_follower_takes_whole_batches_in_order_only(void **state)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct log_appended out;
	struct batch_builder b;
	struct buf buf = {0};

	f.config.segment_bytes = 500;
	f.config.cleanup_compact = true; /* a log with gaps is a compacted one */
	for (int i = 0; i < 20; i++) {
		o.base_offset = 10 * i;
		o.leader_epoch = i / 10;
		batch_begin(&b, &buf, &o);
		for (int k = 0; k < 1 + i % 3; k++)
			batch_add(&b, 1000 + i, BYTES_NULL, BYTES_NULL);
		batch_end(&b);
	}
	assert_int_equal(log_append_as_follower(f.log, buf.p, buf.len - 1, 5, 0, &out), ERR_CORRUPT_MESSAGE);
	assert_int_equal(log_offsets(f.log).end, 0);
	assert_int_equal(log_append_as_follower(f.log, buf.p, buf.len, 0, 0, &out),
			 0); /* epoch 1 is not ours to write */
	assert_int_equal(out.base_offset, 0);
	assert_int_equal(log_offsets(f.log).end, 91);
	assert_int_equal(log_append_as_follower(f.log, buf.p, buf.len, 1, 0, &out), ERR_INVALID_RECORD);
	fixture_crash(&f);
	assert_int_equal(log_offsets(f.log).end, 91);
	assert_true(log_segments(f.log) > 1);
	struct buf read = {0};
	assert_int_equal(fixture_read(&f, 5, 100, &read), 0); /* a gap: the next batch is returned */
	assert_int_equal(get_i64(read.p), 10);
	buf_fini(&read);
	buf_fini(&buf);
}

static void a_flush_moves_the_flushed_end_and_a_second_waits(void **state)
{
	struct log_flush one = {0}, two = {0};

	assert_false(log_flush_begin(f.log, LOG_FLUSH_ALL, &one));
	fixture_append_n(&f, 3);
	assert_int_equal(log_offsets(f.log).flushed_end, 0);
	assert_true(log_flush_begin(f.log, LOG_FLUSH_ALL, &one));
	fixture_append_n(&f, 2);
	assert_false(log_flush_begin(f.log, LOG_FLUSH_ALL, &two));
	log_flush_run(&one);
	assert_int_equal(log_flush_end(f.log, &one), 0);
	assert_int_equal(log_offsets(f.log).flushed_end, 3);
	assert_true(log_flush_begin(f.log, LOG_FLUSH_ALL, &two));
	log_flush_run(&two);
	assert_int_equal(log_flush_end(f.log, &two), 0);
	assert_int_equal(log_offsets(f.log).flushed_end, 5);
	assert_false(log_flush_begin(f.log, LOG_FLUSH_ALL, &one));
	log_flush_fini(&one);
	log_flush_fini(&two);
	assert_true(fixture_exists(&f, "leader-epoch-checkpoint"));
}

static void a_deleted_replica_leaves_its_name_free_at_once(void **state)
{
	fixture_append_n(&f, 3);
	struct log_deletion *d = log_delete(f.log);
	assert_non_null(d);
	assert_false(fixture_exists(&f, ""));
	fixture_append_n(&f, 1);
	assert_int_equal(log_offsets(f.log).end, 1);
	assert_int_equal(log_deletion_finish(d), 0);
	log_deletion_free(d);
	fixture_check_whole(&f);
}

static void segments_on_their_way_out_are_no_danger_to_a_topic_made_again(void **state)
{
	struct log_deletion *segments;

	f.config.segment_bytes = 4000;
	f.config.retention_bytes = 4000;
	fixture_append_n(&f, 300);
	assert_int_equal(log_retain(f.log, f.now_ms, &segments), 0);
	struct log_deletion *replica = log_delete(f.log);
	fixture_append_n(&f, 100); /* its segments have names that the old ones had */
	int n = log_segments(f.log);
	assert_int_equal(log_deletion_finish(segments), 0);
	assert_int_equal(log_deletion_finish(replica), 0);
	log_deletion_free(segments);
	log_deletion_free(replica);
	fixture_flush(&f);
	fixture_restart(&f);
	assert_int_equal(log_segments(f.log), n);
	assert_int_equal(log_offsets(f.log).start, 0);
	assert_int_equal(log_offsets(f.log).end, 100);
	fixture_check_whole(&f);
}

/*
 * Records alone do not tell everything: an epoch without any, a producer whose records are gone, a
 * transaction whose coordinator is being asked.
 */
static void a_moved_log_takes_over_what_the_records_do_not_tell(void **state)
{
	struct verification_question asked = {.producer_id = 8}, before = {.producer_id = 6};
	struct log_id id = {.topic = STR("t")};
	struct log_appended out;
	uint64_t guard, again;
	struct buf b = {0};
	bool moved;

	f.config.segment_bytes = 4000;
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 2, .producer_id = 7, .sequence = 2 * i}, i, NULL), 0);
	log_begin_epoch(f.log, 9);
	log_set_high_watermark(f.log, 6);
	assert_int_equal(log_set_start(f.log, 3, &moved), 0);
	assert_int_equal(log_verify(f.log, &before, f.now_ms, &guard), 0);
	assert_int_equal(log_verify(f.log, &asked, f.now_ms, &guard), 0);
	struct log *future = log_new_future(f.dir, &id, &f.config, NULL);
	assert_true(log_is_future(future));
	assert_int_equal(fixture_read(&f, 3, 1 << 20, &b), 0);
	assert_int_equal(log_begin_at(future, 2), 0); /* where the first batch begins */
	assert_int_equal(log_append_as_follower(future, b.p, b.len, INT32_MAX, f.now_ms, &out), 0);
	assert_int_equal(log_common_end(f.log, future), 6);
	assert_int_equal(log_become_current(future), -EEXIST); /* the name is taken in this directory */
	log_take_over(future, f.log);
	struct log_deletion *d = log_delete(f.log);
	assert_int_equal(log_become_current(future), 0);
	log_free(f.log);
	f.log = future;
	assert_int_equal(log_offsets(f.log).start, 3);
	assert_int_equal(log_offsets(f.log).high_watermark, 6);
	assert_int_equal(log_offsets(f.log).last_epoch, 9);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 2, .producer_id = 7, .sequence = 0}, 9, &out), 0);
	assert_true(out.duplicate && out.base_offset == 0); /* its records were not copied */
	assert_int_equal(log_verify(f.log, &asked, f.now_ms, &again), 0);
	assert_true(guard && again == guard);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 2, .producer_id = 7, .sequence = 6}, 9, NULL), 0);
	assert_int_equal(log_deletion_finish(d), 0);
	log_deletion_free(d);
	fixture_restart(&f);
	assert_int_equal(log_offsets(f.log).start, 3);
	assert_int_equal(log_offsets(f.log).end, 8);
	fixture_check_whole(&f);
	buf_fini(&b);
}

static void a_future_log_is_cut_where_the_current_one_was_truncated(void **state)
{
	struct log_id id = {.topic = STR("t")};
	struct log_appended out;
	struct buf b = {0};

	for (int epoch = 0; epoch < 4; epoch++)
		assert_int_equal(fixture_append(&f, (struct batch_of){.n = 2}, epoch, NULL), 0);
	struct log *future = log_new_future(f.dir, &id, &f.config, NULL);
	assert_int_equal(fixture_read(&f, 0, 1 << 20, &b), 0);
	assert_int_equal(log_append_as_follower(future, b.p, b.len, INT32_MAX, f.now_ms, &out), 0);
	assert_int_equal(log_common_end(f.log, future), 8);
	assert_int_equal(log_truncate_to(f.log, 4), 0);
	assert_int_equal(log_common_end(f.log, future), 4);
	for (int i = 0; i < 4; i++) /* longer than the other one again, with different records */
		assert_int_equal(fixture_append(&f, (struct batch_of){.n = 2}, 5, NULL), 0);
	assert_int_equal(log_common_end(f.log, future), 4);
	assert_int_equal(log_truncate_to(future, 4), 0);
	assert_int_equal(log_common_end(f.log, future), 4);
	struct log_deletion *d = log_delete(future);
	log_deletion_finish(d);
	log_deletion_free(d);
	log_free(future);
	buf_fini(&b);
}

static void a_replica_deleted_during_a_flush_harms_no_other(void **state)
{
	struct log_flush flush = {0};

	fixture_append_n(&f, 3);
	assert_true(log_flush_begin(f.log, LOG_FLUSH_ALL, &flush));
	struct log_deletion *d = log_delete(f.log);
	assert_non_null(d);
	log_flush_run(&flush);
	log_flush_end(f.log, &flush);
	assert_int_equal(log_dir_error(log_dir(f.log)), 0);
	assert_int_equal(log_deletion_finish(d), 0);
	log_deletion_free(d);
	log_flush_fini(&flush);
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

static bool closes_by_renaming(void)
{
	bool renamed;

	assert_int_equal(log_close_write(f.log), 0);
	assert_int_equal(log_dir_sync(f.dir), 0);
	assert_int_equal(log_close_rename(f.log, &renamed), 0);
	log_close_end(f.log);
	assert_true(log_is_closed(f.log));
	assert_true(fixture_exists(&f, "leader-epoch-checkpoint"));
	assert_false(fixture_exists(&f, "leader-epoch-checkpoint.tmp"));
	return renamed;
}

static void the_first_epochs_are_written_in_their_place_and_later_ones_replace_them(void **state)
{
	fixture_append_n(&f, 2);
	assert_false(closes_by_renaming());
	log_begin_epoch(f.log, 3);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1}, 3, NULL), 0);
	assert_true(closes_by_renaming());
	struct buf text = fixture_slurp(&f, "leader-epoch-checkpoint");
	assert_int_equal(text.len, strlen("0\n2\n0 0\n3 2\n"));
	assert_memory_equal(text.p, "0\n2\n0 0\n3 2\n", text.len);
	buf_fini(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_log_has_no_directory),
		TEST(the_first_append_makes_it_with_its_topic_id),
		TEST(every_offset_is_found_in_many_segments),
		TEST(a_read_stops_at_its_bounds),
		TEST(index_entries_are_kafkas),
		TEST(segments_roll_by_time_of_their_records),
		TEST(a_full_index_rolls),
		TEST(a_batch_larger_than_a_segment_is_refused),
		TEST(duplicates_are_answered_with_their_first_offset),
		TEST(sequences_go_on_after_a_restart_and_after_a_crash),
		TEST(five_batches_are_known_after_a_restart_and_after_a_crash),
		TEST(epochs_of_producers_are_fenced),
		TEST(transactions_hold_the_stable_offset_and_aborted_ones_are_listed),
		TEST(what_is_decided_and_not_replicated_is_not_stable_after_a_clean_stop),
		TEST(what_is_decided_and_not_replicated_is_not_stable_after_a_cut),
		TEST(offsets_are_found_by_time),
		TEST(a_largest_timestamp_that_may_not_be_told_yet_hides_those_before_it),
		TEST(retention_takes_old_segments_and_the_active_one_last),
		TEST(retention_by_size_keeps_at_least_that_much),
		TEST(only_a_policy_that_deletes_lets_segments_go_by_time_or_size),
		TEST(what_has_a_time_to_come_stays_until_then),
		TEST(delete_records_moves_the_start_across_restarts),
		TEST(an_epoch_without_records_goes_when_the_end_is_where_it_began),
		TEST(truncation_drops_what_lies_behind_and_appends_go_to_a_new_segment),
		TEST(a_send_in_flight_never_carries_other_bytes_after_a_truncation),
		TEST(epochs_are_answered_from_the_cache),
		TEST(a_follower_takes_whole_batches_in_order_only),
		TEST(a_flush_moves_the_flushed_end_and_a_second_waits),
		TEST(a_deleted_replica_leaves_its_name_free_at_once),
		TEST(segments_on_their_way_out_are_no_danger_to_a_topic_made_again),
		TEST(a_moved_log_takes_over_what_the_records_do_not_tell),
		TEST(a_future_log_is_cut_where_the_current_one_was_truncated),
		TEST(a_replica_deleted_during_a_flush_harms_no_other),
		TEST(a_small_log_without_producers_has_no_snapshot_after_a_stop),
		TEST(a_large_log_has_a_snapshot_after_a_stop),
		TEST(snapshots_of_earlier_stops_go_at_the_next_start),
		TEST(the_first_epochs_are_written_in_their_place_and_later_ones_replace_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
