/*
 * A log: what is appended is found again, by offset, by time and by epoch, after a restart and after
 * a crash; and is moved to another directory.
 */
#include "log/log.h"

#include <errno.h>
#include <string.h>

#include "base/endian.h"
#include "base/err.h"
#include "log/verifications.h"
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
	assert_int_equal(file_read_full(records.file, b.p, (size_t)records.len, records.pos), 0);
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

/* A restart gives each partition a new epoch: what is not written to is closed without a write. */
static void an_epoch_is_written_with_its_first_record(void **state)
{
	struct buf text;

	fixture_append_n(&f, 1);
	fixture_restart(&f);
	log_begin_epoch(f.log, 7);
	assert_true(log_is_closed(f.log));
	fixture_restart(&f);
	assert_int_equal(log_offsets(f.log).last_epoch, 0); /* as after a start of Kafka's */
	log_begin_epoch(f.log, 8);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1}, 8, NULL), 0);
	assert_false(log_is_closed(f.log));
	fixture_restart(&f);
	assert_int_equal(log_epoch_of(f.log, 1), 8);
	text = fixture_slurp(&f, "leader-epoch-checkpoint");
	assert_int_equal(text.len, strlen("0\n2\n0 0\n8 1\n"));
	assert_memory_equal(text.p, "0\n2\n0 0\n8 1\n", text.len);
	buf_fini(&text);
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
		TEST(offsets_are_found_by_time),
		TEST(a_largest_timestamp_that_may_not_be_told_yet_hides_those_before_it),
		TEST(epochs_are_answered_from_the_cache),
		TEST(a_follower_takes_whole_batches_in_order_only),
		TEST(a_flush_moves_the_flushed_end_and_a_second_waits),
		TEST(a_moved_log_takes_over_what_the_records_do_not_tell),
		TEST(a_future_log_is_cut_where_the_current_one_was_truncated),
		TEST(the_first_epochs_are_written_in_their_place_and_later_ones_replace_them),
		TEST(an_epoch_is_written_with_its_first_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
