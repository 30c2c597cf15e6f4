/*
 * load: from a directory to a log.
 *
 *	1. The directory is listed, only once if it needs no tidying. Leftovers of a crash or a
 *	   deletion are removed before anything else is looked at: a finished compaction takes its
 *	   place and an unfinished one is removed (swap.h); .deleted and .tmp files are removed.
 *	2. Segments are added in ascending order; index files without a segment are removed.
 *	3. After an unclean stop the log is recovered, by headers alone if the page cache can be
 *	   believed (life.h). After a clean one, index entries are counted and the end is looked for.
 *	4. Log start offset, leader epochs and producer state are restored.
 *
 * After a clean stop, a log that its directory's manifest has (noted.h) is taken from there, and
 * none of its files is opened.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "log/internal.h"
#include "log/noted.h"
#include "log/paths.h"
#include "log/swap.h"

/* ---- names ---- */

struct offsets {
	int64_t *v;
	int n;
	int cap;
};

enum found_kind { FOUND_LOG, FOUND_INDEX, FOUND_TIME, FOUND_TXN, FOUND_SNAPSHOT, FOUND_KINDS };

static const char *const FOUND_SUFFIX[FOUND_KINDS] = {
	[FOUND_LOG] = ".log",	   [FOUND_INDEX] = ".index",	   [FOUND_TIME] = ".timeindex",
	[FOUND_TXN] = ".txnindex", [FOUND_SNAPSHOT] = ".snapshot",
};

/* Removed without further checks: deleted, or no longer of use. */
static const char *const LEFTOVERS[] = {".deleted", ".tmp"};

/* What a swap leaves behind (swap.h). */
static const char *const SWAPPED[] = {SWAP_SUFFIX, CLEANED_SUFFIX};

struct found {
	struct log *log;
	const char *dir;
	struct offsets kinds[FOUND_KINDS];
	bool is_untidy;	      /* there are leftovers, or files of a swap */
	bool is_sealed;	      /* there is SEALED_FILE */
	bool owner_rewritten; /* partition.metadata */
};

static void add_offset(struct offsets *o, int64_t offset)
{
	if (o->n == o->cap) {
		o->cap = o->cap ? 2 * o->cap : 8;
		o->v = xreallocarray(o->v, (size_t)o->cap, sizeof(*o->v));
	}
	o->v[o->n++] = offset;
}

static bool ends_in_any(const char *name, const char *const *suffixes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (name_ends(name, suffixes[i]))
			return true;
	return false;
}

#define ENDS_IN(name, suffixes) ends_in_any((name), (suffixes), sizeof(suffixes) / sizeof((suffixes)[0]))

static int note_name(void *arg, const char *name, bool is_dir)
{
	struct found *f = arg;
	int64_t offset;

	if (is_dir)
		return 0;
	for (int i = 0; i < FOUND_KINDS; i++)
		if (name_offset(name, FOUND_SUFFIX[i], &offset)) {
			add_offset(&f->kinds[i], offset);
			return 0;
		}
	f->is_untidy |= ENDS_IN(name, LEFTOVERS) || ENDS_IN(name, SWAPPED);
	f->is_sealed |= strcmp(name, SEALED_FILE) == 0;
	return 0;
}

static int drop_leftover(void *arg, const char *name, bool is_dir)
{
	struct found *f = arg;
	char path[PATH_SIZE];

	if (is_dir || !ENDS_IN(name, LEFTOVERS))
		return 0;
	path_in(path, f->dir, name);
	return env_unlink(f->log->env, path);
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int list_names(struct found *f)
{
	int err = 0;

	for (int i = 0; i < FOUND_KINDS; i++)
		f->kinds[i].n = 0;
	f->is_untidy = f->is_sealed = false;
	err = env_list(f->log->env, f->dir, note_name, f);
	for (int i = 0; i < FOUND_KINDS && !err; i++)
		if (f->kinds[i].n)
			qsort(f->kinds[i].v, (size_t)f->kinds[i].n, sizeof(int64_t), ascending);
	return err;
}

static int tidy(struct found *f)
{
	int err = swap_settle(f->log->env, f->dir);

	if (!err)
		err = env_list(f->log->env, f->dir, drop_leftover, f);
	return err ? err : list_names(f);
}

static bool contains(const struct offsets *o, int64_t offset)
{
	return o->n && bsearch(&offset, o->v, (size_t)o->n, sizeof(offset), ascending) != NULL;
}

static int unlink_named(struct found *f, int64_t offset, const char *suffix)
{
	char path[PATH_SIZE];

	path_of_offset(path, f->dir, offset, suffix);
	int err = env_unlink(f->log->env, path);
	return err == -ENOENT ? 0 : err;
}

/* ---- segments ---- */

static int drop_orphans(struct found *f)
{
	int err = 0;

	for (int k = FOUND_INDEX; k <= FOUND_TXN; k++)
		for (int i = 0; i < f->kinds[k].n && !err; i++)
			if (!contains(&f->kinds[FOUND_LOG], f->kinds[k].v[i]))
				err = unlink_named(f, f->kinds[k].v[i], FOUND_SUFFIX[k]);
	return err;
}

static int add_segments(struct found *f)
{
	char path[PATH_SIZE];
	struct file_stat st;

	for (int i = 0; i < f->kinds[FOUND_LOG].n; i++) {
		int64_t base = f->kinds[FOUND_LOG].v[i];

		path_of_offset(path, f->dir, base, ".log");
		int err = env_stat(f->log->env, path, &st);
		if (err)
			return err;
		struct segment *s = log_add_segment(f->log, base);
		s->size = st.size;
		s->created_ms = st.mtime_ms;
		s->no_aborted = !contains(&f->kinds[FOUND_TXN], base);
	}
	for (int i = 0; i < f->kinds[FOUND_SNAPSHOT].n; i++)
		log_add_snapshot(f->log->data, f->kinds[FOUND_SNAPSHOT].v[i]);
	return 0;
}

static bool is_sound(enum segment_file kind, const uint8_t *entry, int32_t n, int64_t log_size)
{
	if (kind == SEGMENT_TIME)
		return time_get(entry).offset >= 0 &&
		       (time_get(entry).timestamp > 0 || (time_get(entry).timestamp == 0 && n == 1));
	return index_get(entry).offset > 0 && index_get(entry).pos > 0 && index_get(entry).pos < log_size;
}

/*
 * Kafka leaves an index longer than its content, filled with zeros: truncates it after its last
 * entry. -EINVAL when it is not such a file.
 */
static int trim_zeros(struct file *file, enum index_key key, int64_t log_size, int32_t size, int32_t *n)
{
	static const uint8_t ZEROS[TIME_ENTRY];
	uint8_t entry[TIME_ENTRY];
	int32_t count = index_count(file, key, log_size);

	if (count < 0)
		return count;
	int err = index_read(file, key, count, entry);
	if (err || memcmp(entry, ZEROS, (size_t)size) != 0)
		return err ? err : -EINVAL;
	*n = count;
	return file_truncate(file, (int64_t)count * size);
}

static void note_newest(struct segment *s, const uint8_t *entry)
{
	s->max_timestamp = time_get(entry).timestamp;
	s->max_timestamp_offset = s->base + time_get(entry).offset;
}

/* Counts the entries of an index. -EINVAL when it is damaged. */
static int count_entries(struct log *log, struct segment *s, enum segment_file kind, int32_t *n)
{
	enum index_key key = kind == SEGMENT_TIME ? KEY_TIMESTAMP : KEY_OFFSET;
	int32_t size = kind == SEGMENT_TIME ? TIME_ENTRY : INDEX_ENTRY;
	uint8_t last[TIME_ENTRY] = {0};
	struct file *file;
	int err = segment_open(log, s, kind, false, &file);

	if (err)
		return err;
	int64_t len = file_size(file);
	if (len < 0)
		return (int)len;
	if (len % size || len > INT32_MAX)
		return -EINVAL;
	*n = (int32_t)(len / size);
	if (*n == 0)
		return 0;
	err = index_read(file, key, *n - 1, last);
	if (err)
		return err;
	if (is_sound(kind, last, *n, s->size)) {
		if (kind == SEGMENT_TIME)
			note_newest(s, last);
		return 0;
	}
	return trim_zeros(file, key, s->size, size, n);
}

static int load_indexes(struct log *log, struct segment *s)
{
	int err = count_entries(log, s, SEGMENT_INDEX, &s->index_n);

	/* Now, while the page is here: a lookup by time compares those of all segments. */
	s->max_timestamp = TIMESTAMP_UNREAD;
	if (!err)
		err = count_entries(log, s, SEGMENT_TIME, &s->time_n);
	if (err == -EINVAL || err == -ENOENT) {
		diag_info(log->env->diag, "index is missing or damaged, made anew",
			  "topic=%s partition=%d segment=%020lld.log", log->topic, log->partition, (long long)s->base);
		return segment_rebuild(log, s);
	}
	return err ? err : segment_read_max_timestamp(log, s);
}

/* After a clean stop: finds the end of the active segment, and where appending continues. */
static int find_end(struct log *log, struct segment *s)
{
	uint8_t entry[TIME_ENTRY];
	struct scan scan;
	struct file *file;
	int err = segment_read_max_timestamp(log, s);

	s->last_time = s->max_timestamp;
	log->end = s->base;
	if (!err && s->index_n > 0) {
		err = segment_open(log, s, SEGMENT_INDEX, false, &file);
		if (!err)
			err = index_read(file, KEY_OFFSET, s->index_n - 1, entry);
		if (!err)
			s->indexed_pos = index_get(entry).pos;
	}
	if (!err)
		err = segment_open(log, s, SEGMENT_LOG, false, &file);
	if (err)
		return err;
	scan_init(&scan, file, s->indexed_pos, s->size);
	while (scan_next(&scan)) {
		int64_t last = batch_last_offset(&scan.header);

		if (last < log->end || last - s->base > INT32_MAX)
			return -EBADMSG;
		log->end = last + 1;
		if (scan.header.max_timestamp <= s->max_timestamp)
			continue;
		s->max_timestamp = scan.header.max_timestamp;
		s->max_timestamp_offset = log->end - 1;
	}
	if (scan.error > 0 || (!scan.error && scan.pos != s->size))
		return -EBADMSG; /* the stop was not so clean */
	return scan.error;
}

static int load_clean(struct log *log)
{
	struct log_data *d = log->data;
	int err = 0;

	for (int i = 0; i < d->n && !err; i++) {
		err = load_indexes(log, &d->segments[i]);
		if (!err && i < d->n - 1)
			segment_close_files(&d->segments[i]);
	}
	if (!err && d->n)
		err = find_end(log, &d->segments[d->n - 1]);
	return err;
}

static int load_unclean(struct log *log, int64_t recovery_point, struct recovery *r)
{
	struct log_data *d = log->data;
	int err = 0;

	for (int i = 0; i < d->n && !err; i++)
		if (recovery_trusts(d, i, recovery_point))
			err = load_indexes(log, &d->segments[i]);
	return err ? err : log_recover(log, recovery_point, r);
}

/* ---- the rest ---- */

/* 0, or a passing error. A file that is missing or cannot be read is made again. */
static int load_epochs(struct found *f)
{
	char path[PATH_SIZE];
	char *text;
	size_t len;

	path_in(path, f->dir, "leader-epoch-checkpoint");
	int err = env_read_file(f->log->env, path, 64 << 20, &text, &len);
	if (err)
		return err_passes(err) ? err : 0;
	if (!epochs_parse(&f->log->epochs, (struct str){text, (int32_t)len}))
		diag_warn(f->log->env->diag, "leader epochs unreadable, found again from the records", "file=%s", path);
	xfree(text);
	return 0;
}

static int load_topic_id(struct found *f)
{
	struct uuid id;

	if (f->log->owner_is_known && !log_dir_is_doubtful(f->log->dir))
		return 0;
	int err = partition_metadata_read(f->log->env, f->dir, &id);
	if (err == -ENOENT || err == -EINVAL || (!err && log_dir_is_doubtful(f->log->dir))) {
		f->owner_rewritten = true;
		return partition_metadata_write(f->log->env, f->dir, f->log->topic_id);
	}
	return err;
}

/* Determines the log start, and what follows from it. */
static int settle_start(struct log *log)
{
	struct log_data *d = log->data;
	int64_t checkpointed =
		log_dir_checkpointed(log->dir, CHECKPOINT_LOG_START, str_of(log->topic), log->partition, 0);
	int64_t first = d->n ? d->segments[0].base : 0;

	log->start = checkpointed > first ? checkpointed : first;
	if (log->end < log->start) {
		if (d->n)
			diag_warn(log->env->diag, "log ends before its start, begun anew there",
				  "topic=%s partition=%d end=%lld start=%lld", log->topic, log->partition,
				  (long long)log->end, (long long)log->start);
		return log_truncate_fully_at(log, log->start);
	}
	if (epochs_truncate_end(&log->epochs, log->end) || epochs_truncate_start(&log->epochs, log->start))
		d->epochs_dirty = true;
	return 0;
}

struct origin {
	int64_t recovery_point;
	bool clean;
	bool cache_is_whole;
	bool no_producers; /* it is known that there are none */
};

/*
 * After an unclean stop, a snapshot above the recovery point may exist while the transaction
 * indexes written before it do not. Such snapshots are dropped: then both are made again from the
 * batches.
 */
static int load_producers(struct log *log, const struct log_load *how, struct origin from, const struct recovery *r)
{
	struct log_data *d = log->data;
	int64_t sound = from.clean || from.recovery_point > log->end ? log->end : from.recovery_point;

	log_drop_snapshots(log, log->start + (log->start > 0), sound);
	log_drop_stray_snapshots(log);
	/* no snapshot: written by a release without snapshots, or there are no producers */
	if (from.clean && (d->n_snapshots == 0 || from.no_producers)) {
		producers_clear(&d->producers, log->end);
		return 0;
	}
	return log_replay_producers(log, env_wall_ms(log->env), how->producer_expiration_ms, r->no_producers_from);
}

static void settle_marks(struct log *log, int64_t recovery_point, bool clean)
{
	int64_t hw = log_dir_checkpointed(log->dir, CHECKPOINT_HIGH_WATERMARK, str_of(log->topic), log->partition,
					  log->start);

	log->clean_end = log_dir_checkpointed(log->dir, CHECKPOINT_CLEANER, str_of(log->topic), log->partition, -1);
	if (log->clean_end > log->end) /* what will be written there was not cleaned */
		log->clean_end = -1;
	log->high_watermark = hw < log->start ? log->start : hw > log->end ? log->end : hw;
	log->flushed_end = clean || recovery_point > log->end ? log->end : recovery_point;
	if (log->flushed_end < log->start)
		log->flushed_end = log->start;
	log->data->epochs_dirty = log->data->epochs_dirty || log_dir_is_doubtful(log->dir);
	if (!clean) /* the kill may have come between creating a file and syncing its name */
		log->data->dir_dirty = log->data->own_name_dirty = true;
	if (!clean && recovery_point <= log->start) /* never flushed, as far as is known */
		log->data->owner_dirty = true;
	if (log->data->n_snapshots && clean)
		log->data->synced_snapshots = log->data->snapshots[log->data->n_snapshots - 1];
}

/*
 * After a kill, recovered records may be in the page cache only. For a log that acknowledges and
 * shows only what is flushed, they are flushed before anybody reads them: a power cut must not take
 * back what a reader was given. If a full disk has left the indexes short, only the records and
 * names are synced.
 */
static int sync_records(struct log *log)
{
	char dir[PATH_SIZE];
	struct file *file;
	int err = 0;

	LOG_DIR_PATH(log, dir);
	for (int i = 0; i < log->data->n && !err; i++) {
		if (log_segment_end(log, i) <= log->flushed_end)
			continue;
		err = segment_open(log, &log->data->segments[i], SEGMENT_LOG, false, &file);
		if (!err)
			err = file_sync(file);
	}
	if (!err)
		err = env_sync_dir(log->env, dir);
	return err ? err : env_sync_dir(log->env, log_dir_path(log->dir));
}

static int flush_recovered(struct log *log)
{
	struct log_flush f = {0};
	int err = 0;

	if (log->config->flush_messages == INT64_MAX)
		return 0;
	if (log->standing != LOG_WHOLE)
		return sync_records(log);
	if (!log_flush_begin(log, LOG_FLUSH_ALL, &f))
		return 0;
	log_flush_run(&f);
	err = log_flush_end(log, &f);
	log_flush_fini(&f);
	return err;
}

static int load_state(struct found *f, const struct log_load *how, struct origin from)
{
	struct log *log = f->log;
	struct recovery r = {
		.how = how,
		.told_ms = env_mono_ms(log->env),
		.cache_is_whole = from.cache_is_whole,
		.no_producers_from = NO_SUCH_OFFSET,
	};
	int err = from.clean ? load_clean(log) : load_unclean(log, from.recovery_point, &r);

	if (!err)
		err = settle_start(log);
	if (err)
		return err;
	settle_marks(log, from.recovery_point, from.clean);
	err = load_producers(log, how, from, &r);
	return err ? err : flush_recovered(log);
}

/*
 * Is what is seen of this log what was written? If no checkpoint knows the log, it must have been
 * created by the process that vouches for it: otherwise it may have been put here by hand. (The
 * metadata log is never vouched for: Kafka writes it before it loads others.)
 */
static bool cache_is_whole(const struct found *f)
{
	const struct log *log = f->log;
	char path[PATH_SIZE];
	struct file_stat st;
	int64_t since_ms;

	if (log_is_metadata(log) || !log_dir_cache_is_whole(log->dir, &since_ms) || !log_dir_holds(log->dir, f->dir))
		return false;
	if (log->recovery_point >= 0)
		return true;
	path_in(path, f->dir, "partition.metadata");
	return env_stat(log->env, path, &st) == 0 && st.mtime_ms >= since_ms;
}

static void read_recovery_point(struct log *log)
{
	if (log->recovery_point < 0)
		log->recovery_point = log_dir_checkpointed(log->dir, CHECKPOINT_RECOVERY_POINT, str_of(log->topic),
							   log->partition, -1);
}

static int load_files(struct found *f, const struct log_load *how)
{
	struct log *log = f->log;

	read_recovery_point(log);
	struct origin from = {
		.recovery_point = log->recovery_point < 0 ? 0 : log->recovery_point,
		/* buggify: recovery must find what a clean stop has left */
		.clean = how->clean && !env_buggify(log->env, "doubt a clean stop"),
		.cache_is_whole = cache_is_whole(f),
	};
	int err = f->is_untidy ? tidy(f) : 0;

	if (!err)
		err = drop_orphans(f);
	if (!err)
		err = load_topic_id(f);
	if (err)
		return err;
	log->data = log_data_new(log);
	log->data->owner_dirty = f->owner_rewritten;
	log->data->has_sealed = f->is_sealed;
	err = load_epochs(f);
	if (!err)
		err = add_segments(f);
	if (!err)
		err = load_state(f, how, from);
	if (!is_damage(err))
		return err;
	diag_warn(log->env->diag, "log is damaged below its recovery point, all of it is verified",
		  "topic=%s partition=%d dir=%s", log->topic, log->partition, f->dir);
	return load_state(f, how, (struct origin){0});
}

/* Restores the state before loading. */
static void unload(struct log *log)
{
	log_data_free(log->data);
	log->data = NULL;
	log->epochs.n = 0;
	log->start = log->end = log->high_watermark = log->flushed_end = 0;
	log->standing = LOG_WHOLE;
}

/* ---- from the manifest ---- */

static int load_noted_state(struct log *log, const struct log_load *how, bool no_producers)
{
	struct origin from = {.clean = true, .no_producers = no_producers};
	struct recovery r = {.no_producers_from = NO_SUCH_OFFSET};
	int err;

	read_recovery_point(log);
	from.recovery_point = log->recovery_point < 0 ? 0 : log->recovery_point;
	err = settle_start(log);
	if (err)
		return err;
	settle_marks(log, from.recovery_point, from.clean);
	return load_producers(log, how, from, &r);
}

/* Many logs are loaded one after the other, and few are used at once. */
static void close_files(struct log *log)
{
	for (int i = 0; log->data && i < log->data->n; i++)
		segment_close_files(&log->data->segments[i]);
}

/*
 * Takes the log from the manifest of the clean stop. False: it must be loaded. A log that is not
 * used is then not even opened.
 */
static bool load_noted(struct log *log, const struct log_load *how)
{
	char dir[PATH_SIZE];
	bool no_producers;

	if (!how->clean || log->dir_name || log_is_metadata(log) || env_buggify(log->env, "doubt a manifest"))
		return false;
	LOG_DIR_PATH(log, dir);
	const struct manifest_log *noted = log_dir_noted(log->dir, strrchr(dir, '/') + 1);
	if (!noted)
		return false;
	if (noted_restore(log, noted, &no_producers) && load_noted_state(log, how, no_producers) == 0) {
		close_files(log);
		return true;
	}
	unload(log);
	return false;
}

static int load_once(struct log *log, const struct log_load *how)
{
	char dir[PATH_SIZE];
	struct found f = {.log = log, .dir = dir};

	LOG_DIR_PATH(log, dir);
	int err = list_names(&f);
	bool is_there = err != -ENOENT;
	if (!err)
		err = load_files(&f, how);
	for (int i = 0; i < FOUND_KINDS; i++)
		xfree(f.kinds[i].v);
	close_files(log);
	return is_there ? err : 0;
}

/* In the simulator: a load must find out the same. */
static void check_noted(struct log *log, const struct log_load *how)
{
	struct log_id id = {str_of(log->topic), log->partition, log->topic_id, log->owner_is_known};
	struct log *loaded = log_new(log->dir, &id, log->config);

	if (load_once(loaded, how) == 0 && loaded->standing == LOG_WHOLE)
		noted_check(log, loaded);
	log_free(loaded);
}

int log_load(struct log *log, const struct log_load *how)
{
	if (load_noted(log, how)) {
		if (env_buggify(log->env, "load what was noted"))
			check_noted(log, how);
		return 0;
	}
	int err = load_once(log, how);
	if ((err_is_disk_full(err) || log->standing == LOG_READ_ONLY) && log_is_metadata(log) &&
	    log_dir_release_reserve(log->dir)) {
		unload(log);
		err = load_once(log, how);
	}
	if (!err)
		return 0;
	unload(log);
	if (err_passes(err) || err == -ECANCELED) {
		log->standing = LOG_UNREAD;
		return err;
	}
	char dir[PATH_SIZE];
	LOG_DIR_PATH(log, dir);
	log_dir_fail(log->dir, err, "loading a log", dir);
	return err;
}
