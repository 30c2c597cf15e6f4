/*
 * dir: opens, marks and fails one of the log.dirs, and writes its checkpoints. The head of dir.h
 * lists its files.
 */
#include "log/dir.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/siphash.h"
#include "log/checkpoint.h"
#include "log/departed.h"
#include "log/life.h"
#include "log/manifest.h"
#include "log/paths.h"

#define CLEAN_MARKER ".kafka_cleanshutdown"
#define LOCK_FILE ".lock"
#define RESERVE_FILE "odradek.reserve"
#define DOUBT_FILE "odradek.sync-failed"

/* The content of a checkpoint file as it is on the platter: the same content is not written again. */
struct on_disk {
	bool known;
	struct hash128 hash;
};

struct log_dir {
	struct env *env;
	char *path;
	struct file *lock;
	struct meta_properties meta;
	bool formatted;
	bool clean;
	bool doubtful;
	bool cache_is_whole;
	bool ours;	 /* the last to write here was Odradek */
	uint64_t device; /* of the filesystem that `path` is on */
	uint64_t seed;
	int64_t life_began_ms;
	int64_t broker_epoch;
	struct checkpoint checkpoints[CHECKPOINT_KINDS];
	struct on_disk on_disk[CHECKPOINT_KINDS]; /* used by the job that writes checkpoints */
	struct departed *departed;		  /* atomic */
	struct manifest *manifest;		  /* of the last clean stop; NULL: none, or the logs are loaded */
	struct buf noted;			  /* of this stop */
	int32_t n_noted;
	int64_t reserve_bytes;
	int reserve_held;	/* atomic: the reserve exists */
	int is_short;		/* atomic: there should be a reserve, but the disk is full */
	struct log_dir *holder; /* the directory whose is_short counts */
	int error;		/* atomic: 0, or the negated errno of the failure */
	const struct atrest_keys *keys;
	bool seals_all;
	int64_t sealed[LOG_DIR_SEALED_COUNTS]; /* atomic */
	/* atomic, env_mono_ms's clock: log_dir_may_tell allows no line before this time */
	int64_t tell_at_ms;
	struct loop *watch_loop;
	struct post *watch;
};

static const char *const CHECKPOINT_FILES[CHECKPOINT_KINDS] = {
	[CHECKPOINT_RECOVERY_POINT] = "recovery-point-offset-checkpoint",
	[CHECKPOINT_LOG_START] = "log-start-offset-checkpoint",
	[CHECKPOINT_HIGH_WATERMARK] = "replication-offset-checkpoint",
	[CHECKPOINT_CLEANER] = "cleaner-offset-checkpoint",
};

/* ---- keys ---- */

enum { TELL_EVERY_MS = 10000 };

void log_dir_set_keys(struct log_dir *dir, const struct atrest_keys *keys)
{
	dir->keys = keys;
}

void log_dir_seal_all(struct log_dir *dir)
{
	dir->seals_all = true;
}

bool log_dir_seals(const struct log_dir *dir)
{
	return dir->seals_all;
}

void log_dir_count_sealed(struct log_dir *dir, enum log_dir_sealed what)
{
	__atomic_fetch_add(&dir->sealed[what], 1, __ATOMIC_RELAXED);
}

int64_t log_dir_sealed(const struct log_dir *dir, enum log_dir_sealed what)
{
	return __atomic_load_n(&dir->sealed[what], __ATOMIC_RELAXED);
}

const struct atrest_keys *log_dir_keys(const struct log_dir *dir)
{
	return dir->keys;
}

bool log_dir_may_tell(struct log_dir *dir)
{
	int64_t now = env_mono_ms(dir->env);
	int64_t at = __atomic_load_n(&dir->tell_at_ms, __ATOMIC_RELAXED);

	return (at == 0 || now >= at) && __atomic_compare_exchange_n(&dir->tell_at_ms, &at, now + TELL_EVERY_MS, false,
								     __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* ---- opening ---- */

static void read_marker(struct log_dir *dir)
{
	char path[PATH_SIZE];
	char *text;
	size_t len;

	dir->broker_epoch = -1;
	path_in(path, dir->path, CLEAN_MARKER);
	dir->clean = env_read_file(dir->env, path, 4096, &text, &len) == 0;
	if (!dir->clean)
		return;
	const char *at = strstr(text, "\"brokerEpoch\"");
	if (at)
		at = strchr(at, ':');
	for (at = at ? at + 1 : ""; *at == ' '; at++)
		;
	if (*at >= '0' && *at <= '9') {
		int64_t epoch = 0;

		for (; *at >= '0' && *at <= '9' && epoch < INT64_MAX / 10 - 1; at++)
			epoch = 10 * epoch + (*at - '0');
		dir->broker_epoch = epoch;
	}
	xfree(text);
}

static void read_doubt(struct log_dir *dir)
{
	char path[PATH_SIZE];
	struct file_stat st;

	path_in(path, dir->path, DOUBT_FILE);
	dir->doubtful = env_stat(dir->env, path, &st) == 0;
}

static struct hash128 hash_text(const void *text, size_t len)
{
	return siphash((struct siphash_key){0, 0}, text, len);
}

static void note_on_disk(struct on_disk *d, const void *text, size_t len)
{
	*d = (struct on_disk){true, hash_text(text, len)};
}

static bool is_on_disk(const struct on_disk *d, const struct buf *text)
{
	struct hash128 hash = hash_text(text->p, text->len);

	return d->known && hash.hi == d->hash.hi && hash.lo == d->hash.lo;
}

/* 0, or a lack of descriptors: a checkpoint that could not be read for that reason must not count as empty. */
static int read_checkpoints(struct log_dir *dir)
{
	for (int i = 0; i < CHECKPOINT_KINDS; i++) {
		char path[PATH_SIZE];

		path_in(path, dir->path, CHECKPOINT_FILES[i]);
		int err = checkpoint_read(dir->env, path, &dir->checkpoints[i]);
		if (err_is_no_descriptor(err))
			return err;
		if (err && err != -ENOENT)
			diag_warn(dir->env->diag, "checkpoint unreadable, counts as empty",
				  "file=%s error=%s remedy=none-needed", path, err_name(err));
		if (!err && dir->clean) /* after a kill the name may not be durable */
			note_on_disk(&dir->on_disk[i], dir->checkpoints[i].text, strlen(dir->checkpoints[i].text));
	}
	return 0;
}

static bool is_of(void *arg, const struct checkpoint_entry *e)
{
	return departed_matches(arg, e->topic, e->partition);
}

static int doubt_name(void *arg, const char *name, bool is_dir)
{
	struct log_dir *dir = arg;

	for (int i = 0; i < CHECKPOINT_KINDS && is_dir && departed_is_sign(dir->env, dir->path, name); i++)
		checkpoint_drop(&dir->checkpoints[i], is_of, (void *)name);
	return 0;
}

static int make_dir(struct log_dir *dir)
{
	struct file_stat st;
	int err = env_stat(dir->env, dir->path, &st);

	if (err == -ENOENT) {
		err = env_mkdir_all(dir->env, dir->path);
		if (!err)
			err = env_stat(dir->env, dir->path, &st);
	}
	dir->device = err ? 0 : st.device;
	return err ? err : st.is_dir ? 0 : -ENOTDIR;
}

/*
 * Makes the directory's name durable, and that of each parent: some of them may have been created
 * along with it, by this process or by one that was killed before it came this far. A directory
 * that says it is formatted must not disappear.
 */
static int sync_parents(struct log_dir *dir)
{
	char path[PATH_SIZE];
	int err = 0;

	memcpy(path, dir->path, strlen(dir->path) + 1);
	for (char *slash = strrchr(path, '/'); slash && !err_is_no_descriptor(err); slash = strrchr(path, '/')) {
		slash[slash == path] = '\0';
		err = env_sync_dir(dir->env, path); /* a directory that we may not open was not created by us */
		if (slash == path)
			break;
	}
	return err_is_no_descriptor(err) ? err : 0;
}

static int open_dir(struct log_dir *dir, char **why)
{
	char path[PATH_SIZE];
	int err = make_dir(dir);

	if (err) {
		*why = xasprintf("log directory %s cannot be made: %s", dir->path, err_name(err));
		return err;
	}
	path_in(path, dir->path, LOCK_FILE);
	err = env_lock(dir->env, path, &dir->lock);
	if (err) {
		*why = err == -EAGAIN
			       ? xasprintf(
					 "log directory %s is in use by another process (it holds %s). Stop that one, or "
					 "set log.dirs to another directory",
					 dir->path, path)
			       : xasprintf("%s cannot be locked: %s", path, err_name(err));
		return err;
	}
	err = meta_properties_read(dir->env, dir->path, &dir->meta, why);
	dir->formatted = err == 0;
	if (err && err != -ENOENT) {
		if (!*why)
			*why = xasprintf("%s/meta.properties cannot be read: %s", dir->path, err_name(err));
		return err;
	}
	read_marker(dir);
	read_doubt(dir);
	path_in(path, dir->path, CLEAN_MARKER);
	if (dir->clean && !dir->doubtful)
		dir->manifest = manifest_read(dir->env, dir->path, path);
	dir->ours = life_is_ours(dir->env, dir->path);
	dir->cache_is_whole = !dir->clean && !dir->doubtful && life_is_seen(dir->env, dir->path, &dir->life_began_ms);
	err = dir->formatted ? 0 : sync_parents(dir);
	if (!err)
		err = read_checkpoints(dir);
	/*
	 * A killed process may have put meta.properties in place without syncing it; what follows
	 * must not outlive it in a power cut.
	 */
	if (!err && dir->formatted && !dir->clean)
		err = env_sync_dir(dir->env, dir->path);
	return err ? err : env_list(dir->env, dir->path, doubt_name, dir);
}

int log_dir_open(struct env *env, const struct log_dir_options *options, struct log_dir **out, char **why)
{
	struct log_dir *dir;

	*out = NULL;
	*why = NULL;
	/* room for "/<replica, 255>/<20 digits>.<suffix>" */
	if (strlen(options->path) > PATH_SIZE - 2 * FILE_NAME_MAX) {
		*why = xasprintf("log directory %s: the path is too long", options->path);
		return -ENAMETOOLONG;
	}
	dir = xcalloc(1, sizeof(*dir));
	dir->env = env;
	dir->path = xstrdup(options->path);
	dir->reserve_bytes = options->reserve_bytes;
	dir->seed = env_random_u64(env);
	dir->holder = dir;
	int err = open_dir(dir, why);
	if (err) {
		log_dir_free(dir);
		return err;
	}
	*out = dir;
	return 0;
}

struct log_dir *log_dir_new_offline(struct env *env, const char *path, int err)
{
	struct log_dir *dir = xcalloc(1, sizeof(*dir));

	check(err < 0);
	dir->env = env;
	dir->path = xstrdup(path);
	dir->holder = dir;
	dir->meta.node_id = -1;
	dir->broker_epoch = -1;
	dir->error = err;
	return dir;
}

void log_dir_free(struct log_dir *dir)
{
	if (!dir)
		return;
	for (int i = 0; i < CHECKPOINT_KINDS; i++)
		checkpoint_fini(&dir->checkpoints[i]);
	departed_free(dir->departed);
	manifest_free(dir->manifest);
	buf_fini(&dir->noted);
	file_unref(&dir->lock);
	xfree(dir->path);
	xfree(dir);
}

struct env *log_dir_env(struct log_dir *dir)
{
	return dir->env;
}

uint64_t log_dir_seed(const struct log_dir *dir)
{
	return dir->seed;
}

const char *log_dir_path(const struct log_dir *dir)
{
	return dir->path;
}

bool log_dir_is_formatted(const struct log_dir *dir)
{
	return dir->formatted;
}

const struct meta_properties *log_dir_meta(const struct log_dir *dir)
{
	return &dir->meta;
}

static int is_log_file(void *arg, const char *name, bool is_dir)
{
	return !is_dir && name_ends(name, ".log") ? 1 : 0;
}

static int holds_log(void *arg, const char *name, bool is_dir)
{
	struct log_dir *dir = arg;
	struct str topic;
	int32_t partition;
	char path[PATH_SIZE];

	if (!is_dir || !name_replica(name, &topic, &partition))
		return 0;
	path_in(path, dir->path, name);
	return env_list(dir->env, path, is_log_file, NULL);
}

int log_dir_has_logs(struct log_dir *dir)
{
	return env_list(dir->env, dir->path, holds_log, dir);
}

int log_dir_format(struct log_dir *dir, const struct meta_properties *m)
{
	int err = life_make_witness(dir->env, dir->path);

	if (!err)
		err = meta_properties_write(dir->env, dir->path, m);
	if (err)
		return err;
	dir->meta = *m;
	dir->meta.version = 1;
	dir->formatted = true;
	dir->ours = true; /* it is still empty */
	return 0;
}

/* ---- the marker of a clean stop ---- */

bool log_dir_was_clean(const struct log_dir *dir, int64_t *broker_epoch)
{
	if (broker_epoch)
		*broker_epoch = dir->broker_epoch;
	return dir->clean;
}

void log_dir_hold_reserve(struct log_dir *dir)
{
	int err = log_dir_refill_reserve(dir);

	if (err && !err_is_disk_full(err))
		diag_warn(dir->env->diag, "no reserve for a full disk", "dir=%s error=%s", dir->path, err_name(err));
}

int log_dir_begin_run(struct log_dir *dir)
{
	char path[PATH_SIZE];

	if (log_dir_error(dir))
		return log_dir_error(dir);
	int err = life_forget(dir->env, dir->path);
	if (!err && dir->clean) /* the last process here, whichever it was, ended cleanly */
		err = life_make_witness(dir->env, dir->path);
	if (err)
		return err;
	manifest_remove(dir->env, dir->path);
	path_in(path, dir->path, CLEAN_MARKER);
	err = env_unlink(dir->env, path); /* from here on the manifest describes nothing */
	/* also when it is tried again after the sync has failed */
	if (err == 0 || (err == -ENOENT && dir->clean))
		err = env_sync_dir(dir->env, dir->path);
	if (err && err != -ENOENT)
		return err;
	log_dir_hold_reserve(dir);
	return 0;
}

int log_dir_mark_clean(struct log_dir *dir, int64_t broker_epoch)
{
	char path[PATH_SIZE];
	struct buf text = {0};
	int err = log_dir_error(dir);

	if (!err)
		err = life_end(dir->env, dir->path);
	if (err)
		return err;
	path_in(path, dir->path, CLEAN_MARKER);
	buf_printf(&text, "{\"version\":0,\"brokerEpoch\":%lld}", (long long)broker_epoch);
	err = env_replace_file(dir->env, path, text.p, text.len);
	buf_fini(&text);
	if (!err && dir->n_noted > 0 && !dir->doubtful)
		/* without it the next start only takes longer */
		error_ignored(manifest_write(dir->env, dir->path, path, &dir->noted, dir->n_noted));
	return err;
}

void log_dir_note(struct log_dir *dir, const struct buf *entry)
{
	buf_put(&dir->noted, entry->p, entry->len);
	dir->n_noted++;
}

const struct manifest_log *log_dir_noted(struct log_dir *dir, const char *name)
{
	return manifest_find(dir->manifest, name);
}

/* ---- doubts after a failed sync ---- */

void log_dir_doubt(struct log_dir *dir)
{
	char path[PATH_SIZE];
	struct file *file;

	life_forget(dir->env, dir->path);
	path_in(path, dir->path, DOUBT_FILE);
	int err = env_open(dir->env, path, FILE_WRITE | FILE_CREATE, &file);
	if (!err)
		file_unref(&file);
	else
		diag_warn(dir->env->diag, "the next start cannot be told that a sync has failed",
			  "dir=%s error=%s remedy=\"restart the machine, not the process alone\"", dir->path,
			  err_name(err));
}

bool log_dir_is_doubtful(const struct log_dir *dir)
{
	return dir->doubtful;
}

void log_dir_trust(struct log_dir *dir)
{
	char path[PATH_SIZE];

	if (!dir->doubtful)
		return;
	path_in(path, dir->path, DOUBT_FILE);
	error_ignored(env_unlink(dir->env, path)); /* if it stays, the next start doubts once more */
	dir->doubtful = false;
}

int log_dir_sync(struct log_dir *dir)
{
	int err = log_dir_error(dir);

	if (err)
		return err;
	err = file_sync_disk(dir->lock); /* open since before the first write of this run */
	if (err && err != -EOPNOTSUPP)
		log_dir_fail(dir, err, "syncing", dir->path);
	return err;
}

bool log_dir_cache_is_whole(const struct log_dir *dir, int64_t *since_ms)
{
	*since_ms = dir->life_began_ms;
	return dir->cache_is_whole;
}

bool log_dir_holds(const struct log_dir *dir, const char *path)
{
	struct file_stat its;

	return dir->lock && env_stat(dir->env, path, &its) == 0 && dir->device == its.device;
}

bool log_dir_is_ours(const struct log_dir *dir)
{
	return dir->ours;
}

static int need_witness(struct log_dir *dir)
{
	int err = 0;

	if (!life_is_ours(dir->env, dir->path))
		err = life_make_witness(dir->env, dir->path);
	return err || dir->clean || dir->ours ? err : env_sync_dir(dir->env, dir->path);
}

void log_dir_forget_noted(struct log_dir *dir)
{
	manifest_free(dir->manifest);
	dir->manifest = NULL;
}

void log_dir_vouch(struct log_dir *dir)
{
	dir->cache_is_whole = false;
	if (log_dir_error(dir) || need_witness(dir))
		return;
	if (!dir->doubtful)
		life_begin(dir->env, dir->path);
	if (log_dir_error(dir)) /* it has failed meanwhile */
		life_forget(dir->env, dir->path);
}

/* ---- failing ---- */

int log_dir_error(const struct log_dir *dir)
{
	return __atomic_load_n(&dir->error, __ATOMIC_ACQUIRE);
}

void log_dir_fail(struct log_dir *dir, int err, const char *what, const char *path)
{
	int none = 0;

	check(err != 0);
	if (!__atomic_compare_exchange_n(&dir->error, &none, err, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return;
	log_dir_doubt(dir);
	diag_error(dir->env->diag, "log directory failed and is offline",
		   "dir=%s while=\"%s\" file=%s error=\"%s\" remedy=\"mend the disk, then restart\"", dir->path, what,
		   path, err_name(err));
	struct post *watch = __atomic_exchange_n(&dir->watch, NULL, __ATOMIC_ACQ_REL);
	if (watch)
		loop_post(dir->watch_loop, watch);
}

void log_dir_watch(struct log_dir *dir, struct loop *loop, struct post *post)
{
	dir->watch_loop = loop;
	__atomic_store_n(&dir->watch, post, __ATOMIC_RELEASE);
	if (!log_dir_error(dir))
		return;
	post = __atomic_exchange_n(&dir->watch, NULL, __ATOMIC_ACQ_REL);
	if (post)
		loop_post(loop, post);
}

/* ---- the reserve ---- */

bool log_dir_is_short(const struct log_dir *dir)
{
	return __atomic_load_n(&dir->holder->is_short, __ATOMIC_ACQUIRE);
}

void log_dir_share_reserve(struct log_dir *dir, struct log_dir *holder)
{
	struct disk_space own, its;

	if (log_dir_space(dir, &own) == 0 && log_dir_space(holder, &its) == 0 && own.disk == its.disk)
		dir->holder = holder;
}

bool log_dir_release_reserve(struct log_dir *dir)
{
	char path[PATH_SIZE];
	struct file *file;

	if (!__atomic_exchange_n(&dir->reserve_held, 0, __ATOMIC_ACQ_REL))
		return false;
	__atomic_store_n(&dir->is_short, 1, __ATOMIC_RELEASE); /* before any space becomes free */
	path_in(path, dir->path, RESERVE_FILE);
	/* Truncate first: that frees its blocks even if some process has it open. */
	if (env_open(dir->env, path, FILE_WRITE | FILE_TRUNCATE, &file))
		return false;
	file_unref(&file);
	error_ignored(env_unlink(dir->env, path)); /* it is empty */
	diag_warn(dir->env->diag, "disk full, the reserve is given to the metadata log",
		  "dir=%s bytes=%lld remedy=\"free some space\"", dir->path, (long long)dir->reserve_bytes);
	return true;
}

static int allocate_reserve(struct log_dir *dir)
{
	char path[PATH_SIZE];
	struct file *file;

	path_in(path, dir->path, RESERVE_FILE);
	int err = env_open(dir->env, path, FILE_WRITE | FILE_CREATE, &file);
	if (err)
		return err;
	err = file_allocate(file, dir->reserve_bytes);
	file_unref(&file);
	if (err)
		error_ignored(env_unlink(dir->env, path)); /* if it stays, the next refill goes on with it */
	return err;
}

int log_dir_refill_reserve(struct log_dir *dir)
{
	if (dir->reserve_bytes <= 0 || __atomic_load_n(&dir->reserve_held, __ATOMIC_ACQUIRE) || log_dir_error(dir))
		return 0;
	int err = allocate_reserve(dir);
	if (!err)
		__atomic_store_n(&dir->reserve_held, 1, __ATOMIC_RELEASE);
	bool was_short = __atomic_exchange_n(&dir->is_short, err_is_disk_full(err), __ATOMIC_ACQ_REL);
	if (was_short && !err)
		diag_info(dir->env->diag, "the disk has room again, the reserve is back", "dir=%s", dir->path);
	if (!was_short && err_is_disk_full(err))
		diag_warn(dir->env->diag, "disk full, what is left is the metadata log's",
			  "dir=%s reserve=%lld remedy=\"free some space\"", dir->path, (long long)dir->reserve_bytes);
	return err;
}

/* ---- checkpoints ---- */

int64_t log_dir_checkpointed(const struct log_dir *dir, enum log_checkpoint kind, struct str topic, int32_t partition,
			     int64_t absent)
{
	return checkpoint_find(&dir->checkpoints[kind], topic, partition, absent);
}

void log_checkpoint_init(struct log_checkpoint_writer *w, enum log_checkpoint kind)
{
	*w = (struct log_checkpoint_writer){.kind = kind};
}

void log_checkpoint_add(struct log_checkpoint_writer *w, struct str topic, int32_t partition, int64_t offset)
{
	w->n++;
	buf_printf(&w->lines, "%.*s %d %lld\n", STR_ARG(topic), partition, (long long)offset);
}

int log_checkpoint_write(struct log_checkpoint_writer *w, struct log_dir *dir)
{
	char path[PATH_SIZE];
	struct buf text = {0};
	int err = log_dir_error(dir);

	path_in(path, dir->path, CHECKPOINT_FILES[w->kind]);
	buf_printf(&text, "0\n%d\n", w->n);
	buf_put(&text, w->lines.p, w->lines.len);
	if (!err && !is_on_disk(&dir->on_disk[w->kind], &text)) {
		dir->on_disk[w->kind].known = false;
		err = env_replace_file(dir->env, path, text.p, text.len);
		if (!err)
			note_on_disk(&dir->on_disk[w->kind], text.p, text.len);
	}
	buf_fini(&text);
	buf_fini(&w->lines);
	if (err && !err_passes(err))
		log_dir_fail(dir, err, "writing a checkpoint", path);
	return err;
}

void log_dir_departs(struct log_dir *dir, const char *path)
{
	departed_push(&dir->departed, path, false);
}

struct departed *log_dir_take_departed(struct log_dir *dir)
{
	return departed_take(&dir->departed);
}

void log_dir_settle_departed(struct log_dir *dir, struct departed *v, bool written)
{
	if (!written || log_dir_error(dir)) {
		departed_give_back(&dir->departed, v);
		return;
	}
	int err = departed_settle(dir->env, &dir->departed, v);
	if (err)
		diag_warn(dir->env->diag, "what is left of deleted replicas could not be removed, tried again later",
			  "dir=%s error=%s", dir->path, err_name(err));
}

/* ---- what is in it ---- */

struct dir_scan {
	struct log_dir *dir;
	int (*each)(void *arg, const struct log_dir_entry *);
	void *arg;
};

int log_dir_entry_read(struct log_dir *dir, struct log_dir_entry *e)
{
	char path[PATH_SIZE];

	path_in(path, dir->path, e->name);
	e->future = name_ends(e->name, "-future");
	if (!(e->future ? name_future(e->name, &e->topic, &e->partition)
			: name_replica(e->name, &e->topic, &e->partition))) {
		diag_warn(dir->env->diag, "not a replica's directory, left alone", "path=%s", path);
		return -EINVAL;
	}
	const struct manifest_log *noted = e->future ? NULL : manifest_find(dir->manifest, e->name);
	if (noted) {
		e->topic_id = noted->topic_id;
		return 0;
	}
	int err = partition_metadata_read(dir->env, path, &e->topic_id);
	if (err == -EINVAL)
		diag_warn(dir->env->diag, "partition.metadata unreadable", "dir=%s remedy=\"it is written anew\"",
			  path);
	return err == -EINVAL || err == -ENOENT ? 0 : err;
}

static int scan_replica(struct dir_scan *s, const char *name)
{
	struct log_dir_entry e = {.name = name};
	int err = log_dir_entry_read(s->dir, &e);

	if (err)
		return err == -EINVAL ? 0 : err;
	return s->each(s->arg, &e);
}

static int scan_one(void *arg, const char *name, bool is_dir)
{
	struct dir_scan *s = arg;
	char path[PATH_SIZE];

	if (!is_dir || strcmp(name, "lost+found") == 0 ||
	    (strcmp(name, LIFE_WITNESS) == 0 && life_is_ours(s->dir->env, s->dir->path)))
		return 0;
	path_in(path, s->dir->path, name);
	if (name_ends(name, "-stray") || name_ends(name, "-delete")) {
		bool remove = name_ends(name, "-delete");

		if (remove || departed_is_sign(s->dir->env, s->dir->path, name))
			departed_push(&s->dir->departed, path, remove);
		return 0;
	}
	return scan_replica(s, name);
}

int log_dir_scan(struct log_dir *dir, int (*each)(void *arg, const struct log_dir_entry *), void *arg)
{
	struct dir_scan s = {dir, each, arg};

	return env_list(dir->env, dir->path, scan_one, &s);
}

int log_dir_set_stray(struct log_dir *dir, const struct log_dir_entry *e)
{
	char from[PATH_SIZE];
	char to[PATH_SIZE];

	path_in(from, dir->path, e->name);
	path_of_marked(to, dir->path, e->topic, e->partition, env_random_uuid(dir->env), "-stray");
	diag_warn(dir->env->diag, "replica is in no metadata, kept as stray", "dir=%s now=%s", from, to);
	int err = env_rename(dir->env, from, to);
	if (!err && !e->future)
		log_dir_departs(dir, to);
	return err;
}

int log_dir_space(struct log_dir *dir, struct disk_space *out)
{
	return env_space(dir->env, dir->path, out);
}
