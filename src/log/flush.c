/*
 * flush: what makes a log durable. Under the lock, a log_flush takes references to the files to be
 * synced; a job syncs them (flusher.c); under the lock again, the flushed end moves.
 *
 * 1. The order is: producer snapshots, indexes, records, leader epochs, the directory. The flushed
 *    end moves when all of it is done.
 * 2. A file that is dirty when the flush begins is marked clean at that moment; later writes mark
 *    it dirty again. Indexes have a mark of their own: most flushes of small appends find nothing
 *    new in them.
 * 3. A failed sync is not retried: the directory goes offline.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "log/internal.h"
#include "log/paths.h"

/* ---- one flush ---- */

static void add_file(struct log_flush *f, struct file *file)
{
	if (f->n_files == f->cap_files) {
		f->cap_files = f->cap_files ? 2 * f->cap_files : 8;
		f->files = xreallocarray(f->files, (size_t)f->cap_files, sizeof(struct file *));
	}
	f->files[f->n_files++] = file_ref(file);
}

static int add_snapshots(struct log *log, struct log_flush *f)
{
	struct log_data *d = log->data;
	char dir[PATH_SIZE];
	char path[PATH_SIZE];
	struct file *file;

	LOG_DIR_PATH(log, dir);
	d->syncing_snapshots = d->synced_snapshots;
	for (int i = 0; i < d->n_snapshots; i++) {
		if (d->snapshots[i] <= d->synced_snapshots)
			continue;
		path_of_offset(path, dir, d->snapshots[i], ".snapshot");
		int err = env_open(log->env, path, FILE_WRITE, &file);
		if (err)
			return err;
		add_file(f, file);
		file_unref(&file);
		d->syncing_snapshots = d->snapshots[i];
	}
	return 0;
}

static int add_owner(struct log *log, struct log_flush *f)
{
	char dir[PATH_SIZE];
	char path[PATH_SIZE];
	struct file *file = NULL;
	int err;

	if (!log->data->owner_dirty)
		return 0;
	LOG_DIR_PATH(log, dir);
	path_in(path, dir, "partition.metadata");
	err = env_open(log->env, path, FILE_WRITE, &file);
	if (err && err != -ENOENT)
		return err;
	if (!err)
		add_file(f, file);
	file_unref(&file);
	log->data->owner_dirty = false;
	return 0;
}

static int add_segment(struct log *log, struct segment *s, struct log_flush *f)
{
	static const enum segment_file ORDER[] = {SEGMENT_INDEX, SEGMENT_TIME, SEGMENT_TXN, SEGMENT_LOG};
	struct file *file;
	int err = 0;

	if (!s->dirty)
		return 0;
	if (s == log_active(log))
		err = segment_write_pending(log, s);
	if (err_is_disk_full(err))
		err = 0; /* the entries wait: without them the index is only slower; what was promised is the records */
	for (int i = 0; i < SEGMENT_FILES && !err; i++) {
		if (ORDER[i] != SEGMENT_LOG && (!s->indexes_dirty || !segment_has(log, s, ORDER[i])))
			continue; /* nothing new in it, or the segment does not have this file yet */
		err = segment_open(log, s, ORDER[i], false, &file);
		if (!err)
			add_file(f, file);
	}
	if (!err)
		s->dirty = s->indexes_dirty = false;
	return err;
}

static void add_names(struct log *log, struct log_flush *f)
{
	struct log_data *d = log->data;
	char dir[PATH_SIZE];

	LOG_DIR_PATH(log, dir);
	f->dir_path = d->dir_dirty || d->epochs_dirty || d->own_name_dirty ? xstrdup(dir) : NULL;
	if (d->epochs_dirty) {
		struct buf text = {0};

		epochs_format(&log->epochs, log->end, &text);
		f->epochs = xstrndup((const char *)text.p, text.len);
		buf_fini(&text);
	}
	f->own_name = d->own_name_dirty;
	d->dir_dirty = d->epochs_dirty = d->own_name_dirty = false;
}

static void clear(struct log_flush *f)
{
	for (int i = 0; i < f->n_files; i++)
		file_unref(&f->files[i]);
	f->n_files = 0;
	xfree(f->dir_path);
	xfree(f->epochs);
	f->dir_path = NULL;
	f->epochs = NULL;
	f->next = NULL;
	f->error = 0;
	f->sync_failed = false;
}

static bool anything_to_do(const struct log *log, int64_t upto)
{
	const struct log_data *d = log->data;

	if (!d || d->flushing || log_dir_error(log->dir) || log->standing != LOG_WHOLE)
		return false;
	return log->flushed_end < upto || d->epochs_dirty || d->dir_dirty || d->own_name_dirty;
}

static bool is_on_dirs_disk(struct log *log)
{
	char path[PATH_SIZE];

	if (log->data->disk == DISK_UNKNOWN) {
		LOG_DIR_PATH(log, path);
		log->data->disk = log_dir_holds(log->dir, path) ? DISK_OF_DIR : DISK_OTHER;
	}
	return log->data->disk == DISK_OF_DIR;
}

bool log_flush_begin(struct log *log, int64_t upto, struct log_flush *f)
{
	int err = 0;

	if (upto > log->end)
		upto = log->end;
	if (!anything_to_do(log, upto))
		return false;
	clear(f);
	f->dir = log->dir;
	f->on_dirs_disk = is_on_dirs_disk(log);
	f->upto = log->flushed_end;
	err = add_snapshots(log, f);
	for (int i = 0; i < log->data->n && !err; i++) {
		/*
		 * A segment that begins at the end may have been truncated there, which must become
		 * durable as well.
		 */
		if (i > 0 && log->data->segments[i].base >= upto && upto < log->end)
			break;
		err = add_segment(log, &log->data->segments[i], f);
		if (!err)
			f->upto = log_segment_end(log, i);
	}
	if (!err)
		err = add_owner(log, f);
	if (!err)
		add_names(log, f);
	f->error = err;
	log->data->flushing = 1;
	log->data->cut_at = INT64_MAX;
	log->data->last_flush_ms = env_mono_ms(log->env);
	return true;
}

/* Even a full disk is fatal here: the kernel has given up the pages, and the next sync would report success. */
static void note_sync(struct log_flush *f, int err)
{
	f->error = err;
	f->sync_failed = err && !err_is_no_descriptor(err);
	if (f->sync_failed)
		log_dir_doubt(f->dir); /* at once: the process may be killed before the failure is handled */
}

static void run_names(struct log_flush *f)
{
	struct env *env = log_dir_env(f->dir);
	char path[PATH_SIZE];
	int epochs_err = 0;

	if (!f->error && f->epochs) {
		path_in(path, f->dir_path, "leader-epoch-checkpoint");
		epochs_err = env_replace_file(env, path, f->epochs, strlen(f->epochs)); /* syncs the directory */
	}
	/* if there was no room for the epochs, the names of the records are synced all the same */
	if (!f->error && f->dir_path && (!f->epochs || epochs_err))
		note_sync(f, env_sync_dir(env, f->dir_path));
	if (!f->error && f->own_name)
		note_sync(f, env_sync_dir(env, log_dir_path(f->dir)));
	if (!f->error)
		f->error = epochs_err;
}

void log_flush_run(struct log_flush *f)
{
	for (int i = 0; i < f->n_files && !f->error; i++)
		note_sync(f, file_sync(f->files[i]));
	run_names(f);
}

/*
 * Of an error that the system met before, a sync of the disk may have told somebody else: each file
 * is asked. Only the epochs are still to be written: names are synced.
 */
void log_flush_run_synced(struct log_flush *f)
{
	for (int i = 0; i < f->n_files && !f->error; i++)
		note_sync(f, file_write_back_error(f->files[i]));
	if (f->epochs)
		run_names(f);
}

/* What was marked clean may not be: the next flush includes all of it again. */
static void mark_dirty(struct log *log)
{
	for (int i = 0; i < log->data->n; i++)
		if (log_segment_end(log, i) > log->flushed_end)
			log->data->segments[i].dirty = log->data->segments[i].indexes_dirty = true;
	log->data->dir_dirty = log->data->epochs_dirty = log->data->own_name_dirty = log->data->owner_dirty = true;
}

static void flush_failed(struct log *log, const struct log_flush *f)
{
	if (!log->data && f->error == -ENOENT) /* deleted meanwhile: its directory has another name now */
		return;
	if (f->sync_failed)
		log_dir_fail(log->dir, f->error, "syncing", log->topic);
	else
		log_failed(log, f->error, "syncing", SEGMENT_LOG, log_active(log) ? log_active(log)->base : 0);
}

/*
 * The snapshots that existed when the flush began are synced, except above a truncation, where
 * another may have been written meanwhile.
 */
static void note_snapshots(struct log_data *d)
{
	int64_t synced = d->syncing_snapshots < d->cut_at ? d->syncing_snapshots : d->cut_at - 1;

	if (d->synced_snapshots < synced)
		d->synced_snapshots = synced;
}

int log_flush_end(struct log *log, struct log_flush *f)
{
	int err = f->error;
	int64_t upto = f->upto;

	if (log->data) {
		log->data->flushing = 0;
		if (upto > log->data->cut_at)
			upto = log->data->cut_at;
		if (err)
			mark_dirty(log);
		else
			note_snapshots(log->data);
	}
	if (!err && upto > log->flushed_end)
		log->flushed_end = upto < log->end ? upto : log->end;
	if (err)
		flush_failed(log, f);
	clear(f);
	return err;
}

void log_flush_fini(struct log_flush *f)
{
	clear(f);
	xfree(f->files);
	f->files = NULL;
	f->cap_files = 0;
}

int64_t log_flush_due_ms(const struct log *log)
{
	if (!log->data || log->flushed_end == log->end || log->config->flush_ms >= INT64_MAX / 2)
		return INT64_MAX;
	return log->data->last_flush_ms + log->config->flush_ms;
}

/* ---- the recovery point ---- */

int64_t log_begin_checkpoint(struct log *log)
{
	if (log->standing == LOG_UNREAD) /* repeats what the last checkpoint said */
		log->checkpointing = log->recovery_point;
	else
		log->checkpointing = log->end == 0 ? -1 : log->flushed_end;
	return log->checkpointing;
}

void log_end_checkpoint(struct log *log)
{
	log->recovery_point = log->checkpointing;
}

bool log_checkpoint_is_ahead(const struct log *log)
{
	return log->recovery_point > log->flushed_end;
}

void log_recall_checkpoint(struct log *log, const struct log *old)
{
	log->recovery_point = old->recovery_point;
}

/* ---- closing ---- */

/* Even if there is no room for what makes the next start quick, everything acknowledged is flushed. */
static int flush_to_close(struct log *log)
{
	struct log_flush f = {0};
	int err = 0;

	log->data->dir_dirty = true;
	log->data->flushing = 0;
	if (log_flush_begin(log, LOG_FLUSH_ALL, &f)) {
		log_flush_run(&f);
		err = log_flush_end(log, &f);
	}
	log_flush_fini(&f);
	return err;
}

int log_close(struct log *log)
{
	int err, flush_err;

	check(!log->cleaning);
	if (log->standing != LOG_WHOLE)
		return -ENOSPC; /* the next start recovers it */
	if (!log->data || log_dir_error(log->dir))
		return log_dir_error(log->dir);
	err = log->data->n ? segment_seal_indexes(log, log_active(log)) : 0;
	if (!err && log_wants_snapshot(log))
		err = log_write_snapshot(log);
	flush_err = log_dir_error(log->dir) ? 0 : flush_to_close(log);
	err = err ? err : flush_err;
	for (int i = 0; i < log->data->n; i++) {
		segment_close_files(&log->data->segments[i]);
		if (!err) /* an index that has nothing new was sealed again */
			log->data->segments[i].indexes_dirty = false;
	}
	return err;
}

/* ---- closing many ---- */

bool log_is_closed(const struct log *log)
{
	const struct log_data *d = log->data;
	const struct segment *s = d && d->n ? &d->segments[d->n - 1] : NULL;

	if (log->standing != LOG_WHOLE || log_dir_error(log->dir))
		return false;
	if (!d)
		return true;
	if (log->flushed_end != log->end || d->dir_dirty || d->own_name_dirty || d->owner_dirty || d->epochs_dirty)
		return false;
	for (int i = 0; i < d->n; i++)
		if (d->segments[i].dirty || d->segments[i].indexes_dirty)
			return false;
	if (s && ((d->pending && (d->pending->n_index || d->pending->n_time)) || s->last_time < s->max_timestamp))
		return false;
	if (!log_wants_snapshot(log))
		return true;
	return d->n_snapshots ? d->snapshots[d->n_snapshots - 1] >= d->producers.map_end &&
					d->snapshots[d->n_snapshots - 1] <= d->synced_snapshots
			      : log->end == 0;
}

static void epochs_path(const struct log *log, const char *suffix, char out[PATH_SIZE])
{
	char dir[PATH_SIZE];
	char name[64];

	LOG_DIR_PATH(log, dir);
	snprintf(name, sizeof(name), "leader-epoch-checkpoint%s", suffix);
	path_in(out, dir, name);
}

static int write_epochs_to(struct log *log, const char *path, int flags)
{
	struct buf text = {0};
	struct file *file;
	int err = env_open(log->env, path, FILE_WRITE | FILE_CREATE | flags, &file);

	if (err)
		return err;
	epochs_format(&log->epochs, log->end, &text);
	err = file_write_full(file, text.p, text.len, 0);
	file_unref(&file);
	buf_fini(&text);
	if (err)					   /* half of a file is worse than none */
		error_ignored(env_unlink(log->env, path)); /* the directory fails anyway */
	return err;
}

/*
 * Where there is no checkpoint yet, it is written in place: whatever a kill or a power cut leaves of
 * it is no worse than none. Otherwise it is written beside the old one, which it must not replace
 * before it is synced.
 */
static int write_epochs(struct log *log)
{
	char path[PATH_SIZE];

	if (!log->data->epochs_dirty)
		return 0;
	epochs_path(log, "", path);
	int err = write_epochs_to(log, path, FILE_EXCLUSIVE);
	log->data->epochs_aside = err == -EEXIST;
	if (err != -EEXIST)
		return err;
	epochs_path(log, ".tmp", path);
	return write_epochs_to(log, path, FILE_TRUNCATE);
}

static int write_to_close(struct log *log)
{
	int err = log->data->n ? segment_seal_indexes(log, log_active(log)) : 0;

	if (!err && log_wants_snapshot(log))
		err = log_write_snapshot(log);
	int epochs_err = log_dir_error(log->dir) ? 0 : write_epochs(log);
	for (int i = 0; i < log->data->n; i++)
		segment_close_files(&log->data->segments[i]);
	if (epochs_err)
		log_failed(log, epochs_err, "writing leader epochs", SEGMENT_LOG, log->end);
	return err ? err : epochs_err;
}

int log_close_write(struct log *log)
{
	char path[PATH_SIZE];

	check(!log->cleaning);
	if (log->standing != LOG_WHOLE)
		return -ENOSPC; /* the next start recovers it */
	if (!log->data || log_dir_error(log->dir))
		return log_dir_error(log->dir);
	LOG_DIR_PATH(log, path);
	return log_dir_holds(log->dir, path) ? write_to_close(log) : -EXDEV;
}

int log_close_rename(struct log *log, bool *renamed)
{
	char from[PATH_SIZE];
	char to[PATH_SIZE];
	int err = 0;

	*renamed = false;
	if (log->standing != LOG_WHOLE || !log->data || !log->data->epochs_dirty || log_dir_error(log->dir))
		return 0;
	if (log->data->epochs_aside) {
		epochs_path(log, ".tmp", from);
		epochs_path(log, "", to);
		err = env_rename(log->env, from, to);
		*renamed = !err;
	}
	if (!err)
		log->data->epochs_dirty = false;
	else
		log_failed(log, err, "renaming leader epochs", SEGMENT_LOG, log->end);
	return err;
}

void log_close_end(struct log *log)
{
	struct log_data *d = log->data;

	if (log->standing != LOG_WHOLE || !d || d->epochs_dirty || log_dir_error(log->dir))
		return;
	log->flushed_end = log->end;
	for (int i = 0; i < d->n; i++)
		d->segments[i].dirty = d->segments[i].indexes_dirty = false;
	d->dir_dirty = d->own_name_dirty = d->owner_dirty = false;
	if (d->n_snapshots && d->synced_snapshots < d->snapshots[d->n_snapshots - 1])
		d->synced_snapshots = d->snapshots[d->n_snapshots - 1];
}
