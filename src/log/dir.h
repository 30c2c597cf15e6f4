/*
 * dir: one of the log.dirs: its identity, its lock, its checkpoints, whether it still works.
 *
 *   meta.properties                      cluster, node and directory id (v1 written; v0 read)
 *   .lock                                an fcntl lock while a process of either kind uses the directory
 *   .kafka_cleanshutdown                 there from a clean stop until the next start
 *   recovery-point-offset-checkpoint     what is on the platter, per replica
 *   log-start-offset-checkpoint          where logs start, where that is not their first segment
 *   replication-offset-checkpoint        high watermarks
 *   cleaner-offset-checkpoint            up to where logs were compacted
 *   odradek.sync-failed                  until all logs have been loaded since: what the page cache has of them may be on no platter
 *   odradek.life  odradek.life-0.0-delete/  until a clean stop: that the page cache can be believed after a kill, and that Kafka was not here (life.h)
 *   odradek.reserve                      room that a full disk gives up for the metadata log (a plain file: Kafka
 *   skips it)
 *   <topic>-<partition>/                 a replica, see log.h
 *
 * 1. Checkpoints are replaced whole: written aside, synced, renamed, the directory synced. Unreadable ones are named
 *    in a diag line and count as empty: what they say can be found again from the logs.
 * 2. A directory that has failed (a write or sync error other than a full disk) stays offline until the process ends;
 *    nothing in it is written again. The first failure wins.
 * 3. A directory without meta.properties is used only when it is empty of replicas.
 *
 * Threads: log_dir_error and log_dir_fail from any; the rest from the one that starts or stops the node, or inside a
 * job: all of it blocks.
 */
#ifndef ODRADEK_LOG_DIR_H
#define ODRADEK_LOG_DIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/uuid.h"
#include "env/env.h"

/* ---- meta.properties ---- */

struct meta_properties {
	int version;		  /* 0 or 1; as read */
	char cluster_id[64];	  /* "" = absent */
	int32_t node_id;	  /* -1 = absent */
	struct uuid directory_id; /* zero = absent */
};

/* 0; -ENOENT when there is none; -EINVAL with a line in `why` (xmalloc'd) when it cannot be used. */
int meta_properties_read(struct env *env, const char *dir, struct meta_properties *out, char **why);
int meta_properties_write(struct env *env, const char *dir, const struct meta_properties *m);

/* ---- opening ---- */

struct log_dir;

struct log_dir_options {
	const char *path;
	int64_t reserve_bytes; /* kept free for the metadata log; 0 = none */
};

/*
 * Takes the lock and reads meta.properties and the checkpoints. 0; -EAGAIN when another process holds the lock;
 * -EINVAL with a message for people in *why (xmalloc'd); other errnos. The directory is made when it is not there.
 */
int log_dir_open(struct env *env, const struct log_dir_options *options, struct log_dir **out, char **why);
/* A directory that could not be opened, in the place of one that could: it has failed with err, and is nobody's. */
struct log_dir *log_dir_new_offline(struct env *env, const char *path, int err);
/* Lets go of the lock. All logs in it must be gone. */
void log_dir_free(struct log_dir *);

struct env *log_dir_env(struct log_dir *);
const char *log_dir_path(const struct log_dir *);
bool log_dir_is_formatted(const struct log_dir *);
/* 1 when some replica in it has a segment, 0 when none has, or a negated errno. */
int log_dir_has_logs(struct log_dir *);
const struct meta_properties *log_dir_meta(const struct log_dir *);
/* Writes meta.properties (version 1). */
int log_dir_format(struct log_dir *, const struct meta_properties *m);

/* Was the last stop clean? Tells the broker epoch of then, -1 when it is not known. Valid after log_dir_open. */
bool log_dir_was_clean(const struct log_dir *, int64_t *broker_epoch);
/* Fills the reserve, where it is not there: before the metadata log is opened, which may need it. */
void log_dir_hold_reserve(struct log_dir *);
/*
 * Removes the marker, before the first write of this run, and fills the reserve. A stop without log_dir_mark_clean is
 * unclean from here on.
 */
int log_dir_begin_run(struct log_dir *);
/*
 * All that was written in it, and beside it on its filesystem, is on the platter. 0; -EOPNOTSUPP where the system does not promise that; any
 * other error takes the directory offline, as a failed sync does. Blocks.
 */
int log_dir_sync(struct log_dir *);
/* After every log was closed and the checkpoints are written. */
int log_dir_mark_clean(struct log_dir *, int64_t broker_epoch);

/* What sealed batches in it are opened and sealed with (atrest/keys.h); NULL, as at first: no keys. Before the first log. */
struct atrest_keys;
void log_dir_set_keys(struct log_dir *, const struct atrest_keys *keys);
const struct atrest_keys *log_dir_keys(const struct log_dir *);
/* What has become of batches that are encrypted, since the start. By any thread. */
enum log_dir_sealed { LOG_DIR_SEALED, LOG_DIR_OPENED, LOG_DIR_SEAL_FAILED, LOG_DIR_SEALED_COUNTS };
void log_dir_count_sealed(struct log_dir *, enum log_dir_sealed what);
int64_t log_dir_sealed(const struct log_dir *, enum log_dir_sealed what);
/* May a line about keys or sealed batches be written now? One in ten seconds: readers ask again and again. From any thread. */
bool log_dir_may_tell(struct log_dir *);

/* ---- failing ---- */

/* 0 while it works, else the errno it failed with (as -EIO). */
int log_dir_error(const struct log_dir *);
/* One error line, then offline for good; posts `watch` once. */
void log_dir_fail(struct log_dir *, int err, const char *what, const char *path);
/*
 * After a sync that has failed the kernel takes the pages for clean (Rebello et al., "Can Applications Recover from fsync Failures?", ATC
 * 2020): read from the cache they look right, and the next sync writes nothing. So the next process writes what lies past the recovery points
 * again before it believes it. log_dir_doubt tells it so, by a file, from any thread; a power cut makes it true again by itself.
 */
void log_dir_doubt(struct log_dir *);
bool log_dir_is_doubtful(const struct log_dir *); /* since it was opened; from any thread */
/* All its logs were written again. */
void log_dir_trust(struct log_dir *);
/*
 * Is all seen that the last process wrote, though it did not end cleanly (life.h)? Since when it wrote, by the filesystem's clock. From
 * log_dir_open to log_dir_vouch; from any thread.
 */
bool log_dir_cache_is_whole(const struct log_dir *, int64_t *since_ms);
/* Is it on the filesystem of the directory itself? A replica may be a link, or have a filesystem mounted on it. From any thread; blocks. */
bool log_dir_holds(const struct log_dir *, const char *path);
/* Whoever wrote here last was Odradek, after a power cut too (life.h): what no checkpoint knows is of its making. As it was at log_dir_open. */
bool log_dir_is_ours(const struct log_dir *);
/* All its logs are loaded, and whole: the next process may believe what is written from here on, as long as no write or sync fails. */
void log_dir_vouch(struct log_dir *);
/* `post` is given to the loop once, when the directory fails (at once when it has). */
void log_dir_watch(struct log_dir *, struct loop *loop, struct post *post);

/*
 * A full disk: the reserve is given up for whoever writes the metadata log. True when there was something to give. What becomes free is
 * the metadata log's alone: until the reserve is there again nothing else is appended to on this disk.
 */
bool log_dir_release_reserve(struct log_dir *);
/* Tries to have it again; call it now and then (a job). */
int log_dir_refill_reserve(struct log_dir *);
/* Another directory holds the reserve; matters only when it is on the same disk. Before the first append. */
void log_dir_share_reserve(struct log_dir *, struct log_dir *holder);
/* Is what is left of the disk the metadata log's? From any thread. */
bool log_dir_is_short(const struct log_dir *);

/* ---- checkpoints ---- */

enum log_checkpoint {
	CHECKPOINT_RECOVERY_POINT,
	CHECKPOINT_LOG_START,
	CHECKPOINT_HIGH_WATERMARK,
	CHECKPOINT_CLEANER,
	CHECKPOINT_KINDS
};

/* What a checkpoint said at log_dir_open; `absent` where it says nothing. */
int64_t log_dir_checkpointed(const struct log_dir *, enum log_checkpoint kind, struct str topic, int32_t partition,
			     int64_t absent);

/* Lines for a new checkpoint file: init, add, write (one job at a time; frees the entries; what the file says already is not written). */
struct log_checkpoint_writer {
	enum log_checkpoint kind;
	int32_t n;
	struct buf lines;
};

/*
 * A replica has left its name (departed.h); it lies at `path` now. From any thread. Who writes all checkpoints takes what has departed
 * before gathering, and settles it afterwards.
 */
struct departed;
void log_dir_departs(struct log_dir *, const char *path);
struct departed *log_dir_take_departed(struct log_dir *);
void log_dir_settle_departed(struct log_dir *, struct departed *v, bool written);

void log_checkpoint_init(struct log_checkpoint_writer *w, enum log_checkpoint kind);
void log_checkpoint_add(struct log_checkpoint_writer *w, struct str topic, int32_t partition, int64_t offset);
int log_checkpoint_write(struct log_checkpoint_writer *w, struct log_dir *dir);

/* ---- what is in it ---- */

struct log_dir_entry {
	const char *name; /* of the directory */
	struct str topic;
	int32_t partition;
	struct uuid topic_id; /* of partition.metadata; zero when there is none */
	bool future;	      /* on its way to this directory (KIP-113) */
};

/*
 * Calls each() for every replica's directory, __cluster_metadata-0 among them. Directories that end in -delete have departed, and are
 * removed when that is settled; those that end in -stray are left alone. each() != 0 ends it and is returned.
 */
int log_dir_scan(struct log_dir *, int (*each)(void *arg, const struct log_dir_entry *), void *arg);
/* The same of one directory, by e->name. -EINVAL: it is no replica's. */
int log_dir_entry_read(struct log_dir *, struct log_dir_entry *e);
/* Renames a replica that is in no metadata to <topic>-<partition>.<id>-stray; it is kept. */
int log_dir_set_stray(struct log_dir *, const struct log_dir_entry *);

/* For DescribeLogDirs. */
int log_dir_space(struct log_dir *, struct disk_space *out);

#endif
