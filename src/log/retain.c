/*
 * retain: what may go, oldest first, stopping at the first segment that stays.
 *
 * A segment goes when all of it lies below the high watermark and it is older than retention.ms (by its largest
 * timestamp, else by the file's time), or the log is larger than retention.bytes without it, or it ends at or below
 * the log start. The active segment can go too: an empty one is rolled first. Files go as Kafka's do: renamed to
 * .deleted, unlinked after file.delete.delay.ms.
 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "log/internal.h"
#include "log/paths.h"

static void add_path(struct log_deletion *d, const char *path)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 8;
		d->paths = xreallocarray(d->paths, (size_t)d->cap, sizeof(char *));
	}
	d->paths[d->n++] = xstrdup(path);
}

static int segment_age(struct log *log, struct segment *s, int64_t now_ms, int64_t *age)
{
	char dir[PATH_SIZE];
	char path[PATH_SIZE];
	struct file_stat st;
	int err = segment_read_max_timestamp(log, s);

	if (err)
		return err;
	if (s->max_timestamp >= 0) {
		*age = now_ms - s->max_timestamp;
		return 0;
	}
	LOG_DIR_PATH(log, dir);
	path_of_offset(path, dir, s->base, SEGMENT_SUFFIX[SEGMENT_LOG]);
	err = env_stat(log->env, path, &st);
	*age = err ? 0 : now_ms - st.mtime_ms;
	return err;
}

struct retention {
	int64_t now_ms;
	int64_t size; /* of what is left */
};

/* Does segment i go, given that all before it do? */
static int may_go(struct log *log, int i, const struct retention *r, bool *goes)
{
	struct segment *s = &log->data->segments[i];
	int64_t end = log_segment_end(log, i);
	int64_t age;

	*goes = false;
	if (s->size == 0 && i == log->data->n - 1)
		return 0;
	if (end <= log->start) {
		*goes = true;
		return 0;
	}
	if (!log->config->cleanup_delete || end > log->high_watermark)
		return 0;
	if (log->config->retention_bytes >= 0 && r->size - s->size >= log->config->retention_bytes)
		*goes = true;
	if (*goes || log->config->retention_ms < 0)
		return 0;
	int err = segment_age(log, s, r->now_ms, &age);
	*goes = !err && age > log->config->retention_ms;
	return err;
}

/* How many segments go, from the front. */
static int count_going(struct log *log, int64_t now_ms, int *n)
{
	struct retention r = {now_ms, log_size(log)};
	bool goes = true;

	for (*n = 0; *n < log->data->n; ++*n) {
		int err = may_go(log, *n, &r, &goes);

		if (err)
			return err;
		if (!goes)
			break;
		r.size -= log->data->segments[*n].size;
	}
	return 0;
}

static void take_segment(struct log *log, struct segment *s, struct log_deletion *d)
{
	char dir[PATH_SIZE];
	char path[PATH_SIZE];

	segment_close_files(s);
	LOG_DIR_PATH(log, dir);
	for (int i = SEGMENT_FILES - 1; i >= 0; i--) {
		path_of_offset(path, dir, s->base, SEGMENT_SUFFIX[i]);
		add_path(d, path);
	}
	path_of_offset(path, dir, s->base, ".snapshot");
	add_path(d, path);
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

int log_retain(struct log *log, int64_t now_ms, struct log_deletion **out)
{
	int n = 0;
	int err;

	*out = NULL;
	if (!log->data || log->data->n == 0 || log_dir_error(log->dir))
		return 0;
	err = count_going(log, now_ms, &n);
	if (!err && n == log->data->n) /* all of it: readers and the next append need a segment */
		err = log_roll_at(log, log->end, now_ms);
	if (err || n == 0)
		return err;
	struct log_deletion *d = xcalloc(1, sizeof(*d));
	d->env = log->env;
	d->delay_ms = log->config->file_delete_delay_ms;
	for (int i = 0; i < n; i++)
		take_segment(log, &log->data->segments[i], d);
	forget_front(log, n);
	*out = d;
	return 0;
}

struct log_deletion *log_delete(struct log *log)
{
	char from[PATH_SIZE];
	char to[PATH_SIZE];

	if (!log->data)
		return NULL;
	LOG_DIR_PATH(log, from);
	path_of_marked(to, log_dir_path(log->dir), str_of(log->topic), log->partition, env_random_uuid(log->env),
		       "-delete");
	struct log_deletion *d = xcalloc(1, sizeof(*d));
	d->env = log->env;
	d->dir = xstrdup(to);
	d->delay_ms = log->config->file_delete_delay_ms;
	/* At once, not in the job: a topic of the same name may be made again before it runs. */
	int err = env_rename(log->env, from, to);
	if (err && err != -ENOENT)
		log_failed(log, err, "deleting a replica", SEGMENT_LOG, log->start);
	log_data_free(log->data);
	log->data = NULL;
	log->epochs.n = 0;
	log->start = log->end = log->high_watermark = log->flushed_end = 0;
	return d;
}

int log_deletion_run(struct log_deletion *d)
{
	char to[PATH_SIZE];
	int err = 0;

	for (int i = 0; i < d->n && !err; i++) {
		size_t len = strlen(d->paths[i]);

		if (len + sizeof(".deleted") > PATH_SIZE)
			return -ENAMETOOLONG;
		memcpy(to, d->paths[i], len);
		memcpy(to + len, ".deleted", sizeof(".deleted"));
		err = env_rename(d->env, d->paths[i], to);
		if (err == -ENOENT) /* not every segment has all of them */
			err = 0;
		xfree(d->paths[i]);
		d->paths[i] = xstrdup(to);
	}
	return err;
}

/* What was removed stays removed, and its blocks are free, when the directory it was in is synced. */
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
