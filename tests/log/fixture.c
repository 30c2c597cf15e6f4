#include "tests/log/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "log/clean.h"

static int64_t wall(void *arg)
{
	return ((struct fixture *)arg)->now_ms;
}

static void write_line(void *arg, const char *line, int len)
{
	buf_put(&((struct fixture *)arg)->lines, line, (size_t)len);
}

static void default_config(struct topic_config *c)
{
	*c = (struct topic_config){
		.segment_bytes = 1 << 20,
		.segment_ms = 7 * 86400000ll,
		.segment_index_bytes = 10 << 20,
		.index_interval_bytes = 4096,
		.flush_messages = INT64_MAX,
		.flush_ms = INT64_MAX,
		.retention_ms = 7 * 86400000ll,
		.retention_bytes = -1,
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

static void open_all(struct fixture *f)
{
	struct log_dir_options options = {.path = f->path};
	struct log_id id = {.topic = STR("t"), .topic_id = {{1, 2, 3}}};
	struct log_load how = {.producer_expiration_ms = 86400000};
	char *why;

	assert_int_equal(log_dir_open(f->env, &options, &f->dir, &why), 0);
	log_dir_set_keys(f->dir, &f->keys);
	f->log = log_new(f->dir, &id, &f->config);
	how.clean = log_dir_was_clean(f->dir, NULL);
	assert_int_equal(log_load(f->log, &how), 0);
	assert_int_equal(log_dir_begin_run(f->dir), 0);
}

void fixture_init(struct fixture *f)
{
	*f = (struct fixture){0};
	f->diag = (struct diag){.level = DIAG_DEBUG, .wall_ms = wall, .write = write_line, .arg = f};
	f->env = env_real_new(&f->diag);
	f->now_ms = env_wall_ms(f->env); /* loading reads the same clock */
	snprintf(f->path, sizeof(f->path), "%s/odradek-log-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(f->path));
	default_config(&f->config);
	f->codecs = codecs_new();
	arena_init(&f->arena, 64 << 20);
	open_all(f);
}

void fixture_add_key(struct fixture *f, uint8_t value)
{
	struct buf line = {0}, why = {0};
	int added;

	for (int i = 0; i < ATREST_KEY_SIZE; i++)
		buf_printf(&line, "%02x", value);
	assert_int_equal(atrest_keys_read(&f->keys, buf_str(&line), &added, &why), 0);
	buf_fini(&line);
	buf_fini(&why);
}

static void close_all(struct fixture *f)
{
	log_free(f->log);
	log_dir_free(f->dir);
}

void fixture_fini(struct fixture *f)
{
	char command[256];

	close_all(f);
	codecs_free(f->codecs);
	arena_fini(&f->arena);
	env_real_free(f->env);
	buf_fini(&f->lines);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->path);
	assert_int_equal(system(command), 0);
}

void fixture_crash(struct fixture *f)
{
	close_all(f);
	open_all(f);
}

void fixture_checkpoint(struct fixture *f)
{
	struct log_offsets o = log_offsets(f->log);
	int64_t values[CHECKPOINT_KINDS] = {
		[CHECKPOINT_RECOVERY_POINT] = log_begin_checkpoint(f->log),
		[CHECKPOINT_LOG_START] = o.start,
		[CHECKPOINT_HIGH_WATERMARK] = o.high_watermark,
		[CHECKPOINT_CLEANER] = log_clean_end(f->log),
	};

	for (int i = 0; i < CHECKPOINT_KINDS; i++) {
		struct log_checkpoint_writer w;

		log_checkpoint_init(&w, (enum log_checkpoint)i);
		if (values[i] >= 0)
			log_checkpoint_add(&w, STR("t"), 0, values[i]);
		assert_int_equal(log_checkpoint_write(&w, f->dir), 0);
	}
	log_end_checkpoint(f->log);
}

void fixture_flush(struct fixture *f)
{
	struct log_flush flush = {0};

	if (log_flush_begin(f->log, LOG_FLUSH_ALL, &flush)) {
		log_flush_run(&flush);
		assert_int_equal(log_flush_end(f->log, &flush), 0);
	}
	log_flush_fini(&flush);
}

/* What can be said of the log is in the manifest, as at the stop of a node. */
static void note(struct fixture *f)
{
	struct buf entry = {0};

	if (log_note(f->log, &entry))
		log_dir_note(f->dir, &entry);
	buf_fini(&entry);
}

void fixture_restart(struct fixture *f)
{
	assert_int_equal(log_close(f->log), 0);
	fixture_checkpoint(f);
	note(f);
	assert_int_equal(log_dir_mark_clean(f->dir, 5), 0);
	close_all(f);
	open_all(f);
}

void fixture_build(struct buf *out, const struct batch_of *what, int64_t now_ms)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder b;
	int len = what->value_len ? what->value_len : 10;
	uint8_t *value = xmalloc((size_t)len);

	for (int i = 0; i < len; i++)
		value[i] = (uint8_t)('a' + i % 26);
	if (what->producer_id) {
		o.producer_id = what->producer_id;
		o.producer_epoch = what->epoch;
		o.base_sequence = what->sequence;
	}
	if (what->transactional)
		o.attributes = BATCH_TRANSACTIONAL;
	batch_begin(&b, out, &o);
	for (int i = 0; i < what->n; i++)
		batch_add(&b, what->timestamp ? what->timestamp : now_ms, BYTES_NULL, (struct bytes){value, len});
	batch_end(&b);
	xfree(value);
}

int fixture_check(struct fixture *f, const struct buf *b, struct batch_info *info)
{
	struct batch_check c = {
		.topic = STR("t"),
		.config = &f->config,
		.origin = ORIGIN_CLIENT,
		.now_ms = f->now_ms,
		.codecs = f->codecs,
		.arena = &f->arena,
	};
	struct batch_problem problem;

	return batch_check(&c, b->p, b->len, info, &problem);
}

int fixture_append(struct fixture *f, struct batch_of what, int32_t epoch, struct log_appended *out)
{
	struct log_appended unused;
	struct batch_info info;
	struct buf b = {0};

	fixture_build(&b, &what, f->now_ms);
	int err = fixture_check(f, &b, &info);
	info.transaction = what.transaction;
	if (!err)
		err = log_append(f->log, b.p, &info, epoch, f->now_ms, out ? out : &unused);
	if (!err && !f->unreplicated)
		log_set_high_watermark(f->log, log_offsets(f->log).end);
	buf_fini(&b);
	return err;
}

void fixture_append_n(struct fixture *f, int n)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(fixture_append(f, (struct batch_of){.n = 1}, 0, NULL), 0);
}

static int append_marker(struct fixture *f, int64_t producer_id, int16_t epoch, enum control_type type,
			 int32_t coordinator_epoch, int8_t version)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_check c = {
		.topic = STR("t"), .config = &f->config, .origin = ORIGIN_COORDINATOR, .now_ms = f->now_ms};
	struct batch_problem problem;
	struct log_appended out;
	struct batch_info info;
	struct buf b = {0};

	c.codecs = f->codecs;
	c.arena = &f->arena;
	o.producer_id = producer_id;
	o.producer_epoch = epoch;
	batch_build_marker(&b, &o, f->now_ms, type, coordinator_epoch);
	int err = batch_check(&c, b.p, b.len, &info, &problem);
	info.transaction.version = version;
	if (!err)
		err = log_append(f->log, b.p, &info, 0, f->now_ms, &out);
	buf_fini(&b);
	return err;
}

int fixture_marker(struct fixture *f, int64_t producer_id, int16_t epoch, enum control_type type,
		   int32_t coordinator_epoch)
{
	return append_marker(f, producer_id, epoch, type, coordinator_epoch, 0);
}

int fixture_marker_of(struct fixture *f, int64_t producer_id, int16_t epoch, int32_t coordinator_epoch, int8_t version)
{
	return append_marker(f, producer_id, epoch, CONTROL_COMMIT, coordinator_epoch, version);
}

int fixture_take(const struct log_read *r, struct records *records, struct buf *out)
{
	size_t len = (size_t)records->len;
	int err;

	if (r->sealed.any)
		return sealed_read(&r->sealed, STR("t"), records, out);
	buf_reserve(out, len);
	err = file_read_full(records->file, out->p + out->len, len, records->pos);
	out->len += err ? 0 : len;
	file_unref(&records->file);
	return err;
}

int fixture_read(struct fixture *f, int64_t offset, int32_t max_bytes, struct buf *out)
{
	struct log_read r = {
		.offset = offset,
		.max_bytes = max_bytes,
		.min_one_message = true,
		.upto_offset = log_offsets(f->log).end,
	};
	struct records records;
	struct log_cold cold;
	int err = log_read(f->log, &r, &records, &cold);

	out->len = 0;
	if (err || !records.file)
		return err;
	err = fixture_take(&r, &records, out);
	if (err)
		return err;
	struct batch_iter it = batch_iter(out->p, out->len);
	bool first = true;
	int64_t last = -1;
	while (batch_next(&it)) {
		assert_false(batch_is_sealed(&it.header));
		assert_true(batch_crc_ok(it.p, &it.header));
		if (first)
			assert_true(batch_last_offset(&it.header) >= offset);
		first = false;
		last = batch_last_offset(&it.header);
	}
	assert_true(r.next_offset >= last + 1); /* it also skips a gap left by a cleaning */
	assert_int_equal(it.pos, out->len);
	return 0;
}

void fixture_check_whole(struct fixture *f)
{
	struct log_offsets o = log_offsets(f->log);
	struct buf b = {0};
	int64_t next = o.start;

	while (next < o.end) {
		assert_int_equal(fixture_read(f, next, 10000, &b), 0);
		assert_true(b.len > 0);
		for (struct batch_iter it = batch_iter(b.p, b.len); batch_next(&it);) {
			if (next > o.start)
				assert_int_equal(it.header.base_offset, next);
			next = batch_last_offset(&it.header) + 1;
		}
	}
	assert_int_equal(next, o.end);
	buf_fini(&b);
}

char *fixture_file(struct fixture *f, const char *name, char out[512])
{
	snprintf(out, 512, "%s/t-0/%s", f->path, name);
	return out;
}

bool fixture_exists(struct fixture *f, const char *name)
{
	char path[512];

	return access(fixture_file(f, name, path), F_OK) == 0;
}

struct buf fixture_slurp(struct fixture *f, const char *name)
{
	char path[512];
	struct buf b = {0};
	FILE *file = fopen(fixture_file(f, name, path), "rb");
	size_t n;

	assert_non_null(file);
	do {
		buf_reserve(&b, 65536);
		n = fread(b.p + b.len, 1, 65536, file);
		b.len += n;
	} while (n > 0);
	fclose(file);
	return b;
}

void fixture_spill(struct fixture *f, const char *name, const void *p, size_t len)
{
	char path[512];
	FILE *file = fopen(fixture_file(f, name, path), "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(p, 1, len, file), len);
	fclose(file);
}
