/*
 * A log whose batches are encrypted, all or some of them. The records are "abcdefghij", as made by
 * the fixture.
 */
#include "log/sealed.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "log/sealing.h"
#include "tests/log/fixture.h"

#define SEGMENT "00000000000000000000.log"
#define NOTE "odradek.sealed"

static struct fixture f;

static int set_up(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_add_key(&f, 1);
	f.config.encryption_enable = true;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_fini(&f);
	return 0;
}

static int plain_values(const char *name)
{
	struct buf b = fixture_slurp(&f, name);
	int n = 0;

	for (size_t i = 0; i + 10 <= b.len; i++)
		n += memcmp(b.p + i, "abcdefghij", 10) == 0;
	buf_fini(&b);
	return n;
}

static void check_values(int n)
{
	struct buf b = {0};
	int found = 0;

	assert_int_equal(fixture_read(&f, 0, 1 << 20, &b), 0);
	for (size_t i = 0; i + 10 <= b.len; i++)
		found += memcmp(b.p + i, "abcdefghij", 10) == 0;
	assert_int_equal(found, n);
	buf_fini(&b);
}

static void nothing_of_a_record_is_on_disk(void **state)
{
	(void)state;
	fixture_append_n(&f, 50);
	assert_int_equal(plain_values(SEGMENT), 0);
	check_values(50);
	fixture_restart(&f);
	check_values(50);
	fixture_append_n(&f, 5);
	fixture_flush(&f);
	fixture_crash(&f);
	fixture_check_whole(&f);
	check_values(55);
	assert_int_equal(plain_values(SEGMENT), 0);
}

static void a_log_in_clear_is_as_ever(void **state)
{
	struct log_read r = {.max_bytes = 100, .upto_offset = 2, .min_one_message = true};
	struct records records;

	(void)state;
	f.config.encryption_enable = false;
	fixture_append_n(&f, 2);
	assert_int_equal(plain_values(SEGMENT), 2);
	assert_false(fixture_exists(&f, NOTE));
	assert_int_equal(log_read(f.log, &r, &records, NULL), 0);
	assert_false(r.sealed.any);
	file_unref(&records.file);
}

static void turned_on_and_off_each_batch_stays_what_it_is(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		f.config.encryption_enable = i % 3 != 0;
		fixture_append_n(&f, 1);
	}
	assert_int_equal(plain_values(SEGMENT), 4);
	check_values(10);
	fixture_restart(&f);
	check_values(10);
}

static void what_is_appended_is_left_as_it_was(void **state)
{
	struct batch_of what = {.n = 1};
	struct log_appended out;
	struct batch_info info;
	struct buf b = {0};

	(void)state;
	fixture_build(&b, &what, f.now_ms);
	assert_int_equal(fixture_check(&f, &b, &info), 0);
	assert_int_equal(log_append(f.log, b.p, &info, 0, f.now_ms, &out), 0);
	assert_non_null(memmem(b.p, b.len, "abcdefghij", 10));
	assert_true(batch_crc_ok(b.p, &info.header));
	buf_fini(&b);
}

/* A batch sealed ahead is appended as it is, or sealed anew if another was appended before it. */
static void what_was_sealed_ahead_is_taken_where_it_fits(void **state)
{
	struct batch_of what = {.n = 1};
	struct log_appended out;

	(void)state;
	for (int late = 0; late < 2; late++) {
		struct sealing ahead = {0};
		struct batch_info info;
		struct buf b = {0};

		fixture_build(&b, &what, f.now_ms);
		assert_int_equal(fixture_check(&f, &b, &info), 0);
		assert_true(sealing_begin_batch(f.log, b.p, &info.header, 0, &ahead));
		sealing_run(&ahead);
		if (late)
			fixture_append_n(&f, 1);
		assert_int_equal(log_append_as_sealed(f.log, b.p, &info, 0, f.now_ms, &ahead, &out), 0);
		assert_int_equal(out.base_offset, 2 * late);
		assert_int_equal(log_dir_sealed(f.dir, LOG_DIR_SEALED_LATE), late);
		assert_int_equal(log_dir_sealed(f.dir, LOG_DIR_SEALED), 1 + 2 * late);
		sealing_fini(&ahead);
		buf_fini(&b);
	}
	log_set_high_watermark(f.log, 3);
	assert_int_equal(plain_values(SEGMENT), 0);
	check_values(3);
	fixture_check_whole(&f);
}

static void what_was_sealed_ahead_without_a_key_is_refused(void **state)
{
	struct batch_of what = {.n = 1};
	struct sealing ahead = {0};
	struct log_appended out;
	struct batch_info info;
	struct buf b = {0};

	(void)state;
	f.keys = (struct atrest_keys){0};
	fixture_build(&b, &what, f.now_ms);
	assert_int_equal(fixture_check(&f, &b, &info), 0);
	assert_true(sealing_begin_batch(f.log, b.p, &info.header, 0, &ahead));
	sealing_run(&ahead);
	assert_int_equal(log_append_as_sealed(f.log, b.p, &info, 0, f.now_ms, &ahead, &out), ERR_KAFKA_STORAGE_ERROR);
	assert_int_equal(log_offsets(f.log).end, 0);
	sealing_fini(&ahead);
	buf_fini(&b);
}

static void a_follower_seals_ahead(void **state)
{
	struct log_appended out;
	struct buf b = {0};

	(void)state;
	f.config.encryption_enable = false;
	fixture_append_n(&f, 20);
	assert_int_equal(fixture_read(&f, 0, 1 << 20, &b), 0);
	assert_int_equal(log_truncate_fully_at(f.log, 0), 0);
	f.config.encryption_enable = true;
	f.config.segment_bytes = 300;
	for (int damaged = 1; damaged >= 0; damaged--) {
		struct sealing ahead = {0};

		b.p[b.len - 1] ^= (uint8_t)damaged;
		assert_true(sealing_begin_replicated(f.log, b.p, b.len, &ahead));
		sealing_run(&ahead);
		assert_int_equal(log_append_replicated_as_sealed(f.log, b.p, b.len, 0, f.now_ms, &ahead, &out),
				 damaged ? ERR_CORRUPT_MESSAGE : 0);
		b.p[b.len - 1] ^= (uint8_t)damaged;
		sealing_fini(&ahead);
	}
	assert_int_equal(out.last_offset, 19);
	assert_true(log_segments(f.log) > 3);
	assert_int_equal(log_dir_sealed(f.dir, LOG_DIR_SEALED), 20);
	assert_int_equal(log_dir_sealed(f.dir, LOG_DIR_SEALED_LATE), 0);
	log_set_high_watermark(f.log, 20);
	assert_int_equal(plain_values(SEGMENT), 0);
	fixture_check_whole(&f);
	buf_fini(&b);
}

/* The directory decides, even if the topic's setting is off. */
static void a_directory_is_sealed_as_a_whole(void **state)
{
	(void)state;
	f.config.encryption_enable = false;
	log_dir_seal_all(f.dir);
	fixture_append_n(&f, 5);
	assert_int_equal(plain_values(SEGMENT), 0);
	check_values(5);
}

static void a_follower_seals_with_its_own_key(void **state)
{
	struct log_appended out;
	struct buf b = {0};

	(void)state;
	f.config.encryption_enable = false;
	fixture_append_n(&f, 20);
	assert_int_equal(fixture_read(&f, 0, 1 << 20, &b), 0);
	assert_int_equal(log_truncate_fully_at(f.log, 0), 0);
	f.config.encryption_enable = true;
	f.config.segment_bytes = 300;
	assert_int_equal(log_append_as_follower(f.log, b.p, b.len, 0, f.now_ms, &out), 0);
	assert_int_equal(out.last_offset, 19);
	assert_true(log_segments(f.log) > 3);
	log_set_high_watermark(f.log, 20);
	assert_int_equal(plain_values(SEGMENT), 0);
	assert_true(log_dir_sealed(f.dir, LOG_DIR_SEALED) > 0);
	assert_int_equal(log_dir_sealed(f.dir, LOG_DIR_SEAL_FAILED), 0);
	fixture_check_whole(&f);
	buf_fini(&b);
}

static void what_others_say_is_sealed_is_not(void **state)
{
	struct batch_of what = {.n = 1};
	struct batch_header h;
	struct log_appended out;
	struct batch_info info;
	struct buf b = {0}, read = {0};

	(void)state;
	fixture_build(&b, &what, f.now_ms);
	batch_assign(b.p, 0, 0);
	assert_int_equal(batch_header_read(b.p, b.len, &h), 0);
	h.attributes |= (int16_t)(BATCH_SEALED | 0x4100);
	batch_header_write(b.p, b.len, &h);
	/*
	 * From a leader, which may be Kafka and preserve unknown bits, it is cleared as well, even
	 * if this node encrypts.
	 */
	for (int i = 0; i < 2; i++) {
		f.config.encryption_enable = i == 1;
		assert_int_equal(log_append_as_follower(f.log, b.p, b.len, 0, f.now_ms, &out), 0);
		log_set_high_watermark(f.log, 1);
		read.len = 0;
		assert_int_equal(fixture_read(&f, 0, 1 << 20, &read), 0);
		assert_int_equal(batch_header_read(read.p, read.len, &h), 0);
		assert_int_equal(h.attributes, 0);
		assert_true(batch_crc_ok(read.p, &h));
		assert_int_equal(log_truncate_fully_at(f.log, 0), 0);
	}
	/* From a client it means nothing, and is cleared. */
	assert_int_equal(fixture_check(&f, &b, &info), 0);
	assert_false(batch_is_sealed(&info.header));
	assert_int_equal(batch_header_read(b.p, b.len, &h), 0);
	assert_true(!batch_is_sealed(&h) && batch_crc_ok(b.p, &h));
	buf_fini(&read);
	buf_fini(&b);
}

static void without_its_key_it_waits_and_nothing_is_lost(void **state)
{
	struct atrest_keys keys;
	struct buf b = {0};

	(void)state;
	fixture_append_n(&f, 3);
	fixture_add_key(&f, 2);
	fixture_append_n(&f, 2);
	keys = f.keys;
	f.keys = (struct atrest_keys){0};
	fixture_crash(&f);
	assert_int_equal(log_offsets(f.log).end, 5);
	assert_int_equal(fixture_read(&f, 0, 1 << 20, &b), ERR_KAFKA_STORAGE_ERROR);
	assert_non_null(memmem(f.lines.p, f.lines.len, "their key is not there", 22));
	assert_int_equal(fixture_append(&f, (struct batch_of){.n = 1}, 0, NULL), ERR_KAFKA_STORAGE_ERROR);
	assert_true(log_dir_sealed(f.dir, LOG_DIR_SEAL_FAILED) >= 2);
	assert_int_equal(log_offsets(f.log).end, 5);
	fixture_add_key(&f, 1);
	check_values(3); /* those before the first that cannot be decrypted */
	assert_int_equal(fixture_read(&f, 3, 1 << 20, &b), ERR_KAFKA_STORAGE_ERROR);
	f.keys = keys;
	check_values(5);
	buf_fini(&b);
}

/* Changes a byte of the second batch of five, with a matching checksum. */
static void damage_second(void)
{
	struct buf b = fixture_slurp(&f, SEGMENT);
	struct batch_iter it = batch_iter(b.p, b.len);

	assert_true(batch_next(&it) && batch_next(&it));
	b.p[it.pos - 20] ^= 1;
	batch_crc_set(b.p + (it.p - b.p), (size_t)batch_size(&it.header));
	fixture_spill(&f, SEGMENT, b.p, b.len);
	buf_fini(&b);
}

static void a_batch_that_was_tampered_with_is_refused_and_others_are_not(void **state)
{
	struct buf b = {0};

	(void)state;
	fixture_append_n(&f, 5);
	fixture_flush(&f);
	damage_second();
	fixture_crash(&f);
	check_values(1);
	assert_int_equal(fixture_read(&f, 1, 1 << 20, &b), ERR_CORRUPT_MESSAGE);
	assert_non_null(memmem(f.lines.p, f.lines.len, "segment=" SEGMENT " position=", 8 + sizeof(SEGMENT) + 9));
	assert_int_equal(fixture_read(&f, 2, 1 << 20, &b), 0);
	assert_true(b.len > 0);
	buf_fini(&b);
}

static void recovery_finds_sealed_batches_whose_note_is_gone(void **state)
{
	char path[512];

	(void)state;
	fixture_append_n(&f, 5);
	assert_int_equal(unlink(fixture_file(&f, NOTE, path)), 0);
	fixture_crash(&f);
	assert_true(fixture_exists(&f, NOTE));
	check_values(5);
}

static void a_record_is_found_by_its_time(void **state)
{
	struct log_lookup l;

	(void)state;
	for (int i = 0; i < 30; i++)
		assert_int_equal(
			fixture_append(&f, (struct batch_of){.n = 3, .timestamp = f.now_ms - 1000 + i}, 0, NULL), 0);
	assert_int_equal(log_lookup_begin(f.log, f.now_ms - 1000 + 17, 90, &l), 0);
	assert_int_equal(log_lookup_run(&l, f.codecs), 0);
	assert_int_equal(l.found_offset, 51);
	log_lookup_fini(&l);
	f.keys = (struct atrest_keys){0};
	assert_int_equal(log_lookup_begin(f.log, LOOKUP_MAX_TIMESTAMP, 90, &l), 0);
	assert_int_equal(log_lookup_run(&l, f.codecs), ERR_KAFKA_STORAGE_ERROR);
	log_lookup_fini(&l);
}

static void producers_and_transactions_need_no_key_to_be_loaded(void **state)
{
	struct log_appended out;
	struct batch_of batch = {.n = 2, .producer_id = 7, .transactional = true};

	(void)state;
	assert_int_equal(fixture_append(&f, batch, 0, &out), 0);
	assert_int_equal(fixture_marker(&f, 7, 0, CONTROL_ABORT, 0), 0);
	f.keys = (struct atrest_keys){0};
	fixture_crash(&f);
	assert_int_equal(log_producer_count(f.log), 1);
	assert_int_equal(log_offsets(f.log).end, 3);
	assert_true(fixture_exists(&f, "00000000000000000000.txnindex"));
}

static void a_reader_in_memory_is_given_no_more_than_it_may_have(void **state)
{
	struct log_read r = {.max_bytes = 1 << 20, .upto_offset = 50, .min_one_message = true, .sealed_max = 500};
	struct records records;

	(void)state;
	fixture_append_n(&f, 50);
	assert_int_equal(log_read(f.log, &r, &records, NULL), 0);
	assert_true(r.sealed.any && records.len > 0 && records.len <= 500);
	file_unref(&records.file);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nothing_of_a_record_is_on_disk),
		TEST(a_log_in_clear_is_as_ever),
		TEST(turned_on_and_off_each_batch_stays_what_it_is),
		TEST(what_is_appended_is_left_as_it_was),
		TEST(what_was_sealed_ahead_is_taken_where_it_fits),
		TEST(what_was_sealed_ahead_without_a_key_is_refused),
		TEST(a_follower_seals_ahead),
		TEST(a_directory_is_sealed_as_a_whole),
		TEST(a_follower_seals_with_its_own_key),
		TEST(what_others_say_is_sealed_is_not),
		TEST(without_its_key_it_waits_and_nothing_is_lost),
		TEST(a_batch_that_was_tampered_with_is_refused_and_others_are_not),
		TEST(recovery_finds_sealed_batches_whose_note_is_gone),
		TEST(a_record_is_found_by_its_time),
		TEST(producers_and_transactions_need_no_key_to_be_loaded),
		TEST(a_reader_in_memory_is_given_no_more_than_it_may_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
