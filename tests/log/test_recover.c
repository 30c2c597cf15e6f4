#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/endian.h"
#include "base/err.h"
#include "log/internal.h"
#include "tests/log/fixture.h"

#define LOG "00000000000000000000.log"
#define INDEX "00000000000000000000.index"
#define TIME "00000000000000000000.timeindex"

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

/* Where batch i of a segment begins. */
static size_t position(const struct buf *log, int i)
{
	struct batch_iter it = batch_iter(log->p, log->len);

	while (i-- > 0)
		assert_true(batch_next(&it));
	return it.pos;
}

static void a_file_cut_at_every_byte_of_its_last_batches_keeps_the_whole_ones(void **state)
{
	fixture_append_n(&f, 8);
	struct buf log = fixture_slurp(&f, LOG);

	for (size_t len = position(&log, 5); len <= log.len; len++) {
		int whole = 5 + (len >= position(&log, 6)) + (len >= position(&log, 7)) + (len >= log.len);

		fixture_spill(&f, LOG, log.p, len);
		fixture_crash(&f);
		assert_int_equal(log_offsets(f.log).end, whole);
		fixture_check_whole(&f);
		assert_false(fixture_exists(&f, "00000000000000000006.log.set-aside"));
	}
	fixture_append_n(&f, 1);
	assert_int_equal(log_offsets(f.log).end, 9);
	buf_fini(&log);
}

static void a_tail_of_zeros_or_noise_is_cut_off(void **state)
{
	uint64_t seed = 1;

	fixture_append_n(&f, 3);
	struct buf log = fixture_slurp(&f, LOG);
	size_t len = log.len;
	for (int round = 0; round < 2; round++) {
		log.len = len;
		for (int i = 0; i < 100000; i++)
			buf_put(&log, &(uint8_t){round ? (uint8_t)cm_random(&seed) : 0}, 1);
		fixture_spill(&f, LOG, log.p, log.len);
		fixture_crash(&f);
		assert_int_equal(log_offsets(f.log).end, 3);
		buf_fini(&log);
		log = fixture_slurp(&f, LOG);
		assert_int_equal(log.len, len);
	}
	buf_fini(&log);
}

static void a_flipped_byte_in_any_field_cuts_before_its_batch_and_sets_the_rest_aside(void **state)
{
	for (size_t at = 0; at < 61; at++) {
		if (at >= BATCH_AT_LEADER_EPOCH && at < BATCH_AT_MAGIC)
			continue; /* outside the CRC: cannot be detected */
		if (at < BATCH_AT_LENGTH && at >= 5)
			continue; /* a valid base offset: also outside the CRC */
		fixture_append_n(&f, 6);
		struct buf log = fixture_slurp(&f, LOG);
		size_t bad = position(&log, 2);
		size_t next = position(&log, 3);

		log.p[bad + at] ^= 0x80;
		fixture_spill(&f, LOG, log.p, log.len);
		fixture_crash(&f);
		assert_int_equal(log_offsets(f.log).end, 2);
		fixture_check_whole(&f);
		struct buf aside = fixture_slurp(&f, "00000000000000000003.log.set-aside");
		assert_int_equal(aside.len, log.len - next);
		assert_memory_equal(aside.p, log.p + next, aside.len);
		buf_fini(&aside);
		buf_fini(&log);
		tear_down(state);
		set_up(state);
	}
}

static void segments_behind_a_bad_batch_are_set_aside_and_named(void **state)
{
	f.config.segment_bytes = 1000;
	fixture_append_n(&f, 60);
	int n = log_segments(f.log);
	assert_true(n > 4);
	struct buf log = fixture_slurp(&f, LOG);
	log.p[position(&log, 3) + 70] ^= 1;
	fixture_spill(&f, LOG, log.p, log.len);
	f.lines.len = 0;
	fixture_crash(&f);
	assert_int_equal(log_offsets(f.log).end, 3);
	assert_int_equal(log_segments(f.log), 1);
	int warned = 0;
	buf_put(&f.lines, "", 1);
	for (char *p = (char *)f.lines.p; (p = strstr(p, "set aside")); p++)
		warned++;
	assert_int_equal(warned, n);
	assert_non_null(strstr((char *)f.lines.p, "remedy="));
	fixture_append_n(&f, 60);
	fixture_check_whole(&f);
	fixture_restart(&f);
	assert_int_equal(log_offsets(f.log).end, 63);
	buf_fini(&log);
}

/* One record each, every `step` offsets, as in a follower whose leader's log was compacted. */
static void append_with_gaps(int64_t first, int n, int64_t step)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct log_appended out;

	o.leader_epoch = 0;
	for (int i = 0; i < n; i++) {
		struct batch_builder b;
		struct buf buf = {0};

		o.base_offset = first + i * step;
		batch_begin(&b, &buf, &o);
		batch_add(&b, f.now_ms, BYTES_NULL, (struct bytes){(const uint8_t *)"value", 5});
		batch_end(&b);
		assert_int_equal(log_append_as_follower(f.log, buf.p, buf.len, 0, f.now_ms, &out), 0);
		buf_fini(&buf);
	}
}

static bool was_told(const char *line)
{
	buf_put(&f.lines, "", 1);
	f.lines.len--;
	return strstr((char *)f.lines.p, line) != NULL;
}

static int64_t records_of_all(void)
{
	struct buf b = {0};
	int64_t n = 0;

	for (int64_t at = log_offsets(f.log).start; at < log_offsets(f.log).end; n++) {
		assert_int_equal(fixture_read(&f, at, 1, &b), 0);
		at = get_i64(b.p) + 1;
	}
	buf_fini(&b);
	return n;
}

static void gaps_of_a_log_that_is_followed_cost_nothing(void **state)
{
	f.config.segment_bytes = 300;
	fixture_append_n(&f, 1);
	fixture_checkpoint(&f); /* it is ours */
	append_with_gaps(10, 40, 10);
	assert_true(log_segments(f.log) > 5);
	f.lines.len = 0;
	for (int i = 0; i < 2; i++) {
		fixture_crash(&f);
		assert_int_equal(log_offsets(f.log).end, 401);
		assert_int_equal(records_of_all(), 41);
		assert_false(was_told("set aside"));
	}
}

/*
 * Like the copy of a log whose first records were compacted away: a reader positioned among them
 * continues.
 */
static void a_gap_at_the_start_is_no_later_start(void **state)
{
	append_with_gaps(255, 3, 1);
	for (int i = 0; i < 3; i++) {
		struct buf b = {0};

		assert_int_equal(log_offsets(f.log).start, 0);
		assert_int_equal(log_offsets(f.log).end, 258);
		assert_int_equal(fixture_read(&f, 100, 1, &b), 0);
		assert_int_equal(get_i64(b.p), 255);
		buf_fini(&b);
		if (i == 0)
			fixture_restart(&f);
		else
			fixture_crash(&f);
	}
	append_with_gaps(258 + (int64_t)3 * INT32_MAX, 1, 1); /* too far for one segment */
	fixture_restart(&f);
	assert_int_equal(records_of_all(), 4);
}

static void a_log_that_was_cut_inside_of_a_gap_goes_on_behind_it(void **state)
{
	fixture_append_n(&f, 1);
	fixture_checkpoint(&f);
	append_with_gaps(10, 40, 10);
	assert_int_equal(log_truncate_to(f.log, 305), 0);
	assert_int_equal(log_offsets(f.log).end, 305);
	append_with_gaps(305, 4, 1);
	assert_int_equal(log_segments(f.log), 2);
	append_with_gaps(320, 1, 1);
	assert_int_equal(log_truncate_to(f.log, 315), 0);
	assert_int_equal(log_roll(f.log, f.now_ms + 8 * 86400000ll), 0);
	append_with_gaps(315, 1, 1);
	f.lines.len = 0;
	fixture_crash(&f);
	assert_int_equal(log_offsets(f.log).end, 316);
	assert_int_equal(records_of_all(), 36);
	assert_false(was_told("set aside"));
}

/* It is found when the end of the last batch is looked for. */
static void a_damaged_header_in_the_active_segment_holds_no_roll_up(void **state)
{
	fixture_append_n(&f, 5);
	struct buf log = fixture_slurp(&f, LOG);
	log.p[position(&log, 4) + BATCH_AT_MAGIC] = 77;
	fixture_spill(&f, LOG, log.p, log.len);
	assert_int_equal(log_roll(f.log, f.now_ms + 8 * 86400000ll), 0);
	assert_int_equal(log_dir_error(f.dir), 0);
	assert_int_equal(log_segments(f.log), 2);
	assert_int_equal(f.log->data->segments[1].base, 5);
	fixture_append_n(&f, 1);
	buf_fini(&log);
}

/* What is appended at the truncation point is not synced, but the checkpoint would make it trusted. */
static void a_log_that_was_cut_below_its_checkpoint_says_so(void **state)
{
	fixture_append_n(&f, 10);
	fixture_flush(&f);
	assert_false(log_checkpoint_is_ahead(f.log));
	fixture_checkpoint(&f);
	fixture_append_n(&f, 5);
	assert_int_equal(log_truncate_to(f.log, 12), 0);
	assert_false(log_checkpoint_is_ahead(f.log));
	assert_int_equal(log_truncate_to(f.log, 7), 0);
	assert_true(log_checkpoint_is_ahead(f.log));
	fixture_crash(&f);
	assert_int_equal(log_offsets(f.log).end, 7);
	assert_true(log_checkpoint_is_ahead(f.log));
	fixture_append_n(&f, 5);
	assert_true(log_checkpoint_is_ahead(f.log));
	fixture_checkpoint(&f);
	assert_false(log_checkpoint_is_ahead(f.log));
	assert_int_equal(log_begin_checkpoint(f.log), 7);
}

/* A flush under way during the truncation wrote them down. */
static void epochs_of_a_tail_that_was_cut_off_are_forgotten(void **state)
{
	static const char STALE[] = "0\n3\n0 0\n2 2\n7 4\n";

	for (int i = 0; i < 2; i++)
		assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1}, 0, NULL), 0);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1}, 2, NULL), 0);
	fixture_flush(&f);
	fixture_checkpoint(&f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1}, 6, NULL), 0);
	fixture_spill(&f, "leader-epoch-checkpoint", STALE, sizeof(STALE) - 1);
	fixture_crash(&f);
	assert_int_equal(log_epoch_of(f.log, 1), 0);
	assert_int_equal(log_epoch_of(f.log, 2), 2);
	assert_int_equal(log_epoch_of(f.log, 3), 6);
	assert_int_equal(log_epoch_of(f.log, 5), 6);
	assert_int_equal(log_epoch_end(f.log, 2).end_offset, 3);
}

/* The file only has flushed ones; those added by a recovery must survive the clean stop after it. */
static void epochs_that_were_found_again_stay_after_a_clean_stop(void **state)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1}, 0, NULL), 0);
	fixture_flush(&f);
	fixture_checkpoint(&f);
	for (int i = 0; i < 2; i++)
		assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1}, 0, NULL), 0);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1}, 2, NULL), 0);
	fixture_crash(&f);
	assert_int_equal(log_offsets(f.log).last_epoch, 2);
	fixture_restart(&f);
	assert_int_equal(log_offsets(f.log).last_epoch, 2);
	assert_int_equal(log_epoch_end(f.log, 0).end_offset, 5);
}

/* As in Kafka: a follower's segment begins with its first batch there. */
static void make_copy_of_compacted(void)
{
	for (int i = 0; i < 8; i++) {
		if (i)
			assert_int_equal(log_roll_at(f.log, i * 100, f.now_ms), 0);
		append_with_gaps(i * 100, 5, 10);
	}
	f.lines.len = 0;
}

static void gaps_of_a_copy_of_a_compacted_log_cost_nothing(void **state)
{
	make_copy_of_compacted();
	fixture_crash(&f);
	assert_int_equal(records_of_all(), 40);
	assert_int_equal(log_segments(f.log), 8);
	assert_false(was_told("set aside"));
}

/* Where Odradek was the last to run it is not a copy: what is missing between segments was lost. */
static void gaps_between_segments_that_no_checkpoint_knows_are_holes_where_kafka_was_not(void **state)
{
	log_dir_vouch(f.dir);
	make_copy_of_compacted();
	fixture_crash(&f);
	assert_true(was_told("records are missing between two segments"));
	assert_int_equal(records_of_all(), 5);
	assert_int_equal(log_segments(f.log), 1);
	assert_true(was_told("set aside"));
}

static void gaps_below_the_recovery_point_cost_nothing(void **state)
{
	make_copy_of_compacted();
	fixture_flush(&f);
	fixture_checkpoint(&f);
	assert_int_equal(log_roll_at(f.log, 741, f.now_ms), 0);
	append_with_gaps(741, 1, 1);
	fixture_crash(&f);
	assert_int_equal(records_of_all(), 41);
	assert_false(was_told("set aside"));
	/* Everything is verified after a clean stop that turns out not to have been one. */
	fixture_flush(&f);
	fixture_restart(&f);
	assert_int_equal(log_close(f.log), 0);
	assert_int_equal(log_dir_mark_clean(f.dir, 1), 0);
	struct buf log = fixture_slurp(&f, "00000000000000000741.log");
	log.p[BATCH_AT_MAGIC] = 77;
	fixture_spill(&f, "00000000000000000741.log", log.p, log.len);
	fixture_crash(&f);
	assert_true(was_told("all of it is verified"));
	assert_int_equal(records_of_all(), 40);
	buf_fini(&log);
}

/* As after a power cut before a segment's name, or the end of one, was synced. */
static void a_hole_ends_the_log_and_is_told(void **state)
{
	for (int round = 0; round < 3; round++) {
		f.config.segment_bytes = 1000;
		if (round == 1) {
			fixture_append_n(&f, 1);
			fixture_flush(&f);
			fixture_checkpoint(&f);
		}
		fixture_append_n(&f, 60);
		f.config.cleanup_compact = round == 2;
		int64_t base = f.log->data->segments[2].base;
		char name[64];
		snprintf(name, sizeof(name), "%020lld.log", (long long)base);
		assert_int_equal(unlink(fixture_file(&f, name, (char[512]){0})), 0);
		f.lines.len = 0;
		fixture_crash(&f);
		assert_int_equal(log_offsets(f.log).end, base);
		assert_true(was_told("records are missing between two segments"));
		assert_true(was_told("set aside, not served"));
		tear_down(state);
		set_up(state);
	}
}

/*
 * The bytes of a failed write, or a torn tail, were truncated, and the log continued in the next
 * segment: a power cut may bring them back.
 */
static void what_was_cut_off_before_a_roll_is_cut_off_again(void **state)
{
	static const char NAME[] = "00000000000000000005.log";

	fixture_append_n(&f, 5);
	fixture_flush(&f);
	fixture_checkpoint(&f);
	struct buf log = fixture_slurp(&f, LOG);
	size_t whole = log.len;
	buf_put(&log, log.p, 50); /* half a batch */
	buf_put(&log, log.p + position(&log, 4), 80);
	assert_int_equal(log_roll_at(f.log, 5, f.now_ms), 0);
	fixture_append_n(&f, 3);
	fixture_spill(&f, LOG, log.p, log.len);
	f.lines.len = 0;
	fixture_crash(&f);
	assert_int_equal(log_offsets(f.log).end, 8);
	assert_true(fixture_exists(&f, NAME));
	fixture_check_whole(&f);
	assert_false(was_told("set aside"));
	buf_fini(&log);
	log = fixture_slurp(&f, LOG);
	assert_int_equal(log.len, whole);
	buf_fini(&log);
}

static void recovered_indexes_are_those_that_appending_wrote(void **state)
{
	for (int i = 0; i < 700; i++)
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 1, .value_len = 100, .timestamp = 1000 + i * 7 % 501},
				       0, NULL),
			0);
	fixture_restart(&f);
	struct buf index = fixture_slurp(&f, INDEX);
	struct buf time = fixture_slurp(&f, TIME);
	static const char *const DAMAGE[] = {"", "x", "12345678", "123456789012"};

	for (int i = 0; i < 4; i++) {
		fixture_spill(&f, INDEX, DAMAGE[i], strlen(DAMAGE[i]));
		fixture_spill(&f, TIME, DAMAGE[i], strlen(DAMAGE[i]));
		fixture_crash(&f);
		struct buf i2 = fixture_slurp(&f, INDEX);
		struct buf t2 = fixture_slurp(&f, TIME);
		assert_int_equal(i2.len, index.len);
		assert_memory_equal(i2.p, index.p, index.len);
		assert_int_equal(t2.len, time.len);
		assert_memory_equal(t2.p, time.p, time.len);
		fixture_check_whole(&f);
		buf_fini(&i2);
		buf_fini(&t2);
	}
	buf_fini(&index);
	buf_fini(&time);
}

static void indexes_that_kafka_left_long_and_full_of_zeros_are_read(void **state)
{
	static uint8_t zeros[1 << 20];

	fixture_append_n(&f, 700);
	fixture_flush(&f);
	fixture_checkpoint(&f);
	for (int round = 0; round < 2; round++) {
		static const char *const NAMES[] = {INDEX, TIME};

		for (int i = 0; i < 2; i++) {
			struct buf b = fixture_slurp(&f, NAMES[i]);

			buf_put(&b, zeros, sizeof(zeros) / 24 * 24 - b.len % 24);
			fixture_spill(&f, NAMES[i], b.p, b.len);
			buf_fini(&b);
		}
		if (round == 0)
			fixture_crash(&f);
		else { /* even after a clean marker */
			assert_int_equal(log_dir_mark_clean(f.dir, 0), 0);
			fixture_crash(&f);
		}
		assert_int_equal(log_offsets(f.log).end, 700);
		struct buf b = fixture_slurp(&f, INDEX);
		assert_true(b.len < 200);
		buf_fini(&b);
		fixture_check_whole(&f);
	}
}

static void only_what_lies_past_the_recovery_point_is_read(void **state)
{
	fixture_append_n(&f, 400);
	fixture_flush(&f);
	fixture_checkpoint(&f);
	fixture_append_n(&f, 10);
	struct buf log = fixture_slurp(&f, LOG);
	log.p[position(&log, 3) + 70] ^= 1; /* below: not checked, as in Kafka */
	fixture_spill(&f, LOG, log.p, log.len);
	fixture_crash(&f);
	assert_int_equal(log_offsets(f.log).end, 410);
	buf_fini(&log);
}

static void a_bad_snapshot_is_no_harm(void **state)
{
	struct log_appended out;

	f.config.segment_bytes = 1000;
	for (int i = 0; i < 40; i++)
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 3, .sequence = i}, 0, &out), 0);
	fixture_restart(&f);
	fixture_spill(&f, "00000000000000000040.snapshot", "nonsense", 8);
	fixture_crash(&f);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 3, .sequence = 41}, 0, &out),
			 ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 3, .sequence = 40}, 0, &out), 0);
}

static void leftovers_of_deletions_and_compactions_are_settled(void **state)
{
	f.config.segment_bytes = 1000;
	fixture_append_n(&f, 30);
	struct buf first = fixture_slurp(&f, LOG);
	assert_int_equal(log_close(f.log), 0);
	fixture_spill(&f, "00000000000000000002.log.deleted", "x", 1);
	fixture_spill(&f, "00000000000000000020.log.cleaned", "x", 1);
	fixture_spill(&f, "00000000000000000077.index", "", 0);
	fixture_spill(&f, "leader-epoch-checkpoint.tmp", "x", 1);
	/* A finished compaction of the first segment: only its last batch. */
	size_t last = 0;
	for (struct batch_iter it = batch_iter(first.p, first.len); batch_next(&it);)
		last = (size_t)(it.p - first.p);
	fixture_spill(&f, LOG ".swap", first.p + last, first.len - last);
	fixture_crash(&f);
	assert_false(fixture_exists(&f, "00000000000000000002.log.deleted"));
	assert_false(fixture_exists(&f, "00000000000000000020.log.cleaned"));
	assert_false(fixture_exists(&f, "00000000000000000077.index"));
	assert_false(fixture_exists(&f, LOG ".swap"));
	struct buf now = fixture_slurp(&f, LOG);
	assert_int_equal(now.len, first.len - last);
	assert_int_equal(log_offsets(f.log).end, 30);
	buf_fini(&now);
	buf_fini(&first);
}

static void damaged_checkpoints_count_as_empty(void **state)
{
	static const char *const BAD[] = {"1\n0\n",	"0\n1\n7 1", "0\n5\nt 0 1\n",
					  "0\n-1\n",	"x",	     "0\n1\nt 0 99999999999999999999\n",
					  "0\n1\nt 0\n"};
	char path[256];

	fixture_append_n(&f, 20);
	fixture_flush(&f);
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		static const char *const FILES[] = {"recovery-point-offset-checkpoint", "replication-offset-checkpoint",
						    "log-start-offset-checkpoint", "t-0/leader-epoch-checkpoint"};

		for (int k = 0; k < 4; k++) {
			snprintf(path, sizeof(path), "%s/%s", f.path, FILES[k]);
			FILE *file = fopen(path, "w");
			fputs(BAD[i], file);
			fclose(file);
		}
		fixture_crash(&f);
		assert_int_equal(log_offsets(f.log).end, 20);
		assert_int_equal(log_offsets(f.log).start, 0);
		assert_int_equal(log_offsets(f.log).last_epoch, 0); /* found again from the records */
	}
}

static void a_log_that_ends_before_its_start_begins_anew_there(void **state)
{
	fixture_append_n(&f, 20);
	struct log_checkpoint_writer w;
	log_checkpoint_init(&w, CHECKPOINT_LOG_START);
	log_checkpoint_add(&w, STR("t"), 0, 50);
	log_checkpoint_write(&w, f.dir);
	fixture_crash(&f);
	assert_int_equal(log_offsets(f.log).start, 50);
	assert_int_equal(log_offsets(f.log).end, 50);
	fixture_append_n(&f, 1);
	assert_true(fixture_exists(&f, "00000000000000000050.log"));
}

static void noise_in_any_file_never_breaks_a_load(void **state)
{
	static const char *const FILES[] = {LOG, INDEX, TIME, "leader-epoch-checkpoint",
					    "00000000000000000060.snapshot"};
	uint64_t seed = 7;

	for (int round = 0; round < 150; round++) {
		tear_down(state);
		set_up(state);
		f.config.index_interval_bytes = 200;
		for (int i = 0; i < 60; i++)
			assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1, .producer_id = 3, .sequence = i},
							i / 20, NULL),
					 0);
		fixture_restart(&f);
		for (int k = 0; k < 5; k++) {
			struct buf b = fixture_slurp(&f, FILES[k]);

			for (uint64_t i = 0; i < 1 + cm_random(&seed) % 4 && b.len; i++)
				b.p[cm_random(&seed) % b.len] = (uint8_t)cm_random(&seed);
			if (cm_random(&seed) % 4 == 0 && b.len)
				b.len = cm_random(&seed) % b.len;
			fixture_spill(&f, FILES[k], b.p, b.len);
			buf_fini(&b);
		}
		fixture_crash(&f);
		fixture_append_n(&f, 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_cut_at_every_byte_of_its_last_batches_keeps_the_whole_ones),
		TEST(a_tail_of_zeros_or_noise_is_cut_off),
		TEST(a_flipped_byte_in_any_field_cuts_before_its_batch_and_sets_the_rest_aside),
		TEST(segments_behind_a_bad_batch_are_set_aside_and_named),
		TEST(gaps_of_a_log_that_is_followed_cost_nothing),
		TEST(a_gap_at_the_start_is_no_later_start),
		TEST(a_log_that_was_cut_inside_of_a_gap_goes_on_behind_it),
		TEST(a_damaged_header_in_the_active_segment_holds_no_roll_up),
		TEST(a_log_that_was_cut_below_its_checkpoint_says_so),
		TEST(epochs_of_a_tail_that_was_cut_off_are_forgotten),
		TEST(epochs_that_were_found_again_stay_after_a_clean_stop),
		TEST(gaps_of_a_copy_of_a_compacted_log_cost_nothing),
		TEST(gaps_between_segments_that_no_checkpoint_knows_are_holes_where_kafka_was_not),
		TEST(gaps_below_the_recovery_point_cost_nothing),
		TEST(a_hole_ends_the_log_and_is_told),
		TEST(what_was_cut_off_before_a_roll_is_cut_off_again),
		TEST(recovered_indexes_are_those_that_appending_wrote),
		TEST(indexes_that_kafka_left_long_and_full_of_zeros_are_read),
		TEST(only_what_lies_past_the_recovery_point_is_read),
		TEST(a_bad_snapshot_is_no_harm),
		TEST(leftovers_of_deletions_and_compactions_are_settled),
		TEST(damaged_checkpoints_count_as_empty),
		TEST(a_log_that_ends_before_its_start_begins_anew_there),
		TEST(noise_in_any_file_never_breaks_a_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
