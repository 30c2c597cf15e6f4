/* The simulated disk: what is kept, what may be lost, and that each kind of loss occurs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "tests/base/cm.h"

static struct sim_world *fresh(uint64_t seed)
{
	struct sim_options o;

	sim_options_calm(&o);
	return sim_world_new(seed, &o);
}

static struct file *opened(struct env *e, const char *path)
{
	struct file *f;

	assert_int_equal(env_open(e, path, FILE_WRITE | FILE_CREATE, &f), 0);
	return f;
}

static void put(struct env *e, const char *path, const char *text, int64_t pos, bool sync)
{
	struct file *f = opened(e, path);

	assert_int_equal(file_write_full(f, text, strlen(text), pos), 0);
	if (sync)
		assert_int_equal(file_sync(f), 0);
	file_unref(&f);
}

static void power_cut(struct sim_world *w)
{
	sim_crash(w, 0, SIM_POWER);
	sim_restart(w, 0);
}

static int64_t size_of(struct env *e, const char *path)
{
	struct file_stat st;
	int err = env_stat(e, path, &st);

	return err ? err : st.size;
}

static void files_are_read_as_written(void **state)
{
	struct sim_world *w = fresh(1);
	struct env *e = sim_env(w, 0);
	struct file *f = opened(e, "/a");
	char got[8] = "";

	assert_int_equal(file_write_full(f, "hello", 5, 10000), 0);
	assert_int_equal(file_size(f), 10005);
	assert_int_equal(file_pread(f, got, sizeof(got), 9998), 7);
	assert_memory_equal(got, "\0\0hello", 7);
	assert_int_equal(file_pread(f, got, 1, 10005), 0);
	assert_int_equal(file_read_full(f, got, 6, 10000), -ENODATA);
	assert_int_equal(file_truncate(f, 10002), 0);
	assert_int_equal(file_truncate(f, 10004), 0);
	assert_int_equal(file_pread(f, got, 4, 10000), 4);
	assert_memory_equal(got, "he\0\0", 4);
	assert_int_equal(e->open_files, 1);
	file_unref(&f);
	assert_int_equal(e->open_files, 0);
	assert_int_equal(env_open(e, "/a", FILE_CREATE | FILE_EXCLUSIVE | FILE_WRITE, &f), -EEXIST);
	assert_int_equal(env_open(e, "/b/c", FILE_CREATE | FILE_WRITE, &f), -ENOENT);
	assert_int_equal(env_open(e, "/a/c", FILE_CREATE | FILE_WRITE, &f), -ENOTDIR);
	sim_world_free(w);
}

static int join(void *arg, const char *name, bool is_dir)
{
	strcat(arg, name);
	strcat(arg, is_dir ? "/ " : " ");
	return 0;
}

static void names_behave_as_posix_has_them(void **state)
{
	struct sim_world *w = fresh(1);
	struct env *e = sim_env(w, 0);
	char names[200] = "";

	assert_int_equal(env_mkdir_all(e, "/x/y/z"), 0);
	assert_int_equal(env_mkdir_all(e, "/x/y/z"), 0);
	assert_int_equal(env_mkdir(e, "/x"), -EEXIST);
	assert_int_equal(env_mkdir(e, "/q/r"), -ENOENT);
	put(e, "/x/b", "1", 0, false);
	put(e, "/x/a", "22", 0, false);
	assert_int_equal(env_list(e, "/x", join, names), 0);
	assert_string_equal(names, "a b y/ ");
	assert_int_equal(env_rename(e, "/x/a", "/x/b"), 0);
	assert_int_equal(size_of(e, "/x/b"), 2);
	assert_int_equal(size_of(e, "/x/a"), -ENOENT);
	assert_int_equal(env_rename(e, "/x/none", "/x/b"), -ENOENT);
	assert_int_equal(env_rename(e, "/x", "/x/y/x"), -EINVAL);
	assert_int_equal(env_rename(e, "/x/b", "/x/y"), -EISDIR);
	assert_int_equal(env_rmdir(e, "/x"), -ENOTEMPTY);
	assert_int_equal(env_unlink(e, "/x/y"), -EISDIR);
	assert_int_equal(env_rmdir(e, "/x/b"), -ENOTDIR);
	assert_int_equal(env_rmdir(e, "/x/y/z"), 0);
	assert_int_equal(env_unlink(e, "/x/b"), 0);
	assert_int_equal(env_rename(e, "/x/y", "/w"), 0);
	names[0] = '\0';
	assert_int_equal(env_list(e, "/", join, names), 0);
	assert_string_equal(names, "w/ x/ ");
	sim_world_free(w);
}

static void what_was_synced_survives_every_power_cut(void **state)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct sim_world *w = fresh(seed);
		struct env *e = sim_env(w, 0);
		struct file *f;
		char got[4000], want[4000];

		memset(want, 'x', sizeof(want));
		assert_int_equal(env_mkdir(e, "/d"), 0);
		assert_int_equal(env_sync_dir(e, "/"), 0);
		f = opened(e, "/d/f");
		assert_int_equal(env_sync_dir(e, "/d"), 0);
		assert_int_equal(file_write_full(f, want, sizeof(want), 100), 0);
		assert_int_equal(file_sync(f), 0);
		assert_int_equal(file_write_full(f, "unsynced", 8, 4100), 0);
		file_unref(&f);
		power_cut(w);
		f = opened(e, "/d/f");
		assert_true(file_size(f) >= 4100 && file_size(f) <= 4108);
		assert_int_equal(file_read_full(f, got, sizeof(got), 100), 0);
		assert_memory_equal(got, want, sizeof(want));
		file_unref(&f);
		sim_world_free(w);
	}
}

/* Counts in which states a file that was appended to but not synced comes back. */
static void what_was_not_synced_is_kept_lost_or_torn(void **state)
{
	int lost = 0, kept = 0, torn = 0, zeros = 0, torn_inside = 0;

	for (uint64_t seed = 1; seed <= 600; seed++) {
		struct sim_world *w = fresh(seed);
		struct env *e = sim_env(w, 0);
		char *data = xcalloc(1, 20000), *got = xcalloc(1, 20000);
		struct file *f = opened(e, "/f");
		int64_t size, x = 0;

		memset(data, 'x', 20000);
		assert_int_equal(env_sync_dir(e, "/"), 0);
		assert_int_equal(file_write_full(f, data, 20000, 0), 0);
		file_unref(&f);
		power_cut(w);
		f = opened(e, "/f");
		size = file_size(f);
		assert_int_equal(file_read_full(f, got, (size_t)size, 0), 0);
		for (int64_t i = 0; i < size; i++)
			x += got[i] == 'x';
		lost += size == 0;
		kept += x == 20000;
		torn += x > 0 && x < 20000;
		torn_inside += x > 0 && x < size;
		zeros += size == 20000 && x == 0;
		file_unref(&f);
		xfree(data);
		xfree(got);
		sim_world_free(w);
	}
	assert_true(lost > 20 && kept > 20 && torn > 20 && zeros > 5 && torn_inside > 5);
}

static void a_kill_loses_nothing_that_was_written(void **state)
{
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct sim_world *w = fresh(seed);
		struct env *e = sim_env(w, 0);

		put(e, "/f", "abc", 0, false);
		sim_crash(w, 0, SIM_KILL);
		sim_restart(w, 0);
		assert_int_equal(size_of(e, "/f"), 3);
		sim_world_free(w);
	}
}

static void names_are_lost_from_the_last_one_back_unless_the_directory_was_synced(void **state)
{
	int counts[4] = {0}, unlinked = 0;

	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct sim_world *w = fresh(seed);
		struct env *e = sim_env(w, 0);
		int n = 0;

		put(e, "/kept", "1", 0, true);
		assert_int_equal(env_sync_dir(e, "/"), 0);
		assert_int_equal(env_unlink(e, "/kept"), 0);
		put(e, "/a", "1", 0, true);
		put(e, "/b", "1", 0, true);
		power_cut(w);
		n += size_of(e, "/a") >= 0;
		n += size_of(e, "/b") >= 0;
		if (size_of(e, "/b") >= 0)
			assert_true(size_of(e, "/a") >= 0);
		if (n)
			assert_int_equal(size_of(e, "/kept"), -ENOENT);
		unlinked += size_of(e, "/kept") == -ENOENT;
		counts[n]++;
		sim_world_free(w);
	}
	assert_true(counts[0] > 10 && counts[1] > 10 && counts[2] > 10);
	assert_true(unlinked > counts[1] + counts[2]);
}

/* At each disk operation of env_replace_file, and after it, either the old or the new content is there. */
static void replace(void *arg)
{
	assert_int_equal(env_replace_file(arg, "/d/f", "new content", 11), 0);
}

static void a_file_is_replaced_whole_wherever_the_power_goes(void **state)
{
	int old = 0, new = 0;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct sim_world *w = fresh(seed);
		struct env *e = sim_env(w, 0);
		bool finished;
		char *got;
		size_t len;

		assert_int_equal(env_mkdir(e, "/d"), 0);
		assert_int_equal(env_sync_dir(e, "/"), 0);
		put(e, "/d/f", "old", 0, true);
		assert_int_equal(env_sync_dir(e, "/d"), 0);
		sim_crash_at_disk_op(w, 0, (int64_t)(seed % 8) + 1, SIM_POWER);
		finished = sim_call(w, 0, replace, e);
		if (finished)
			sim_crash(w, 0, SIM_POWER);
		sim_restart(w, 0);
		assert_int_equal(env_read_file(e, "/d/f", 100, &got, &len), 0);
		if (!strcmp(got, "old"))
			old++;
		else if (!strcmp(got, "new content"))
			new ++;
		else
			fail_msg("half a file: %s", got);
		if (finished)
			assert_string_equal(got, "new content");
		xfree(got);
		sim_world_free(w);
	}
	assert_true(old > 20 && new > 20);
}

/* Without the sync the content can be lost: the test above would notice. */
static void without_a_sync_a_replaced_file_can_be_empty(void **state)
{
	int broken = 0;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct sim_world *w = fresh(seed);
		struct env *e = sim_env(w, 0);

		put(e, "/f", "old", 0, true);
		assert_int_equal(env_sync_dir(e, "/"), 0);
		put(e, "/f.tmp", "new content", 0, false);
		assert_int_equal(env_rename(e, "/f.tmp", "/f"), 0);
		assert_int_equal(env_sync_dir(e, "/"), 0);
		power_cut(w);
		broken += size_of(e, "/f") == 0;
		sim_world_free(w);
	}
	assert_true(broken > 20);
}

static void a_rename_between_directories_happens_whole_or_not(void **state)
{
	int moved = 0;

	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct sim_world *w = fresh(seed);
		struct env *e = sim_env(w, 0);
		bool there;

		assert_int_equal(env_mkdir(e, "/a"), 0);
		assert_int_equal(env_mkdir(e, "/b"), 0);
		put(e, "/a/f", "1", 0, true);
		assert_int_equal(env_sync_dir(e, "/a"), 0);
		assert_int_equal(env_sync_dir(e, "/"), 0);
		assert_int_equal(env_rename(e, "/a/f", "/b/f"), 0);
		if (seed % 3 == 0)
			assert_int_equal(env_sync_dir(e, seed % 2 ? "/a" : "/b"), 0);
		power_cut(w);
		there = size_of(e, "/b/f") == 1;
		assert_true(there == (size_of(e, "/a/f") < 0));
		assert_true(there || seed % 3);
		moved += there && seed % 3;
		sim_world_free(w);
	}
	assert_true(moved > 20 && moved < 120);
}

static void a_failed_sync_says_so_once_and_the_data_are_lost(void **state)
{
	struct sim_world *w = fresh(1);
	struct env *e = sim_env(w, 0);
	struct file *f = opened(e, "/f");
	char got[4];

	assert_int_equal(env_sync_dir(e, "/"), 0);
	assert_int_equal(file_write_full(f, "data", 4, 0), 0);
	sim_fail_next_sync(w, 0);
	assert_int_equal(file_sync(f), -EIO);
	assert_int_equal(file_sync(f), 0);
	assert_int_equal(file_read_full(f, got, 4, 0), 0);
	assert_memory_equal(got, "data", 4);
	file_unref(&f);
	power_cut(w);
	assert_int_equal(size_of(e, "/f"), 0);
	assert_int_equal(sim_reached(w, SIM_MET_SYNC_ERROR), 1);
	sim_world_free(w);
}

static void a_sync_of_the_disk_is_one_of_all_its_files_and_names(void **state)
{
	struct sim_world *w = fresh(1);
	struct env *e = sim_env(w, 0);

	assert_int_equal(env_mkdir(e, "/d"), 0);
	assert_int_equal(env_mkdir(e, "/d/e"), 0);
	assert_int_equal(env_sync_dir(e, "/"), 0);
	put(e, "/d/one", "one", 0, false);
	put(e, "/d/e/two", "two", 0, false);
	struct file *f = opened(e, "/d/one");
	assert_int_equal(file_sync_disk(f), 0);
	put(e, "/d/e/two", "more", 3, false);
	sim_fail_next_sync(w, 0);
	assert_int_equal(file_sync_disk(f), -EIO);
	file_unref(&f);
	power_cut(w);
	assert_int_equal(size_of(e, "/d/one"), 3);
	assert_int_equal(size_of(e, "/d/e/two"), 3);
	sim_world_free(w);
}

static void a_page_cache_has_one_name_until_the_power_is_cut(void **state)
{
	struct sim_world *w = fresh(1);
	struct env *e = sim_env(w, 0);
	char names[3][FILE_CACHE_NAME_MAX];

	for (int i = 0; i < 3; i++) {
		struct file *f = opened(e, "/f");

		assert_int_equal(file_cache_name(f, names[i]), 0);
		file_unref(&f);
		sim_crash(w, 0, i == 0 ? SIM_KILL : SIM_POWER);
		sim_restart(w, 0);
	}
	assert_string_equal(names[0], names[1]);
	assert_string_not_equal(names[0], names[2]);
	sim_world_free(w);
}

static void what_the_system_could_not_write_is_told_once_to_who_asks_next(void **state)
{
	struct sim_world *w = fresh(1);
	struct env *e = sim_env(w, 0);
	struct file *f;

	put(e, "/f", "data", 0, true);
	put(e, "/f", "more", 4, false);
	assert_int_equal(env_sync_dir(e, "/"), 0);
	sim_fail_write_back(w, 0, "/f");
	f = opened(e, "/f");
	assert_int_equal(file_write_back_error(f), -EIO);
	assert_int_equal(file_write_back_error(f), 0);
	assert_int_equal(file_sync(f), 0);
	assert_int_equal(file_size(f), 8);
	file_unref(&f);
	power_cut(w);
	assert_int_equal(size_of(e, "/f"), 4);
	sim_world_free(w);
}

static void a_full_disk_takes_what_it_can_and_then_nothing(void **state)
{
	struct sim_options o;
	struct sim_world *w;
	struct env *e;
	struct file *f;
	char *data = xcalloc(1, 100000);
	struct disk_space space;
	struct iovec iov = {data, 100000};

	sim_options_calm(&o);
	o.disk_bytes = 40960;
	w = sim_world_new(1, &o);
	e = sim_env(w, 0);
	f = opened(e, "/f");
	assert_int_equal(file_pwritev(f, &iov, 1, 0), 40960);
	assert_int_equal(file_pwritev(f, &iov, 1, 40960), -ENOSPC);
	assert_int_equal(file_write_full(f, data, 10, 100), 0); /* over existing data */
	assert_int_equal(env_space(e, "/", &space), 0);
	assert_int_equal(space.usable, 0);
	assert_int_equal(file_truncate(f, 4096), 0);
	assert_int_equal(env_space(e, "/", &space), 0);
	assert_int_equal(space.usable, 40960 - 4096);
	assert_int_equal(file_allocate(f, 40961), -ENOSPC);
	assert_int_equal(file_allocate(f, 40960), 0);
	assert_int_equal(file_size(f), 40960);
	struct file_stat st;
	assert_int_equal(file_set_mtime(f, -1), -EINVAL);
	assert_int_equal(file_set_mtime(f, 12345), 0);
	assert_int_equal(env_stat(e, "/f", &st), 0);
	assert_int_equal(st.mtime_ms, 12345);
	int64_t changed_ns = st.changed_ns;
	assert_int_equal(file_set_mtime(f, 12345), 0);
	assert_int_equal(env_stat(e, "/f", &st), 0);
	assert_int_not_equal(st.changed_ns, changed_ns); /* there is no way back */
	file_unref(&f);
	assert_int_equal(env_unlink(e, "/f"), 0);
	assert_int_equal(env_sync_dir(e, "/"), 0);
	assert_int_equal(env_space(e, "/", &space), 0);
	assert_int_equal(space.usable, 40960);
	sim_world_free(w);
	xfree(data);
}

static void reads_and_writes_fail_when_they_are_told_to(void **state)
{
	struct sim_world *w = fresh(1);
	struct env *e = sim_env(w, 0);
	struct file *f, *g;
	char got[100];
	int short_ones = 0;

	put(e, "/f", "0123456789", 0, true);
	sim_bad_range(w, 0, "/f", 4, 2);
	f = opened(e, "/f");
	assert_int_equal(file_pread(f, got, 4, 0), 4);
	assert_int_equal(file_pread(f, got, 5, 0), -EIO);
	assert_int_equal(file_pread(f, got, 4, 6), 4);
	sim_flip_byte(w, 0, "/f", 7, 1);
	assert_int_equal(file_pread(f, got, 1, 7), 1);
	assert_int_equal(got[0], '6');
	sim_world_options(w)->write_error = 1000000;
	assert_int_equal(file_write_full(f, "x", 1, 0), -EIO);
	sim_world_options(w)->write_error = 0;
	sim_world_options(w)->short_write = 500000;
	for (int i = 0; i < 50; i++)
		short_ones += file_pwritev(f, &(struct iovec){(char[]){"0123456789"}, 10}, 1, 0) < 10;
	assert_true(short_ones > 10 && short_ones < 40);
	sim_world_options(w)->read_error = 1000000;
	assert_int_equal(file_pread(f, got, 1, 0), -EIO);
	sim_world_options(w)->descriptors = 1;
	assert_int_equal(env_open(e, "/f", FILE_READ, &g), -EMFILE);
	sim_world_options(w)->cold = 1000000;
	assert_false(file_resident(f, 0, 1));
	file_unref(&f);
	sim_world_free(w);
}

static void a_device_fails_until_it_is_mended_and_the_others_do_not(void **state)
{
	struct sim_world *w = fresh(1);
	struct env *e = sim_env(w, 0);
	struct file *f, *g;
	char got[4];

	assert_int_equal(env_mkdir(e, "/a"), 0);
	assert_int_equal(env_mkdir(e, "/b"), 0);
	f = opened(e, "/a/f");
	g = opened(e, "/b/g");
	assert_int_equal(env_sync_dir(e, "/"), 0);
	assert_int_equal(env_sync_dir(e, "/a"), 0);
	assert_int_equal(file_write_full(f, "kept", 4, 0), 0);
	assert_int_equal(file_sync(f), 0);
	assert_int_equal(file_write_full(f, "lost", 4, 0), 0);
	sim_fail_device(w, 0, "/a", SIM_FAIL_READS | SIM_FAIL_WRITES | SIM_FAIL_SYNCS);
	assert_int_equal(file_pread(f, got, 4, 0), -EIO);
	assert_int_equal(file_write_full(f, "x", 1, 0), -EIO);
	assert_int_equal(file_truncate(f, 0), -EIO);
	assert_int_equal(file_sync(f), -EIO);
	assert_int_equal(env_sync_dir(e, "/a"), -EIO);
	assert_int_equal(env_unlink(e, "/a/f"), -EIO);
	assert_int_equal(env_rename(e, "/a/f", "/a/h"), -EIO);
	assert_int_equal(env_mkdir(e, "/a/d"), -EIO);
	assert_int_equal(file_write_full(g, "well", 4, 0), 0);
	assert_int_equal(file_sync(g), 0);
	sim_fail_device(w, 0, "/a", 0);
	assert_int_equal(file_read_full(f, got, 4, 0), 0);
	assert_memory_equal(got, "lost", 4); /* in the cache, and nowhere else */
	file_unref(&f);
	file_unref(&g);
	power_cut(w);
	f = opened(e, "/a/f");
	assert_int_equal(file_read_full(f, got, 4, 0), 0);
	assert_memory_equal(got, "kept", 4);
	file_unref(&f);
	assert_int_equal(sim_reached(w, SIM_MET_READ_ERROR), 1);
	assert_int_equal(sim_reached(w, SIM_MET_SYNC_ERROR), 2);
	assert_int_equal(sim_reached(w, SIM_MET_WRITE_ERROR), 5);
	sim_world_free(w);
}

static void a_machine_has_its_own_capacity_and_descriptors(void **state)
{
	struct sim_world *w = fresh(1);
	struct env *e = sim_env(w, 0);
	struct file *f, *g;

	f = opened(e, "/f");
	assert_int_equal(file_write_full(f, "data", 4, 0), 0);
	sim_set_disk_bytes(w, 0, sim_disk_used(w, 0));
	assert_int_equal(file_write_full(f, "data", 4, 4096), -ENOSPC);
	sim_set_disk_bytes(w, 0, 0);
	assert_int_equal(file_write_full(f, "data", 4, 4096), 0);
	sim_set_descriptors(w, 0, sim_descriptors_used(w, 0));
	assert_int_equal(env_open(e, "/f", FILE_READ, &g), -EMFILE);
	sim_set_descriptors(w, 0, 0);
	assert_int_equal(env_open(e, "/f", FILE_READ, &g), 0);
	file_unref(&f);
	file_unref(&g);
	sim_world_free(w);
}

static void on_a_full_disk_a_name_finds_room_or_not_and_one_that_is_taken_does(void **state)
{
	struct sim_world *w = fresh(1);
	struct env *e = sim_env(w, 0);
	int refused = 0;

	put(e, "/old", "old", 0, true);
	put(e, "/new", "new", 0, true);
	sim_set_disk_bytes(w, 0, sim_disk_used(w, 0));
	for (int i = 0; i < 30; i++) {
		char path[8];
		int err;

		snprintf(path, sizeof(path), "/d%d", i);
		err = env_mkdir(e, path);
		assert_true(err == 0 || err == -ENOSPC);
		refused += err != 0;
	}
	assert_in_range(refused, 5, 25);
	assert_int_equal(env_rename(e, "/new", "/old"), 0);
	sim_world_free(w);
}

static void two_refused_descriptors_are_the_ones_that_were_named(void **state)
{
	struct sim_world *w = fresh(1);
	struct env *e = sim_env(w, 0);

	put(e, "/f", "f", 0, true);
	sim_refuse_descriptors(w, 0, 2, 1);
	for (int i = 1; i <= 5; i++)
		assert_int_equal(env_sync_dir(e, "/"), i == 2 || i == 3 ? -EMFILE : 0);
	assert_int_equal(sim_reached(w, SIM_MET_NO_DESCRIPTOR), 2);
	sim_world_free(w);
}

static void append_for_ever(void *arg)
{
	struct env *e = arg;
	struct file *f = opened(e, "/f");

	for (int64_t i = 0;; i++)
		error_ignored(file_write_full(f, "abcd", 4, 4 * i)); /* until it dies */
}

static void a_machine_dies_at_the_operation_that_was_named(void **state)
{
	int before = 0, behind = 0;

	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct sim_world *w = fresh(seed);
		struct env *e = sim_env(w, 0);
		int64_t size;

		sim_crash_at_disk_op(w, 0, 10, SIM_KILL);
		assert_false(sim_call(w, 0, append_for_ever, e));
		assert_int_equal(sim_disk_ops(w, 0), 10);
		sim_restart(w, 0);
		assert_int_equal(e->open_files, 0);
		size = size_of(e, "/f"); /* the first operation created the file */
		before += size == 8 * 4;
		behind += size == 9 * 4;
		sim_world_free(w);
	}
	assert_int_equal(before + behind, 60);
	assert_true(before > 10 && behind > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_read_as_written),
		cmocka_unit_test(names_behave_as_posix_has_them),
		cmocka_unit_test(what_was_synced_survives_every_power_cut),
		cmocka_unit_test(what_was_not_synced_is_kept_lost_or_torn),
		cmocka_unit_test(a_kill_loses_nothing_that_was_written),
		cmocka_unit_test(names_are_lost_from_the_last_one_back_unless_the_directory_was_synced),
		cmocka_unit_test(a_file_is_replaced_whole_wherever_the_power_goes),
		cmocka_unit_test(without_a_sync_a_replaced_file_can_be_empty),
		cmocka_unit_test(a_rename_between_directories_happens_whole_or_not),
		cmocka_unit_test(a_failed_sync_says_so_once_and_the_data_are_lost),
		cmocka_unit_test(a_sync_of_the_disk_is_one_of_all_its_files_and_names),
		cmocka_unit_test(a_page_cache_has_one_name_until_the_power_is_cut),
		cmocka_unit_test(what_the_system_could_not_write_is_told_once_to_who_asks_next),
		cmocka_unit_test(a_full_disk_takes_what_it_can_and_then_nothing),
		cmocka_unit_test(reads_and_writes_fail_when_they_are_told_to),
		cmocka_unit_test(a_device_fails_until_it_is_mended_and_the_others_do_not),
		cmocka_unit_test(a_machine_has_its_own_capacity_and_descriptors),
		cmocka_unit_test(on_a_full_disk_a_name_finds_room_or_not_and_one_that_is_taken_does),
		cmocka_unit_test(two_refused_descriptors_are_the_ones_that_were_named),
		cmocka_unit_test(a_machine_dies_at_the_operation_that_was_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
