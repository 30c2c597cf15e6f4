/*
 * segment: one .log with its indexes. The rules for index entries are Kafka's: a pair is added for
 * a batch that begins more than index.interval.bytes after the last indexed one; a time entry only
 * when its timestamp is larger than the last one's.
 */
#include <errno.h>
#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "log/internal.h"
#include "log/paths.h"
#include "log/swap.h"
#include "log/txn_index.h"

const char *const SEGMENT_SUFFIX[SEGMENT_FILES] = {
	[SEGMENT_LOG] = ".log",
	[SEGMENT_INDEX] = ".index",
	[SEGMENT_TIME] = ".timeindex",
	[SEGMENT_TXN] = ".txnindex",
};

void segment_init(struct segment *s, int64_t base)
{
	*s = (struct segment){
		.base = base,
		.max_timestamp = -1,
		.max_timestamp_offset = -1,
		.first_timestamp = TIMESTAMP_UNREAD,
		.last_time = -1,
	};
}

void segment_close_files(struct segment *s)
{
	for (int i = 0; i < SEGMENT_FILES; i++)
		file_unref(&s->files[i]);
}

void segment_path(const struct log *log, const struct segment *s, enum segment_file kind, char out[PATH_SIZE])
{
	char dir[PATH_SIZE];
	char suffix[32];

	LOG_DIR_PATH(log, dir);
	snprintf(suffix, sizeof(suffix), "%s%s", SEGMENT_SUFFIX[kind], s->swap & 1u << kind ? SWAP_SUFFIX : "");
	path_of_offset(out, dir, s->base, suffix);
}

/*
 * Over the budget for files: closes those of this log, except the active segment's and those of
 * `s`, which is in use.
 */
static void close_older(struct log *log, const struct segment *s)
{
	for (int i = 0; i + 1 < log->data->n; i++)
		if (&log->data->segments[i] != s)
			segment_close_files(&log->data->segments[i]);
}

int segment_open(struct log *log, struct segment *s, enum segment_file kind, bool create, struct file **out)
{
	char path[PATH_SIZE];

	if (kind == SEGMENT_TXN && s->no_aborted && !create)
		return -ENOENT;
	s->used_ms = env_mono_ms(log->env);
	if (!s->files[kind]) {
		if (__atomic_load_n(&log->env->open_files, __ATOMIC_RELAXED) >= log->env->open_files_max)
			close_older(log, s);
		segment_path(log, s, kind, path);
		int err = env_open(log->env, path, FILE_WRITE | (create ? FILE_CREATE : 0), &s->files[kind]);
		if (kind == SEGMENT_TXN)
			s->no_aborted = err == -ENOENT;
		if (err)
			return err;
		if (create)
			log->data->dir_dirty = true;
	}
	*out = s->files[kind];
	return 0;
}

bool segment_has(const struct log *log, const struct segment *s, enum segment_file kind)
{
	char path[PATH_SIZE];
	struct file_stat st;

	if (s->files[kind])
		return true;
	segment_path(log, s, kind, path);
	return env_stat(log->env, path, &st) != -ENOENT;
}

int segment_create(struct log *log, int64_t base, int64_t now_ms)
{
	char path[PATH_SIZE];
	struct segment s;

	segment_init(&s, base);
	segment_path(log, &s, SEGMENT_LOG, path);
	int err = env_open(log->env, path, FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &s.files[SEGMENT_LOG]);
	if (err)
		return err;
	s.created_ms = now_ms;
	s.used_ms = env_mono_ms(log->env);
	s.dirty = s.indexes_dirty = true;
	int64_t jitter = log->config->segment_jitter_ms < log->config->segment_ms ? log->config->segment_jitter_ms
										  : log->config->segment_ms;
	if (jitter > 0)
		s.jitter_ms = (int64_t)env_random_below(log->env, (uint64_t)jitter);
	log->data->dir_dirty = true;
	*log_add_segment(log, base) = s;
	segment_forget_pending(log->data);
	return 0;
}

int segment_unlink(struct log *log, struct segment *s)
{
	char path[PATH_SIZE];
	int first_err = 0;

	segment_close_files(s);
	for (int i = 0; i < SEGMENT_FILES; i++) {
		segment_path(log, s, (enum segment_file)i, path);
		int err = env_unlink(log->env, path);
		if (err && err != -ENOENT && !first_err) /* most segments have no .txnindex */
			first_err = err;
	}
	log->data->dir_dirty = true;
	return first_err;
}

/* ---- indexes ---- */

void segment_forget_pending(struct log_data *d)
{
	xfree(d->pending);
	d->pending = NULL;
}

static struct pending *pending_of(struct log_data *d)
{
	if (!d->pending)
		d->pending = xcalloc(1, sizeof(*d->pending));
	return d->pending;
}

bool segment_index_full(const struct log *log, const struct segment *s)
{
	const struct pending *p = log->data->pending;

	return s->index_n + (p ? p->n_index : 0) >= log->config->segment_index_bytes / INDEX_ENTRY ||
	       s->time_n + (p ? p->n_time : 0) >= log->config->segment_index_bytes / TIME_ENTRY - 1;
}

static int write_entries(struct log *log, struct segment *s, enum segment_file kind, const uint8_t *p, int32_t n,
			 int32_t *written)
{
	int32_t size = kind == SEGMENT_TIME ? TIME_ENTRY : INDEX_ENTRY;
	struct file *file;

	if (log_dir_is_short(log->dir) && !log_is_metadata(log))
		return -ENOSPC;
	int err = segment_open(log, s, kind, true, &file);
	if (err)
		return err;
	err = file_write_full(file, p, (size_t)n * (size_t)size, (int64_t)*written * size);
	if (err) {
		error_ignored(file_truncate(file, (int64_t)*written * size)); /* what stays is written over */
		return err;
	}
	*written += n;
	s->dirty = s->indexes_dirty = true;
	return 0;
}

int segment_write_pending(struct log *log, struct segment *s)
{
	struct pending *p = log->data->pending;
	uint8_t bytes[PENDING * TIME_ENTRY];
	int err = 0;

	if (!p)
		return 0;
	for (int i = 0; i < p->n_index; i++)
		index_put(bytes + i * INDEX_ENTRY, p->index[i]);
	if (p->n_index)
		err = write_entries(log, s, SEGMENT_INDEX, bytes, p->n_index, &s->index_n);
	if (err)
		return log_failed(log, err, "writing an index", SEGMENT_INDEX, s->base);
	p->n_index = 0;
	for (int i = 0; i < p->n_time; i++)
		time_put(bytes + i * TIME_ENTRY, p->time[i]);
	if (p->n_time)
		err = write_entries(log, s, SEGMENT_TIME, bytes, p->n_time, &s->time_n);
	if (err)
		return log_failed(log, err, "writing an index", SEGMENT_TIME, s->base);
	p->n_time = 0;
	return 0;
}

/* False when there is no room for another entry, in memory or on disk. */
static bool room_for_entry(struct log *log, struct segment *s)
{
	const struct pending *p = log->data->pending;

	if (!p || (p->n_index < PENDING && p->n_time < PENDING))
		return true;
	return segment_write_pending(log, s) == 0;
}

static void add_time_entry(struct log *log, struct segment *s)
{
	struct pending *p;

	if (s->max_timestamp <= s->last_time)
		return;
	p = pending_of(log->data);
	if (p->n_time == PENDING)
		return;
	p->time[p->n_time++] = (struct time_entry){
		.timestamp = s->max_timestamp,
		.offset = (int32_t)(s->max_timestamp_offset - s->base),
	};
	s->last_time = s->max_timestamp;
}

void segment_note_batch(struct log *log, struct segment *s, const struct batch_header *h, int64_t pos)
{
	struct pending *p;

	if (pos == 0)
		s->first_timestamp = h->max_timestamp;
	if (h->max_timestamp > s->max_timestamp) {
		s->max_timestamp = h->max_timestamp;
		s->max_timestamp_offset = batch_last_offset(h);
	}
	if (pos - s->indexed_pos <= log->config->index_interval_bytes || !room_for_entry(log, s))
		return;
	if (env_buggify(log->env, "no index entry")) /* readers walk further */
		return;
	p = pending_of(log->data);
	p->index[p->n_index++] = (struct index_entry){
		.offset = (int32_t)(batch_last_offset(h) - s->base),
		.pos = (int32_t)pos,
	};
	add_time_entry(log, s);
	s->indexed_pos = pos;
}

int segment_seal_indexes(struct log *log, struct segment *s)
{
	struct file *file;

	if (!room_for_entry(log, s))
		return -ENOSPC;
	s->indexes_dirty = true;
	add_time_entry(log, s);
	int err = segment_write_pending(log, s);
	if (err)
		return err;
	for (int kind = SEGMENT_INDEX; kind <= SEGMENT_TIME; kind++) { /* Kafka expects both */
		err = segment_open(log, s, (enum segment_file)kind, true, &file);
		if (err)
			return log_failed(log, err, "making an index", (enum segment_file)kind, s->base);
	}
	segment_forget_pending(log->data); /* all of it is written */
	return 0;
}

int segment_read_max_timestamp(struct log *log, struct segment *s)
{
	uint8_t bytes[TIME_ENTRY];
	struct file *file;

	if (s->max_timestamp != TIMESTAMP_UNREAD)
		return 0;
	if (s->time_n > 0) {
		int err = segment_open(log, s, SEGMENT_TIME, false, &file);

		if (!err)
			err = index_read(file, KEY_TIMESTAMP, s->time_n - 1, bytes);
		if (err)
			return err;
	} else {
		time_put(bytes, (struct time_entry){.timestamp = -1, .offset = -1});
	}
	s->max_timestamp = time_get(bytes).timestamp;
	s->max_timestamp_offset = s->base + time_get(bytes).offset;
	return 0;
}

int segment_read_end(struct log *log, struct segment *s, int64_t *end)
{
	struct scan scan;
	struct file *file;
	int err = segment_open(log, s, SEGMENT_LOG, false, &file);

	*end = s->base;
	if (err)
		return err;
	scan_init(&scan, file, s->indexed_pos, s->size);
	while (scan_next(&scan))
		*end = batch_last_offset(&scan.header) + 1;
	return scan.error;
}

int segment_add_aborted(struct log *log, struct segment *s, const struct completed_txn *t)
{
	struct file *file;
	int err = segment_open(log, s, SEGMENT_TXN, true, &file);

	if (!err)
		err = txn_index_append(file, t);
	if (err)
		return log_failed(log, err, "writing the index of aborted transactions", SEGMENT_TXN, s->base);
	s->dirty = s->indexes_dirty = true;
	return 0;
}

/* ---- truncation ---- */

static int cut_index(struct log *log, struct segment *s, enum segment_file kind, enum index_key key, int64_t below,
		     int32_t *n)
{
	uint8_t entry[TIME_ENTRY];
	struct file *file;

	if (*n == 0)
		return 0;
	int err = segment_open(log, s, kind, false, &file);
	if (err)
		return err;
	if (key == KEY_TIMESTAMP) { /* by offset, which need not increase: from the end */
		while (*n > 0) {
			err = index_read(file, key, *n - 1, entry);
			if (err)
				return err;
			if (s->base + time_get(entry).offset < below)
				break;
			--*n;
		}
	} else {
		int last = index_search(file, *n, key, below - 1, entry);

		if (last < -1)
			return last;
		*n = last + 1;
	}
	return file_truncate(file, (int64_t)*n * (kind == SEGMENT_TIME ? TIME_ENTRY : INDEX_ENTRY));
}

int segment_cut_aborted(struct log *log, struct segment *s, int64_t offset)
{
	struct file *file;
	int err = segment_open(log, s, SEGMENT_TXN, false, &file);

	return err ? (err == -ENOENT ? 0 : err) : txn_index_cut(file, s->base, offset);
}

static int reset_marks(struct log *log, struct segment *s)
{
	uint8_t entry[TIME_ENTRY];
	struct file *file;
	int err = 0;

	s->indexed_pos = 0;
	s->last_time = -1;
	s->max_timestamp = -1;
	s->max_timestamp_offset = -1;
	if (s->index_n > 0) {
		err = segment_open(log, s, SEGMENT_INDEX, false, &file);
		if (!err)
			err = index_read(file, KEY_OFFSET, s->index_n - 1, entry);
		if (err)
			return err;
		s->indexed_pos = index_get(entry).pos;
	}
	if (s->time_n > 0) {
		s->max_timestamp = TIMESTAMP_UNREAD;
		err = segment_read_max_timestamp(log, s);
		s->last_time = s->max_timestamp;
	}
	return err;
}

/* Batches after the last index entry may have larger timestamps than it has. */
static int note_unindexed(struct log *log, struct segment *s)
{
	struct scan scan;
	struct file *file;
	int err = segment_open(log, s, SEGMENT_LOG, false, &file);

	if (err)
		return err;
	scan_init(&scan, file, s->indexed_pos, s->size);
	while (scan_next(&scan)) {
		if (scan.header.max_timestamp <= s->max_timestamp)
			continue;
		s->max_timestamp = scan.header.max_timestamp;
		s->max_timestamp_offset = batch_last_offset(&scan.header);
	}
	return scan.error;
}

int segment_truncate(struct log *log, struct segment *s, int64_t pos, int64_t offset)
{
	struct file *file;
	int err = segment_open(log, s, SEGMENT_LOG, false, &file);

	check(pos <= s->size);
	if (!err)
		err = file_truncate(file, pos);
	if (err)
		return err;
	s->size = pos;
	if (pos == 0)
		s->first_timestamp = TIMESTAMP_UNREAD;
	err = cut_index(log, s, SEGMENT_INDEX, KEY_POSITION, pos, &s->index_n);
	if (!err)
		err = cut_index(log, s, SEGMENT_TIME, KEY_TIMESTAMP, offset, &s->time_n);
	if (!err)
		err = segment_cut_aborted(log, s, offset);
	if (!err)
		err = reset_marks(log, s);
	s->dirty = s->indexes_dirty = true;
	return err ? err : note_unindexed(log, s);
}
