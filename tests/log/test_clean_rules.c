/* The rules of cleaning, one by one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "log/clean.h"
#include "log/internal.h"
#include "log/verify.h"
#include "tests/log/fixture.h"
#include "tests/log/keyed.h"

static struct fixture f;

static int set_up(void **state)
{
	fixture_init(&f);
	f.config.cleanup_compact = true;
	f.config.cleanup_delete = false;
	f.config.segment_bytes = 1; /* one batch per segment */
	f.config.index_interval_bytes = 0;
	f.config.max_compaction_lag_ms = INT64_MAX;
	f.config.delete_retention_ms = 1000;
	return 0;
}

static int tear_down(void **state)
{
	fixture_fini(&f);
	return 0;
}

/* ---- writing: "k=v" is a record, "k" a tombstone, "=v" one without a key; several, apart by spaces, are a batch ---- */

static struct bytes part(const char *p, int len)
{
	return len ? (struct bytes){(const uint8_t *)p, len} : BYTES_NULL;
}

static void add_records(struct batch_builder *b, const char *text, int64_t timestamp)
{
	for (const char *p = text; *p; p += strcspn(p, " "), p += *p == ' ') {
		int len = (int)strcspn(p, " ");
		const char *equals = memchr(p, '=', (size_t)len);
		int key_len = equals ? (int)(equals - p) : len;

		batch_add(b, timestamp, part(p, key_len), equals ? part(equals + 1, len - key_len - 1) : BYTES_NULL);
	}
}

static int append_built(struct buf *bytes, enum append_origin origin)
{
	struct batch_check c = {.topic = STR("t"),
				.config = &f.config,
				.origin = origin,
				.now_ms = f.now_ms,
				.codecs = f.codecs,
				.arena = &f.arena};
	int32_t segment_bytes = f.config.segment_bytes;
	struct batch_problem problem;
	struct log_appended out;
	struct batch_info info;
	struct buf again = {0};
	int err = batch_check(&c, bytes->p, bytes->len, &info, &problem);

	if (!err && info.recompress) {
		err = batch_recompress(&c, bytes->p, &info, &again, &problem);
		buf_fini(bytes);
		*bytes = again;
	}
	if (!err && log_roll_at(f.log, log_offsets(f.log).end, f.now_ms) < 0)
		err = -EIO;
	f.config.segment_bytes = 1 << 20;
	if (!err)
		err = log_append(f.log, bytes->p, &info, 0, f.now_ms, &out);
	f.config.segment_bytes = segment_bytes;
	if (!err)
		log_set_high_watermark(f.log, log_offsets(f.log).end);
	buf_fini(bytes);
	return err;
}

struct writer {
	int64_t id; /* 0 = none */
	int32_t sequence;
	bool transactional;
	int64_t timestamp; /* 0 = now */
};

static int put_as(struct writer w, const char *text)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder b;
	struct buf bytes = {0};

	if (w.id) {
		o.producer_id = w.id;
		o.producer_epoch = 0;
		o.base_sequence = w.sequence;
		o.attributes = w.transactional ? BATCH_TRANSACTIONAL : 0;
	}
	if (!f.log->data)
		assert_int_equal(log_make_dir(f.log), 0);
	batch_begin(&b, &bytes, &o);
	add_records(&b, text, w.timestamp ? w.timestamp : f.now_ms);
	batch_end(&b);
	return append_built(&bytes, ORIGIN_CLIENT);
}

static void put(const char *text)
{
	assert_int_equal(put_as((struct writer){0}, text), 0);
}

static void end_txn(int64_t id, bool commit)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct buf bytes = {0};

	o.producer_id = id;
	o.producer_epoch = 0;
	batch_build_marker(&bytes, &o, f.now_ms, commit ? CONTROL_COMMIT : CONTROL_ABORT, 0);
	assert_int_equal(append_built(&bytes, ORIGIN_COORDINATOR), 0);
}

/* ---- cleaning and looking ---- */

struct run {
	int64_t map_bytes;
	int steps; /* after which stop_at is called once; -1 = never */
	void (*stop_at)(void);
	struct log_clean_stats stats;
};

static int64_t plain_max = 1 << 20;

static int clean_with(struct run *r)
{
	struct log_clean_options o = {
		.codecs = f.codecs, .now_ms = f.now_ms, .io_bytes = 64, .slice_bytes = 64, .plain_max = plain_max};
	struct log_clean_look look;
	struct key_map keys;
	struct log_deletion *d;

	fixture_flush(&f);
	assert_int_equal(log_clean_look(f.log, f.now_ms, &look), 0);
	assert_true(look.wanted);
	key_map_init(&keys, (struct siphash_key){3, 4}, r->map_bytes, 0.9);
	o.keys = &keys;
	struct log_clean *c = log_clean_begin(f.log, &look, &o);
	for (int i = 0; log_clean_step(f.log, c); i++) {
		log_clean_run(c);
		if (i == r->steps)
			r->stop_at();
		if (log_clean_is_stalled(c)) {
			fixture_flush(&f);
			fixture_checkpoint(&f);
		}
	}
	int err = log_clean_error(c);
	r->stats = *log_clean_stats(c);
	d = log_clean_take_deletion(c);
	if (d)
		assert_int_equal(log_deletion_finish(d), 0);
	log_deletion_free(d);
	log_clean_free(c);
	key_map_fini(&keys);
	return err;
}

static void clean(void)
{
	struct run r = {.map_bytes = 100000, .steps = -1};

	assert_int_equal(clean_with(&r), 0);
}

/*
 * "offset:key=value ..."; batches separated by bars, "-" for one without records, "~" for a delete
 * horizon, "C" and "A" for markers.
 */
static const char *all(void)
{
	static char text[8192];
	struct buf b = {0};
	int64_t at = log_offsets(f.log).start;
	size_t n = 0;

	text[0] = '\0';
	while (at < log_offsets(f.log).end) {
		assert_int_equal(fixture_read(&f, at, 4000, &b), 0);
		if (b.len == 0)
			break;
		for (struct batch_iter it = batch_iter(b.p, b.len); batch_next(&it);) {
			struct buf plain = {0};
			struct record r;

			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s", n ? "| " : "",
					      it.header.count ? "" : "- ",
					      it.header.attributes & BATCH_DELETE_HORIZON ? "~" : "");
			if (it.header.magic == BATCH_MAGIC) {
				assert_int_equal(decode_all(f.codecs, batch_codec(&it.header), it.p + BATCH_HEADER_SIZE,
							    (size_t)batch_size(&it.header) - BATCH_HEADER_SIZE, 1 << 20,
							    &plain),
						 0);
				struct record_iter records = record_iter(&it.header, plain.p, plain.len);
				while (record_next(&records, &r)) {
					if (batch_is_control(&it.header))
						n += (size_t)snprintf(text + n, sizeof(text) - n, "%c ",
								      control_type(r.key) == CONTROL_COMMIT ? 'C'
													    : 'A');
					else
						n += (size_t)snprintf(text + n, sizeof(text) - n, "%lld:%.*s%s%.*s ",
								      (long long)r.offset, r.key.len, r.key.p,
								      r.value.p ? "=" : "", r.value.len, r.value.p);
				}
				assert_int_equal(records.error, 0);
			}
			buf_fini(&plain);
			at = batch_last_offset(&it.header) + 1;
		}
	}
	buf_fini(&b);
	return text;
}

/* ---- keys and tombstones ---- */

static void of_each_key_the_newest_record_stays(void **state)
{
	put("a=1 b=2 a=3");
	put("c=4 b=5");
	put("a=6");
	put("x=0"); /* becomes the active segment */
	clean();
	assert_string_equal(all(), "3:c=4 4:b=5 | 5:a=6 | 6:x=0 ");
}

static void a_tombstone_goes_behind_its_horizon_and_not_before(void **state)
{
	put("a=1");
	put("a");
	put("x=0");
	clean();
	assert_string_equal(all(), "~1:a | 2:x=0 ");
	f.now_ms += 999;
	put("x=1");
	clean();
	assert_string_equal(all(), "~1:a | 2:x=0 | 3:x=1 ");
	f.now_ms += 2;
	put("x=2");
	clean();
	assert_string_equal(all(), "3:x=1 | 4:x=2 ");
}

static void a_tombstone_stays_as_long_as_a_batch_that_is_too_large_to_look_into(void **state)
{
	f.config.compression_type = COMPRESSION_GZIP;
	put("a=11111111111111111111111111111111111111111111111111111111111111111111111111111");
	f.config.compression_type = COMPRESSION_UNCOMPRESSED;
	put("a");
	put("x=0");
	plain_max = 50;
	for (int i = 0; i < 3; i++) {
		clean();
		assert_non_null(strstr(all(), "0:a=1"));
		assert_non_null(strstr(all(), "1:a | "));
		f.now_ms += 2000;
		put("x=1");
	}
	plain_max = 1 << 20;
}

static void a_record_without_a_key_goes(void **state)
{
	f.config.cleanup_compact = false; /* while this one is written */
	put("=1 a=2");
	f.config.cleanup_compact = true;
	put("x=0");
	struct run r = {.map_bytes = 100000, .steps = -1};
	assert_int_equal(clean_with(&r), 0);
	assert_string_equal(all(), "1:a=2 | 2:x=0 ");
	assert_int_equal(r.stats.records_invalid, 1);
}

/* An unclean stop of a topic that is no longer compacted; the end of each segment is a gap. */
static void what_was_cleaned_is_whole_after_a_crash_under_another_policy(void **state)
{
	put("a=1");
	put("b=2 a=3");
	put("a=4 c=5");
	put("a=6 b=7");
	put("a=8");
	put("x=0");
	clean();
	put("x=1");
	char *before = xstrdup(all());
	assert_string_equal(before, "4:c=5 | 6:b=7 | 7:a=8 | 8:x=0 | 9:x=1 ");
	f.config.cleanup_compact = false;
	f.config.cleanup_delete = true;
	fixture_crash(&f);
	assert_string_equal(all(), before);
	xfree(before);
}

/* ---- producers and transactions ---- */

static void the_last_batch_of_a_producer_stays_without_records(void **state)
{
	assert_int_equal(put_as((struct writer){.id = 7, .sequence = 0}, "a=1"), 0);
	assert_int_equal(put_as((struct writer){.id = 7, .sequence = 1}, "a=2"), 0);
	put("a=3");
	put("x=0");
	clean();
	assert_string_equal(all(), "- | 2:a=3 | 3:x=0 ");
	fixture_crash(&f); /* without snapshots it is found in that batch */
	assert_int_equal(put_as((struct writer){.id = 7, .sequence = 2}, "a=4"), 0);
	assert_int_equal(put_as((struct writer){.id = 7, .sequence = 9}, "a=5"), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
}

static void what_was_aborted_goes_and_its_marker_after_it(void **state)
{
	struct writer w = {.id = 7, .transactional = true};

	put("a=1");
	assert_int_equal(put_as(w, "a=2"), 0);
	end_txn(7, false);
	w.sequence = 1;
	assert_int_equal(put_as(w, "b=3"), 0); /* so that the previous batch is not its last */
	end_txn(7, true);
	put("x=0");
	clean();
	assert_string_equal(all(), "0:a=1 | A | 3:b=3 | C | 5:x=0 ");
	f.now_ms += 1;
	put("x=1");
	/*
	 * nothing of the transaction is visible any more: from now on its marker stays for
	 * delete.retention.ms
	 */
	clean();
	assert_string_equal(all(), "0:a=1 | ~A | 3:b=3 | C | 5:x=0 | 6:x=1 ");
	f.now_ms += 1001;
	put("x=2");
	clean();
	assert_string_equal(all(), "0:a=1 | 3:b=3 | C | 6:x=1 | 7:x=2 ");
}

/* All markers of a kind have the same key, which is not a record's. */
static void markers_are_not_cleaned_by_their_keys(void **state)
{
	static const char *const texts[] = {"a=1", "b=2", "c=3"};
	struct writer w = {.id = 7, .transactional = true};

	for (int i = 0; i < 3; i++) {
		assert_int_equal(put_as(w, texts[i]), 0);
		end_txn(7, true);
		w.sequence++;
	}
	put("d=1");
	put("d=2");
	put("x=0");
	clean();
	assert_string_equal(all(), "0:a=1 | C | 2:b=2 | C | 4:c=3 | C | 7:d=2 | 8:x=0 ");
}

static void an_open_transaction_bounds_what_is_cleaned(void **state)
{
	struct log_clean_look look;

	put("a=1");
	assert_int_equal(put_as((struct writer){.id = 7, .transactional = true}, "b=2"), 0);
	put("a=3");
	put("x=0");
	assert_int_equal(log_clean_look(f.log, f.now_ms, &look), 0);
	assert_int_equal(look.first_uncleanable, 1);
	end_txn(7, true);
	assert_int_equal(log_clean_look(f.log, f.now_ms, &look), 0);
	assert_int_equal(look.first_uncleanable, 4);
}

/* ---- what is cleanable ---- */

static void the_lag_and_the_ratio_decide(void **state)
{
	struct log_clean_look look;

	f.config.min_cleanable_dirty_ratio = 0.5;
	put("a=1");
	put("a=2");
	put("x=0");
	clean();
	put("a=3");
	assert_int_equal(log_clean_look(f.log, f.now_ms, &look), 0);
	assert_int_equal(look.first_dirty, 2);
	assert_int_equal(look.first_uncleanable, 3);
	assert_true(look.ratio == 0.5 && !look.wanted); /* the dirty ratio must exceed the setting */
	f.config.max_compaction_lag_ms = 10;
	f.now_ms += 11;
	assert_int_equal(log_clean_look(f.log, f.now_ms, &look), 0);
	assert_int_equal(look.delay_ms, 1);
	assert_true(look.wanted);
	f.config.min_compaction_lag_ms = 12;
	assert_int_equal(log_clean_look(f.log, f.now_ms, &look), 0);
	assert_int_equal(look.first_uncleanable, 2);
	assert_false(look.wanted);
	f.config.cleanup_compact = false;
	assert_int_equal(log_clean_look(f.log, f.now_ms, &look), 0);
	assert_false(look.wanted);
}

static void a_small_map_takes_several_passes(void **state)
{
	struct run r = {.map_bytes = 24 * 3, .steps = -1};

	put("a=1 b=1");
	put("a=2 c=2");
	put("b=3 d=3");
	put("a=4");
	put("x=0");
	for (int i = 0; log_clean_end(f.log) < 7; i++) {
		assert_int_equal(clean_with(&r), 0);
		assert_true(i < 4);
	}
	assert_string_equal(all(), "3:c=2 | 4:b=3 5:d=3 | 6:a=4 | 7:x=0 ");
}

static void a_batch_of_more_keys_than_the_map_holds_is_told(void **state)
{
	struct run r = {.map_bytes = 24 * 3, .steps = -1};

	put("a=1 b=1 c=1 d=1 e=1 f=1");
	put("x=0");
	assert_int_equal(clean_with(&r), -ENOBUFS);
	assert_string_equal(all(), "0:a=1 1:b=1 2:c=1 3:d=1 4:e=1 5:f=1 | 6:x=0 ");
}

static void a_log_that_cannot_be_read_is_left_as_it_is(void **state)
{
	struct run r = {.map_bytes = 100000, .steps = -1};
	struct buf bytes;

	put("a=1");
	put("a=2");
	put("x=0");
	fixture_flush(&f);
	log_close_idle(f.log, INT64_MAX);
	bytes = fixture_slurp(&f, "00000000000000000000.log");
	bytes.p[bytes.len - 2] ^= 1;
	fixture_spill(&f, "00000000000000000000.log", bytes.p, bytes.len);
	assert_int_equal(clean_with(&r), ERR_CORRUPT_MESSAGE);
	assert_int_equal(log_dir_error(f.dir), 0);
	assert_false(log_is_being_cleaned(f.log));
	assert_int_equal(log_segments(f.log), 3);
	assert_false(fixture_exists(&f, "00000000000000000000.log.cleaned"));
	buf_fini(&bytes);
}

/* ---- formats 0 and 1 ---- */

struct old {
	int64_t offset;
	int8_t magic;
	int64_t timestamp;
	const char *key;
	struct bytes value;
	uint8_t codec;
};

static void put_old(struct buf *out, struct old m)
{
	uint8_t p[300];
	int n = 12;
	int key_len = (int)(m.key ? strlen(m.key) : 0);

	put_i64(p, m.offset);
	n += 4;
	p[n++] = (uint8_t)m.magic;
	p[n++] = m.codec;
	if (m.magic > 0) {
		put_i64(p + n, m.timestamp);
		n += 8;
	}
	put_i32(p + n, m.key ? key_len : -1);
	n += 4;
	memcpy(p + n, m.key ? m.key : "", (size_t)key_len);
	n += key_len;
	put_i32(p + n, m.value.p ? m.value.len : -1);
	n += 4;
	if (m.value.p)
		memcpy(p + n, m.value.p, (size_t)m.value.len);
	n += m.value.p ? m.value.len : 0;
	put_i32(p + 8, n - 12);
	put_u32(p + 12, legacy_crc(0, p + 16, (size_t)n - 16));
	buf_put(out, p, (size_t)n);
}

static void put_old_set(struct buf *out, int8_t magic, int64_t last, int codec, const struct buf *inner)
{
	struct buf packed = {0};

	assert_int_equal(encode_all(f.codecs, codec, CODEC_LEVEL_DEFAULT, inner->p, inner->len, &packed), 0);
	put_old(out, (struct old){.offset = last,
				  .magic = magic,
				  .timestamp = 9,
				  .value = {packed.p, (int32_t)packed.len},
				  .codec = (uint8_t)codec});
	buf_fini(&packed);
}

#define VALUE(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

static void drop_segment(int base)
{
	static const char *const KINDS[] = {"log", "index", "timeindex", "snapshot"};
	char name[64];
	char path[512];

	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%020d.%s", base, KINDS[i]);
		remove(fixture_file(&f, name, path));
	}
}

static void batches_of_old_formats_become_new_ones(void **state)
{
	struct buf old = {0};
	struct buf inner = {0};

	put("y=0"); /* ten batches before the active segment, whose files are replaced */
	for (int i = 1; i < 10; i++)
		put("y=0");
	put("x=0");
	fixture_flush(&f);
	assert_int_equal(log_close(f.log), 0);
	for (int i = 1; i < 10; i++)
		drop_segment(i);
	put_old(&old, (struct old){.offset = 0, .magic = 0, .key = "a", .value = VALUE("1")});
	put_old(&old, (struct old){.offset = 1, .magic = 1, .timestamp = 5, .key = "b", .value = VALUE("2")});
	put_old(&inner, (struct old){.offset = 0, .magic = 1, .timestamp = 7, .key = "a", .value = VALUE("3")});
	put_old(&inner, (struct old){.offset = 1, .magic = 1, .timestamp = 8, .key = "c", .value = VALUE("4")});
	put_old(&inner, (struct old){.offset = 2, .magic = 1, .timestamp = 9, .key = "b", .value = BYTES_NULL});
	put_old_set(&old, 1, 4, CODEC_GZIP, &inner);
	inner.len = 0;
	put_old(&inner, (struct old){.offset = 5, .magic = 0, .key = "d", .value = VALUE("5")});
	put_old(&inner, (struct old){.offset = 6, .magic = 0, .key = "e", .value = VALUE("6")});
	put_old_set(&old, 0, 6, CODEC_SNAPPY, &inner);
	fixture_spill(&f, "00000000000000000000.log", old.p, old.len);
	fixture_crash(&f);
	assert_int_equal(log_offsets(f.log).end, 11);
	log_set_high_watermark(f.log, 11);
	clean();
	assert_string_equal(all(), "~2:a=3 3:c=4 4:b | 5:d=5 6:e=6 | 10:x=0 ");
	buf_fini(&old);
	buf_fini(&inner);
}

/* ---- cut, deleted, moved ---- */

/*
 * Below the high watermark, as after an unclean election: records shadowed by truncated ones may be
 * gone.
 */
static void cut_it(void)
{
	assert_int_equal(log_truncate_to(f.log, 5), 0);
}

static void fill(void)
{
	put("a=1");
	put("b=2");
	put("a=3");
	put("c=4");
	put("b=5");
	put("d=6");
	put("a=7");
	put("x=0");
}

static void a_cut_at_any_step_ends_it_and_nothing_comes_back(void **state)
{
	for (int step = 0;; step++) {
		struct run r = {.map_bytes = 100000, .steps = step, .stop_at = cut_it};

		if (step > 0)
			set_up(state);
		f.config.segment_bytes = 1000;
		fill();
		int err = clean_with(&r);
		bool cut = log_offsets(f.log).end == 5;
		assert_true(err == -ECANCELED || err == 0);
		if (!cut)
			break;
		assert_null(strstr(all(), "d=6"));
		assert_non_null(strstr(all(), "4:b=5"));
		put("d=8");
		for (int i = 0; i < 2; i++) {
			assert_null(strstr(all(), "d=6"));
			assert_null(strstr(all(), "a=7"));
			assert_non_null(strstr(all(), "3:c=4 "));
			assert_non_null(strstr(all(), "4:b=5 "));
			assert_non_null(strstr(all(), "5:d=8 "));
			assert_int_equal(log_offsets(f.log).end, 6);
			fixture_crash(&f);
		}
		tear_down(state);
		assert_true(step < 100);
	}
}

static void delete_it(void)
{
	struct log_deletion *d = log_delete(f.log);

	assert_int_equal(log_deletion_finish(d), 0);
	log_deletion_free(d);
}

static void a_deletion_at_any_step_ends_it(void **state)
{
	for (int step = 0;; step++) {
		struct run r = {.map_bytes = 100000, .steps = step, .stop_at = delete_it};

		if (step > 0)
			set_up(state);
		f.config.segment_bytes = 1000;
		fill();
		int err = clean_with(&r);
		if (err == 0)
			break;
		assert_int_equal(err, -ECANCELED);
		assert_int_equal(log_dir_error(f.dir), 0);
		put("a=new");
		assert_string_equal(all(), "0:a=new ");
		tear_down(state);
		assert_true(step < 100);
	}
}

/* ---- swaps that others have left in the middle ---- */

static void move(const char *from, const char *to)
{
	char a[512], b[512];

	assert_int_equal(rename(fixture_file(&f, from, a), fixture_file(&f, to, b)), 0);
}

/* Kafka renames the .log first, and then its indexes. */
/* As after a stop that cannot wait: closed, and loaded as after a clean stop. */
static void a_cleaning_given_up_at_any_step_is_finished_or_taken_back_by_the_next_load(void **state)
{
	bool given_up = true;
	int finished = 0;

	for (int steps = 0; given_up; steps++) {
		struct log_clean_options o = {.codecs = f.codecs,
					      .now_ms = f.now_ms,
					      .io_bytes = 64,
					      .slice_bytes = 64,
					      .plain_max = plain_max};
		struct log_clean_look look;
		struct key_map keys;

		if (steps > 0) {
			tear_down(state);
			set_up(state);
		}
		f.config.segment_bytes = 1 << 20; /* all of them become one segment */
		for (int i = 0; i < 6; i++)
			put(i % 2 ? "a=1 b=2 c=3" : "a=4 d=5");
		put("x=0");
		fixture_flush(&f);
		fixture_checkpoint(&f);
		assert_int_equal(log_clean_look(f.log, f.now_ms, &look), 0);
		key_map_init(&keys, (struct siphash_key){3, 4}, 100000, 0.9);
		o.keys = &keys;
		struct log_clean *c = log_clean_begin(f.log, &look, &o);
		given_up = true;
		for (int i = 0; i < steps && given_up; i++) {
			given_up = log_clean_step(f.log, c);
			if (given_up)
				log_clean_run(c);
		}
		if (given_up) {
			log_clean_cancel(c);
			log_clean_abandon(f.log, c);
		}
		log_clean_free(c);
		key_map_fini(&keys);
		fixture_restart(&f);
		assert_int_equal(log_offsets(f.log).end, 16);
		assert_non_null(strstr(all(), "12:a=1 13:b=2 14:c=3 | 15:x=0 "));
		finished += strstr(all(), "0:a=4") == NULL;
		put("x=1");
		clean();
		assert_string_equal(all(), "11:d=5 | 12:a=1 13:b=2 14:c=3 | 15:x=0 | 16:x=1 ");
	}
	assert_true(finished > 4);
}

static void a_swap_that_ended_between_the_log_and_its_indexes_is_finished(void **state)
{
	fill();
	fixture_flush(&f);
	assert_int_equal(log_close(f.log), 0);
	struct buf index = fixture_slurp(&f, "00000000000000000000.index");
	move("00000000000000000000.index", "00000000000000000000.index.swap");
	move("00000000000000000000.timeindex", "00000000000000000000.timeindex.swap");
	fixture_crash(&f);
	assert_false(fixture_exists(&f, "00000000000000000000.index.swap"));
	assert_false(fixture_exists(&f, "00000000000000000000.timeindex.swap"));
	struct buf now = fixture_slurp(&f, "00000000000000000000.index");
	assert_int_equal(now.len, index.len);
	buf_fini(&index);
	buf_fini(&now);
}

static void a_swap_beside_a_cleaned_file_is_taken_back(void **state)
{
	fill();
	fixture_flush(&f);
	fixture_spill(&f, "00000000000000000000.log.swap", "half", 4);
	fixture_spill(&f, "00000000000000000000.txnindex.cleaned", "", 0);
	fixture_crash(&f);
	assert_false(fixture_exists(&f, "00000000000000000000.log.swap"));
	assert_false(fixture_exists(&f, "00000000000000000000.txnindex.cleaned"));
	assert_non_null(strstr(all(), "0:a=1 "));
}

static void a_whole_swap_replaces_what_it_covers(void **state)
{
	fill();
	fixture_flush(&f);
	assert_int_equal(log_close(f.log), 0);
	struct buf third = fixture_slurp(&f, "00000000000000000002.log");
	fixture_spill(&f, "00000000000000000000.log.swap", third.p, third.len);
	fixture_spill(&f, "00000000000000000000.index.swap", "", 0);
	fixture_spill(&f, "00000000000000000000.timeindex.swap", "", 0);
	fixture_crash(&f);
	assert_false(fixture_exists(&f, "00000000000000000001.log"));
	assert_false(fixture_exists(&f, "00000000000000000002.log"));
	assert_string_equal(all(), "2:a=3 | 3:c=4 | 4:b=5 | 5:d=6 | 6:a=7 | 7:x=0 ");
	buf_fini(&third);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(of_each_key_the_newest_record_stays),
		TEST(a_tombstone_goes_behind_its_horizon_and_not_before),
		TEST(a_tombstone_stays_as_long_as_a_batch_that_is_too_large_to_look_into),
		TEST(a_record_without_a_key_goes),
		TEST(what_was_cleaned_is_whole_after_a_crash_under_another_policy),
		TEST(the_last_batch_of_a_producer_stays_without_records),
		TEST(what_was_aborted_goes_and_its_marker_after_it),
		TEST(markers_are_not_cleaned_by_their_keys),
		TEST(an_open_transaction_bounds_what_is_cleaned),
		TEST(the_lag_and_the_ratio_decide),
		TEST(a_small_map_takes_several_passes),
		TEST(a_batch_of_more_keys_than_the_map_holds_is_told),
		TEST(a_log_that_cannot_be_read_is_left_as_it_is),
		TEST(batches_of_old_formats_become_new_ones),
		TEST(a_cut_at_any_step_ends_it_and_nothing_comes_back),
		TEST(a_deletion_at_any_step_ends_it),
		TEST(a_cleaning_given_up_at_any_step_is_finished_or_taken_back_by_the_next_load),
		TEST(a_swap_that_ended_between_the_log_and_its_indexes_is_finished),
		TEST(a_swap_beside_a_cleaned_file_is_taken_back),
		TEST(a_whole_swap_replaces_what_it_covers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
