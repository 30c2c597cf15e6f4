/*
 * A lack of descriptors at each moment of a log's life in turn: an operation is refused and nothing
 * has changed, or it is carried out completely. On the simulated disk.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "log/log.h"
#include "tests/base/cm.h"
#include "wire/records.h"

enum { EPOCHS = 4, STEPS_MAX = 400 };

static const struct topic_config CONFIG = {
	.segment_bytes = 4000,
	.segment_index_bytes = 10 << 20,
	.index_interval_bytes = 300,
	.segment_ms = INT64_MAX / 2,
	.flush_messages = INT64_MAX,
	.flush_ms = INT64_MAX,
	.max_message_bytes = 1 << 20,
	.retention_ms = -1,
	.retention_bytes = -1,
	.cleanup_delete = true,
};

static struct sim_world *world;
static struct env *env;
static struct log_dir *dir;
static struct log *the_log;

/* ---- a log with something in every file ---- */

static void append(const struct batch_options *o, const struct batch_check *check, struct buf *batch)
{
	struct batch_problem problem;
	struct log_appended out;
	struct batch_info info;

	assert_int_equal(batch_check(check, batch->p, batch->len, &info, &problem), 0);
	assert_int_equal(log_append(the_log, batch->p, &info, o->leader_epoch, check->now_ms, &out), 0);
	log_set_high_watermark(the_log, log_offsets(the_log).end);
	buf_fini(batch);
}

static void append_data(int64_t producer_id, int32_t sequence, int32_t epoch, int64_t now_ms)
{
	struct batch_check check = {.topic = STR("t"), .config = &CONFIG, .now_ms = now_ms};
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder b;
	struct buf batch = {0};
	uint8_t value[120] = {0};

	o.producer_id = producer_id;
	o.producer_epoch = 0;
	o.base_sequence = sequence;
	o.leader_epoch = epoch;
	o.attributes = BATCH_TRANSACTIONAL;
	batch_begin(&b, &batch, &o);
	batch_add(&b, now_ms, BYTES_NULL, (struct bytes){value, sizeof(value)});
	batch_end(&b);
	append(&o, &check, &batch);
}

static void append_abort(int64_t producer_id, int32_t epoch, int64_t now_ms)
{
	struct batch_check check = {
		.topic = STR("t"), .config = &CONFIG, .origin = ORIGIN_COORDINATOR, .now_ms = now_ms};
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct buf batch = {0};

	o.producer_id = producer_id;
	o.producer_epoch = 0;
	o.leader_epoch = epoch;
	batch_build_marker(&batch, &o, now_ms, CONTROL_ABORT, 0);
	append(&o, &check, &batch);
}

static void fill(void)
{
	int64_t now_ms = 1000;

	for (int32_t epoch = 0; epoch < EPOCHS; epoch++) {
		log_begin_epoch(the_log, epoch);
		for (int i = 0; i < 25; i++) {
			append_data(7, epoch * 25 + i, epoch, now_ms += 10);
			if (i % 5 == 4)
				append_abort(7, epoch, now_ms += 10);
		}
	}
}

static void write_checkpoint(enum log_checkpoint kind, int64_t offset)
{
	struct log_checkpoint_writer w;

	log_checkpoint_init(&w, kind);
	log_checkpoint_add(&w, STR("t"), 0, offset);
	assert_int_equal(log_checkpoint_write(&w, dir), 0);
}

static int open_dir(void)
{
	struct log_dir_options options = {.path = "/data"};
	char *why;
	int err = log_dir_open(env, &options, &dir, &why);

	xfree(why);
	return err;
}

static void make_log(void)
{
	the_log = log_new(dir, &(struct log_id){.topic = STR("t")}, &CONFIG);
}

static int load(void)
{
	struct log_load how = {.producer_expiration_ms = INT64_MAX};

	make_log();
	return log_load(the_log, &how);
}

static void let_go(void)
{
	log_free(the_log);
	log_dir_free(dir);
}

static void flush(void)
{
	struct log_flush f = {0};

	assert_true(log_flush_begin(the_log, LOG_FLUSH_ALL, &f));
	log_flush_run(&f);
	assert_int_equal(log_flush_end(the_log, &f), 0);
	log_flush_fini(&f);
}

/* An unclean stop: the recovery point is in the last segment, after some of its index entries. */
static int set_up(void **state)
{
	struct sim_options o;
	bool moved;

	sim_options_calm(&o);
	o.n_envs = 1;
	world = sim_world_new(1, &o);
	env = sim_env(world, 0);
	assert_int_equal(open_dir(), 0);
	make_log();
	fill();
	flush();
	assert_true(log_segments(the_log) > 4);
	assert_int_equal(log_set_start(the_log, 3, &moved), 0);
	write_checkpoint(CHECKPOINT_RECOVERY_POINT, log_offsets(the_log).flushed_end);
	write_checkpoint(CHECKPOINT_LOG_START, 3);
	for (int i = 0; i < 3; i++)
		append_data(7, EPOCHS * 25 + i, EPOCHS - 1, 5000 + i);
	let_go();
	return 0;
}

static int tear_down(void **state)
{
	sim_world_free(world);
	return 0;
}

/* ---- what it tells ---- */

static void tell_times(struct buf *out)
{
	struct codecs *codecs = codecs_new();

	for (int64_t ms = 0; ms < 6000; ms += 50) {
		struct log_lookup l;

		assert_int_equal(log_lookup_begin(the_log, ms, INT64_MAX, &l), 0);
		if (l.log_file)
			assert_int_equal(log_lookup_run(&l, codecs), 0);
		buf_printf(out, "at %lld: %lld\n", (long long)ms, (long long)l.found_offset);
		log_lookup_fini(&l);
	}
	codecs_free(codecs);
}

static void tell_aborted(struct buf *out)
{
	struct aborted_txn *v;
	struct arena arena;
	int n = 0;

	arena_init(&arena, 1 << 20);
	assert_int_equal(log_aborted(the_log, &(struct aborted_query){0, INT64_MAX, &arena}, &v, &n, NULL), 0);
	for (int i = 0; i < n; i++)
		buf_printf(out, "aborted: %lld\n", (long long)v[i].first_offset);
	arena_fini(&arena);
}

static void tell_index_sizes(struct buf *out)
{
	static const char *const SUFFIX[] = {"index", "timeindex"};

	for (int64_t base = 0; base < log_offsets(the_log).end; base++)
		for (int i = 0; i < 2; i++) {
			char path[80];
			struct file_stat st;

			snprintf(path, sizeof(path), "/data/t-0/%020lld.%s", (long long)base, SUFFIX[i]);
			if (env_stat(env, path, &st) == 0)
				buf_printf(out, "%s: %lld\n", path, (long long)st.size);
		}
}

static struct buf story(void)
{
	struct log_offsets o = log_offsets(the_log);
	struct buf out = {0};

	buf_printf(&out, "%lld to %lld\n", (long long)o.start, (long long)o.end);
	for (int32_t epoch = 0; epoch < EPOCHS; epoch++)
		buf_printf(&out, "epoch %d: %lld\n", epoch, (long long)log_epoch_end(the_log, epoch).end_offset);
	tell_times(&out);
	tell_aborted(&out);
	tell_index_sizes(&out);
	buf_put(&out, "", 1);
	return out;
}

/* ---- the moments ---- */

static int64_t n_refused;

static void refuse(int64_t n)
{
	n_refused = sim_reached(world, SIM_MET_NO_DESCRIPTOR);
	sim_refuse_descriptors(world, 0, n, 0);
}

static bool was_refused(void)
{
	sim_refuse_descriptors(world, 0, 0, 0);
	return sim_reached(world, SIM_MET_NO_DESCRIPTOR) > n_refused;
}

/* Succeeds, or fails with -EMFILE and then succeeds when repeated. */
static void open_and_load(void)
{
	int err = open_dir();

	if (err) {
		assert_int_equal(err, -EMFILE);
		assert_int_equal(open_dir(), 0);
	}
	err = load();
	assert_int_equal(log_dir_error(dir), 0);
	if (err) {
		assert_int_equal(err, -EMFILE);
		assert_int_equal(log_standing(the_log), LOG_UNREAD);
		log_free(the_log);
		assert_int_equal(load(), 0);
	}
}

static void a_log_loaded_with_any_one_descriptor_missing_is_what_it_was(void **state)
{
	struct buf before, after;
	int64_t n = 0;
	bool met = true;

	open_and_load();
	before = story();
	let_go();
	while (met) {
		refuse(++n);
		open_and_load();
		met = was_refused();
		after = story();
		assert_string_equal((char *)after.p, (char *)before.p);
		buf_fini(&after);
		let_go();
		assert_true(n < STEPS_MAX);
	}
	assert_true(n > 20);
	buf_fini(&before);
}

static void a_truncation_with_any_one_descriptor_missing_is_whole_or_not_believed(void **state)
{
	int64_t n = 0;
	bool met = true;

	while (met) {
		struct buf cut, loaded;
		int err;

		if (n++)
			set_up(state);
		open_and_load();
		refuse(n);
		err = log_truncate_to(the_log, log_offsets(the_log).end - 9);
		met = was_refused();
		assert_int_equal(log_dir_error(dir), 0);
		assert_int_equal(log_standing(the_log), err ? LOG_UNREAD : LOG_WHOLE);
		if (!err) {
			cut = story();
			flush();
			let_go();
			open_and_load();
			loaded = story();
			assert_string_equal((char *)cut.p, (char *)loaded.p);
			buf_fini(&cut);
			buf_fini(&loaded);
		}
		let_go();
		if (met)
			tear_down(state);
	}
	assert_true(n > 2);
}

/* The budget is shared by all logs: a load that exceeds it closes files, but none that it is reading. */
static void a_log_is_recovered_however_few_files_may_be_open(void **state)
{
	struct buf before, after;

	assert_int_equal(env_unlink(env, "/data/recovery-point-offset-checkpoint"), 0);
	open_and_load();
	before = story();
	let_go();
	env->open_files_max = 1;
	open_and_load();
	after = story();
	assert_string_equal((char *)after.p, (char *)before.p);
	buf_fini(&before);
	buf_fini(&after);
	let_go();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(a_log_loaded_with_any_one_descriptor_missing_is_what_it_was),
		TEST(a_truncation_with_any_one_descriptor_missing_is_whole_or_not_believed),
		TEST(a_log_is_recovered_however_few_files_may_be_open),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
