/*
 * After a clean stop the manifest says what the logs are, and nothing of them is read; after
 * anything else, and wherever somebody has had a hand in it, they are. Whether a log was read shows
 * by the index of its first segment: it is damaged before each start, which a load notices.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/endian.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "log/log.h"
#include "log/manifest.h"
#include "tests/base/cm.h"
#include "wire/batch.h"
#include "wire/records.h"
#include "tests/log/endless.h"

#define DIR "/data/t-0/"
#define FIRST DIR "00000000000000000000"
#define MANIFEST "/data/odradek.manifest"
#define MARKER "/data/.kafka_cleanshutdown"
#define NOW_MS 1767225600000
#define BATCHES 40

static const struct topic_config CONFIG = {
	ENDLESS_TOPIC,	       .segment_bytes = 1500,  .segment_index_bytes = 10 << 20, .index_interval_bytes = 200,
	.retention_bytes = -1, .cleanup_delete = true, .max_message_bytes = 1 << 20,
};

struct life {
	struct sim_world *w;
	struct env *env;
	struct log_dir *dir;
	struct log *log;
	struct diag diag;
	bool was_read; /* the log, when it was opened last */
	int segments;
	int64_t size;
	int64_t damaged_at; /* in the first index */
};

static void see_line(void *arg, const char *line, int len)
{
	static const char ANEW[] = "made anew";
	static const char ALL[] = "all of it is verified";
	struct life *l = arg;

	if (memmem(line, (size_t)len, ANEW, sizeof(ANEW) - 1) || memmem(line, (size_t)len, ALL, sizeof(ALL) - 1))
		l->was_read = true;
}

static int64_t no_time(void *arg)
{
	return 0;
}

static void open_life(struct life *l)
{
	struct log_dir_options options = {.path = "/data"};
	struct log_id id = {.topic = STR("t"), .topic_id = {{7}}};
	struct log_load how = {.producer_expiration_ms = INT64_MAX};
	char *why;

	l->was_read = false;
	assert_int_equal(log_dir_open(l->env, &options, &l->dir, &why), 0);
	assert_int_equal(log_dir_begin_run(l->dir), 0);
	l->log = log_new(l->dir, &id, &CONFIG);
	how.clean = log_dir_was_clean(l->dir, NULL);
	assert_int_equal(log_load(l->log, &how), 0);
	log_set_high_watermark(l->log, log_offsets(l->log).end);
}

static void free_life(struct life *l)
{
	log_free(l->log);
	log_dir_free(l->dir);
	l->log = NULL;
	l->dir = NULL;
}

static void append(struct life *l, int n, int64_t producer_id)
{
	struct codecs *codecs = codecs_new();
	struct arena arena;

	arena_init(&arena, 1 << 20);
	for (int i = 0; i < n; i++) {
		struct batch_options o = BATCH_OPTIONS_NONE;
		struct batch_check c = {
			.topic = STR("t"), .config = &CONFIG, .now_ms = NOW_MS, .codecs = codecs, .arena = &arena};
		struct batch_problem problem;
		struct log_appended out;
		struct batch_builder b;
		struct batch_info info;
		struct buf buf = {0};

		o.producer_id = producer_id;
		o.producer_epoch = producer_id < 0 ? -1 : 0;
		o.base_sequence = producer_id < 0 ? -1 : i;
		batch_begin(&b, &buf, &o);
		batch_add(&b, NOW_MS + log_offsets(l->log).end, BYTES_NULL,
			  (struct bytes){(const uint8_t *)"a value of some length", 22});
		batch_end(&b);
		assert_int_equal(batch_check(&c, buf.p, buf.len, &info, &problem), 0);
		assert_int_equal(log_append(l->log, buf.p, &info, 3, c.now_ms, &out), 0);
		buf_fini(&buf);
	}
	log_set_high_watermark(l->log, log_offsets(l->log).end);
	arena_fini(&arena);
	codecs_free(codecs);
}

static void checkpoint(struct life *l, enum log_checkpoint kind, int64_t offset)
{
	struct log_checkpoint_writer w;

	log_checkpoint_init(&w, kind);
	log_checkpoint_add(&w, STR("t"), 0, offset);
	assert_int_equal(log_checkpoint_write(&w, l->dir), 0);
}

/* A clean stop. True when the log was noted. */
static bool stop(struct life *l)
{
	struct buf entry = {0};
	bool noted;

	assert_int_equal(log_close(l->log), 0);
	checkpoint(l, CHECKPOINT_RECOVERY_POINT, log_begin_checkpoint(l->log));
	checkpoint(l, CHECKPOINT_HIGH_WATERMARK, log_offsets(l->log).high_watermark);
	noted = log_note(l->log, &entry);
	if (noted)
		log_dir_note(l->dir, &entry);
	buf_fini(&entry);
	assert_int_equal(log_dir_mark_clean(l->dir, 1), 0);
	l->segments = log_segments(l->log);
	l->size = log_size(l->log);
	free_life(l);
	return noted;
}

/* Also mends it again. Nobody notices but who reads it. */
static void damage_index(struct life *l)
{
	assert_int_equal(sim_flip_byte(l->w, 0, FIRST ".index", l->damaged_at, 0x40), 0);
}

static void new_life(struct life *l, int64_t producer_id)
{
	struct sim_options o;

	*l = (struct life){0};
	sim_options_calm(&o);
	l->w = sim_world_new(1, &o);
	l->env = sim_env(l->w, 0);
	l->diag = (struct diag){.level = DIAG_INFO, .wall_ms = no_time, .write = see_line, .arg = l};
	sim_env_diag(l->w, 0, &l->diag);
	open_life(l);
	append(l, BATCHES, producer_id);
}

/* A life that has ended with a clean stop, and whose first index was damaged since. */
static void first_life(struct life *l)
{
	struct file_stat st;

	new_life(l, -1);
	assert_true(stop(l));
	assert_true(l->segments > 2);
	assert_int_equal(env_stat(l->env, FIRST ".index", &st), 0);
	assert_true(st.size > 0);
	l->damaged_at = st.size - 4; /* the position in the last entry: beyond the end of the segment */
	damage_index(l);
}

static void last_life(struct life *l)
{
	free_life(l);
	sim_world_free(l->w);
}

static int count_records(struct life *l)
{
	struct log_offsets o = log_offsets(l->log);
	int64_t at = o.start;
	int n = 0;

	while (at < o.end) {
		struct log_read r = {.offset = at, .max_bytes = 1 << 20, .min_one_message = true, .upto_offset = o.end};
		struct records records = {0};
		struct log_cold cold;

		assert_int_equal(log_read(l->log, &r, &records, &cold), 0);
		assert_true(records.len > 0);
		file_unref(&records.file);
		n += (int)(r.next_offset - at);
		at = r.next_offset;
	}
	return n;
}

static void check_log(struct life *l, int n)
{
	struct log_offsets o = log_offsets(l->log);

	assert_int_equal(o.start, 0);
	assert_int_equal(o.end, n);
	assert_int_equal(o.flushed_end, n);
	assert_int_equal(o.high_watermark, n);
	assert_int_equal(o.last_epoch, 3);
	assert_int_equal(count_records(l), n);
}

/* The offset of the record that was written as this one, found by its timestamp. */
static int64_t look_up(struct life *l, int64_t offset)
{
	struct codecs *codecs = codecs_new();
	struct log_lookup lookup;
	int64_t found = -1;

	if (log_lookup_begin(l->log, NOW_MS + offset, INT64_MAX, &lookup) == 0 && log_lookup_run(&lookup, codecs) == 0)
		found = lookup.found_offset;
	log_lookup_fini(&lookup);
	codecs_free(codecs);
	return found;
}

static void after_a_clean_stop_no_file_is_read(void **state)
{
	struct life l;

	first_life(&l);
	for (int i = 0; i < 3; i++) {
		open_life(&l);
		assert_false(l.was_read);
		assert_int_equal(log_segments(l.log), l.segments);
		assert_int_equal(log_size(l.log), l.size);
		damage_index(&l);
		check_log(&l, BATCHES);
		assert_int_equal(look_up(&l, 3), 3);
		assert_int_equal(look_up(&l, BATCHES - 1), BATCHES - 1);
		assert_true(stop(&l));
		damage_index(&l);
	}
	open_life(&l);
	damage_index(&l);
	append(&l, 5, -1);
	assert_int_equal(count_records(&l), BATCHES + 5);
	assert_true(stop(&l));
	damage_index(&l);
	open_life(&l);
	assert_false(l.was_read);
	damage_index(&l);
	check_log(&l, BATCHES + 5);
	last_life(&l);
}

static void the_directory_says_whose_it_is_without_being_opened(void **state)
{
	struct log_dir_entry e = {.name = "t-0"};
	struct life l;

	first_life(&l);
	assert_int_equal(sim_flip_byte(l.w, 0, DIR "partition.metadata", 25, 1), 0);
	open_life(&l);
	assert_int_equal(log_dir_entry_read(l.dir, &e), 0);
	assert_true(uuid_eq(e.topic_id, (struct uuid){{7}}));
	log_dir_forget_noted(l.dir);
	e.topic_id = UUID_ZERO;
	assert_int_equal(log_dir_entry_read(l.dir, &e), 0);
	assert_false(uuid_eq(e.topic_id, (struct uuid){{7}}));
	last_life(&l);
}

static void producers_are_restored(void **state)
{
	struct life l;

	new_life(&l, 99);
	assert_true(stop(&l));
	int open_files = l.env->open_files;
	open_life(&l);
	assert_int_equal(log_producer_count(l.log), 1);
	assert_int_equal(l.env->open_files, open_files + 1); /* the lock; none of the log */
	check_log(&l, BATCHES);
	last_life(&l);
}

/* ---- hands ---- */

static struct file *opened(struct life *l, const char *path, int flags)
{
	struct file *f;

	assert_int_equal(env_open(l->env, path, FILE_WRITE | flags, &f), 0);
	return f;
}

static void change_size(struct life *l, const char *path, int64_t by)
{
	struct file *f = opened(l, path, 0);
	int64_t size = file_size(f);

	if (by < 0)
		assert_int_equal(file_truncate(f, size + by), 0);
	else
		assert_int_equal(file_write_full(f, "garbage", (size_t)by, size), 0);
	file_unref(&f);
}

static int find_last(void *arg, const char *name, bool is_dir)
{
	char *last = arg;
	size_t n = strlen(name);

	if (n > 4 && strcmp(name + n - 4, ".log") == 0 && strcmp(name, last + sizeof(DIR) - 1) > 0)
		snprintf(last, 300, DIR "%s", name);
	return 0;
}

static char *last_segment(struct life *l, char out[300])
{
	snprintf(out, 300, DIR);
	assert_int_equal(env_list(l->env, "/data/t-0", find_last, out), 0);
	return out;
}

static void append_garbage(struct life *l)
{
	char path[300];

	change_size(l, last_segment(l, path), 7);
}

static void cut_the_end(struct life *l)
{
	char path[300];

	change_size(l, last_segment(l, path), -1);
}

static void cut_an_index(struct life *l)
{
	change_size(l, FIRST ".index", -4);
}

static void cut_a_time_index(struct life *l)
{
	change_size(l, FIRST ".timeindex", -12);
}

static void remove_an_index(struct life *l)
{
	assert_int_equal(env_unlink(l->env, FIRST ".index"), 0);
}

static void write_the_same(struct life *l)
{
	struct file *f = opened(l, FIRST ".log", 0);
	char byte;

	assert_int_equal(file_read_full(f, &byte, 1, 100), 0);
	assert_int_equal(file_write_full(f, &byte, 1, 100), 0);
	file_unref(&f);
}

static void leave_a_file(struct life *l)
{
	struct file *f = opened(l, DIR "note", FILE_CREATE);

	file_unref(&f);
}

static void copy(struct life *l, const char *from, const char *to)
{
	char *bytes;
	size_t len;
	struct file *f;

	assert_int_equal(env_read_file(l->env, from, 1 << 20, &bytes, &len), 0);
	f = opened(l, to, FILE_CREATE);
	assert_int_equal(file_write_full(f, bytes, len, 0), 0);
	file_unref(&f);
	xfree(bytes);
}

static int copy_one(void *arg, const char *name, bool is_dir)
{
	char from[300], to[300];

	snprintf(from, sizeof(from), DIR "%s", name);
	snprintf(to, sizeof(to), "/data/copy/%s", name);
	copy(arg, from, to);
	return 0;
}

static int unlink_one(void *arg, const char *name, bool is_dir)
{
	char path[300];

	snprintf(path, sizeof(path), "/data/old/%s", name);
	return env_unlink(((struct life *)arg)->env, path);
}

static void put_a_copy_in_place(struct life *l)
{
	assert_int_equal(env_mkdir(l->env, "/data/copy"), 0);
	assert_int_equal(env_list(l->env, "/data/t-0", copy_one, l), 0);
	assert_int_equal(env_rename(l->env, "/data/t-0", "/data/old"), 0);
	assert_int_equal(env_rename(l->env, "/data/copy", "/data/t-0"), 0);
	assert_int_equal(env_list(l->env, "/data/old", unlink_one, l), 0);
	assert_int_equal(env_rmdir(l->env, "/data/old"), 0);
}

/* Kafka was here, and has stopped cleanly without a change to this log. */
static void replace_the_marker(struct life *l)
{
	copy(l, MARKER, "/data/marker");
	assert_int_equal(env_unlink(l->env, MARKER), 0);
	assert_int_equal(env_rename(l->env, "/data/marker", MARKER), 0);
}

static void overwrite_the_marker(struct life *l)
{
	copy(l, MARKER, "/data/marker");
	copy(l, "/data/marker", MARKER);
	assert_int_equal(env_unlink(l->env, "/data/marker"), 0);
}

static void what_somebody_has_changed_is_read(void **state)
{
	static const struct {
		void (*change)(struct life *l);
		int lost;
	} CASES[] = {
		{append_garbage, 0},	 {cut_the_end, 1},	    {cut_an_index, 0}, {cut_a_time_index, 0},
		{remove_an_index, 0},	 {write_the_same, 0},	    {leave_a_file, 0}, {put_a_copy_in_place, 0},
		{replace_the_marker, 0}, {overwrite_the_marker, 0},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct life l;

		first_life(&l);
		CASES[i].change(&l);
		open_life(&l);
		assert_true(l.was_read);
		assert_int_equal(log_offsets(l.log).end, BATCHES - CASES[i].lost);
		assert_int_equal(count_records(&l), BATCHES - CASES[i].lost);
		append(&l, 1, -1);
		stop(&l);
		open_life(&l);
		assert_int_equal(count_records(&l), BATCHES - CASES[i].lost + 1);
		last_life(&l);
	}
}

static int unlink_first(void *arg, const char *name, bool is_dir)
{
	char path[300];

	snprintf(path, sizeof(path), DIR "%s", name);
	return strncmp(name, "00000000000000000000.", 21) == 0 ? env_unlink(((struct life *)arg)->env, path) : 0;
}

static void a_removed_segment_is_missed(void **state)
{
	struct life l;

	first_life(&l);
	assert_int_equal(env_list(l.env, "/data/t-0", unlink_first, &l), 0);
	open_life(&l);
	assert_int_equal(log_segments(l.log), l.segments - 1);
	assert_true(log_offsets(l.log).start > 0);
	assert_int_equal(log_offsets(l.log).end, BATCHES);
	last_life(&l);
}

/* ---- the file ---- */

static void write_manifest(struct life *l, const void *p, size_t len)
{
	assert_int_equal(env_replace_file(l->env, MANIFEST, p, len), 0);
}

static bool is_believed(struct life *l)
{
	struct manifest *m = manifest_read(l->env, "/data", MARKER);
	bool believed = m != NULL;

	manifest_free(m);
	return believed;
}

static void a_manifest_that_was_cut_short_or_changed_is_not_believed(void **state)
{
	struct life l;
	char *text;
	size_t len;

	first_life(&l);
	assert_int_equal(env_read_file(l.env, MANIFEST, 1 << 20, &text, &len), 0);
	for (size_t i = 0; i < len; i++) {
		write_manifest(&l, text, i);
		assert_false(is_believed(&l));
		write_manifest(&l, text, len);
		assert_true(is_believed(&l));
		assert_int_equal(sim_flip_byte(l.w, 0, MANIFEST, (int64_t)i, 1), 0);
		assert_false(is_believed(&l));
	}
	write_manifest(&l, text, len / 2);
	open_life(&l);
	assert_true(l.was_read);
	check_log(&l, BATCHES);
	last_life(&l);
	xfree(text);
}

static void write_mended(struct life *l, uint8_t *text, size_t len)
{
	put_u32(text + 12, crc32c(0, text + 16, len - 16));
	write_manifest(l, text, len);
}

/* Whoever can write the checksum can write the log as well: what is forged may be served, but nothing ends the process. */
static bool forge(size_t at, uint8_t mask)
{
	struct log_read r = {.max_bytes = 1000, .min_one_message = true, .upto_offset = INT64_MAX};
	struct records records = {0};
	struct log_cold cold;
	struct life l;
	char *text;
	size_t len;

	first_life(&l);
	damage_index(&l);
	assert_int_equal(env_read_file(l.env, MANIFEST, 1 << 20, &text, &len), 0);
	if (at < len) {
		text[at] = (char)((uint8_t)text[at] ^ mask);
		write_mended(&l, (uint8_t *)text, len);
		open_life(&l);
		assert_int_equal(log_segments(l.log), l.segments);
		r.upto_offset = log_offsets(l.log).end;
		if (log_read(l.log, &r, &records, &cold) == 0)
			file_unref(&records.file);
		look_up(&l, 3);
		free_life(&l);
	} else {
		for (size_t n = 17; n < len; n++) {
			write_mended(&l, (uint8_t *)text, n);
			assert_false(is_believed(&l));
		}
	}
	sim_world_free(l.w);
	xfree(text);
	return at < len;
}

static void a_forged_manifest_does_no_harm(void **state)
{
	static const uint8_t MASKS[] = {1, 0x40, 0xff};

	for (size_t k = 0; k < sizeof(MASKS); k++)
		for (size_t at = 16; forge(at, MASKS[k]); at++)
			;
}

/* ---- stops that are not clean ---- */

static void crash(struct life *l, enum sim_crash how)
{
	free_life(l);
	sim_crash(l->w, 0, how);
	sim_restart(l->w, 0);
}

static void a_kill_right_after_the_start_leaves_nothing_to_believe(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct life l;
		bool was_clean;

		first_life(&l);
		open_life(&l);
		damage_index(&l);
		append(&l, 3, -1);
		crash(&l, i ? SIM_POWER : SIM_KILL);
		assert_false(is_believed(&l));
		open_life(&l);
		was_clean = log_dir_was_clean(l.dir, NULL);
		assert_false(was_clean);
		assert_true(log_offsets(l.log).end >= BATCHES);
		assert_int_equal(count_records(&l), log_offsets(l.log).end);
		last_life(&l);
	}
}

/* Even if the old file is put back. */
static void a_manifest_of_an_earlier_stop_is_not_believed(void **state)
{
	struct life l;
	char *text;
	size_t len;

	first_life(&l);
	assert_int_equal(env_read_file(l.env, MANIFEST, 1 << 20, &text, &len), 0);
	open_life(&l);
	damage_index(&l);
	assert_int_equal(env_stat(l.env, MANIFEST, &(struct file_stat){0}), -ENOENT);
	append(&l, 3, -1);
	assert_true(stop(&l));
	write_manifest(&l, text, len);
	assert_false(is_believed(&l));
	open_life(&l);
	check_log(&l, BATCHES + 3);
	last_life(&l);
	xfree(text);
}

static void a_power_cut_after_the_stop_takes_nothing(void **state)
{
	struct life l;

	first_life(&l);
	sim_crash(l.w, 0, SIM_POWER);
	sim_restart(l.w, 0);
	open_life(&l);
	assert_false(l.was_read);
	damage_index(&l);
	check_log(&l, BATCHES);
	last_life(&l);
}

/* Files that are about to be removed: the next load does it. */
static void a_log_with_something_to_be_tidied_is_not_noted(void **state)
{
	struct life l;
	struct file *f;

	new_life(&l, -1);
	f = opened(&l, FIRST ".log.deleted", FILE_CREATE);
	file_unref(&f);
	assert_false(stop(&l));
	open_life(&l);
	check_log(&l, BATCHES);
	assert_int_equal(env_stat(l.env, FIRST ".log.deleted", &(struct file_stat){0}), -ENOENT);
	last_life(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_a_clean_stop_no_file_is_read),
		cmocka_unit_test(the_directory_says_whose_it_is_without_being_opened),
		cmocka_unit_test(producers_are_restored),
		cmocka_unit_test(what_somebody_has_changed_is_read),
		cmocka_unit_test(a_removed_segment_is_missed),
		cmocka_unit_test(a_manifest_that_was_cut_short_or_changed_is_not_believed),
		cmocka_unit_test(a_forged_manifest_does_no_harm),
		cmocka_unit_test(a_kill_right_after_the_start_leaves_nothing_to_believe),
		cmocka_unit_test(a_manifest_of_an_earlier_stop_is_not_believed),
		cmocka_unit_test(a_power_cut_after_the_stop_takes_nothing),
		cmocka_unit_test(a_log_with_something_to_be_tidied_is_not_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
