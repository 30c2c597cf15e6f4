/*
 * flusher: many flushes at once, on the simulated disk. When many wait, one sync of the filesystem
 * serves them all.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "env/sim/sim.h"
#include "log/dir.h"
#include "log/log.h"
#include "tests/base/cm.h"
#include "tests/log/endless.h"
#include "wire/records.h"

enum { MANY = 20, FEW = 3, ROUNDS = 8, PATIENCE_MS = 10000 };

static const struct topic_config CONFIG = {
	ENDLESS_TOPIC,	       .segment_bytes = 64 * 1024, .segment_index_bytes = 1 << 20, .index_interval_bytes = 4096,
	.retention_bytes = -1, .cleanup_delete = true,	   .max_message_bytes = 1 << 20,
};

static struct {
	struct sim_world *world;
	struct env *env;
	struct loop *loop;
	struct log_dir *dir;
	struct log_flusher *flusher;
	struct log *logs[MANY + 1];
	struct log_flush flushes[MANY + 1];
	int n;
	int n_done;
	int n_failed;
	int n_flushed;
	bool are_elsewhere; /* as if the logs were on another filesystem than their directory */
} w;

static void open_logs(void)
{
	struct log_dir_options options = {.path = "/data"};
	struct log_load how = {.producer_expiration_ms = INT64_MAX};
	char *why;

	assert_int_equal(log_dir_open(w.env, &options, &w.dir, &why), 0);
	for (int i = 0; i < w.n; i++) {
		struct log_id id = {.topic = STR("t"), .partition = i};

		w.logs[i] = log_new(w.dir, &id, &CONFIG);
		assert_int_equal(log_load(w.logs[i], &how), 0);
	}
}

static void free_logs(void)
{
	for (int i = 0; i < w.n; i++) {
		log_flush_fini(&w.flushes[i]);
		log_free(w.logs[i]);
	}
	log_dir_free(w.dir);
}

static void begin(int n)
{
	struct sim_options o;

	memset(&w, 0, sizeof(w));
	w.n = n;
	sim_options_calm(&o);
	o.n_envs = 1;
	w.world = sim_world_new(1, &o);
	w.env = sim_env(w.world, 0);
	open_logs();
}

static void append(struct log *log)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct log_appended out;
	struct batch_builder b;
	struct buf buf = {0};

	o.base_offset = log_offsets(log).end;
	o.leader_epoch = 0;
	batch_begin(&b, &buf, &o);
	batch_add(&b, 1000, BYTES_NULL, (struct bytes){(const uint8_t *)"value", 5});
	batch_end(&b);
	assert_int_equal(log_append_as_follower(log, buf.p, buf.len, 0, 1000, &out), 0);
	buf_fini(&buf);
}

static void done(struct log_flush *f)
{
	w.n_failed += log_flush_end(w.logs[f - w.flushes], f) != 0;
	w.n_done++;
}

/* Appends to all, and flushes all but those from `w.n_flushed` on. */
static void flush_all(void *arg)
{
	(void)arg;
	w.loop = w.loop ? w.loop : loop_new(w.env, "flusher");
	w.flusher = w.flusher ? w.flusher : log_flusher_new(w.loop);
	w.n_done = w.n_failed = 0;
	for (int i = 0; i < w.n; i++)
		append(w.logs[i]);
	for (int i = 0; i < w.n_flushed; i++) {
		w.flushes[i].done = done;
		assert_true(log_flush_begin(w.logs[i], LOG_FLUSH_ALL, &w.flushes[i]));
		w.flushes[i].on_dirs_disk &= !w.are_elsewhere;
	}
	for (int i = 0; i < w.n_flushed; i++)
		log_flusher_add(w.flusher, &w.flushes[i]);
}

static bool all_are_done(void *arg)
{
	(void)arg;
	return w.n_done == w.n_flushed;
}

static void flush_first(int n)
{
	w.n_flushed = n;
	assert_true(sim_call(w.world, 0, flush_all, NULL));
	assert_true(sim_run_until(w.world, PATIENCE_MS, all_are_done, NULL));
}

static void flush_and_wait(void)
{
	flush_first(w.n);
}

static void stop_loop(void *arg)
{
	(void)arg;
	loop_stop(w.loop);
}

static void free_loop(void *arg)
{
	(void)arg;
	log_flusher_free(w.flusher);
	loop_free(w.loop);
}

static void end(void)
{
	assert_true(sim_call(w.world, 0, stop_loop, NULL));
	sim_run_for(w.world, 1);
	assert_true(sim_call(w.world, 0, free_loop, NULL));
	free_logs();
}

/* A file that nobody syncs: it outlives a power cut if the whole filesystem was synced. */
static void write_witness(void)
{
	struct file *file;

	assert_int_equal(env_open(w.env, "/data/witness", FILE_WRITE | FILE_CREATE, &file), 0);
	assert_int_equal(file_write_full(file, "x", 1, 0), 0);
	file_unref(&file);
}

static bool witness_is_whole(void)
{
	struct file_stat st;

	return env_stat(w.env, "/data/witness", &st) == 0 && st.size == 1;
}

static void cut_power(void)
{
	end();
	sim_crash(w.world, 0, SIM_POWER);
	sim_restart(w.world, 0);
	memset(w.flushes, 0, sizeof(w.flushes));
	open_logs();
}

static void assert_epochs_are_written(int log)
{
	char path[64], *text;
	size_t len;

	snprintf(path, sizeof(path), "/data/t-%d/leader-epoch-checkpoint", log);
	assert_int_equal(env_read_file(w.env, path, 100, &text, &len), 0);
	assert_int_equal(len, strlen("0\n1\n0 0\n"));
	assert_memory_equal(text, "0\n1\n0 0\n", len);
	xfree(text);
}

static void outlive_a_power_cut(int n, bool are_elsewhere, bool as_group)
{
	begin(n);
	w.are_elsewhere = are_elsewhere;
	flush_and_wait(); /* names and epochs of new logs */
	write_witness();
	flush_and_wait();
	assert_int_equal(w.n_failed, 0);
	cut_power();
	for (int i = 0; i < w.n; i++)
		assert_int_equal(log_offsets(w.logs[i]).end, 2);
	for (int i = 0; i < w.n; i++)
		assert_epochs_are_written(i);
	assert_true(witness_is_whole() == as_group);
	free_logs();
	sim_world_free(w.world);
}

static void many_that_wait_are_flushed_by_one_sync_of_the_filesystem(void **state)
{
	(void)state;
	outlive_a_power_cut(MANY, false, true);
}

static void a_few_are_flushed_alone(void **state)
{
	(void)state;
	outlive_a_power_cut(FEW, false, false);
}

static void logs_on_another_filesystem_are_flushed_alone(void **state)
{
	(void)state;
	outlive_a_power_cut(MANY, true, false);
}

static void give_up(void)
{
	end();
	sim_world_free(w.world);
}

/* The pages of a log that is to be flushed later are lost, and the group before is told so. */
static void what_another_group_was_told_is_not_forgotten(void **state)
{
	(void)state;
	begin(MANY + 1);
	flush_and_wait();
	flush_first(MANY);
	sim_fail_write_back(w.world, 0, "/data/t-20/00000000000000000000.log");
	for (int i = 0; i < ROUNDS; i++) { /* until whichever file a group goes by has been told */
		flush_first(MANY);
		assert_int_equal(w.n_failed, 0);
		assert_int_equal(log_dir_error(w.dir), 0);
		sim_run_for(w.world, 2000); /* until there are groups again */
	}
	flush_and_wait();
	assert_int_equal(w.n_failed, 1);
	assert_int_equal(log_dir_error(w.dir), -EIO);
	give_up();
}

static void a_group_that_fails_takes_the_directory_offline(void **state)
{
	(void)state;
	begin(MANY);
	sim_fail_device(w.world, 0, "/data", SIM_FAIL_SYNCS);
	flush_and_wait();
	assert_int_equal(w.n_failed, MANY);
	assert_int_equal(log_dir_error(w.dir), -EIO);
	give_up();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_that_wait_are_flushed_by_one_sync_of_the_filesystem),
		cmocka_unit_test(a_few_are_flushed_alone),
		cmocka_unit_test(logs_on_another_filesystem_are_flushed_alone),
		cmocka_unit_test(what_another_group_was_told_is_not_forgotten),
		cmocka_unit_test(a_group_that_fails_takes_the_directory_offline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
