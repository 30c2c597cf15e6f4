/* After a kill, what was written is trusted by its headers; after anything else every byte is read. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "log/life.h"
#include "log/log.h"
#include "tests/base/cm.h"
#include "wire/batch.h"
#include "wire/records.h"
#include "tests/log/endless.h"

#define SEGMENT "/data/t-0/00000000000000000000.log"
#define BATCHES 20

static const struct topic_config CONFIG = {
	ENDLESS_TOPIC,	       .segment_bytes = 1 << 20, .segment_index_bytes = 10 << 20, .index_interval_bytes = 200,
	.retention_bytes = -1, .cleanup_delete = true,	 .max_message_bytes = 1 << 20,
};

struct life {
	struct sim_world *w;
	struct env *env;
	struct log_dir *dir;
	struct log *log;
	struct diag diag;
	bool whole; /* the page cache was whole when the directory was opened */
};

static void no_line(void *arg, const char *line, int len)
{
}

static int64_t no_time(void *arg)
{
	return 0;
}

/* Returns 0, or the error of loading. */
static int open_life_of(struct life *l, const char *topic)
{
	struct log_dir_options options = {.path = "/data"};
	struct log_id id = {.topic = str_of(topic), .topic_id = {{7}}};
	struct log_load how = {.producer_expiration_ms = INT64_MAX};
	int64_t since_ms;
	char *why;

	assert_int_equal(log_dir_open(l->env, &options, &l->dir, &why), 0);
	l->whole = log_dir_cache_is_whole(l->dir, &since_ms);
	assert_int_equal(log_dir_begin_run(l->dir), 0);
	l->log = log_new(l->dir, &id, &CONFIG);
	how.clean = log_dir_was_clean(l->dir, NULL);
	return log_load(l->log, &how);
}

static void open_life(struct life *l)
{
	assert_int_equal(open_life_of(l, "t"), 0);
}

static void end_life(struct life *l, enum sim_crash how)
{
	log_free(l->log);
	log_dir_free(l->dir);
	sim_crash(l->w, 0, how);
	sim_restart(l->w, 0);
}

static void append(struct life *l, int n)
{
	struct codecs *codecs = codecs_new();
	struct arena arena;

	arena_init(&arena, 1 << 20);
	for (; n > 0; n--) {
		struct batch_options o = BATCH_OPTIONS_NONE;
		struct batch_check c = {.topic = STR("t"),
					.config = &CONFIG,
					.now_ms = 1767225600000,
					.codecs = codecs,
					.arena = &arena};
		struct batch_problem problem;
		struct log_appended out;
		struct batch_builder b;
		struct batch_info info;
		struct buf buf = {0};

		batch_begin(&b, &buf, &o);
		batch_add(&b, c.now_ms, BYTES_NULL, (struct bytes){(const uint8_t *)"a value of some length", 22});
		batch_end(&b);
		assert_int_equal(batch_check(&c, buf.p, buf.len, &info, &problem), 0);
		assert_int_equal(log_append(l->log, buf.p, &info, 3, c.now_ms, &out), 0);
		buf_fini(&buf);
	}
	arena_fini(&arena);
	codecs_free(codecs);
}

/* A life that has vouched for BATCHES batches, none of which was flushed. */
static void first_life(struct life *l)
{
	struct sim_options o;

	*l = (struct life){0};
	sim_options_calm(&o);
	l->w = sim_world_new(1, &o);
	l->env = sim_env(l->w, 0);
	l->diag = (struct diag){.level = DIAG_ERROR, .wall_ms = no_time, .write = no_line};
	sim_env_diag(l->w, 0, &l->diag);
	open_life(l);
	assert_false(l->whole);
	log_dir_vouch(l->dir);
	append(l, BATCHES);
}

static void last_life(struct life *l)
{
	end_life(l, SIM_KILL);
	sim_world_free(l->w);
}

static int64_t end_of(const struct life *l)
{
	return log_offsets(l->log).end;
}

/* Damages a byte of a record in batch i. */
static void damage(struct life *l, int i)
{
	int64_t size = log_size(l->log) / BATCHES;

	assert_int_equal(sim_flip_byte(l->w, 0, SEGMENT, i * size + BATCH_HEADER_SIZE + 5, 1), 0);
}

static void after_a_kill_headers_are_walked_and_the_log_is_whole(void **state)
{
	struct life l;

	first_life(&l);
	damage(&l, 4); /* only a reader would notice, and there is none */
	end_life(&l, SIM_KILL);
	open_life(&l);
	assert_true(l.whole);
	assert_int_equal(end_of(&l), BATCHES);
	assert_int_equal(log_offsets(l.log).last_epoch, 3);
	log_dir_vouch(l.dir);
	append(&l, BATCHES);
	end_life(&l, SIM_KILL); /* and again */
	open_life(&l);
	assert_true(l.whole);
	assert_int_equal(end_of(&l), 2 * BATCHES);
	last_life(&l);
}

static void a_kill_before_all_logs_were_loaded_has_them_read_again(void **state)
{
	struct life l;

	first_life(&l);
	end_life(&l, SIM_KILL);
	open_life(&l); /* and nothing is reported */
	assert_true(l.whole);
	damage(&l, 4);
	end_life(&l, SIM_KILL);
	open_life(&l);
	assert_false(l.whole);
	assert_int_equal(end_of(&l), 4);
	last_life(&l);
}

static void after_a_power_cut_every_byte_is_read(void **state)
{
	struct life l;
	struct file *f;

	first_life(&l);
	assert_int_equal(env_open(l.env, SEGMENT, FILE_WRITE, &f), 0);
	assert_int_equal(file_sync_disk(f), 0); /* everything is durable, including the marker that vouches for it */
	file_unref(&f);
	damage(&l, 4);
	end_life(&l, SIM_POWER);
	open_life(&l);
	assert_false(l.whole);
	assert_int_equal(end_of(&l), 4);
	last_life(&l);
}

static void what_is_damaged_at_the_end_is_found(void **state)
{
	struct life l;

	first_life(&l);
	damage(&l, BATCHES - 1);
	end_life(&l, SIM_KILL);
	open_life(&l);
	assert_true(l.whole);
	assert_int_equal(end_of(&l), BATCHES - 1);
	last_life(&l);
}

/* The number of entries that appending n batches makes. */
static int64_t index_entries(int64_t size, int n)
{
	int64_t indexed = 0, entries = 0;

	for (int64_t pos = 0; pos < n * size; pos += size) {
		if (pos - indexed <= CONFIG.index_interval_bytes)
			continue;
		indexed = pos;
		entries++;
	}
	return entries;
}

static void a_batch_that_was_cut_short_is_cut_off_and_the_others_are_read(void **state)
{
	struct life l;

	for (int damaged = 0; damaged < 2; damaged++) {
		struct file_stat st;
		struct file *f;

		first_life(&l);
		int64_t size = log_size(l.log) / BATCHES;
		if (damaged)
			damage(&l, 4);
		assert_int_equal(env_open(l.env, SEGMENT, FILE_WRITE, &f), 0);
		assert_int_equal(file_truncate(f, log_size(l.log) - 1), 0);
		file_unref(&f);
		end_life(&l, SIM_KILL);
		open_life(&l);
		assert_true(l.whole);
		assert_int_equal(end_of(&l), damaged ? 4 : BATCHES - 1);
		assert_int_equal(log_offsets(l.log).last_epoch, 3);
		assert_int_equal(env_stat(l.env, "/data/t-0/00000000000000000000.index", &st), 0);
		assert_int_equal(st.size, 8 * index_entries(size, damaged ? 4 : BATCHES - 1));
		last_life(&l);
	}
}

static void headers_that_do_not_follow_one_another_have_all_of_it_read(void **state)
{
	struct life l;
	int64_t size;

	first_life(&l);
	size = log_size(l.log) / BATCHES;
	damage(&l, 2);
	assert_int_equal(sim_flip_byte(l.w, 0, SEGMENT, 9 * size + 7, 0x40), 0);   /* an offset that is too high */
	assert_int_equal(sim_flip_byte(l.w, 0, SEGMENT, 10 * size + 12, 0x40), 0); /* an impossible epoch */
	end_life(&l, SIM_KILL);
	open_life(&l);
	assert_int_equal(end_of(&l), 2);
	assert_int_equal(log_offsets(l.log).last_epoch, 3);
	last_life(&l);
}

static void after_a_failed_sync_the_page_cache_is_not_believed(void **state)
{
	struct log_flush f = {0};
	struct life l;

	first_life(&l);
	damage(&l, 4);
	sim_fail_next_sync(l.w, 0);
	assert_true(log_flush_begin(l.log, LOG_FLUSH_ALL, &f));
	log_flush_run(&f);
	log_flush_fini(&f);
	end_life(&l, SIM_KILL); /* before anyone has checked how it ended */
	open_life(&l);
	assert_false(l.whole);
	assert_int_equal(end_of(&l), 4);
	last_life(&l);
}

static void what_the_system_could_not_write_fails_the_directory(void **state)
{
	struct life l;

	first_life(&l);
	end_life(&l, SIM_KILL);
	sim_fail_write_back(l.w, 0, SEGMENT);
	assert_int_equal(open_life_of(&l, "t"), -EIO);
	assert_int_equal(log_dir_error(l.dir), -EIO);
	end_life(&l, SIM_KILL);
	open_life(&l); /* everything is read, and written again */
	assert_false(l.whole);
	assert_int_equal(end_of(&l), BATCHES);
	last_life(&l);
}

static int find_witness(void *arg, const char *name, bool is_dir)
{
	if (strncmp(name, "odradek.life-0.", 15) == 0)
		snprintf(arg, 300, "/data/%s", name);
	return 0;
}

/* Kafka has loaded the directory: it makes a segment in a log that is to be deleted, or has deleted it. */
static void where_kafka_has_been_every_byte_is_read(void **state)
{
	for (int i = 0; i < 2; i++) {
		char witness[300] = "", path[340];
		struct file *f;
		struct life l;

		first_life(&l);
		damage(&l, 4);
		end_life(&l, SIM_KILL);
		assert_int_equal(env_list(l.env, "/data", find_witness, witness), 0);
		snprintf(path, sizeof(path), "%s/00000000000000000000.log", witness);
		if (i) {
			assert_int_equal(env_rmdir(l.env, witness), 0);
		} else {
			assert_int_equal(env_open(l.env, path, FILE_WRITE | FILE_CREATE, &f), 0);
			file_unref(&f);
		}
		open_life(&l);
		assert_false(l.whole);
		assert_int_equal(end_of(&l), 4);
		last_life(&l);
	}
}

static void a_log_that_nobody_vouches_for_is_read(void **state)
{
	struct life l;

	first_life(&l);
	end_life(&l, SIM_KILL);
	open_life(&l);
	sim_run_for(l.w, 5000);
	log_dir_vouch(l.dir); /* by a later life: the log was put here, or is older */
	damage(&l, 4);
	end_life(&l, SIM_KILL);
	open_life(&l);
	assert_true(l.whole);
	assert_int_equal(end_of(&l), 4);
	last_life(&l);
}

static void a_clean_stop_leaves_nothing_of_it(void **state)
{
	char witness[300] = "";
	struct file_stat st;
	struct life l;

	first_life(&l);
	assert_int_equal(log_close(l.log), 0);
	assert_int_equal(log_dir_mark_clean(l.dir, 1), 0);
	assert_int_equal(env_list(l.env, "/data", find_witness, witness), 0);
	assert_string_equal(witness, "");
	assert_int_equal(env_stat(l.env, "/data/odradek.life", &st), -ENOENT);
	last_life(&l);
}

static void a_text_that_was_cut_short_or_changed_vouches_for_nothing(void **state)
{
	struct life l;
	char *text;
	size_t len;
	int64_t since_ms;

	first_life(&l);
	assert_int_equal(env_read_file(l.env, "/data/odradek.life", 4096, &text, &len), 0);
	assert_true(life_is_seen(l.env, "/data", &since_ms));
	for (size_t n = 0; n < len; n++) {
		struct file *f;

		assert_int_equal(env_open(l.env, "/data/odradek.life", FILE_WRITE | FILE_TRUNCATE, &f), 0);
		assert_int_equal(file_write_full(f, text, n, 0), 0);
		assert_false(life_is_seen(l.env, "/data", &since_ms));
		assert_int_equal(file_write_full(f, text, len, 0), 0);
		file_unref(&f);
		assert_true(life_is_seen(l.env, "/data", &since_ms));
		assert_int_equal(sim_flip_byte(l.w, 0, "/data/odradek.life", (int64_t)n, 1), 0);
		assert_false(life_is_seen(l.env, "/data", &since_ms));
	}
	xfree(text);
	last_life(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_a_kill_headers_are_walked_and_the_log_is_whole),
		cmocka_unit_test(a_kill_before_all_logs_were_loaded_has_them_read_again),
		cmocka_unit_test(after_a_power_cut_every_byte_is_read),
		cmocka_unit_test(what_is_damaged_at_the_end_is_found),
		cmocka_unit_test(a_batch_that_was_cut_short_is_cut_off_and_the_others_are_read),
		cmocka_unit_test(headers_that_do_not_follow_one_another_have_all_of_it_read),
		cmocka_unit_test(after_a_failed_sync_the_page_cache_is_not_believed),
		cmocka_unit_test(what_the_system_could_not_write_fails_the_directory),
		cmocka_unit_test(where_kafka_has_been_every_byte_is_read),
		cmocka_unit_test(a_log_that_nobody_vouches_for_is_read),
		cmocka_unit_test(a_clean_stop_leaves_nothing_of_it),
		cmocka_unit_test(a_text_that_was_cut_short_or_changed_vouches_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
