/*
 * log: creation and end, offsets, segments, and the creation of the directory.
 */
#include "log/log.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "log/internal.h"
#include "log/paths.h"
#include "log/refusals.h"
#include "log/verifications.h"

struct log *log_new(struct log_dir *dir, const struct log_id *id, const struct topic_config *config)
{
	struct log *log = xcalloc(1, sizeof(*log));

	log->dir = dir;
	log->env = log_dir_env(dir);
	log->config = config;
	log->topic = str_dup(id->topic);
	log->partition = id->partition;
	log->topic_id = id->topic_id;
	log->owner_is_known = id->is_found;
	log->clean_end = -1;
	log->recovery_point = log->checkpointing = -1;
	return log;
}

void log_free(struct log *log)
{
	if (!log)
		return;
	log_data_free(log->data);
	refusals_free(log->refusals);
	verifications_free(log->verifications);
	epochs_fini(&log->epochs);
	xfree(log->dir_name);
	xfree(log->topic);
	xfree(log);
}

struct log_data *log_data_new(struct log *log)
{
	struct log_data *d = xcalloc(1, sizeof(*d));

	producers_init(&d->producers, log_dir_seed(log->dir));
	d->last_flush_ms = env_mono_ms(log->env);
	for (int i = 0; i < HINTS; i++)
		d->hints[i].offset = -1;
	d->tail.offset = -1;
	return d;
}

void log_data_free(struct log_data *d)
{
	if (!d)
		return;
	for (int i = 0; i < d->n; i++)
		segment_close_files(&d->segments[i]);
	segment_forget_pending(d);
	producers_fini(&d->producers);
	xfree(d->segments);
	xfree(d->snapshots);
	xfree(d);
}

/* ---- properties ---- */

void log_path(const struct log *log, char *out)
{
	if (log->dir_name)
		path_in(out, log_dir_path(log->dir), log->dir_name);
	else
		path_of_replica(out, log_dir_path(log->dir), str_of(log->topic), log->partition);
}

void log_configure(struct log *log, const struct topic_config *config)
{
	log->config = config;
}

const struct topic_config *log_config(const struct log *log)
{
	return log->config;
}

struct log_dir *log_dir(const struct log *log)
{
	return log->dir;
}

struct str log_topic(const struct log *log)
{
	return str_of(log->topic);
}

int32_t log_partition(const struct log *log)
{
	return log->partition;
}

enum log_standing log_standing(const struct log *log)
{
	return log->standing;
}

bool log_is_metadata(const struct log *log)
{
	return strcmp(log->topic, "__cluster_metadata") == 0;
}

int64_t log_size(const struct log *log)
{
	int64_t size = 0;

	for (int i = 0; log->data && i < log->data->n; i++)
		size += log->data->segments[i].size;
	return size;
}

int log_producer_count(const struct log *log)
{
	return log->data ? (int)log->data->producers.map.n : 0;
}

int64_t log_open_since_ms(const struct log *log)
{
	const struct producers *all = log->data ? &log->data->producers : NULL;
	const struct producer *oldest = all && all->open.n > 0 ? producers_find(all, all->open.v[0].producer_id) : NULL;

	return oldest ? oldest->last_timestamp : -1;
}

int log_segments(const struct log *log)
{
	return log->data ? log->data->n : 0;
}

/* ---- offsets ---- */

struct log_offsets log_offsets(const struct log *log)
{
	int64_t unstable = log->data ? producers_first_unstable(&log->data->producers) : -1;
	int64_t stable = log->high_watermark;

	if (unstable >= 0 && unstable < stable)
		stable = unstable < log->start ? log->start : unstable;
	return (struct log_offsets){
		.start = log->start,
		.stable = stable,
		.high_watermark = log->high_watermark,
		.end = log->end,
		.flushed_end = log->flushed_end,
		.last_epoch = epochs_last(&log->epochs),
	};
}

void log_set_high_watermark(struct log *log, int64_t offset)
{
	if (offset > log->end)
		offset = log->end;
	if (offset <= log->high_watermark)
		return;
	log->high_watermark = offset;
	if (log->data)
		producers_high_watermark(&log->data->producers, offset);
}

int log_set_start(struct log *log, int64_t offset, bool *moved)
{
	*moved = false;
	if (offset > log->high_watermark)
		return ERR_OFFSET_OUT_OF_RANGE;
	if (offset <= log->start)
		return 0;
	log->start = offset;
	*moved = true;
	if (epochs_truncate_start(&log->epochs, offset) && log->data)
		log->data->epochs_dirty = true;
	if (log->data) {
		producers_high_watermark(&log->data->producers, offset);
		if (log->data->producers.map_end < offset)
			producers_advance(&log->data->producers, offset);
	}
	return 0;
}

struct epoch_end log_epoch_end(const struct log *log, int32_t epoch)
{
	return epochs_end_of(&log->epochs, epoch, log->end);
}

int32_t log_epoch_of(const struct log *log, int64_t offset)
{
	return epochs_of(&log->epochs, offset);
}

/* The checkpoint has it once there is a record of it: a leader that is never written to writes nothing. */
void log_begin_epoch(struct log *log, int32_t epoch)
{
	int n = epochs_below(&log->epochs, log->end);

	epochs_assign(&log->epochs, epoch, log->end);
	if (log->data && epochs_below(&log->epochs, log->end) != n)
		log->data->epochs_dirty = true;
}

/* ---- segments ---- */

int log_segment_of(const struct log *log, int64_t offset)
{
	int low = 0;
	int high = log->data ? log->data->n : 0;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (log->data->segments[mid].base <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low - 1;
}

int64_t log_segment_end(const struct log *log, int i)
{
	return i + 1 < log->data->n ? log->data->segments[i + 1].base : log->end;
}

struct segment *log_add_segment(struct log *log, int64_t base)
{
	struct log_data *d = log->data;

	check(d->n == 0 || d->segments[d->n - 1].base < base);
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 1;
		d->segments = xreallocarray(d->segments, (size_t)d->cap, sizeof(*d->segments));
	}
	segment_init(&d->segments[d->n], base);
	return &d->segments[d->n++];
}

void log_forget_hints(struct log *log)
{
	for (int i = 0; i < HINTS; i++)
		log->data->hints[i].offset = -1;
	log->data->tail.offset = -1;
}

/*
 * An existing directory is ours if it has our topic id, or none yet; otherwise its log is still to
 * be deleted.
 */
static int check_owner(struct log *log, const char *path)
{
	struct uuid id;
	int err = partition_metadata_read(log->env, path, &id);

	if (err == -ENOENT || err == -EINVAL)
		return 0;
	return err ? err : uuid_eq(id, log->topic_id) ? 0 : -EBUSY;
}

int log_make_dir(struct log *log)
{
	char path[PATH_SIZE];

	LOG_DIR_PATH(log, path);
	int err = env_mkdir(log->env, path);
	if (err == -EEXIST)
		err = check_owner(log, path);
	if (err)
		return err;
	err = partition_metadata_write(log->env, path, log->topic_id);
	if (err)
		return err;
	log->data = log_data_new(log);
	producers_clear(&log->data->producers, log->end);
	log->data->dir_dirty = log->data->own_name_dirty = log->data->owner_dirty = true;
	log->data->epochs_dirty = epochs_below(&log->epochs, log->end) > 0;
	return 0;
}

int log_failed(struct log *log, int err, const char *what, enum segment_file kind, int64_t base)
{
	char dir[PATH_SIZE];
	char path[PATH_SIZE];

	if (err_passes(err))
		return err;
	LOG_DIR_PATH(log, dir);
	path_of_offset(path, dir, base, SEGMENT_SUFFIX[kind]);
	log_dir_fail(log->dir, err, what, path);
	return err;
}

/* ---- producer snapshots ---- */

void log_add_snapshot(struct log_data *d, int64_t offset)
{
	check(d->n_snapshots == 0 || d->snapshots[d->n_snapshots - 1] < offset);
	if (d->n_snapshots == d->cap_snapshots) {
		d->cap_snapshots = d->cap_snapshots ? 2 * d->cap_snapshots : 4;
		d->snapshots = xreallocarray(d->snapshots, (size_t)d->cap_snapshots, sizeof(*d->snapshots));
	}
	d->snapshots[d->n_snapshots++] = offset;
}

static void unlink_snapshot(struct log *log, int64_t offset)
{
	char dir[PATH_SIZE];
	char path[PATH_SIZE];

	LOG_DIR_PATH(log, dir);
	path_of_offset(path, dir, offset, ".snapshot");
	int err = env_unlink(log->env, path);
	if (err && err != -ENOENT) /* one that stays might be read at a start, when it describes other records */
		log_dir_fail(log->dir, err, "deleting a producer snapshot", path);
}

void log_drop_snapshots(struct log *log, int64_t from, int64_t upto)
{
	struct log_data *d = log->data;
	int kept = 0;

	for (int i = 0; i < d->n_snapshots; i++)
		if (d->snapshots[i] >= from && d->snapshots[i] <= upto)
			d->snapshots[kept++] = d->snapshots[i];
		else
			unlink_snapshot(log, d->snapshots[i]);
	d->n_snapshots = kept;
}

/* Kafka's ProducerStateManager.removeStraySnapshots. */
void log_drop_stray_snapshots(struct log *log)
{
	struct log_data *d = log->data;
	int kept = 0;

	for (int i = 0; i < d->n_snapshots; i++) {
		int at = log_segment_of(log, d->snapshots[i]);

		if (i == d->n_snapshots - 1 || (at >= 0 && d->segments[at].base == d->snapshots[i]))
			d->snapshots[kept++] = d->snapshots[i];
		else
			unlink_snapshot(log, d->snapshots[i]);
	}
	d->n_snapshots = kept;
}

/* Bytes; reading a log of this size is cheaper than creating a snapshot file for it. */
enum { SMALL_LOG = 128 * 1024 };

/*
 * If there is no snapshot at all after a clean stop, there are no producers: Kafka takes it so
 * (UnifiedLog.rebuildProducerState), and so do we. But if the node is killed later, all batches are
 * read from the first on, which is acceptable for a small log only.
 */
bool log_wants_snapshot(const struct log *log)
{
	const struct log_data *d = log->data;

	return d->n_snapshots > 0 || d->producers.map.n > 0 || d->n > 1 || log_size(log) > SMALL_LOG;
}

int log_write_snapshot(struct log *log)
{
	struct log_data *d = log->data;
	char dir[PATH_SIZE];
	char path[PATH_SIZE];
	struct buf bytes = {0};
	struct file *file;

	if (d->n_snapshots && d->snapshots[d->n_snapshots - 1] >= d->producers.map_end)
		return 0;
	LOG_DIR_PATH(log, dir);
	path_of_offset(path, dir, d->producers.map_end, ".snapshot");
	int err = env_open(log->env, path, FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &file);
	if (err)
		return err;
	producers_snapshot(&d->producers, &bytes);
	err = file_write_full(file, bytes.p, bytes.len, 0);
	file_unref(&file);
	buf_fini(&bytes);
	if (err) {
		error_ignored(env_unlink(log->env, path)); /* the next start drops what it cannot read */
		return err;
	}
	log_add_snapshot(d, d->producers.map_end);
	d->dir_dirty = true;
	return 0;
}

/* ---- upkeep ---- */

static void drop_empty_pending(struct log_data *d)
{
	if (d->pending && d->pending->n_index == 0 && d->pending->n_time == 0)
		segment_forget_pending(d);
}

void log_close_idle(struct log *log, int64_t before_mono_ms)
{
	if (log->data)
		drop_empty_pending(log->data);
	for (int i = 0; log->data && i < log->data->n; i++) {
		struct segment *s = &log->data->segments[i];

		if (s->used_ms < before_mono_ms)
			segment_close_files(s);
	}
}

void log_expire_producers(struct log *log, int64_t now_ms, int64_t expiration_ms)
{
	if (log->data)
		producers_expire(&log->data->producers, now_ms, expiration_ms);
	verifications_expire(log->verifications, now_ms, expiration_ms);
}

int log_producers(const struct log *log, struct arena *arena, struct log_producer **v, int *n)
{
	*n = 0;
	*v = NULL;
	if (!log->data || log->data->producers.map.n == 0)
		return 0;
	*v = arena_array(arena, log->data->producers.map.n, sizeof(**v));
	if (!*v)
		return -ENOMEM;
	map_each(it, &log->data->producers.map)
	{
		const struct producer *p = container_of(it, struct producer, node);

		(*v)[(*n)++] = (struct log_producer){
			.producer_id = p->id,
			.epoch = p->epoch,
			.last_sequence = p->n ? p->batches[p->n - 1].last_sequence : NO_SEQUENCE,
			.last_timestamp = p->last_timestamp,
			.coordinator_epoch = p->coordinator_epoch,
			.txn_first_offset = p->txn_first_offset,
		};
	}
	return 0;
}
