/*
 * One log in the simulator that dies again and again: at any change of its disk, by a kill or a
 * power cut, even while it recovers. What was appended is there after a kill; what was flushed is
 * there after a power cut; what is there is what was appended, in order and intact; and a producer
 * that sends its last batch again is recognized.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "log/log.h"
#include "tests/base/cm.h"
#include "wire/batch.h"
#include "wire/records.h"

enum { BATCHES_MAX = 2000, LIVES = 8, PRODUCER_ID = 77 };

struct appended {
	int64_t base_offset;
	int32_t n;
	int32_t sequence;
	uint64_t content; /* seed of its records' contents */
};

struct story {
	struct sim_world *w;
	struct topic_config config;
	struct diag diag;
	uint64_t chance;
	/* What is known from outside. */
	struct appended v[BATCHES_MAX];
	int n;		    /* number appended; the last one may have failed */
	bool last_in_doubt; /* it died inside the append */
	int64_t flushed_end;
	int64_t recovery_point;
	bool unread;	/* by a start that has completed, since a power cut */
	bool power_cut; /* since it was last checked */
	int32_t next_sequence;
	struct atrest_keys keys; /* for an encrypted story; otherwise none */
	int64_t encrypted;	 /* lives with encrypted appends */
	/* The living parts. */
	struct log_dir *dir;
	struct log *log;
	struct codecs *codecs;
	int64_t recovered;
	int64_t lost;
	int64_t walked; /* lives that began with a walk over headers */
};

static void default_config(struct topic_config *c, uint64_t *chance)
{
	*c = (struct topic_config){
		.segment_bytes = 5000 + (int32_t)(cm_random(chance) % 20000),
		.segment_ms = 7 * 86400000ll,
		.segment_index_bytes = 10 << 20,
		.index_interval_bytes = 1 + (int32_t)(cm_random(chance) % 3000),
		.flush_messages = INT64_MAX,
		.flush_ms = INT64_MAX,
		.retention_ms = -1,
		.retention_bytes = cm_random(chance) % 2 ? -1 : 20000,
		.file_delete_delay_ms = 60000,
		.cleanup_delete = true,
		.max_message_bytes = 1048588,
		.compression_type = COMPRESSION_PRODUCER,
		.compression_gzip_level = -1,
		.compression_lz4_level = 9,
		.compression_zstd_level = 3,
		.message_timestamp_before_max_ms = INT64_MAX,
		.message_timestamp_after_max_ms = 3600000,
	};
}

static void build(struct buf *out, const struct appended *a)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder b;
	uint64_t chance = a->content;

	o.producer_id = PRODUCER_ID;
	o.producer_epoch = 0;
	o.base_sequence = a->sequence;
	batch_begin(&b, out, &o);
	for (int i = 0; i < a->n; i++) {
		uint8_t value[900];
		int32_t len = 1 + (int32_t)(cm_random(&chance) % sizeof(value));

		for (int32_t k = 0; k < len; k++)
			value[k] = (uint8_t)cm_random(&chance);
		batch_add(&b, 1767225600000, BYTES_NULL, (struct bytes){value, len});
	}
	batch_end(&b);
}

static int append(struct story *s, const struct appended *a, struct log_appended *out)
{
	struct env *e = sim_env(s->w, 0);
	struct batch_check c = {.topic = STR("t"), .config = &s->config, .origin = ORIGIN_CLIENT, .codecs = s->codecs};
	struct batch_problem problem;
	struct batch_info info;
	struct arena arena;
	struct buf b = {0};
	int err;

	arena_init(&arena, 1 << 20);
	c.now_ms = env_wall_ms(e);
	c.arena = &arena;
	build(&b, a);
	err = batch_check(&c, b.p, b.len, &info, &problem);
	if (!err)
		err = log_append(s->log, b.p, &info, 0, c.now_ms, out);
	buf_fini(&b);
	arena_fini(&arena);
	return err;
}

static void append_one(struct story *s)
{
	struct appended *a = &s->v[s->n];
	struct log_appended out;

	check(s->n < BATCHES_MAX);
	*a = (struct appended){.base_offset = log_offsets(s->log).end,
			       .n = 1 + (int32_t)(cm_random(&s->chance) % 4),
			       .sequence = s->next_sequence,
			       .content = cm_random(&s->chance)};
	s->n++;
	s->last_in_doubt = true;
	check(append(s, a, &out) == 0);
	check(!out.duplicate && out.base_offset == a->base_offset);
	s->last_in_doubt = false;
	s->next_sequence += a->n;
	log_set_high_watermark(s->log, log_offsets(s->log).end);
}

/* What is appended and rolled meanwhile belongs to the next flush. */
static void flush(struct story *s)
{
	struct log_flush f = {0};

	if (log_flush_begin(s->log, LOG_FLUSH_ALL, &f)) {
		for (uint64_t n = cm_random(&s->chance) % 4; n > 0; n--)
			append_one(s);
		log_flush_run(&f);
		check(log_flush_end(s->log, &f) == 0);
		s->flushed_end = log_offsets(s->log).flushed_end;
	}
	log_flush_fini(&f);
}

/* What exceeds retention is deleted, part of it before the next crash. */
static void retain(struct story *s)
{
	struct log_deletion *d = NULL;

	check(log_retain(s->log, env_wall_ms(sim_env(s->w, 0)), &d) == 0);
	if (d && cm_random(&s->chance) % 2)
		check(log_deletion_finish(d) == 0);
	log_deletion_free(d);
}

static void checkpoint(struct story *s)
{
	struct log_offsets o = log_offsets(s->log);
	int64_t values[CHECKPOINT_KINDS] = {[CHECKPOINT_RECOVERY_POINT] = o.flushed_end,
					    [CHECKPOINT_LOG_START] = o.start,
					    [CHECKPOINT_HIGH_WATERMARK] = o.high_watermark};

	for (int i = 0; i < CHECKPOINT_KINDS; i++) {
		struct log_checkpoint_writer w;

		log_checkpoint_init(&w, (enum log_checkpoint)i);
		log_checkpoint_add(&w, STR("t"), 0, values[i]);
		check(log_checkpoint_write(&w, s->dir) == 0);
	}
	s->recovery_point = o.flushed_end;
}

/* ---- what is there ---- */

static void check_batch(struct story *s, int i, const struct batch_iter *it)
{
	struct buf b = {0};

	check(i < s->n);
	check(it->header.base_offset == s->v[i].base_offset && it->header.count == s->v[i].n);
	build(&b, &s->v[i]);
	check(batch_size(&it->header) == (int64_t)b.len);
	check(!memcmp(it->p + BATCH_AT_CRC, b.p + BATCH_AT_CRC, b.len - BATCH_AT_CRC));
	buf_fini(&b);
}

/* The batch that begins at this offset. */
static int batch_at(const struct story *s, int64_t offset)
{
	for (int i = 0; i < s->n; i++)
		if (s->v[i].base_offset == offset)
			return i;
	check(offset == 0 || offset == s->v[s->n - 1].base_offset + s->v[s->n - 1].n);
	return offset ? s->n : 0;
}

/* A range that the log does not call sealed is taken as it is. */
static void take(const struct log_read *r, struct records *records, struct buf *out)
{
	if (r->sealed.any) {
		check(sealed_read(&r->sealed, STR("t"), records, out) == 0);
		return;
	}
	buf_reserve(out, (size_t)records->len);
	check(file_read_full(records->file, out->p, (size_t)records->len, records->pos) == 0);
	out->len = (size_t)records->len;
	file_unref(&records->file);
}

/* Reads all batches from the start: returns their number, including deleted ones. */
static int read_all(struct story *s)
{
	struct log_offsets o = log_offsets(s->log);
	struct log_read r = {.offset = o.start, .max_bytes = 5000, .min_one_message = true, .upto_offset = o.end};
	int n = batch_at(s, o.start);

	while (r.offset < o.end) {
		struct records records;
		struct log_cold cold;
		struct buf b = {0};

		check(log_read(s->log, &r, &records, &cold) == 0 && records.file);
		take(&r, &records, &b);
		for (struct batch_iter it = batch_iter(b.p, b.len); batch_next(&it);) {
			check_batch(s, n++, &it);
			r.offset = batch_last_offset(&it.header) + 1;
		}
		buf_fini(&b);
	}
	check(r.offset == o.end);
	return n;
}

static int64_t end_of(const struct story *s, int n)
{
	return n ? s->v[n - 1].base_offset + s->v[n - 1].n : 0;
}

static void check_recovered(struct story *s)
{
	int n = read_all(s);
	int sure = s->n - s->last_in_doubt;

	check(end_of(s, n) >= s->flushed_end);
	check(s->power_cut || n >= sure);
	s->recovered += n;
	s->lost += sure > n ? sure - n : 0;
	s->n = n;
	s->last_in_doubt = false;
	s->power_cut = false;
	s->next_sequence = n ? s->v[n - 1].sequence + s->v[n - 1].n : 0;
	if (n && s->v[n - 1].base_offset >= log_offsets(s->log).start) {
		struct log_appended out;

		check(log_offsets(s->log).last_epoch == 0);
		check(append(s, &s->v[n - 1], &out) == 0);
		check(out.duplicate && out.base_offset == s->v[n - 1].base_offset);
	}
}

/* ---- a life ---- */

static void open_log(struct story *s)
{
	struct log_dir_options options = {.path = "/data"};
	struct log_id id = {.topic = STR("t"), .topic_id = {{1, 2, 3}}};
	struct log_load how = {.producer_expiration_ms = 86400000};
	char *why;

	int64_t since_ms;

	check(log_dir_open(sim_env(s->w, 0), &options, &s->dir, &why) == 0);
	bool whole = log_dir_cache_is_whole(s->dir, &since_ms);
	check(!whole || !s->unread);
	s->walked += whole;
	s->config.encryption_enable = s->keys.n > 0 && cm_random(&s->chance) % 4;
	s->encrypted += s->config.encryption_enable;
	log_dir_set_keys(s->dir, &s->keys);
	check(log_dir_begin_run(s->dir) == 0);
	s->codecs = codecs_new();
	s->log = log_new(s->dir, &id, &s->config);
	how.clean = log_dir_was_clean(s->dir, NULL);
	check(log_load(s->log, &how) == 0);
	s->unread = false;
	log_dir_vouch(s->dir);
}

/* Closes it as one of many logs that share their syncs. */
static void close_with_others(struct story *s)
{
	bool renamed;

	check(log_close_write(s->log) == 0);
	check(log_dir_sync(s->dir) == 0);
	check(log_close_rename(s->log, &renamed) == 0);
	check(!renamed || log_dir_sync(s->dir) == 0);
	log_close_end(s->log);
	check(log_is_closed(s->log) && log_offsets(s->log).flushed_end == log_offsets(s->log).end);
}

static void close_log(struct story *s)
{
	if (cm_random(&s->chance) % 2)
		close_with_others(s);
	else
		check(log_close(s->log) == 0);
	s->flushed_end = log_offsets(s->log).end;
	checkpoint(s);
	check(log_dir_mark_clean(s->dir, 1) == 0);
	log_free(s->log);
	log_dir_free(s->dir);
	codecs_free(s->codecs);
}

static void live(void *arg)
{
	struct story *s = arg;
	int n = (int)(cm_random(&s->chance) % 150);

	open_log(s);
	check_recovered(s);
	for (int i = 0; i < n; i++) {
		uint64_t what = cm_random(&s->chance) % 20;

		if (what == 0)
			flush(s);
		else if (what == 1)
			checkpoint(s);
		else if (what == 2)
			check(log_roll(s->log, env_wall_ms(sim_env(s->w, 0))) == 0);
		else if (what == 3)
			retain(s);
		else
			append_one(s);
	}
	close_log(s);
}

/* What is below the recovery point was synced. */
static void take_line(void *arg, const char *line, int len)
{
	const struct story *s = arg;
	long long offset;

	if (strstr(line, "producer snapshot unreadable"))
		check(sscanf(strrchr(line, '/'), "/%lld.snapshot", &offset) == 1 && offset >= s->recovery_point);
}

static int64_t no_time(void *arg)
{
	return 0;
}

static void give_key(struct story *s)
{
	struct buf why = {0};
	int added;

	check(atrest_keys_read(&s->keys, STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), &added, &why) == 0);
}

/* The codecs' memory is not in the node's heap: they are allocated where anyone can free them. */
static struct story *new_story(uint64_t seed)
{
	struct story *s = calloc(1, sizeof(*s));
	struct sim_options o;

	check(s);
	sim_options_calm(&o);
	o.writeback = seed % 3 ? 0 : 100000;
	o.short_write = seed % 4 ? 0 : 100000;
	s->w = sim_world_new(seed, &o);
	s->diag = (struct diag){.level = DIAG_WARN, .wall_ms = no_time, .write = take_line, .arg = s};
	sim_env_diag(s->w, 0, &s->diag);
	s->chance = seed;
	default_config(&s->config, &s->chance);
	if (seed % 3 == 2)
		give_key(s);
	return s;
}

static void crashes_lose_nothing_that_was_promised(void **state)
{
	int64_t recovered = 0, lost = 0, encrypted = 0, walked = 0, reached[SIM_N_MARKS] = {0};
	static const enum sim_mark must[] = {
		SIM_MET_KILL,	    SIM_MET_POWER,	SIM_MET_CRASH_IN_DISK_OP,  SIM_MET_WRITE_KEPT,
		SIM_MET_WRITE_LOST, SIM_MET_WRITE_TORN, SIM_MET_SIZE_WITHOUT_DATA, SIM_MET_NAME_KEPT,
		SIM_MET_NAME_LOST};

	for (uint64_t seed = 1; seed <= 150; seed++) {
		struct story *s = new_story(seed);

		for (int life = 0; life < LIVES; life++) {
			enum sim_crash how = cm_random(&s->chance) % 2 ? SIM_POWER : SIM_KILL;

			sim_crash_at_disk_op(s->w, 0, 1 + (int64_t)(cm_random(&s->chance) % 200), how);
			if (sim_call(s->w, 0, live, s)) /* a clean stop: nothing is lost, whatever follows */
				sim_crash(s->w, 0, how);
			s->power_cut = s->power_cut || how == SIM_POWER;
			s->unread = s->unread || how == SIM_POWER;
			sim_restart(s->w, 0);
		}
		recovered += s->recovered;
		lost += s->lost;
		encrypted += s->encrypted;
		walked += s->walked;
		for (int i = 0; i < SIM_N_MARKS; i++)
			reached[i] += sim_reached(s->w, i);
		sim_world_free(s->w);
		free(s);
	}
	assert_true(recovered > 1000 && lost > 50 && encrypted > 100 && walked > 100);
	for (size_t i = 0; i < sizeof(must) / sizeof(must[0]); i++)
		if (!reached[must[i]])
			fail_msg("never met: %s", sim_mark_name(must[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crashes_lose_nothing_that_was_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
