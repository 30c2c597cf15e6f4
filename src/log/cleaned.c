/*
 * cleaned: writes batches to the new segment's file, and entries to its indexes.
 */
#include "log/cleaned.h"

#include <errno.h>
#include <stdio.h>

#include "log/paths.h"
#include "log/swap.h"
#include "log/txn_index.h"

enum { FLUSH_ENTRIES = 64 * 1024 };

static void path_with(const struct log *log, int64_t base, enum segment_file kind, const char *suffix,
		      char out[PATH_SIZE])
{
	char dir[PATH_SIZE];
	char full[32];

	LOG_DIR_PATH(log, dir);
	snprintf(full, sizeof(full), "%s%s", SEGMENT_SUFFIX[kind], suffix);
	path_of_offset(out, dir, base, full);
}

int cleaned_create(struct cleaned *c, struct log *log, int64_t base)
{
	char path[PATH_SIZE];
	int err = 0;

	*c = (struct cleaned){.index_interval_bytes = log->config->index_interval_bytes,
			      .index_bytes_max = log->config->segment_index_bytes};
	segment_init(&c->segment, base);
	for (int i = 0; i < SEGMENT_FILES && !err; i++) {
		path_with(log, base, (enum segment_file)i, CLEANED_SUFFIX, path);
		err = env_open(log->env, path, FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &c->segment.files[i]);
	}
	return err;
}

void cleaned_fini(struct cleaned *c)
{
	segment_close_files(&c->segment);
	buf_fini(&c->index);
	buf_fini(&c->time);
}

/* ---- indexes ---- */

static int write_entries(struct cleaned *c, enum segment_file kind, struct buf *entries, int64_t end)
{
	int err = file_write_full(c->segment.files[kind], entries->p, entries->len, end - (int64_t)entries->len);

	entries->len = 0;
	return err;
}

static int flush_entries(struct cleaned *c, size_t least)
{
	struct segment *s = &c->segment;
	int err = 0;

	if (c->index.len > least)
		err = write_entries(c, SEGMENT_INDEX, &c->index, (int64_t)s->index_n * INDEX_ENTRY);
	if (!err && c->time.len > least)
		err = write_entries(c, SEGMENT_TIME, &c->time, (int64_t)s->time_n * TIME_ENTRY);
	return err;
}

static void add_time_entry(struct cleaned *c)
{
	struct segment *s = &c->segment;
	uint8_t bytes[TIME_ENTRY];

	if (s->max_timestamp <= s->last_time || (s->time_n + 1) > c->index_bytes_max / TIME_ENTRY)
		return;
	time_put(bytes, (struct time_entry){s->max_timestamp, (int32_t)(s->max_timestamp_offset - s->base)});
	buf_put(&c->time, bytes, sizeof(bytes));
	s->time_n++;
	s->last_time = s->max_timestamp;
}

/* The same rules as segment_note_batch. */
static void note_batch(struct cleaned *c, const struct batch_header *h, int64_t pos)
{
	struct segment *s = &c->segment;
	uint8_t bytes[INDEX_ENTRY];

	if (pos == 0)
		s->first_timestamp = h->max_timestamp;
	if (h->max_timestamp > s->max_timestamp) {
		s->max_timestamp = h->max_timestamp;
		s->max_timestamp_offset = batch_last_offset(h);
	}
	if (pos - s->indexed_pos <= c->index_interval_bytes || s->index_n >= c->index_bytes_max / INDEX_ENTRY)
		return;
	index_put(bytes, (struct index_entry){(int32_t)(batch_last_offset(h) - s->base), (int32_t)pos});
	buf_put(&c->index, bytes, sizeof(bytes));
	s->index_n++;
	add_time_entry(c);
	s->indexed_pos = pos;
}

/* ---- writing ---- */

int cleaned_append(struct cleaned *c, const uint8_t *p, size_t len)
{
	struct segment *s = &c->segment;

	if (len == 0)
		return 0;
	if ((int64_t)len > INT32_MAX - s->size)
		return -EFBIG;
	int err = file_write_full(s->files[SEGMENT_LOG], p, len, s->size);
	if (err)
		return err;
	for (struct batch_iter it = batch_iter(p, len); batch_next(&it);) {
		if (batch_last_offset(&it.header) - s->base > INT32_MAX)
			return -EFBIG;
		note_batch(c, &it.header, s->size);
		s->size += batch_size(&it.header);
	}
	return flush_entries(c, FLUSH_ENTRIES);
}

int cleaned_add_aborted(struct cleaned *c, const struct completed_txn *t)
{
	int err = txn_index_append(c->segment.files[SEGMENT_TXN], t);

	if (!err)
		c->aborted_size += TXN_ENTRY;
	return err;
}

int cleaned_finish(struct cleaned *c, int64_t mtime_ms)
{
	struct segment *s = &c->segment;

	add_time_entry(c);
	int err = flush_entries(c, 0);
	for (int i = 0; i < SEGMENT_FILES && !err; i++)
		err = file_sync(s->files[i]);
	for (int i = 0; i < SEGMENT_TXN && !err; i++)
		err = file_set_mtime(s->files[i], mtime_ms);
	s->created_ms = mtime_ms;
	return err;
}

/* ---- names ---- */

int cleaned_rename(const struct log *log, int64_t base, const char *from, const char *to)
{
	char old[PATH_SIZE];
	char new[PATH_SIZE];

	for (int i = 0; i < SEGMENT_FILES; i++) {
		path_with(log, base, (enum segment_file)i, from, old);
		path_with(log, base, (enum segment_file)i, to, new);
		int err = env_rename(log->env, old, new);
		if (err && err != -ENOENT)
			return err;
	}
	return 0;
}

int cleaned_unlink(const struct log *log, int64_t base, const char *suffix)
{
	char path[PATH_SIZE];
	int first = 0;

	for (int i = 0; i < SEGMENT_FILES; i++) {
		path_with(log, base, (enum segment_file)i, suffix, path);
		int err = env_unlink(log->env, path);
		if (err && err != -ENOENT && !first)
			first = err;
	}
	return first;
}
