/*
 * What leaves a log: by retention, by DeleteRecords, by a truncation, and with its replica.
 */
#include "log/log.h"

#include <errno.h>
#include <stdio.h>

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

/* What cannot be deleted would be part of the log again at the next start. */
static void check_that_truncation_fails_the_directory(const char *suffix)
{
	char name[64];
	char path[512];
	int64_t base = 299;

	f.config.segment_bytes = 4000;
	fixture_append_n(&f, 300);
	do
		snprintf(name, sizeof(name), "%020lld%s", (long long)base--, suffix);
	while (base > 10 && !fixture_exists(&f, name));
	fixture_file(&f, name, path);
	assert_int_equal(env_unlink(f.env, path), 0);
	assert_int_equal(env_mkdir(f.env, path), 0); /* which cannot be unlinked */
	log_truncate_to(f.log, 10);
	assert_int_equal(log_dir_error(f.dir), -EISDIR);
}

static void a_segment_that_cannot_be_cut_off_fails_the_directory(void **state)
{
	check_that_truncation_fails_the_directory(".timeindex");
}

static void a_snapshot_that_cannot_be_cut_off_fails_the_directory(void **state)
{
	check_that_truncation_fails_the_directory(".snapshot");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(retention_takes_old_segments_and_the_active_one_last),
		TEST(retention_by_size_keeps_at_least_that_much),
		TEST(only_a_policy_that_deletes_lets_segments_go_by_time_or_size),
		TEST(what_has_a_time_to_come_stays_until_then),
		TEST(delete_records_moves_the_start_across_restarts),
		TEST(truncation_drops_what_lies_behind_and_appends_go_to_a_new_segment),
		TEST(a_segment_that_cannot_be_cut_off_fails_the_directory),
		TEST(a_snapshot_that_cannot_be_cut_off_fails_the_directory),
		TEST(an_epoch_without_records_goes_when_the_end_is_where_it_began),
		TEST(a_send_in_flight_never_carries_other_bytes_after_a_truncation),
		TEST(a_deleted_replica_leaves_its_name_free_at_once),
		TEST(segments_on_their_way_out_are_no_danger_to_a_topic_made_again),
		TEST(a_replica_deleted_during_a_flush_harms_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
