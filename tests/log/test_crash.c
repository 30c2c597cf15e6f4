/*
 * A short life of a log on a simulated disk, crashed at every change of the disk, by a kill and by
 * a power cut. What must hold afterwards: the log is a prefix of what was written, contains
 * everything acknowledged (after a kill) or flushed (after a power cut), its indexes and producers
 * equal rebuilt ones, and it can continue.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "log/log.h"
#include "tests/base/cm.h"
#include "wire/records.h"
#include "tests/log/endless.h"

enum { BATCHES_MAX = 400, PRODUCERS = 3 };

struct written {
	int64_t base;
	int64_t last;
	uint32_t crc;
	int64_t producer_id;
	int32_t last_sequence;
};

/* What the outside knows: not in the machine's memory. */
static struct {
	struct sim_world *world;
	struct written batches[BATCHES_MAX];
	int n;
	int64_t acked_end;
	int64_t flushed_end;
	int64_t start;
	uint64_t seed;
	bool finished;
	bool shares_syncs;
	const char *failure;
	int32_t sequences[PRODUCERS];
} outside;

static const struct topic_config CONFIG = {
	ENDLESS_TOPIC,		 .segment_bytes = 1500,	 .segment_index_bytes = 10 << 20, .index_interval_bytes = 200,
	.retention_bytes = 9000, .cleanup_delete = true, .max_message_bytes = 1 << 20,
};

/* ---- the node's side ---- */

struct node {
	struct env *env;
	struct log_dir *dir;
	struct log *log;
	struct codecs *codecs;
	struct arena arena;
};

static int start_node(struct node *n)
{
	struct log_dir_options options = {.path = "/data"};
	struct log_id id = {.topic = STR("t"), .topic_id = {{7}}};
	struct log_load how = {.producer_expiration_ms = INT64_MAX};
	char *why;

	n->env = sim_env(outside.world, 0);
	n->codecs = codecs_new();
	arena_init(&n->arena, 1 << 20);
	if (log_dir_open(n->env, &options, &n->dir, &why))
		return -1;
	if (log_dir_begin_run(n->dir))
		return -1;
	n->log = log_new(n->dir, &id, &CONFIG);
	how.clean = log_dir_was_clean(n->dir, NULL);
	if (log_load(n->log, &how))
		return -1;
	log_dir_vouch(n->dir);
	return 0;
}

static void stop_node(struct node *n)
{
	log_free(n->log);
	log_dir_free(n->dir);
	codecs_free(n->codecs);
	arena_fini(&n->arena);
}

static void write_checkpoints(struct node *n)
{
	struct log_offsets o = log_offsets(n->log);
	int64_t values[CHECKPOINT_KINDS] = {o.flushed_end, o.start, o.high_watermark};

	for (int i = 0; i < CHECKPOINT_KINDS; i++) {
		struct log_checkpoint_writer w;

		log_checkpoint_init(&w, (enum log_checkpoint)i);
		log_checkpoint_add(&w, STR("t"), 0, values[i]);
		log_checkpoint_write(&w, n->dir);
	}
}

static void flush(struct node *n)
{
	struct log_flush f = {0};

	if (log_flush_begin(n->log, LOG_FLUSH_ALL, &f)) {
		log_flush_run(&f);
		if (log_flush_end(n->log, &f) == 0)
			outside.flushed_end = log_offsets(n->log).flushed_end;
	}
	log_flush_fini(&f);
}

static int append(struct node *n, int which, int records)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_check c = {.topic = STR("t"), .config = &CONFIG, .now_ms = env_wall_ms(n->env)};
	struct batch_problem problem;
	struct log_appended out;
	struct batch_builder b;
	struct batch_info info;
	struct buf buf = {0};

	c.codecs = n->codecs;
	c.arena = &n->arena;
	if (which < PRODUCERS) {
		o.producer_id = 100 + which;
		o.producer_epoch = 0;
		o.base_sequence = outside.sequences[which];
	}
	batch_begin(&b, &buf, &o);
	for (int i = 0; i < records; i++)
		batch_add(&b, c.now_ms, BYTES_NULL, (struct bytes){(const uint8_t *)"a value of some length", 22});
	batch_end(&b);
	int err = batch_check(&c, buf.p, buf.len, &info, &problem);
	struct written *w = &outside.batches[outside.n];
	*w = (struct written){.base = log_offsets(n->log).end, .crc = info.header.crc, .producer_id = o.producer_id};
	w->last = w->base + records - 1;
	w->last_sequence = batch_last_sequence(&info.header);
	outside.n++; /* from here on it may be on the disk */
	if (!err)
		err = log_append(n->log, buf.p, &info, (int32_t)(w->base / 40), c.now_ms, &out);
	if (!err) {
		log_set_high_watermark(n->log, log_offsets(n->log).end);
		outside.acked_end = log_offsets(n->log).end;
		if (which < PRODUCERS)
			outside.sequences[which] += records;
	}
	buf_fini(&buf);
	return err;
}

static void retain(struct node *n)
{
	struct log_deletion *d;

	if (log_retain(n->log, env_wall_ms(n->env), &d) || !d)
		return;
	outside.start = log_offsets(n->log).start;
	log_deletion_finish(d);
	log_deletion_free(d);
}

/* Alone, or as one of many logs that share their syncs. */
static int close_log(struct node *n)
{
	if (!outside.shares_syncs)
		return log_close(n->log);
	bool renamed;

	if (log_close_write(n->log) || log_dir_sync(n->dir) || log_close_rename(n->log, &renamed) ||
	    (renamed && log_dir_sync(n->dir)))
		return -1;
	log_close_end(n->log);
	return log_is_closed(n->log) ? 0 : -1;
}

static void live(void *arg)
{
	struct node n = {0};
	uint64_t seed = outside.seed;

	if (start_node(&n))
		outside.failure = "did not start on an empty disk";
	for (int i = 0; i < 120 && !outside.failure; i++) {
		uint64_t r = cm_random(&seed);

		if (append(&n, (int)(r % (PRODUCERS + 2)), 1 + (int)((r >> 8) % 5)))
			outside.failure = "an append failed";
		if (i % 11 == 10)
			flush(&n);
		if (i % 23 == 22)
			write_checkpoints(&n);
		if (i % 37 == 36)
			retain(&n);
	}
	if (!outside.failure && close_log(&n) == 0) {
		outside.flushed_end = log_offsets(n.log).flushed_end;
		write_checkpoints(&n);
		log_dir_mark_clean(n.dir, 1);
	}
	stop_node(&n);
	outside.finished = true;
}

/* ---- what must hold ---- */

static const char *check_batches(struct node *n)
{
	struct log_offsets o = log_offsets(n->log);
	int64_t at = o.start;
	int i = 0;

	while (at < o.end) {
		struct log_read r = {.offset = at, .max_bytes = 1000, .min_one_message = true, .upto_offset = o.end};
		struct records records;
		struct buf buf = {0};

		if (log_read(n->log, &r, &records, NULL) || !records.file)
			return "a record cannot be read";
		buf_reserve(&buf, (size_t)records.len);
		if (file_read_full(records.file, buf.p, (size_t)records.len, records.pos))
			return "a range cannot be read";
		file_unref(&records.file);
		for (struct batch_iter it = batch_iter(buf.p, (size_t)records.len); batch_next(&it);) {
			while (i < outside.n && outside.batches[i].last < it.header.base_offset)
				i++;
			if (i == outside.n || outside.batches[i].base != it.header.base_offset ||
			    outside.batches[i].crc != it.header.crc || !batch_crc_ok(it.p, &it.header))
				return "a batch is not what was written";
			at = batch_last_offset(&it.header) + 1;
		}
		buf_fini(&buf);
	}
	return at == o.end ? NULL : "the end is not that of the last batch";
}

static const char *check_producers(struct node *n)
{
	int64_t end = log_offsets(n->log).end;
	struct log_producer *v;
	int count;

	if (log_producers(n->log, &n->arena, &v, &count))
		return "producers cannot be listed";
	for (int p = 0; p < PRODUCERS; p++) {
		int32_t last = -1;
		int32_t seen = -1;

		for (int i = 0; i < outside.n; i++)
			if (outside.batches[i].producer_id == 100 + p && outside.batches[i].last < end)
				last = outside.batches[i].last_sequence;
		for (int i = 0; i < count; i++)
			if (v[i].producer_id == 100 + p)
				seen = v[i].last_sequence;
		if (seen != last && !(seen == -1 && outside.start > 0)) /* retention forgets */
			return "a producer's sequence is not that of its last batch";
	}
	return NULL;
}

static int drop_index(void *arg, const char *name, bool is_dir)
{
	char path[300];
	size_t len = strlen(name);

	snprintf(path, sizeof(path), "/data/t-0/%s", name);
	if (!is_dir && len > 5 && strcmp(name + len - 5, "index") == 0)
		return env_unlink(arg, path);
	return 0;
}

struct sizes {
	char text[4000];
	struct env *env;
};

static int add_index(void *arg, const char *name, bool is_dir)
{
	struct sizes *s = arg;
	char path[300];
	char *bytes;
	size_t n;
	size_t len = strlen(name);

	snprintf(path, sizeof(path), "/data/t-0/%s", name);
	if (is_dir || len < 5 || strcmp(name + len - 5, "index") != 0)
		return 0;
	if (env_read_file(s->env, path, 1 << 20, &bytes, &n))
		return -1;
	uint64_t hash = 0;
	for (size_t i = 0; i < n; i++)
		hash = hash * 1099511628211u + (uint8_t)bytes[i];
	size_t at = strlen(s->text);
	snprintf(s->text + at, sizeof(s->text) - at, "%s %zu %llx\n", name, n, (unsigned long long)hash);
	xfree(bytes);
	return 0;
}

static const char *check_indexes(struct node *n)
{
	struct sizes before = {.env = n->env};
	struct sizes after = {.env = n->env};

	if (log_segments(n->log) == 0)
		return NULL;
	if (log_close(n->log) || env_list(n->env, "/data/t-0", add_index, &before))
		return "cannot be closed";
	stop_node(n);
	if (env_list(n->env, "/data/t-0", drop_index, n->env))
		return "cannot drop the indexes";
	if (start_node(n) || log_close(n->log) || env_list(n->env, "/data/t-0", add_index, &after))
		return "cannot be opened without indexes";
	return strcmp(before.text, after.text) == 0 ? NULL : "indexes differ from a rebuild";
}

static void inspect(void *arg)
{
	struct node n = {0};
	int64_t least = *(enum sim_crash *)arg == SIM_KILL ? outside.acked_end : outside.flushed_end;

	if (start_node(&n)) {
		outside.failure = "did not start after the crash";
		return;
	}
	if (log_offsets(n.log).end < least)
		outside.failure = "lost what was acknowledged";
	if (!outside.failure)
		outside.failure = check_batches(&n);
	if (!outside.failure)
		outside.failure = check_producers(&n);
	if (!outside.failure)
		outside.failure = check_indexes(&n);
	if (!outside.failure)
		outside.failure = check_batches(&n);
	stop_node(&n);
}

/* One life with a crash at change n of the disk; false when it ended before that. */
static bool crash_once(int64_t at, enum sim_crash how, uint64_t seed)
{
	struct sim_options o;
	bool crashed;

	sim_options_calm(&o);
	memset(&outside, 0, sizeof(outside));
	outside.seed = 42;
	outside.shares_syncs = at % 2;
	outside.world = sim_world_new(seed, &o);
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

static void a_kill_at_any_change_of_the_disk_loses_nothing_acknowledged(void **state)
{
	int64_t at = 1;

	while (crash_once(at, SIM_KILL, 1))
		at++;
	assert_true(outside.finished);
	assert_true(at > 300);
}

static void a_power_cut_at_any_change_of_the_disk_loses_nothing_flushed(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		int64_t at = 1;

		while (crash_once(at, SIM_POWER, seed * 1000 + (uint64_t)at))
			at++;
		assert_true(at > 300);
	}
}

/* ---- what a clean stop leaves ---- */

enum { BATCH = 20, CUT_AT = 2 * BATCH };

/* The last segment begins where the log is truncated: nothing of it remains, and it is at the end. */
static void live_and_be_cut(void *arg)
{
	struct node n = {0};

	(void)arg;
	if (start_node(&n))
		outside.failure = "did not start on an empty disk";
	for (int i = 0; i < 3; i++)
		append(&n, PRODUCERS, BATCH);
	flush(&n);
	if (log_segments(n.log) != 2)
		outside.failure = "has not rolled";
	else if (log_truncate_to(n.log, CUT_AT) || log_close(n.log) || log_dir_mark_clean(n.dir, 1))
		outside.failure = "did not stop";
	stop_node(&n);
}

static void look_at_the_end(void *arg)
{
	struct node n = {0};

	(void)arg;
	if (start_node(&n))
		outside.failure = "did not start again";
	else if (log_offsets(n.log).end != CUT_AT)
		outside.failure = "what was cut off is back";
	stop_node(&n);
}

/* There is no room on the disk for what makes the next start quick. */
static void live_and_stop_on_a_full_disk(void *arg)
{
	struct node n = {0};

	(void)arg;
	if (start_node(&n))
		outside.failure = "did not start on an empty disk";
	for (int i = 0; i < 3; i++)
		append(&n, 0, BATCH);
	outside.acked_end = log_offsets(n.log).end;
	sim_set_disk_bytes(outside.world, 0, sim_disk_used(outside.world, 0));
	if (log_close(n.log) != -ENOSPC)
		outside.failure = "was closed without room";
	sim_set_disk_bytes(outside.world, 0, 0);
	stop_node(&n);
}

static void look_at_what_was_acknowledged(void *arg)
{
	struct node n = {0};

	(void)arg;
	if (start_node(&n))
		outside.failure = "did not start again";
	else if (log_offsets(n.log).end != outside.acked_end)
		outside.failure = "what was acknowledged is lost";
	stop_node(&n);
}

static void power_cut_between(void (*first)(void *arg), void (*then)(void *arg))
{
	struct sim_options o;

	sim_options_calm(&o);
	for (uint64_t seed = 1; seed <= 20; seed++) {
		memset(&outside, 0, sizeof(outside));
		outside.world = sim_world_new(seed, &o);
		assert_true(sim_call(outside.world, 0, first, NULL));
		sim_crash(outside.world, 0, SIM_POWER);
		sim_restart(outside.world, 0);
		assert_true(sim_call(outside.world, 0, then, NULL));
		if (outside.failure)
			fail_msg("%s: seed %d", outside.failure, (int)seed);
		sim_world_free(outside.world);
	}
}

static void what_was_cut_off_before_a_clean_stop_stays_off_after_a_power_cut(void **state)
{
	(void)state;
	power_cut_between(live_and_be_cut, look_at_the_end);
}

static void what_was_acknowledged_before_a_stop_on_a_full_disk_is_there_after_a_power_cut(void **state)
{
	(void)state;
	power_cut_between(live_and_stop_on_a_full_disk, look_at_what_was_acknowledged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_at_any_change_of_the_disk_loses_nothing_acknowledged),
		cmocka_unit_test(a_power_cut_at_any_change_of_the_disk_loses_nothing_flushed),
		cmocka_unit_test(what_was_cut_off_before_a_clean_stop_stays_off_after_a_power_cut),
		cmocka_unit_test(what_was_acknowledged_before_a_stop_on_a_full_disk_is_there_after_a_power_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
