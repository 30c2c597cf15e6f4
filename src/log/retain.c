/*
 * retain: removes segments by retention, oldest first, stopping at the first one that stays.
 *
 * A segment is removed when it lies entirely below the high watermark, and it is older than
 * retention.ms (by its largest timestamp, else by the file's time), or the log is larger than
 * retention.bytes without it, or it ends at or below the log start, or at or below the caller's
 * limit. A transaction that is open there keeps nothing: the last stable offset never falls below
 * the log start, and its producer is still known to be in it. The active segment may be removed as
 * well, after a new one was rolled. As in Kafka, files are renamed to .deleted at once and unlinked
 * after file.delete.delay.ms. The renaming is not done in a job: by the time it ran, the topic
 * could have been deleted and created again, and a segment of the new one would have that name.
 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "log/clean.h"
#include "log/internal.h"
#include "log/paths.h"

/* Takes over the path. */
static void add_path(struct log_deletion *d, char *path)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 8;
		d->paths = xreallocarray(d->paths, (size_t)d->cap, sizeof(char *));
	}
	d->paths[d->n++] = path;
}

/* Its largest timestamp, else the file's modification time. */
static int segment_newest_ms(struct log *log, struct segment *s, int64_t *ms)
{
	char dir[PATH_SIZE];
	char path[PATH_SIZE];
	struct file_stat st;
	int err = segment_read_max_timestamp(log, s);

	*ms = s->max_timestamp;
	if (err || s->max_timestamp >= 0)
		return err;
	LOG_DIR_PATH(log, dir);
	path_of_offset(path, dir, s->base, SEGMENT_SUFFIX[SEGMENT_LOG]);
	err = env_stat(log->env, path, &st);
	*ms = st.mtime_ms;
	return err;
}

struct retention {
	int64_t now_ms;
	int64_t upto; /* segments that end here or before are removed; -1: none */
	int64_t size; /* bytes that are left */
};

/* May segment i be removed, given that all before it are? */
static int may_go(struct log *log, int i, const struct retention *r, bool *goes)
{
	struct segment *s = &log->data->segments[i];
	int64_t end = log_segment_end(log, i);
	int64_t newest_ms;

	*goes = false;
	if (s->size == 0 && i == log->data->n - 1)
		return 0;
	if (end <= log->start) {
		*goes = true;
		return 0;
	}
	if (!log->config->cleanup_delete || end > log->high_watermark)
		return 0;
	*goes = end <= r->upto ||
		(log->config->retention_bytes >= 0 && r->size - s->size >= log->config->retention_bytes);
	if (*goes || log->config->retention_ms < 0)
		return 0;
	int err = segment_newest_ms(log, s, &newest_ms);
	*goes = !err && r->now_ms - newest_ms > log->config->retention_ms;
	return err;
}

/* Number of segments per call: a rename is short, but this many are enough under a lock. */
enum { AT_ONCE = 64 };

/* Counts the segments to be removed now, from the front. */
static int count_going(struct log *log, int64_t now_ms, int64_t upto, int *n)
{
	struct retention r = {now_ms, upto, log_size(log)};
	bool goes = true;

	for (*n = 0; *n < log->data->n && *n < AT_ONCE; ++*n) {
		int err = may_go(log, *n, &r, &goes);

		if (err)
			return err;
		if (!goes)
			break;
		r.size -= log->data->segments[*n].size;
	}
	return 0;
}

/* Even a name needs space: on a full disk a file is unlinked without the delay, which frees some. */
int log_retire_file(struct log *log, const char *path, struct log_deletion *d)
{
	char *to = xasprintf("%s.deleted", path);
	int err = env_rename(log->env, path, to);

	if (!err) {
		add_path(d, to);
		return 0;
	}
	xfree(to);
	if (err_is_disk_full(err))
		err = env_unlink(log->env, path);
	return err == -ENOENT ? 0 : err; /* not every segment has all of them */
}

static int take_segment(struct log *log, struct segment *s, struct log_deletion *d)
{
	char dir[PATH_SIZE];
	char path[PATH_SIZE];
	int err = 0;

	segment_close_files(s);
	LOG_DIR_PATH(log, dir);
	for (int i = SEGMENT_FILES - 1; i >= 0 && !err; i--) {
		path_of_offset(path, dir, s->base, SEGMENT_SUFFIX[i]);
		err = log_retire_file(log, path, d);
	}
	if (!err) {
		path_of_offset(path, dir, s->base, ".snapshot");
		err = log_retire_file(log, path, d);
	}
	return err ? log_failed(log, err, "deleting a segment", SEGMENT_LOG, s->base) : 0;
}

static void forget_front(struct log *log, int n)
{
	struct log_data *d = log->data;
	int64_t first = d->segments[n].base;
	int kept = 0;
	bool moved;

	d->n -= n;
	memmove(&d->segments[0], &d->segments[n], (size_t)d->n * sizeof(d->segments[0]));
	for (int i = 0; i < d->n_snapshots; i++)
		if (d->snapshots[i] >= first)
			d->snapshots[kept++] = d->snapshots[i];
	d->n_snapshots = kept;
	d->dir_dirty = true;
	log_forget_hints(log);
	log_set_start(log, first, &moved);
}

static bool may_retain(const struct log *log)
{
	return log->data && log->data->n > 0 && !log_dir_error(log->dir) && log->standing == LOG_WHOLE &&
	       !log->cleaning;
}

int log_front(struct log *log, int i, struct log_front *out)
{
	if (!may_retain(log) || !log->config->cleanup_delete || i + 1 >= log->data->n ||
	    log_segment_end(log, i) > log->high_watermark)
		return -ENOENT;
	out->end = log_segment_end(log, i);
	out->bytes = log->data->segments[i].size;
	return segment_newest_ms(log, &log->data->segments[i], &out->newest_ms);
}

int log_retain(struct log *log, int64_t now_ms, struct log_deletion **out)
{
	return log_retain_beyond(log, now_ms, -1, out);
}

int log_retain_beyond(struct log *log, int64_t now_ms, int64_t upto, struct log_deletion **out)
{
	int n = 0;
	int taken = 0;
	int err;

	*out = NULL;
	if (!may_retain(log))
		return 0;
	err = count_going(log, now_ms, upto, &n);
	if (!err && n == log->data->n) /* all of it: readers and the next append need a segment */
		err = log_roll_for(log, log->end, now_ms);
	if (err || n == 0)
		return err;
	struct log_deletion *d = xcalloc(1, sizeof(*d));
	d->env = log->env;
	d->delay_ms = log->config->file_delete_delay_ms;
	while (taken < n && !err)
		err = take_segment(log, &log->data->segments[taken++], d);
	forget_front(log, taken);
	if (err) { /* the directory is offline; the next start removes them */
		log_deletion_free(d);
		return err;
	}
	*out = d;
	return 0;
}

/* The directory's name is free when this returns. On a full disk it is removed at once. */
static int take_dir(struct log *log, const char *from, const char *to)
{
	int err = env_rename(log->env, from, to);

	if (err_is_disk_full(err))
		err = remove_dir(log->env, from);
	return err == -ENOENT ? 0 : err;
}

struct log_deletion *log_delete(struct log *log)
{
	char from[PATH_SIZE];
	char to[PATH_SIZE];

	if (!log->data && log->standing != LOG_UNREAD)
		return NULL;
	LOG_DIR_PATH(log, from);
	path_of_marked(to, log_dir_path(log->dir), str_of(log->topic), log->partition, env_random_uuid(log->env),
		       "-delete");
	struct log_deletion *d = xcalloc(1, sizeof(*d));
	d->env = log->env;
	d->dir = xstrdup(to);
	d->delay_ms = log->config->file_delete_delay_ms;
	int err = take_dir(log, from, to);
	if (err)
		log_dir_fail(log->dir, err, "deleting a replica", from);
	else if (!log->dir_name) /* a future one never had the name */
		log_dir_departs(log->dir, to);
	if (log->cleaning)
		log_clean_cancel(log->cleaning);
	log_data_free(log->data);
	log->data = NULL;
	log->clean_end = -1;
	log->recovery_point = log->checkpointing = -1;
	log->standing = LOG_WHOLE;
	log->epochs.n = 0;
	log->start = log->end = log->high_watermark = log->flushed_end = 0;
	return d;
}

/* Syncing the parent makes the removal durable, and frees the blocks. */
static int sync_parent(struct env *env, const char *path)
{
	char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');
	int err;

	*slash = '\0';
	err = env_sync_dir(env, parent);
	xfree(parent);
	return err == -ENOENT ? 0 : err;
}

int log_deletion_finish(struct log_deletion *d)
{
	int err = 0;

	if (d->dir) {
		err = remove_dir(d->env, d->dir);
		if (!err)
			err = sync_parent(d->env, d->dir);
		return err == -ENOENT ? 0 : err;
	}
	for (int i = 0; i < d->n; i++) {
		int one = env_unlink(d->env, d->paths[i]);

		if (one && one != -ENOENT && !err)
			err = one;
	}
	return err || d->n == 0 ? err : sync_parent(d->env, d->paths[0]);
}

void log_deletion_free(struct log_deletion *d)
{
	if (!d)
		return;
	for (int i = 0; i < d->n; i++)
		xfree(d->paths[i]);
	xfree(d->paths);
	xfree(d->dir);
	xfree(d);
}
