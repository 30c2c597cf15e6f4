/*
 * log: the log of one partition, as Apache Kafka 4.4 lays it out, file for file.
 *
 *   <dir>/<topic>-<partition>/
 *     partition.metadata            the topic id; written before anything else
 *     %020d.log                     record batches; the name is the first offset
 *     %020d.index  .timeindex       offset -> position, timestamp -> offset (index.h)
 *     %020d.txnindex                aborted transactions; only where there are any
 *     %020d.snapshot                producer state up to that offset (producers.h)
 *     leader-epoch-checkpoint       where each leader epoch began (epochs.h)
 *     odradek.sealed                an empty file: some batches may be sealed (sealed.h)
 *     *.deleted                     files about to be removed
 *     *.set-aside                   whole batches found behind a bad one: set aside by recovery, not served
 *
 * Invariants
 * 1. log start <= high watermark <= end; last stable offset <= high watermark; flushed end <= end.
 * 2. Bytes of a segment, once readable, are never overwritten. They disappear by unlink or by
 *    truncation. After a truncation that a reader may still be looking at, appends go to a new
 *    segment, so that a send in flight cannot carry other bytes than it was given.
 * 3. An append that fails has changed nothing: neither state nor bytes below the end
 *    (log_append_as_follower may have appended some of its batches). A full disk
 *    (ERR_KAFKA_STORAGE_ERROR, -ENOSPC inside) heals by itself; any other write error takes the
 *    whole directory offline (dir.h).
 * 4. A replica without records has no file and no directory, and takes a few hundred bytes of
 *    memory.
 * 5. The recovery point, which is the checkpointed flushed end, never passes what has been synced:
 *    data, indexes, epochs and snapshots.
 *
 * Threads: there are no locks inside. A log is used under its partition's lock, for page-cache work
 * only. Work that may wait is a job: a struct is filled under the lock, run without it on any
 * thread (xxx_run, for env_work), and handed back under the lock (xxx_end). Jobs hold their own
 * references and never look at the log.
 */
#ifndef ODRADEK_LOG_LOG_H
#define ODRADEK_LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/uuid.h"
#include "compress/compress.h"
#include "config/topic_config.h"
#include "env/env.h"
#include "log/dir.h"
#include "log/sealed.h"
#include "log/validate.h"

struct log;
struct records;

struct log_id {
	struct str topic;
	int32_t partition;
	struct uuid topic_id;
	bool is_found; /* topic_id was just read from the directory's partition.metadata, which is not read again */
};

/* ---- creation and end ---- */

/* An empty log: nothing is on disk until the first append. `config` is used until log_configure or the end. */
struct log *log_new(struct log_dir *dir, const struct log_id *id, const struct topic_config *config);

struct log_load_progress {
	struct str topic;
	int32_t partition;
	int64_t bytes_done;
	int64_t bytes_total;
};

struct log_load {
	bool clean;			/* the directory was left by a clean stop */
	int64_t producer_expiration_ms; /* producer.id.expiration.ms */
	/*
	 * Called about once a second during a long load; may be NULL. Returning false stops the
	 * load, and the log is unread (-ECANCELED).
	 */
	bool (*progress)(void *arg, const struct log_load_progress *);
	void *arg;
};

/*
 * Reads what is on disk for a log from log_new, recovering it after an unclean stop. Blocks: a job;
 * many may run at the same time. 0 (also when there is no directory yet), or a negated errno: the
 * directory `dir` has then failed, unless the error is a passing one (a full disk, a lack of
 * descriptors), in which case the log is unread.
 */
int log_load(struct log *, const struct log_load *how);

/*
 * The state of a log after loading, which a full disk may have cut short. A log that is not whole
 * must be loaded once more, as another struct log, while nobody uses this one. Until then a
 * read-only log can be read; an unread one cannot.
 */
enum log_standing {
	LOG_WHOLE,
	LOG_READ_ONLY, /* an index could not be written: nothing is appended, flushed or closed cleanly */
	LOG_UNREAD,    /* the content is missing or cannot be trusted; its files must be read again */
};

enum log_standing log_standing(const struct log *);
/* Frees the log; its files stay as they are (as after a crash, if it was not closed). */
void log_free(struct log *);

/*
 * Closes it cleanly: writes the last time index entry, the producer snapshot and the epochs, and
 * syncs everything. Blocks: a job, run when nobody else uses the log. log_free comes after it.
 */
int log_close(struct log *);

/*
 * The same for many logs, which share their syncs: log_close_write for each; log_dir_sync;
 * log_close_rename for each; log_dir_sync again, if any file was renamed; log_close_end for each.
 * The flushed end does not move before log_close_end, and until then log_close may be called
 * instead. It must be called if log_close_write fails: -EXDEV if the log is on another filesystem
 * than its directory.
 */
int log_close_write(struct log *);
int log_close_rename(struct log *, bool *renamed); /* false: this log needs no second sync */
void log_close_end(struct log *);
/* True when there is nothing to write and nothing to sync. */
bool log_is_closed(const struct log *);

/*
 * After a clean close: adds what the next load would find out to `out`, for log_dir_note. False,
 * with nothing added, where that cannot be said in advance. Blocks, like log_close.
 */
bool log_note(struct log *, struct buf *out);

void log_configure(struct log *, const struct topic_config *config);
const struct topic_config *log_config(const struct log *);
struct log_dir *log_dir(const struct log *);
struct str log_topic(const struct log *);
int32_t log_partition(const struct log *);
int64_t log_size(const struct log *); /* bytes of all segments */
int log_segments(const struct log *);
int log_producer_count(const struct log *); /* producers with state in the log */
/* When the producer of the oldest open transaction last wrote, by its own timestamps; -1: none is open. */
int64_t log_open_since_ms(const struct log *);

/* ---- offsets, all read by one call ---- */

struct log_offsets {
	int64_t start;
	int64_t stable; /* last stable offset: high watermark, or the first offset of the oldest open transaction */
	int64_t high_watermark;
	int64_t end;	     /* the next offset */
	int64_t flushed_end; /* everything below it is synced; the recovery point */
	int32_t last_epoch;  /* -1 without records and epochs */
};

struct log_offsets log_offsets(const struct log *);
/* Clamped to [start, end]. It never moves back except by truncation. */
void log_set_high_watermark(struct log *, int64_t offset);
/*
 * DeleteRecords. *moved: the start has moved. ERR_OFFSET_OUT_OF_RANGE beyond the high watermark.
 * The next log_retain removes the segments below.
 */
int log_set_start(struct log *, int64_t offset, bool *moved);

/* ---- appending ---- */

struct log_appended {
	int64_t base_offset; /* for a duplicate: where it was first written */
	int64_t last_offset;
	int64_t log_append_time_ms; /* -1 unless LogAppendTime */
	int64_t log_start;
	bool duplicate; /* nothing was written */
	/* a segment was rolled or flush.messages was reached: start a log_flush when convenient */
	bool wants_flush;
	bool flush_before_ack; /* flush.messages was reached: answer only when flushed_end > last_offset */
};

struct verification_question;
/*
 * Before this producer's first batch of a transaction, asks whether its coordinator must be asked:
 * *guard then goes into the batch's info. *guard 0: not necessary, the transaction is open here.
 * Returns 0 or ERR_INVALID_PRODUCER_EPOCH.
 */
int log_verify(struct log *, const struct verification_question *q, int64_t now_ms, uint64_t *guard);

/*
 * Appends one checked batch as leader: sequence check, base offset and leader epoch set in place,
 * one write. 0 and *out, or a Kafka error (ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
 * ERR_INVALID_PRODUCER_EPOCH, ERR_INVALID_TXN_STATE, ERR_RECORD_LIST_TOO_LARGE,
 * ERR_TRANSACTION_COORDINATOR_FENCED, ERR_KAFKA_STORAGE_ERROR), or -EMFILE and the like.
 */
int log_append(struct log *, uint8_t *batch, const struct batch_info *info, int32_t leader_epoch, int64_t now_ms,
	       struct log_appended *out);

/*
 * Appends batches whose offsets and epochs are set: for replication and the raft log. p[0..len)
 * holds whole batches. CRC and structure are checked here; attributes without a meaning in Kafka
 * are cleared. A batch of a later epoch than leader_epoch ends the append before it. 0;
 * ERR_CORRUPT_MESSAGE; ERR_INVALID_RECORD when the first offset is below the end (Kafka's
 * UnexpectedAppendOffset); storage errors as above. After an error, batches before the one at fault
 * may have been appended: they were if out->base_offset is no longer what the caller put there.
 */
int log_append_as_follower(struct log *, const void *p, size_t len, int32_t leader_epoch, int64_t now_ms,
			   struct log_appended *out);

/* The same for batches that were sealed ahead (sealing.h); `ahead` NULL: none were. */
struct sealing;
int log_append_as_sealed(struct log *, uint8_t *batch, const struct batch_info *info, int32_t leader_epoch,
			 int64_t now_ms, const struct sealing *ahead, struct log_appended *out);
int log_append_replicated_as_sealed(struct log *, const void *p, size_t len, int32_t leader_epoch, int64_t now_ms,
				    const struct sealing *ahead, struct log_appended *out);

/* A new leader epoch begins at the end of the log (for a replica that becomes leader). */
void log_begin_epoch(struct log *, int32_t epoch);

/* ---- reading ---- */

struct log_read {
	int64_t offset;
	int32_t max_bytes;
	bool min_one_message; /* return the first batch whole even if it is larger than max_bytes (KIP-74) */
	int64_t upto_offset;  /* exclusive: high watermark, last stable offset or end */
	bool nowait;	      /* return -EAGAIN rather than wait for the disk */
	/* upper limit of max_bytes in a log with sealed batches, which are opened in memory; 0 = no limit */
	int32_t sealed_max;

	int64_t next_offset;	 /* the offset after what was found */
	bool is_older;		 /* what was read is in an earlier segment than upto_offset */
	struct sealed_at sealed; /* any: the range must be read by sealed_read (sealed.h), and by nothing else */
};

/* Pages that are not in memory: read them in a job (log_cold_run), then read again. */
struct log_cold {
	struct file *file;
	int64_t pos;
	int64_t len;
};

/*
 * Names the range of a segment that answers a read: whole batches, of which the first contains
 * `offset` (it may begin before it) or is the first one after it. The range never goes beyond
 * upto_offset or one segment. out->len is 0 when offset >= upto_offset or nothing fits. The file is
 * referenced: file_unref it. May lower r->max_bytes. 0; ERR_OFFSET_OUT_OF_RANGE outside [start,
 * end]; -EAGAIN and *cold with nowait; storage errors.
 */
int log_read(struct log *, struct log_read *r, struct records *out, struct log_cold *cold);
int log_cold_run(struct log_cold *); /* blocks; releases the file */

struct aborted_txn {
	int64_t producer_id;
	int64_t first_offset;
};

struct aborted_query {
	int64_t from;
	int64_t upto; /* exclusive */
	struct arena *arena;
};

/*
 * The aborted transactions that overlap [from, upto), by first offset, in the arena. 0; storage
 * errors; with `cold`, -EAGAIN rather than a wait for the disk.
 */
int log_aborted(struct log *, const struct aborted_query *q, struct aborted_txn **v, int *n, struct log_cold *cold);

/* ---- offsets by time ---- */

/*
 * Filled under the lock, run without it, then read; there is no end call. lookup_fini releases the
 * files (run does not).
 */
struct log_lookup {
	int64_t timestamp; /* what is looked for; LOOKUP_MAX_TIMESTAMP = the offset of the largest timestamp */
	int64_t start;
	int64_t upto;
	struct file *log_file;
	struct file *index_file;
	struct file *time_file;
	int64_t base_offset;
	int64_t size;
	int64_t index_size;
	int64_t time_size;
	struct sealed_at sealed;
	char *topic;		 /* for log lines; NULL where nothing is sealed */
	int64_t found_offset;	 /* -1 = none */
	int64_t found_timestamp; /* -1 = none */
	int32_t found_epoch;	 /* -1 = none */
	int error;
};

#define LOOKUP_MAX_TIMESTAMP (-3)

/*
 * Returns 0; the answer may already be there (log_file NULL). upto is exclusive: records at or
 * beyond it are not found.
 */
int log_lookup_begin(struct log *, int64_t timestamp, int64_t upto, struct log_lookup *out);
int log_lookup_run(struct log_lookup *, struct codecs *); /* blocks; also stores the error */
void log_lookup_fini(struct log_lookup *);

/* ---- leader epochs (KIP-101, KIP-279) ---- */

struct epoch_end {
	int32_t epoch; /* -1 = unknown */
	int64_t end_offset;
};

/* OffsetForLeaderEpoch: the largest epoch <= the requested one, and where it ended. */
struct epoch_end log_epoch_end(const struct log *, int32_t epoch);
/* The epoch of the record at `offset`; -1 when not known. */
int32_t log_epoch_of(const struct log *, int64_t offset);

/* ---- truncation ---- */

int log_truncate_to(struct log *, int64_t offset);	 /* drops the records at and beyond offset */
int log_truncate_fully_at(struct log *, int64_t offset); /* drops everything; the log then starts and ends at offset */

/* ---- flushing: group commit ---- */

/*
 * One flush of one log, in the caller's memory (a partition has one at a time). log_flush_begin is
 * called under the lock; false when everything up to `upto` is flushed or there is nothing to do.
 * Then log_flusher_add, on the flusher's loop: its jobs sync many logs. In done(): take the lock,
 * call log_flush_end, and look at log_offsets().flushed_end.
 */
struct log_flush {
	struct log_flush *next;
	void (*done)(struct log_flush *);
	struct log_dir *dir;
	struct file **files; /* to sync, in order */
	int n_files;
	int cap_files;
	char *dir_path; /* to sync as well, or NULL */
	bool own_name;	/* also sync the replica's own name */
	char *epochs;	/* a new leader-epoch-checkpoint, or NULL */
	int64_t upto;
	int error;
	bool sync_failed; /* a sync itself failed: what it covered may be lost, whatever the errno */
	/* Of the flusher. */
	bool on_dirs_disk; /* the replica is on the filesystem of its log directory */
	bool disk_synced;  /* in a group: what is left is log_flush_run_synced */
};

#define LOG_FLUSH_ALL INT64_MAX

bool log_flush_begin(struct log *, int64_t upto, struct log_flush *f);
/* Blocks: what the flusher's job does for one flush; the second, after a sync of the whole filesystem. */
void log_flush_run(struct log_flush *f);
void log_flush_run_synced(struct log_flush *f);
/*
 * Moves flushed_end, or takes the directory offline, unless the log was deleted meanwhile. Returns
 * f->error. f may be used again.
 */
int log_flush_end(struct log *, struct log_flush *f);
void log_flush_fini(struct log_flush *f);
/* When the next flush by flush.ms is due, on env_mono_ms's clock; INT64_MAX = never. */
int64_t log_flush_due_ms(const struct log *);

/*
 * The recovery point, for the checkpoint of its directory: begin returns what is to be written; end
 * says that it was written, durably. -1: the log gets no entry.
 */
int64_t log_begin_checkpoint(struct log *);
void log_end_checkpoint(struct log *);
/*
 * True when the log was truncated below its checkpointed recovery point. A new checkpoint must then
 * be written before anything is appended; otherwise the next start would trust what it must verify.
 */
bool log_checkpoint_is_ahead(const struct log *);
/*
 * `log` is `old`, loaded once more in the same run: takes over its checkpointed recovery point,
 * which may have been written since the directory was opened.
 */
void log_recall_checkpoint(struct log *log, const struct log *old);

/*
 * Runs the flushes of one loop in a few parallel jobs; when many wait, one sync of their filesystem
 * serves all of them. Owner: its loop.
 */
struct log_flusher;
struct log_flusher *log_flusher_new(struct loop *loop);
void log_flusher_free(struct log_flusher *); /* only when idle */
void log_flusher_add(struct log_flusher *, struct log_flush *f);

/* ---- retention and deletion ---- */

/*
 * Files to be removed: already renamed, so that their names are free. log_deletion_finish unlinks
 * them; call it after delay_ms. It blocks: a job.
 */
struct log_deletion {
	struct env *env;
	char **paths;
	int n;
	int cap;
	char *dir; /* the directory of a whole replica */
	int64_t delay_ms;
};

/*
 * Rolls, and takes out what retention.ms, retention.bytes and the log start allow, a few segments
 * at a time: call it again until *out is NULL. Nothing is removed while the log is being cleaned.
 */
int log_retain(struct log *, int64_t now_ms, struct log_deletion **out);
/*
 * Also takes out segments that end at `upto` or before, if cleanup.policy contains delete and they
 * are replicated.
 */
int log_retain_beyond(struct log *, int64_t now_ms, int64_t upto, struct log_deletion **out);

/* The i-th segment from the front, for comparing the logs of a directory with each other. */
struct log_front {
	int64_t end;
	int64_t bytes;
	int64_t newest_ms; /* its largest timestamp, else the file's modification time */
};
/*
 * -ENOENT: neither this segment nor any after it may be removed: the policy has no delete, it is
 * not replicated, or it is the active one. Or a storage error.
 */
int log_front(struct log *, int i, struct log_front *out);
/*
 * Rolls the active segment when segment.ms has passed (Kafka does so on append only; the metadata
 * log's snapshots need it).
 */
int log_roll(struct log *, int64_t now_ms);
/* Deletes the replica: the log is empty and without a directory at once. NULL when it never had a directory. */
struct log_deletion *log_delete(struct log *);
int log_deletion_finish(struct log_deletion *);
void log_deletion_free(struct log_deletion *);

/* ---- moving to another directory (KIP-113) ---- */

/*
 * A log that will take the place of another. `name` is that of its directory when it was found on
 * disk, NULL for a new one. It is filled by log_append_as_follower.
 */
struct log *log_new_future(struct log_dir *dir, const struct log_id *id, const struct topic_config *config,
			   const char *name);
bool log_is_future(const struct log *);
/* Makes an empty log begin at this offset, and stores that on disk. */
int log_begin_at(struct log *, int64_t offset);
/*
 * The offset up to which the future log matches the current one; beyond it, the current one was
 * truncated meanwhile.
 */
int64_t log_common_end(const struct log *current, const struct log *future);
/*
 * For when both end at the same offset: the future log takes over offsets, leader epochs, producers
 * and verifications. The current one is then to be deleted.
 */
void log_take_over(struct log *future, struct log *current);
/*
 * Renames it to the name of a current replica in its directory. 0; -EEXIST: there already is one;
 * storage errors.
 */
int log_become_current(struct log *);

/* ---- upkeep ---- */

/*
 * Closes files that have not been used since before_mono_ms. Cheap; for a sweep over partitions
 * every few seconds.
 */
void log_close_idle(struct log *, int64_t before_mono_ms);
/* Forgets producers that have been silent for producer.id.expiration.ms. */
void log_expire_producers(struct log *, int64_t now_ms, int64_t expiration_ms);

/* ---- producers, for DescribeProducers and InitProducerId's fencing ---- */

struct log_producer {
	int64_t producer_id;
	int16_t epoch;
	int32_t last_sequence;
	int64_t last_timestamp;
	int32_t coordinator_epoch;
	int64_t txn_first_offset; /* -1 = none */
};

int log_producers(const struct log *, struct arena *arena, struct log_producer **v, int *n);

#endif
