/*
 * dir: one of the log.dirs: its identity, its lock, its checkpoints, and whether it still works.
 *
 *   meta.properties                      cluster, node and directory id (v1 is written; v0 is read as well)
 *   .lock                                an fcntl lock while a process, ours or Kafka's, uses the directory
 *   .kafka_cleanshutdown                 exists from a clean stop until the next start
 *   recovery-point-offset-checkpoint     what is on the platter, per replica
 *   log-start-offset-checkpoint          start offsets of logs that do not start at their first segment
 *   replication-offset-checkpoint        high watermarks
 *   cleaner-offset-checkpoint            up to where logs were compacted
 *   odradek.sync-failed                  a sync has failed, and not all logs have been loaded since: what the page
 *                                        cache shows may not be on the platter
 *   odradek.life                         while running: the page cache can be believed after a kill (life.h)
 *   odradek.life-0.0-delete/             while running: Kafka was not here (life.h)
 *   odradek.manifest                     exists from a clean stop until the next start, which need not open the
 *                                        logs that it describes (manifest.h)
 *   odradek.reserve                      space that is given up for the metadata log when the disk is full (a plain
 *                                        file, which Kafka ignores)
 *   <topic>-<partition>/                 a replica, see log.h
 *
 * 1. Checkpoints are replaced atomically: written aside, synced, renamed, and the directory synced.
 *    An unreadable one is named in a log line and counts as empty: its contents can be recovered
 *    from the logs.
 * 2. A directory that has failed (a write or sync error other than a full disk) stays offline until
 *    the process ends; nothing in it is written again. The first failure is the one that is kept.
 * 3. A directory without meta.properties is used only when it holds no replicas.
 *
 * Threads: log_dir_error and log_dir_fail may be called from any thread, and so may functions that
 * say so; the rest from the thread that starts or stops the node, or inside a job, since all of it
 * blocks.
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

/*
 * Returns 0; -ENOENT when there is no such file; -EINVAL, with a line in `why` (xmalloc'd), when it
 * cannot be used.
 */
int meta_properties_read(struct env *env, const char *dir, struct meta_properties *out, char **why);
int meta_properties_write(struct env *env, const char *dir, const struct meta_properties *m);

/* ---- opening ---- */

struct log_dir;

struct log_dir_options {
	const char *path;
	int64_t reserve_bytes; /* kept free for the metadata log; 0 = no reserve */
};

/*
 * Takes the lock and reads meta.properties and the checkpoints; creates the directory if it does
 * not exist. 0; -EAGAIN when another process holds the lock; -EINVAL with a message for the
 * operator in *why (xmalloc'd); other errnos.
 */
int log_dir_open(struct env *env, const struct log_dir_options *options, struct log_dir **out, char **why);
/* Stands in for a directory that could not be opened: it has failed with err, and no lock is held. */
struct log_dir *log_dir_new_offline(struct env *env, const char *path, int err);
/* Releases the lock. All logs in the directory must have been freed. */
void log_dir_free(struct log_dir *);

struct env *log_dir_env(struct log_dir *);
const char *log_dir_path(const struct log_dir *);
/* For the hash tables of all its logs; drawn when it was opened. */
uint64_t log_dir_seed(const struct log_dir *);
bool log_dir_is_formatted(const struct log_dir *);
/* Returns 1 when a replica in it has a segment, 0 when none has, or a negated errno. */
int log_dir_has_logs(struct log_dir *);
const struct meta_properties *log_dir_meta(const struct log_dir *);
/* Writes meta.properties (version 1). */
int log_dir_format(struct log_dir *, const struct meta_properties *m);

/*
 * Was the last stop clean? Also returns the broker epoch at that time, -1 when it is not known.
 * Valid after log_dir_open.
 */
bool log_dir_was_clean(const struct log_dir *, int64_t *broker_epoch);
/* Fills the reserve if it is missing. Call it before the metadata log is opened, which may need it. */
void log_dir_hold_reserve(struct log_dir *);
/*
 * Removes the clean-stop marker, before the first write of this run, and fills the reserve. From
 * here on, a stop without log_dir_mark_clean is unclean.
 */
int log_dir_begin_run(struct log_dir *);
/*
 * Puts everything written in the directory, and elsewhere on its filesystem, on the platter. 0;
 * -EOPNOTSUPP where the system does not promise that; any other error takes the directory offline,
 * as a failed sync does. Blocks.
 */
int log_dir_sync(struct log_dir *);
/* Call it after every log was closed and the checkpoints were written. Also writes what was noted. */
int log_dir_mark_clean(struct log_dir *, int64_t broker_epoch);
/*
 * Adds a copy of what log_note has said about one log to the manifest of this stop. From one thread
 * at a time, before log_dir_mark_clean.
 */
void log_dir_note(struct log_dir *, const struct buf *entry);
/*
 * What the manifest of the last clean stop says about the log in a directory of this name; NULL:
 * nothing, or the directory has been changed since. Valid until log_dir_forget_noted; from any thread, one
 * at a time for each name.
 */
struct manifest_log;
const struct manifest_log *log_dir_noted(struct log_dir *, const char *name);
/* Every log is loaded, or will be loaded in another way. */
void log_dir_forget_noted(struct log_dir *);

/*
 * The keys that open and seal batches in this directory (atrest/keys.h); NULL (the default): no
 * keys. Set them before the first log.
 */
struct atrest_keys;
void log_dir_set_keys(struct log_dir *, const struct atrest_keys *keys);
const struct atrest_keys *log_dir_keys(const struct log_dir *);
/*
 * Everything appended in this directory is sealed, whatever the topic says, except for the metadata
 * log (odradek.log.encryption.dirs). Call it before the first log is opened.
 */
void log_dir_seal_all(struct log_dir *);
bool log_dir_seals(const struct log_dir *);
/*
 * Counts of encrypted batches since the start, by outcome. LATE: sealed under the log's lock,
 * because another batch was appended after it was sealed ahead (sealing.h). From any thread.
 */
enum log_dir_sealed { LOG_DIR_SEALED, LOG_DIR_SEALED_LATE, LOG_DIR_OPENED, LOG_DIR_SEAL_FAILED, LOG_DIR_SEALED_COUNTS };
void log_dir_count_sealed(struct log_dir *, enum log_dir_sealed what);
int64_t log_dir_sealed(const struct log_dir *, enum log_dir_sealed what);
/*
 * May a line about keys or sealed batches be logged now? Limits them to one in ten seconds, because
 * readers retry again and again. From any thread.
 */
bool log_dir_may_tell(struct log_dir *);

/* ---- failing ---- */

/* 0 while it works, else the errno with which it failed (such as -EIO). */
int log_dir_error(const struct log_dir *);
/* Logs one error line, then the directory is offline for good; posts `watch` once. */
void log_dir_fail(struct log_dir *, int err, const char *what, const char *path);
/*
 * After a failed sync the kernel takes the pages for clean (Rebello et al., "Can Applications
 * Recover from fsync Failures?", ATC 2020): read from the cache they look right, and the next sync
 * writes nothing. The next process must therefore rewrite what lies past the recovery points before
 * it believes it. log_dir_doubt leaves a file that says so; from any thread. The file is not
 * synced: after a power cut, what is read is what is on the platter.
 */
void log_dir_doubt(struct log_dir *);
bool log_dir_is_doubtful(const struct log_dir *); /* since it was opened; from any thread */
/* All its logs were rewritten: the doubt is over. */
void log_dir_trust(struct log_dir *);
/*
 * Is everything visible that the last process wrote, although it did not end cleanly (life.h)?
 * *since_ms is when that process began to write, by the filesystem's clock. Valid from log_dir_open
 * to log_dir_vouch; from any thread.
 */
bool log_dir_cache_is_whole(const struct log_dir *, int64_t *since_ms);
/*
 * Is `path` on the same filesystem as the directory itself? A replica may be a link, or a mount
 * point. From any thread; blocks.
 */
bool log_dir_holds(const struct log_dir *, const char *path);
/*
 * Was Odradek the last to write here, even if a power cut followed (life.h)? Then any log that no
 * checkpoint knows is ours. As it was at log_dir_open.
 */
bool log_dir_is_ours(const struct log_dir *);
/*
 * All its logs are loaded and whole: the next process may believe what is written from here on, as
 * long as no write or sync fails.
 */
void log_dir_vouch(struct log_dir *);
/* Posts `post` to the loop once, when the directory fails (at once if it already has). */
void log_dir_watch(struct log_dir *, struct loop *loop, struct post *post);

/*
 * On a full disk: gives up the reserve for the metadata log. True when there was a reserve to give
 * up. The freed space belongs to the metadata log alone: until the reserve is filled again, nothing
 * else is appended to on this disk.
 */
bool log_dir_release_reserve(struct log_dir *);
/* Tries to fill the reserve again. To be called now and then, in a job. */
int log_dir_refill_reserve(struct log_dir *);
/*
 * Another directory holds the reserve; this matters only when it is on the same disk. Before the
 * first append.
 */
void log_dir_share_reserve(struct log_dir *, struct log_dir *holder);
/* Is the remaining disk space kept for the metadata log? From any thread. */
bool log_dir_is_short(const struct log_dir *);

/* ---- checkpoints ---- */

enum log_checkpoint {
	CHECKPOINT_RECOVERY_POINT,
	CHECKPOINT_LOG_START,
	CHECKPOINT_HIGH_WATERMARK,
	CHECKPOINT_CLEANER,
	CHECKPOINT_KINDS
};

/* What a checkpoint contained at log_dir_open; `absent` where it has no entry. */
int64_t log_dir_checkpointed(const struct log_dir *, enum log_checkpoint kind, struct str topic, int32_t partition,
			     int64_t absent);

/*
 * Writes a new checkpoint file: init, add, write. Write frees the entries and writes nothing if the
 * file already has this content. One job at a time.
 */
struct log_checkpoint_writer {
	enum log_checkpoint kind;
	int32_t n;
	struct buf lines;
};

/*
 * A replica has given up its name (departed.h); it now lies at `path`. From any thread. The writer
 * of all checkpoints takes the departed before gathering entries, and settles them afterwards.
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
	const char *name; /* of its directory */
	struct str topic;
	int32_t partition;
	struct uuid topic_id; /* from partition.metadata; zero when it has none */
	bool future;	      /* being moved to this directory (KIP-113) */
};

/*
 * Calls each() for every replica directory, __cluster_metadata-0 included. Directories that end in
 * -delete count as departed, and are removed when that is settled; those that end in -stray are
 * left alone. If each() returns non-zero, the scan ends and returns that value.
 */
int log_dir_scan(struct log_dir *, int (*each)(void *arg, const struct log_dir_entry *), void *arg);
/* The same for one directory, named by e->name. -EINVAL: it is not a replica's. */
int log_dir_entry_read(struct log_dir *, struct log_dir_entry *e);
/* Renames a replica that is not in the metadata to <topic>-<partition>.<id>-stray; its files are kept. */
int log_dir_set_stray(struct log_dir *, const struct log_dir_entry *);

/* For DescribeLogDirs. */
int log_dir_space(struct log_dir *, struct disk_space *out);

#endif
