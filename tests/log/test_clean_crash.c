/*
 * A short life of a compacted log on a simulated disk, crashed at every change of the disk, by a
 * kill and by a power cut. What must hold afterwards: for each key the newest record that the log
 * still has is there, nothing else was changed or moved, what the checkpoint calls clean is clean,
 * and cleaning continues. `test_clean_crash HISTORIES` runs this many histories.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "tests/base/cm.h"
#include "tests/log/keyed.h"
#include "tests/log/endless.h"

enum { RECORDS_MAX = 4096, BATCHES = 90 };

/* What the outside knows: not in the machine's memory. */
static struct {
	struct sim_world *world;
	struct keyed k;
	struct keyed_record records[RECORDS_MAX];
	bool finished;
	const char *failure;
	int cleanings;
} outside;

static struct topic_config config = {
	ENDLESS_TOPIC,
	.segment_bytes = 1500,
	.segment_index_bytes = 10 << 20,
	.index_interval_bytes = 200,
	.retention_bytes = -1,
	.cleanup_compact = true,
	.delete_retention_ms = 100,
	.max_compaction_lag_ms = INT64_MAX,
	.max_message_bytes = 1 << 20,
	.compression_gzip_level = -1,
	.compression_lz4_level = 9,
	.compression_zstd_level = 3,
};

struct node {
	struct env *env;
	struct log_dir *dir;
	struct arena arena;
	struct keyed_hands hands;
};

static int start_node(struct node *n)
{
	struct log_dir_options options = {.path = "/data"};
	struct log_id id = {.topic = STR("t"), .topic_id = {{7}}};
	struct log_load how = {.producer_expiration_ms = INT64_MAX};
	char *why;

	n->env = sim_env(outside.world, 0);
	arena_init(&n->arena, 1 << 20);
	if (log_dir_open(n->env, &options, &n->dir, &why))
		return -1;
	n->hands = (struct keyed_hands){
		.log = log_new(n->dir, &id, &config), .codecs = codecs_new(), .arena = &n->arena, .config = &config};
	how.clean = log_dir_was_clean(n->dir, NULL);
	if (log_load(n->hands.log, &how) || log_dir_begin_run(n->dir) || (log_dir_vouch(n->dir), false))
		return -1;
	log_set_high_watermark(n->hands.log, log_offsets(n->hands.log).end);
	return 0;
}

static void stop_node(struct node *n)
{
	log_free(n->hands.log);
	log_dir_free(n->dir);
	codecs_free(n->hands.codecs);
	arena_fini(&n->arena);
}

static void write_checkpoints(struct node *n)
{
	struct log_offsets o = log_offsets(n->hands.log);
	int64_t values[CHECKPOINT_KINDS] = {
		[CHECKPOINT_LOG_START] = o.start,
		[CHECKPOINT_HIGH_WATERMARK] = o.high_watermark,
		[CHECKPOINT_CLEANER] = log_clean_end(n->hands.log),
	};

	for (int i = CHECKPOINT_LOG_START; i < CHECKPOINT_KINDS; i++) {
		struct log_checkpoint_writer w;

		log_checkpoint_init(&w, (enum log_checkpoint)i);
		if (values[i] >= 0)
			log_checkpoint_add(&w, STR("t"), 0, values[i]);
		log_checkpoint_write(&w, n->dir);
	}
	keyed_checkpoint(&n->hands);
}

static int write_in_between;

static void write_on(void *arg)
{
	struct node *n = arg;

	if (write_in_between-- > 0 && write_in_between % 6 == 0 && keyed_append(&outside.k, &n->hands))
		outside.failure = "an append in the middle of a cleaning failed";
}

static void clean(struct node *n, int64_t map_bytes, int writes)
{
	struct keyed_clean how = {.map_bytes = map_bytes, .between = write_on, .arg = n};

	write_in_between = writes;
	if (keyed_clean(&outside.k, &n->hands, &how))
		outside.failure = "a cleaning failed";
	outside.cleanings += how.was_wanted && how.stats.records_read > how.stats.records_kept;
	write_checkpoints(n);
}

static void live(void *arg)
{
	struct node n = {0};

	if (start_node(&n))
		outside.failure = "did not start on an empty disk";
	for (int i = 0; i < BATCHES && !outside.failure; i++) {
		if (keyed_append(&outside.k, &n.hands))
			outside.failure = "an append failed";
		if (i % 30 != 29)
			continue;
		if (keyed_end_all(&outside.k, &n.hands))
			outside.failure = "a marker failed";
		keyed_flush(&outside.k, &n.hands);
		clean(&n, i == 59 ? 24 * 8 : 100000, i == 59 ? 0 : 20);
	}
	if (!outside.failure && log_close(n.hands.log) == 0) {
		outside.k.flushed_end = log_offsets(n.hands.log).end;
		write_checkpoints(&n);
		log_dir_mark_clean(n.dir, 1);
	}
	stop_node(&n);
	outside.finished = true;
}

static const char *look(struct node *n)
{
	const char *what = keyed_check(&outside.k, &n->hands, true);

	arena_reset(&n->arena);
	return what;
}

static void inspect(void *arg)
{
	struct node n = {0};
	int64_t least = *(enum sim_crash *)arg == SIM_KILL ? outside.k.acked_end : outside.k.flushed_end;

	if (start_node(&n)) {
		outside.failure = "did not start after the crash";
		return;
	}
	int64_t end = log_offsets(n.hands.log).end;
	if (end < least)
		outside.failure = "lost what was promised";
	keyed_cut(&outside.k, end);
	if (!outside.failure)
		outside.failure = look(&n);
	for (int i = 0; i < 20 && !outside.failure; i++)
		if (keyed_append(&outside.k, &n.hands))
			outside.failure = "an append after the crash failed";
	if (!outside.failure && keyed_end_all(&outside.k, &n.hands))
		outside.failure = "a marker after the crash failed";
	keyed_flush(&outside.k, &n.hands);
	if (!outside.failure)
		clean(&n, 100000, 0);
	if (!outside.failure)
		outside.failure = look(&n);
	stop_node(&n);
}

static uint64_t history = 42;

static void begin_life(uint64_t seed)
{
	struct sim_options o;

	sim_options_calm(&o);
	memset(&outside, 0, sizeof(outside));
	outside.world = sim_world_new(seed, &o);
	keyed_init(&outside.k, history, 14, 1700000000000);
	outside.k.v = outside.records;
	outside.k.cap = RECORDS_MAX;
}

/* One life with a crash at change n of the disk; false when it ended before that. */
static bool crash_once(int64_t at, enum sim_crash how, uint64_t seed)
{
	bool crashed;

	begin_life(seed);
	sim_crash_at_disk_op(outside.world, 0, at, how);
	sim_call(outside.world, 0, live, NULL);
	crashed = sim_is_down(outside.world, 0);
	if (outside.failure)
		fail_msg("%s before the crash at %lld", outside.failure, (long long)at);
	if (crashed) {
		sim_restart(outside.world, 0);
		sim_call(outside.world, 0, inspect, &how);
		if (outside.failure)
			fail_msg("%s: crash at change %lld of the disk, %s, seed %llu", outside.failure, (long long)at,
				 how == SIM_KILL ? "kill" : "power cut", (unsigned long long)seed);
	}
	sim_world_free(outside.world);
	return crashed;
}

static void a_kill_at_any_change_of_the_disk_keeps_the_newest_of_each_key(void **state)
{
	int64_t at = 1;

	while (crash_once(at, SIM_KILL, 1))
		at++;
	assert_true(outside.finished);
	assert_true(outside.cleanings == 3);
	assert_true(at > 300);
}

static void a_power_cut_at_any_change_of_the_disk_keeps_the_newest_of_each_key(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		int64_t at = 1;

		while (crash_once(at, SIM_POWER, seed * 1000 + (uint64_t)at))
			at++;
		assert_true(at > 300);
	}
}

/* ---- what a machine may lack for a while ---- */

enum { LACKS_STEPS = 4 };

/* Between two steps of the cleaning: the fault begins before step `from` and ends some steps later. */
static struct {
	void (*set)(bool lacks);
	int err;
	int from;
	int step;
	int cleanings; /* cleanings not ended by the fault */
} lack;

static void lack_descriptors(bool lacks)
{
	sim_set_descriptors(outside.world, 0, lacks ? sim_descriptors_used(outside.world, 0) : 0);
}

static void lack_room(bool lacks)
{
	sim_set_disk_bytes(outside.world, 0, lacks ? sim_disk_used(outside.world, 0) : 0);
}

static void between(void *arg)
{
	lack.step++;
	if (lack.step == lack.from)
		lack.set(true);
	if (lack.step == lack.from + LACKS_STEPS)
		lack.set(false);
}

static const char *look_whole(struct node *n)
{
	if (log_dir_error(n->dir))
		return "the directory is offline";
	return look(n);
}

static void live_with_a_lack(void *arg)
{
	struct keyed_clean how = {.map_bytes = 100000, .between = between};
	struct node n = {0};
	int err;

	if (start_node(&n))
		outside.failure = "did not start on an empty disk";
	for (int i = 0; i < BATCHES && !outside.failure; i++)
		if (keyed_append(&outside.k, &n.hands))
			outside.failure = "an append failed";
	keyed_end_all(&outside.k, &n.hands);
	keyed_flush(&outside.k, &n.hands);
	err = keyed_clean(&outside.k, &n.hands, &how);
	lack.set(false);
	lack.cleanings += err == 0;
	if (err && err != lack.err)
		outside.failure = "the cleaning found something else";
	if (!outside.failure)
		outside.failure = look_whole(&n);
	keyed_flush(&outside.k, &n.hands);
	if (!outside.failure)
		clean(&n, 100000, 0); /* what was postponed is done */
	if (!outside.failure)
		outside.failure = look_whole(&n);
	stop_node(&n);
	outside.finished = lack.step < lack.from;
}

static void clean_with_each_lack(void (*set)(bool lacks), int err)
{
	int steps = 0;

	lack.cleanings = 0;
	lack.set = set;
	lack.err = err;
	for (outside.finished = false; !outside.finished; steps++) {
		begin_life(7);
		lack.from = steps + 1;
		lack.step = 0;
		sim_call(outside.world, 0, live_with_a_lack, NULL);
		if (outside.failure)
			fail_msg("%s: step %d", outside.failure, steps);
		sim_world_free(outside.world);
	}
	assert_in_range(lack.cleanings, 2, steps - 2);
}

static void a_cleaning_without_a_descriptor_is_put_off_or_goes_on_and_no_disk_failed(void **state)
{
	clean_with_each_lack(lack_descriptors, -EMFILE);
}

static void a_cleaning_on_a_full_disk_is_put_off_or_goes_on_and_no_disk_failed(void **state)
{
	clean_with_each_lack(lack_room, -ENOSPC);
}

/* Crashes this many histories; returns the number of crashes. */
static int64_t crash_all(uint64_t histories)
{
	int64_t n = 0;

	for (history = 1; history <= histories; history++) {
		for (int64_t at = 1; crash_once(at, SIM_KILL, history); at++)
			n++;
		for (int64_t at = 1; crash_once(at, SIM_POWER, history * 100000 + (uint64_t)at); at++)
			n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_at_any_change_of_the_disk_keeps_the_newest_of_each_key),
		cmocka_unit_test(a_cleaning_without_a_descriptor_is_put_off_or_goes_on_and_no_disk_failed),
		cmocka_unit_test(a_cleaning_on_a_full_disk_is_put_off_or_goes_on_and_no_disk_failed),
		cmocka_unit_test(a_power_cut_at_any_change_of_the_disk_keeps_the_newest_of_each_key),
	};
	if (argc > 1) {
		printf("%lld crashes\n", (long long)crash_all((uint64_t)strtoull(argv[1], NULL, 10)));
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
