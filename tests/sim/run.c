#include "tests/sim/run_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/node.h"

enum {
	QUIET_END_MS = 300000, /* time within which everything must be done once all faults have ended */
	STOP_MS = 60000,
	REFUSED_BEHIND = 3, /* descriptors refused after the one that was named */
};

const char *const RUN_DIRS[DIRS_MAX] = {"/data", "/data1", "/data2"};

const char *const RUN_FAULT_NAMES[] = {
	[RUN_KILL] = "kill", [RUN_POWER_CUT] = "power-cut", [RUN_NO_DESCRIPTOR] = "no-descriptor"};

static bool met_fault(const struct run *r)
{
	return sim_reached(r->w, r->o->fault == RUN_NO_DESCRIPTOR ? SIM_MET_NO_DESCRIPTOR : SIM_MET_CRASH_IN_DISK_OP) >
	       0;
}

/* ---- the node ---- */

static void on_node_event(void *arg, enum node_event event, const char *text)
{
	struct run *r = arg;

	r->started = r->started || event == NODE_EVENT_STARTED;
	r->serves = r->serves || event == NODE_EVENT_STARTED;
	if (event == NODE_EVENT_STARTED) {
		trouble_started(&r->trouble);
		if (trouble_hindered_start(&r->trouble)) /* some logs may not have been read */
			r->follower.storage_fails = r->compacted.follower.storage_fails = true;
	}
	r->stopped = r->stopped || event == NODE_EVENT_STOPPED;
}

/*
 * A node may refuse to start on a full disk, or without descriptors, and says so; its supervisor
 * tries again. It must have given back everything.
 */
static void start_refused(struct run *r, enum node_end end)
{
	struct sim_held held;

	check((trouble_hinders_start(&r->trouble) || lacks_descriptors(r)) &&
	      (end == NODE_END_STORAGE || end == NODE_END_PORT));
	config_free(r->config);
	r->config = NULL;
	sim_held(r->w, NODE, &held);
	check(held.blocks == 0 && held.files == 0 && held.socks == 0);
	r->no_start = true;
}

static void start_node(void *arg)
{
	struct run *r = arg;
	struct config_notes notes;
	struct config_input in = {.overrides = r->settings.v, .data_dir = STR("/data")};
	struct node_options options = {.env = sim_env(r->w, NODE),
				       .n_reactors = r->n_reactors,
				       .log_keys = r->o->encrypted ? &r->keys : NULL,
				       .release = "simulated",
				       .event = on_node_event,
				       .arg = r};
	enum node_end end;

	check(config_load(&in, &r->config, &notes) == 0);
	config_notes_fini(&notes);
	options.config = r->config;
	r->node = node_start(&options, &end);
	if (!r->node)
		start_refused(r, end);
}

static void crash(struct run *r, enum sim_crash how)
{
	if (!sim_is_down(r->w, NODE))
		sim_crash(r->w, NODE, how);
}

static void start(struct run *r)
{
	r->no_start = false;
	r->serves = false;
	r->stopped = false;
	trouble_restarted(&r->trouble);
	if (sim_call(r->w, NODE, start_node, r) && r->no_start)
		crash(r, SIM_KILL);
}

static void stop_node(void *arg)
{
	node_stop(((struct run *)arg)->node);
}

static void free_node(void *arg)
{
	struct run *r = arg;
	enum node_end end;

	end = node_free(r->node);
	/* Logs that could not be closed for lack of descriptors are recovered by the next start. */
	check(end == (r->stopping ? NODE_END_CLEAN : NODE_END_STORAGE) ||
	      (end == NODE_END_STORAGE && lacks_descriptors(r)));
	config_free(r->config);
	r->node = NULL;
	r->config = NULL;
}

/* One run in four has a metadata log with many segments and snapshots. */
static void draw_metadata_log(struct run *r)
{
	if (r->o->seed % 4 != 2)
		return;
	settings_add(&r->settings, "metadata.log.segment.ms", 100 + (int64_t)(r->o->seed % 13) * 100);
	settings_add(&r->settings, "metadata.log.max.record.bytes.between.snapshots", 2000);
	settings_add(&r->settings, "metadata.max.retention.bytes", 8000);
}

/* With one thread or two, and now and then slow. */
static void draw_cleaner(struct run *r)
{
	uint64_t seed = r->o->seed / 3;

	settings_add(&r->settings, "log.cleaner.backoff.ms", 50 + (int64_t)(seed % 19) * 50);
	settings_add(&r->settings, "log.cleaner.threads", 1 + (int64_t)(seed % 2));
	if (seed % 5 == 0)
		settings_add(&r->settings, "log.cleaner.io.max.bytes.per.second", 20000);
}

static void draw_node(struct run *r)
{
	r->n_reactors = 1 + (int)draw(r, 3);
	r->flushes = draw(r, 2);
	if (r->o->fault_at)
		r->flushes = r->o->fault != RUN_KILL;
	if (r->flushes)
		settings_add(&r->settings, "log.flush.interval.messages", 1);
	settings_add(&r->settings, "offsets.topic.num.partitions", internal_partitions(r));
	settings_add(&r->settings, "transaction.state.log.num.partitions", internal_partitions(r));
	if (draw(r, 2))
		settings_add(&r->settings, "log.roll.ms", 200 + (int64_t)draw(r, 5000));
	if (draw(r, 2))
		settings_add(&r->settings, "log.index.interval.bytes", 1 + (int64_t)draw(r, 5000));
	if (draw(r, 2))
		settings_add(&r->settings, "log.segment.bytes", 1 << 20);
	if (draw(r, 2))
		settings_add(&r->settings, "log.flush.offset.checkpoint.interval.ms", 100 + (int64_t)draw(r, 5000));
	draw_metadata_log(r);
	draw_cleaner(r);
	if (r->o->encrypted) {
		settings_add_encryption(&r->settings);
		settings_make_key(&r->keys, NODE);
	}
}

/* ---- what befalls it ---- */

static void plan_crash(struct run *r);

static void restart(void *arg)
{
	struct run *r = arg;

	/*
	 * What the dead node told must not be relied on any more once it may have forgotten it:
	 * after a power cut, if no flush was promised. A kill loses nothing.
	 */
	if (loses(r) && sim_died_of(r->w, NODE) == SIM_POWER) {
		history_lost(&r->history);
		members_lost(&r->members);
		if (r->topics.is_done)
			sim_call(r->w, CLIENTS, run_hang_up_clients, r);
	}
	r->waits_for_restart = false;
	sim_restart(r->w, NODE);
	plan_crash(r);
	start(r); /* it may die again: `watch` notices */
}

static enum sim_crash draw_how(struct run *r)
{
	if (r->o->fault_at)
		return r->o->fault == RUN_POWER_CUT ? SIM_POWER : SIM_KILL;
	return draw(r, 3) ? SIM_POWER : SIM_KILL;
}

static void crash_now(void *arg)
{
	struct run *r = arg;

	if (!sim_is_down(r->w, NODE) && !r->quiet)
		sim_crash(r->w, NODE, draw_how(r));
}

/* Half of the lives end at a change of the disk, the other half anywhere; some last. */
static void plan_crash(struct run *r)
{
	if (r->quiet || r->o->fault_at || r->crashes >= 8 || draw(r, 5) == 0)
		return;
	if (draw(r, 2))
		sim_crash_at_disk_op(r->w, NODE, 1 + (int64_t)draw(r, draw(r, 2) ? 20 : 300), draw_how(r));
	else
		sim_after(r->w, (int64_t)draw(r, 6000), crash_now, r);
}

static void must_be_empty(struct run *r)
{
	struct sim_held held;

	sim_held(r->w, NODE, &held);
	if (held.blocks || held.files || held.socks || held.loops || held.works)
		fprintf(stderr, "not given back: %" PRId64 " blocks, %d files, %d sockets, %d loops, %d jobs\n",
			held.blocks, held.files, held.socks, held.loops, held.works);
	check(held.blocks == 0 && held.files == 0 && held.socks == 0 && held.loops == 0 && held.works == 0);
}

/* A node that stops by itself has lost the directory of its metadata log. */
static void bury_stopped(struct run *r)
{
	bool a_sync;

	check(trouble_device_failed(&r->trouble, &a_sync));
	r->stops++;
	sim_run_for(r->w, 10);
	if (sim_is_down(r->w, NODE))
		return;
	if (sim_call(r->w, NODE, free_node, r)) {
		must_be_empty(r);
		crash(r, draw(r, 2) ? SIM_POWER : SIM_KILL);
	}
}

/*
 * The cache holds data that is on no platter but counts as written. A node that died before it
 * could leave a note of that must not continue from there.
 */
static bool has_told_of_it(const struct run *r)
{
	char path[64];
	struct file_stat st;

	for (int i = 0; i < r->n_dirs; i++) {
		snprintf(path, sizeof(path), "%s/odradek.sync-failed", RUN_DIRS[i]);
		if (env_stat(sim_env(r->w, NODE), path, &st) == 0)
			return true;
	}
	return false;
}

static void mend(void *arg, enum sim_crash how)
{
	crash(arg, how);
}

/* Called after every event: a dead node is started again after a while. */
static void watch(struct run *r)
{
	bool a_sync;

	if (r->stopped && !r->stopping && !sim_is_down(r->w, NODE))
		bury_stopped(r);
	if (!sim_is_down(r->w, NODE) || r->waits_for_restart)
		return;
	trouble_device_failed(&r->trouble, &a_sync);
	if (a_sync && !has_told_of_it(r))
		sim_lose_power(r->w, NODE);
	r->waits_for_restart = true;
	r->crashes++;
	r->node = NULL;
	sim_after(r->w, 1 + (int64_t)draw(r, 3000), restart, r);
}

/* ---- one seed ---- */

static bool out_of_events(const struct run *r)
{
	return r->o->max_events && sim_events(r->w) >= r->o->max_events;
}

/* Runs until done, or until the time is up, restarting the node whenever it has died. */
static bool live(struct run *r, int64_t ms, bool (*done)(const struct run *r))
{
	int64_t end_ns = sim_now_ns(r->w) + ms * 1000000;

	while (sim_now_ns(r->w) < end_ns && !out_of_events(r)) {
		watch(r);
		if (done(r))
			return true;
		if (!sim_step(r->w))
			return false;
	}
	return false;
}

static bool all_is_done(const struct run *r)
{
	return tellers_are_done(r->tellers, r->n_tellers) && r->n_finished == r->n_producers &&
	       members_are_done(&r->members) &&
	       counters_have_settled(r->counters, r->n_counters, &r->counted, r->n_partitions) &&
	       compacted_is_done(&r->compacted) && r->started && !sim_is_down(r->w, NODE);
}

/* The reader that followed along has seen the same as one that reads everything at the end. */
static bool watcher_is_done(const struct run *r)
{
	return teller_reader_is_done(&r->teller_watcher);
}

static bool copiers_are_done(const struct run *r)
{
	for (int i = 0; i < r->n_copiers; i++)
		if (!copier_is_done(&r->copiers[i]))
			return false;
	return true;
}

static void end_watching(struct run *r)
{
	if (r->n_tellers == 0 || out_of_events(r))
		return;
	for (int i = 0; i < r->n_copiers; i++)
		copier_expect(&r->copiers[i]);
	check(live(r, QUIET_END_MS, copiers_are_done) || out_of_events(r));
	teller_reader_expect(&r->teller_watcher);
	check(live(r, QUIET_END_MS, watcher_is_done) || out_of_events(r));
	if (!out_of_events(r))
		teller_reader_check(&r->teller_watcher);
}

static bool all_is_read(const struct run *r)
{
	return follower_is_at_end(&r->follower) && compacted_is_read(&r->compacted);
}

/* Reads from start to end with nothing else running: the history compares it with everything before. */
static void read_all(struct run *r)
{
	check(sim_call(r->w, CLIENTS, run_read_again, r));
	check(live(r, QUIET_END_MS, all_is_read) || out_of_events(r));
	for (int i = 0; i < r->n_partitions && !out_of_events(r); i++)
		history_end(&r->history, i, r->follower.next_offset[i]);
	check(sim_call(r->w, CLIENTS, run_end_reading, r));
}

static void read_transactions(void *arg)
{
	struct run *r = arg;

	teller_reader_start(&r->teller_reader);
	if (r->n_copiers)
		copier_reader_start(&r->copier_reader, r->loop, r->follower.to, NULL);
}

static void close_teller_reader(void *arg)
{
	struct run *r = arg;

	teller_reader_fini(&r->teller_reader);
	if (r->n_copiers)
		copier_reader_fini(&r->copier_reader);
}

static bool transactions_are_read(const struct run *r)
{
	return teller_reader_is_done(&r->teller_reader) &&
	       (r->n_copiers == 0 || copier_reader_is_done(&r->copier_reader));
}

static void read_all_transactions(struct run *r)
{
	if (r->n_tellers == 0)
		return;
	check(sim_call(r->w, CLIENTS, read_transactions, r));
	check(live(r, QUIET_END_MS, transactions_are_read) || out_of_events(r));
	if (!out_of_events(r))
		teller_reader_check(&r->teller_reader);
	if (!out_of_events(r) && r->n_copiers)
		copier_reader_check(&r->copier_reader);
	check(sim_call(r->w, CLIENTS, close_teller_reader, r));
}

static bool has_stopped_or_died(const struct run *r)
{
	return r->stopped || sim_is_down(r->w, NODE);
}

static bool is_up(const struct run *r)
{
	return !sim_is_down(r->w, NODE);
}

/* It may die midway, when a scheduled crash comes late: then it is started and stopped once more. */
static void stop_cleanly(struct run *r)
{
	do {
		r->stopping = false;
		check(live(r, QUIET_END_MS, is_up) || out_of_events(r));
		r->stopped = false;
		r->stopping = true;
		if (!out_of_events(r) && sim_call(r->w, NODE, stop_node, r))
			check(live(r, STOP_MS, has_stopped_or_died) || out_of_events(r));
	} while (!r->stopped && !out_of_events(r));
	if (out_of_events(r))
		return;
	sim_run_for(r->w, 10);
	check(sim_call(r->w, NODE, free_node, r));
	must_be_empty(r);
	r->stopping = false;
	r->stopped = false;
}

/* The fault is hit in one of three lives: an unclean stop ends the first. */
static void refuse_descriptors(struct run *r)
{
	sim_refuse_descriptors(r->w, NODE, r->o->fault_at, REFUSED_BEHIND);
	sim_crash_at_disk_op(r->w, NODE, 40 + (int64_t)draw(r, 60), SIM_KILL);
}

static void bad_time(struct run *r)
{
	int64_t ms = r->o->max_ms ? r->o->max_ms : 1000 + (int64_t)draw(r, 30000);

	if (!r->o->fault_at)
		plan_crash(r);
	else if (r->o->fault == RUN_NO_DESCRIPTOR)
		refuse_descriptors(r);
	else
		sim_crash_at_disk_op(r->w, NODE, r->o->fault_at, draw_how(r));
	start(r);
	check(sim_call(r->w, CLIENTS, run_open_clients, r));
	trouble_begin(&r->trouble);
	live(r, ms, all_is_done);
}

enum hand { HAND_NONE, HAND_MARKER, HAND_FLIP, HAND_CUT, HANDS };

static void lay_hands_on(struct run *r, const char *dir, enum hand hand)
{
	struct env *env = sim_env(r->w, NODE);
	char path[80];
	struct file_stat st;
	struct file *f;
	char *text;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, hand == HAND_MARKER ? ".kafka_cleanshutdown" : "odradek.manifest");
	if (hand == HAND_NONE || env_stat(env, path, &st) || st.size == 0)
		return;
	if (hand == HAND_FLIP) {
		sim_flip_byte(r->w, NODE, path, (int64_t)draw(r, (uint64_t)st.size), 1);
	} else if (hand == HAND_CUT && env_open(env, path, FILE_WRITE, &f) == 0) {
		error_ignored(file_truncate(f, (int64_t)draw(r, (uint64_t)st.size))); /* then it stays whole */
		file_unref(&f);
	} else if (hand == HAND_MARKER && env_read_file(env, path, 4096, &text, &len) == 0) {
		error_ignored(env_replace_file(env, path, text, len)); /* then the old one stays */
		xfree(text);
	}
}

/*
 * Between two lives: nobody; Apache Kafka, which has stopped cleanly and left a marker of its own; or
 * somebody whose hand has slipped. The next start must serve the same.
 */
static void visit(void *arg)
{
	struct run *r = arg;

	for (int i = 0; i < r->n_dirs; i++)
		lay_hands_on(r, RUN_DIRS[i], (enum hand)draw(r, HANDS));
}

static void quiet_end(struct run *r)
{
	enum sim_crash how;

	r->quiet = true;
	for (int i = 0; i < r->n_counters; i++)
		r->counters[i].calm = true;
	if (trouble_end(&r->trouble, &how))
		crash(r, how);
	if (!r->o->fault_at) {
		struct sim_options *o = sim_world_options(r->w);
		uint32_t buggify = o->buggify; /* rare paths are not faults */
		int n = o->n_envs;

		sim_crash_at_disk_op(r->w, NODE, 0, SIM_KILL);
		sim_options_calm(o);
		o->buggify = buggify;
		o->n_envs = n;
	}
	check(live(r, QUIET_END_MS, all_is_done) || out_of_events(r));
	end_watching(r);
	check(sim_call(r->w, CLIENTS, run_close_clients, r));
	if (out_of_events(r))
		return;
	read_all(r);
	read_all_transactions(r);
	stop_cleanly(r);
	if (!out_of_events(r) && !r->o->fault_at)
		check(sim_call(r->w, NODE, visit, r));
	start(r);
	read_all(r);
	read_all_transactions(r);
	stop_cleanly(r);
}

static bool is_cleaning(const char *line)
{
	const char *numbers = strstr(line, "records_read=");
	long long read, kept;

	return strstr(line, "log compacted:") && numbers &&
	       sscanf(numbers, "records_read=%lld records_kept=%lld", &read, &kept) == 2 && kept < read;
}

/* The loss of a directory is logged, and so are other events that are counted. */
static void take_line(void *arg, const char *line, int len)
{
	struct run *r = arg;
	bool a_sync;

	if (strstr(line, "log directory failed and is offline") || strstr(line, "cannot be used and is offline")) {
		/* Without a failed device, it was a new directory that could not be formatted. */
		check(trouble_device_failed(&r->trouble, &a_sync) ||
		      (strstr(line, "while=\"formatting\"") && trouble_hinders_start(&r->trouble)));
		r->dirs_lost++;
	}
	r->cleanings += is_cleaning(line);
	r->moved += strstr(line, "replica moved:") != NULL;
	if (r->o->verbose)
		fputs(line, stderr);
}

static void verbose_event(const char *line)
{
	fputs(line, stderr);
}

static int64_t node_wall_ms(void *arg)
{
	return env_wall_ms(sim_env(((struct run *)arg)->w, NODE));
}

static void draw_world(struct run *r)
{
	struct sim_options weather;

	if (r->o->fault_at)
		sim_options_calm(&weather);
	else
		sim_options_draw(&weather, r->o->seed);
	weather.n_envs = 2;
	r->w = sim_world_new(r->o->seed, &weather);
}

/* One run in four has several log directories, so it may lose some and go on. */
static void draw_trouble(struct run *r)
{
	char dirs[64] = "";

	r->n_dirs = 1;
	r->trouble = (struct trouble){
		.w = r->w, .node = NODE, .clients = CLIENTS, .dirs = RUN_DIRS, .n_dirs = 1, .mend = mend, .arg = r};
	if (r->o->no_trouble || (r->o->fault_at && !lacks_descriptors(r)))
		return;
	if (!r->o->fault_at)
		trouble_draw(&r->trouble, r->o->seed);
	if (draw(r, 4))
		return;
	r->n_dirs = r->trouble.n_dirs = 2 + (int)draw(r, DIRS_MAX - 1);
	for (int i = 0; i < r->n_dirs; i++)
		snprintf(dirs + strlen(dirs), sizeof(dirs) - strlen(dirs), "%s%s", i ? "," : "", RUN_DIRS[i]);
	settings_add_text(&r->settings, "log.dirs", dirs);
}

void run_seed(const struct run_options *o, struct run_result *out)
{
	struct run *r = calloc(1, sizeof(*r));
	char again[120];

	check(r);
	r->o = o;
	r->chance = o->seed;
	draw_world(r);
	snprintf(again, sizeof(again), "tests/sim/odradek-sim --seed %" PRIu64 "%s", o->seed,
		 o->no_trouble ? " --no-trouble" : "");
	if (o->fault_at)
		snprintf(again, sizeof(again), "tests/sim/odradek-sim --seed %" PRIu64 " --%s-at %" PRId64, o->seed,
			 RUN_FAULT_NAMES[o->fault], o->fault_at);
	sim_world_name(r->w, again);
	r->watched = (struct diag){
		.level = o->verbose ? DIAG_DEBUG : DIAG_INFO, .wall_ms = node_wall_ms, .write = take_line, .arg = r};
	sim_env_diag(r->w, NODE, &r->watched);
	if (o->verbose) {
		sim_env_diag(r->w, CLIENTS, &r->watched);
		sim_world_follow(r->w, verbose_event);
	}
	history_init(&r->history, o->seed, 0);
	draw_node(r);
	draw_trouble(r);
	run_draw_clients(r);
	bad_time(r);
	quiet_end(r);
	*out = (struct run_result){.hash = sim_trace_hash(r->w),
				   .events = sim_events(r->w),
				   .simulated_ms = sim_now_ns(r->w) / 1000000,
				   .crashes = r->crashes,
				   .acknowledged = r->history.acknowledged,
				   .read = r->history.read,
				   .dirs_lost = r->dirs_lost,
				   .stops = r->stops,
				   .cleanings = r->cleanings,
				   .moved = r->moved,
				   .commits = r->counted.n_commits,
				   .late = r->members.n_late,
				   .joins = r->counted.n_joins,
				   .ended_early = out_of_events(r),
				   .met_fault = met_fault(r)};
	for (int i = 0; i < r->n_producers; i++) {
		out->retries += r->producers[i].n_retries;
		out->bumps += r->producers[i].n_bumps;
	}
	for (int i = 0; i < r->n_tellers; i++) {
		out->transactions += r->tellers[i].n;
		out->fenced += r->tellers[i].t.n_fenced;
	}
	for (int i = 0; i < r->n_copiers; i++) {
		out->copied += r->copiers[i].n_copied;
		out->fenced += r->copiers[i].t.n_fenced;
	}
	for (int i = 0; i < SIM_N_MARKS; i++)
		out->reached[i] = sim_reached(r->w, i);
	check(!out->reached[SIM_MET_SENDFILE_LATE]); /* bytes that were once readable never change later */
	sim_world_free(r->w);
	history_fini(&r->history);
	compacted_free(&r->compacted);
	free(r);
}
