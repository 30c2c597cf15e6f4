/*
 * A log directory with arbitrary file contents, on a simulated disk. The input is a list of files:
 * one byte says which, two how long, then the bytes; if the high bit is set, the CRCs of its
 * batches are corrected first. Whatever is there, the log loads or the directory goes offline; the
 * log can be read to its end, appended to, closed and loaded again, and nothing that was readable
 * is gone.
 */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "log/log.h"
#include "wire/batch.h"
#include "wire/records.h"
#include "tests/log/endless.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static const char *const FILES[] = {
	"/d/t-0/00000000000000000000.log",
	"/d/t-0/00000000000000000000.index",
	"/d/t-0/00000000000000000000.timeindex",
	"/d/t-0/00000000000000000000.txnindex",
	"/d/t-0/00000000000000000005.log",
	"/d/t-0/00000000000000000005.index",
	"/d/t-0/00000000000000000005.timeindex",
	"/d/t-0/00000000000000000005.snapshot",
	"/d/t-0/00000000000000000010.snapshot",
	"/d/t-0/leader-epoch-checkpoint",
	"/d/t-0/partition.metadata",
	"/d/recovery-point-offset-checkpoint",
	"/d/log-start-offset-checkpoint",
	"/d/replication-offset-checkpoint",
	"/d/.kafka_cleanshutdown",
	"/d/meta.properties",
	"/d/t-0/00000000000000000000.log.swap",
	"/d/t-0/00000000000000000005.log.cleaned",
};

enum { N_FILES = sizeof(FILES) / sizeof(FILES[0]), MEND = 0x80 };

struct input {
	struct sim_world *world;
	const uint8_t *p;
	size_t len;
};

static const struct topic_config CONFIG = {
	ENDLESS_TOPIC,	       .segment_bytes = 4096,	       .segment_index_bytes = 4096, .index_interval_bytes = 100,
	.retention_bytes = -1, .max_message_bytes = INT32_MAX,
};

static void mend(uint8_t *p, size_t len)
{
	for (struct batch_iter it = batch_iter(p, len); batch_next(&it);)
		if (it.header.magic == BATCH_MAGIC)
			batch_crc_set(p + (it.p - it.start), (size_t)batch_size(&it.header));
}

static void lay_out(struct env *env, const uint8_t *p, size_t len)
{
	check(env_mkdir_all(env, "/d/t-0") == 0);
	while (len >= 3) {
		size_t n = (size_t)p[1] << 8 | p[2];
		struct file *file;
		uint8_t *copy;

		if (n > len - 3)
			n = len - 3;
		copy = xmalloc(n + 1);
		memcpy(copy, p + 3, n);
		if (p[0] & MEND)
			mend(copy, n);
		check(env_open(env, FILES[(p[0] & ~MEND) % N_FILES], FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &file) ==
		      0);
		check(file_write_full(file, copy, n, 0) == 0);
		file_unref(&file);
		xfree(copy);
		p += 3 + n;
		len -= 3 + n;
	}
}

static void read_all(struct log *log, struct arena *arena)
{
	struct log_offsets o = log_offsets(log);
	struct aborted_txn *v;
	int64_t at = o.start;
	int n;

	check(o.start <= o.stable && o.stable <= o.high_watermark && o.high_watermark <= o.end &&
	      o.flushed_end <= o.end);
	while (at < o.end) {
		struct log_read r = {.offset = at, .max_bytes = 500, .min_one_message = true, .upto_offset = o.end};
		struct records records;
		struct log_cold cold;
		uint8_t head[BATCH_HEADER_SIZE];
		struct batch_header h;

		/* Damage below the recovery point is found only by a read, or leaves a gap at the end. */
		if (log_read(log, &r, &records, &cold) || !records.file)
			return;
		check(records.len >= BATCH_MAGIC_END);
		size_t len = records.len < BATCH_HEADER_SIZE ? (size_t)records.len : BATCH_HEADER_SIZE;
		check(file_read_full(records.file, head, len, records.pos) == 0);
		file_unref(&records.file);
		check(batch_header_read(head, len, &h) == 0 && batch_last_offset(&h) >= at);
		at = batch_last_offset(&h) + 1;
	}
	log_aborted(log, &(struct aborted_query){o.start, o.end, arena}, &v, &n, NULL);
}

static void look_up(struct log *log, struct codecs *codecs)
{
	struct log_lookup l;

	if (log_lookup_begin(log, 1000, INT64_MAX, &l) == 0)
		log_lookup_run(&l, codecs);
	log_lookup_fini(&l);
}

static void append(struct log *log)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct log_appended out;
	struct batch_builder b;
	struct buf buf = {0};

	o.base_offset = log_offsets(log).end;
	o.leader_epoch = 9;
	batch_begin(&b, &buf, &o);
	batch_add(&b, 1000, BYTES_NULL, BYTES_NULL);
	batch_end(&b);
	if (log_append_as_follower(log, buf.p, buf.len, 9, 1000, &out) == 0)
		check(log_offsets(log).end == o.base_offset + 1);
	buf_fini(&buf);
}

/* What a node does after closing its last log. */
static bool stop_cleanly(struct log_dir *dir, struct log *log)
{
	struct log_checkpoint_writer w;
	struct buf entry = {0};

	log_checkpoint_init(&w, CHECKPOINT_RECOVERY_POINT);
	log_checkpoint_add(&w, STR("t"), 0, log_offsets(log).flushed_end);
	if (log_checkpoint_write(&w, dir))
		return false;
	if (log_note(log, &entry))
		log_dir_note(dir, &entry);
	buf_fini(&entry);
	return log_dir_mark_clean(dir, 1) == 0;
}

/* Returns the end of the log; -1 when the directory cannot be used. */
static int64_t live(struct env *env)
{
	struct log_dir_options options = {.path = "/d"};
	struct log_id id = {.topic = STR("t"), .topic_id = {{1}}};
	struct log_load how = {.producer_expiration_ms = INT64_MAX};
	struct codecs *codecs;
	struct log_dir *dir;
	struct arena arena;
	int64_t end = -1;
	char *why;

	if (log_dir_open(env, &options, &dir, &why)) {
		xfree(why);
		return -1;
	}
	codecs = codecs_new();
	arena_init(&arena, 1 << 20);
	struct log *log = log_new(dir, &id, &CONFIG);
	how.clean = log_dir_was_clean(dir, NULL);
	if (log_load(log, &how) == 0 && log_dir_begin_run(dir) == 0) {
		read_all(log, &arena);
		look_up(log, codecs);
		append(log);
		read_all(log, &arena);
		if (log_close(log) == 0 && stop_cleanly(dir, log))
			end = log_offsets(log).end;
	} else {
		check(log_dir_error(dir) != 0);
	}
	log_free(log);
	log_dir_free(dir);
	arena_fini(&arena);
	codecs_free(codecs);
	return end;
}

static void run(void *arg)
{
	struct input *in = arg;
	struct env *env = sim_env(in->world, 0);

	lay_out(env, in->p, in->len);
	int64_t end = live(env);
	if (end >= 0)
		check(live(env) >= end);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct sim_options options;
	struct input in = {.p = p, .len = len};

	sim_options_calm(&options);
	options.n_envs = 1;
	in.world = sim_world_new(1, &options);
	check(sim_call(in.world, 0, run, &in));
	sim_world_free(in.world);
	return 0;
}
