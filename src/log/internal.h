/*
 * log/internal: what the files of this room share: the log, its segments, and the functions on
 * them.
 *
 *	log.c       creation and end, offsets, making the directory
 *	segment.c   one segment: its files, its index entries
 *	append.c    checks, rolls, writes, applies
 *	read.c      positions; ranges for fetches
 *	lookup.c    offsets by time
 *	sealed.c    seals batches before they are written, opens them when they are read
 *	load.c      reads what is on disk; recover.c verifies it, replay.c rebuilds producer state
 *	truncate.c  flush.c  retain.c  future.c
 *	cleanable.c what may be compacted; clean.c compacts it, with clean_swap.c, clean_filter.c, clean_txn.c,
 *	            cleaned.c, key_map.c
 *
 * Index entries of the active segment wait in memory (struct pending) and are written many at a
 * time: at a roll, a flush, a close, or when there is no more room. A crash loses them, and
 * recovery makes the same ones again.
 */
#ifndef ODRADEK_LOG_INTERNAL_H
#define ODRADEK_LOG_INTERNAL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/must_check.h"
#include "log/epochs.h"
#include "log/index.h"
#include "log/log.h"
#include "log/producers.h"
#include "log/paths.h"
#include "log/scan.h"

enum segment_file { SEGMENT_LOG, SEGMENT_INDEX, SEGMENT_TIME, SEGMENT_TXN, SEGMENT_FILES };

extern const char *const SEGMENT_SUFFIX[SEGMENT_FILES];

#define TIMESTAMP_UNREAD INT64_MIN

struct segment {
	int64_t base;
	int64_t size;
	int64_t max_timestamp;	      /* -1 = none; TIMESTAMP_UNREAD: in the time index's last entry */
	int64_t max_timestamp_offset; /* last offset of the batch that has it */
	int64_t first_timestamp;      /* max timestamp of the first batch; or TIMESTAMP_UNREAD */
	int64_t created_ms;
	int64_t jitter_ms;
	int64_t indexed_pos; /* position of the last batch that has an index entry; 0 = none */
	int64_t last_time;   /* timestamp of the last time entry, pending ones included; -1 = none */
	int32_t index_n;     /* entries in the .index file */
	int32_t time_n;
	bool sealed;	    /* readers may still look at bytes that were cut off: appends go to a new segment */
	bool dirty;	    /* has bytes that were not synced */
	bool indexes_dirty; /* its indexes have bytes that were not synced */
	bool no_aborted;    /* there is no .txnindex */
	uint8_t swap;	    /* bit i: file i still has its .swap name (clean.c) */
	int64_t used_ms;    /* env_mono_ms's clock */
	struct file *files[SEGMENT_FILES];
};

enum { PENDING = 64 };

struct pending {
	struct index_entry index[PENDING];
	struct time_entry time[PENDING];
	int n_index;
	int n_time;
};

/* Where a reader will go on: offset -> position. */
struct hint {
	int64_t offset;
	int64_t segment;
	int64_t pos;
};

enum { HINTS = 4 };

/* The state of a log that has a directory. */
struct log_data {
	struct segment *segments; /* ascending; the last is the active one */
	int n;
	int cap;
	struct pending *pending; /* of the active segment; NULL: nothing waits */
	struct producers producers;
	int64_t *snapshots; /* offsets, ascending */
	int n_snapshots;
	int cap_snapshots;
	struct hint hints[HINTS];
	int next_hint;
	struct hint tail;	   /* the last batch appended */
	int64_t synced_snapshots;  /* snapshots above it were not synced */
	int64_t syncing_snapshots; /* the value of synced_snapshots once the flush under way has ended */
	int64_t last_flush_ms;	   /* env_mono_ms's clock */
	enum { DISK_UNKNOWN, DISK_OF_DIR, DISK_OTHER } disk; /* a replica's directory may be a link to another */
	bool dir_dirty;					     /* names were added or changed */
	bool own_name_dirty;				     /* the directory was created, perhaps just before a kill */
	bool owner_dirty;				     /* partition.metadata may not be on the platter */
	bool epochs_dirty;
	bool epochs_aside; /* log_close_write has written the epochs to a file that is to be renamed */
	bool has_sealed;   /* there may be sealed batches (sealed.h) */
	int flushing;	   /* a log_flush is under way */
	int64_t cut_at;	   /* the log's least end since the log_flush began: it syncs nothing above */
};

struct log {
	struct log_dir *dir;
	struct env *env;
	const struct topic_config *config;
	char *topic;
	int32_t partition;
	struct uuid topic_id;
	char *dir_name;	     /* of a future replica; NULL: <topic>-<partition> */
	bool owner_is_known; /* topic_id is in the directory's partition.metadata */
	int64_t start;
	int64_t high_watermark;
	int64_t end;
	int64_t flushed_end;
	int64_t recovery_point;	    /* as in the checkpoint on the platter; -1 = the log is not in it */
	int64_t checkpointing;	    /* as in the checkpoint being written */
	int64_t clean_end;	    /* everything below it was cleaned; -1 = never cleaned */
	struct log_clean *cleaning; /* the cleaning under way, or NULL */
	bool uncleanable;	    /* something in it cannot be read */
	struct epochs epochs;
	enum log_standing standing;
	struct log_data *data; /* NULL: nothing was ever appended, or it is unread */
	struct refusals *refusals;
	struct verifications *verifications;
};

bool log_is_metadata(const struct log *log);

#define LOG_DIR_PATH(log, out) log_path((log), (out))
void log_path(const struct log *log, char *out); /* PATH_SIZE */

/* ---- log.c ---- */

/* Creates the directory and partition.metadata. */
int log_make_dir(struct log *log);
struct log_data *log_data_new(struct log *log);
void log_data_free(struct log_data *d);
static inline struct segment *log_active(struct log *log)
{
	return log->data && log->data->n ? &log->data->segments[log->data->n - 1] : NULL;
}
/* The segment that holds offset: the last whose base is <= offset; -1 when all lie above. */
int log_segment_of(const struct log *log, int64_t offset);
/* The end of segment i: the next base, or the end of the log. */
int64_t log_segment_end(const struct log *log, int i);
/*
 * Reports a failed write: a full disk and a lack of descriptors are passed on to the caller;
 * anything else takes the directory offline.
 */
int log_failed(struct log *log, int err, const char *what, enum segment_file kind, int64_t base);
struct segment *log_add_segment(struct log *log, int64_t base);
void log_add_snapshot(struct log_data *d, int64_t offset);
/* Unlinks snapshots for which offset < from or offset > upto. */
void log_drop_snapshots(struct log *log, int64_t from, int64_t upto);
int log_write_snapshot(struct log *log); /* at the log's end, unless there is one already */
/* Drops snapshots of earlier stops: the newest is kept, and those at the base offset of a segment. */
void log_drop_stray_snapshots(struct log *log);
/* Is a snapshot to be written at a clean stop? */
bool log_wants_snapshot(const struct log *log);
void log_forget_hints(struct log *log);

/* ---- segment.c ---- */

void segment_init(struct segment *s, int64_t base);
void segment_close_files(struct segment *s);
/* Returns the file, opening it first if necessary; `create` allows it to be created. */
int segment_open(struct log *log, struct segment *s, enum segment_file kind, bool create, struct file **out);
/* Does this file exist? Needs no descriptor, unlike segment_open. */
bool segment_has(const struct log *log, const struct segment *s, enum segment_file kind);
int segment_create(struct log *log, int64_t base, int64_t now_ms); /* a new active segment */
MUST_CHECK int segment_unlink(struct log *log, struct segment *s);
/* Notes a batch at pos: max timestamp, index entries. Never fails: an index without an entry is only slower. */
void segment_note_batch(struct log *log, struct segment *s, const struct batch_header *h, int64_t pos);
/* What waits is not written. */
void segment_forget_pending(struct log_data *d);
int segment_write_pending(struct log *log, struct segment *s);
/* Writes the pending entries and the last time entry, before a segment is closed or rolled. */
int segment_seal_indexes(struct log *log, struct segment *s);
int segment_read_max_timestamp(struct log *log, struct segment *s);
/* Finds the end of its last batch; its base when it is empty. */
int segment_read_end(struct log *log, struct segment *s, int64_t *end);
int segment_add_aborted(struct log *log, struct segment *s, const struct completed_txn *t);
/* Drops the entries whose markers lie at or beyond the offset. */
int segment_cut_aborted(struct log *log, struct segment *s, int64_t offset);
/* Cuts all four files back to a batch that begins at pos and has base offset `offset`. */
int segment_truncate(struct log *log, struct segment *s, int64_t pos, int64_t offset);
/* True when its offset index or its time index has as many entries as the settings allow. */
bool segment_index_full(const struct log *log, const struct segment *s);

/* Reads the max timestamp of its first batch; -1 when it has none. */
int segment_read_first_timestamp(struct log *log, struct segment *s);
/* The path of one of its files: Kafka's name, or the one it has during a swap. */
void segment_path(const struct log *log, const struct segment *s, enum segment_file kind, char out[PATH_SIZE]);

/* ---- append.c ---- */

int log_roll_at(struct log *log, int64_t base, int64_t now_ms);
/*
 * Rolls to a new segment that is to hold last_offset. It begins where the batches of the active one
 * end, so that a gap before the first batch lies within a segment: recovery would take a gap
 * between segments for a hole.
 */
int log_roll_for(struct log *log, int64_t last_offset, int64_t now_ms);

/* ---- sealed.c ---- */

struct sealed_at;

/* Are batches of this log sealed, except for kinds that never are? */
bool log_may_seal(const struct log *log);
/* Must this batch be sealed before it is written? */
bool log_seals(const struct log *log, const struct batch_header *h);
/*
 * Seals the batch at p at the end of `out`; *h becomes the header of the sealed batch. 0;
 * ERR_KAFKA_STORAGE_ERROR without a key, which is logged; ERR_RECORD_LIST_TOO_LARGE.
 */
int log_seal(const struct log *log, const uint8_t *p, struct batch_header *h, struct buf *out);
/* Records on disk that the log has, or is about to have, a sealed batch. Its directory must exist. */
int log_note_sealed(struct log *log);
#define SEALED_FILE "odradek.sealed"
/* The place that the segment's batches are sealed for, and whether there may be sealed ones. */
struct sealed_at log_sealed_at(const struct log *log, const struct segment *s);

/* ---- read.c ---- */

/* An impossible header, where everything should be sound. */
static inline bool is_damage(int err) { return err == -EBADMSG || err > 0; }

/*
 * Finds the first batch of segment s whose last offset is >= offset: 0 and *pos, -ENODATA when
 * there is none, -EAGAIN with *cold, or an error. The scan stands on that batch.
 */
int segment_locate(struct log *log, struct segment *s, int64_t offset, struct scan *scan, struct log_cold *cold);

/* Calls each() for the aborted transactions whose markers are in segment i. */
int log_each_aborted(struct log *log, int i, int (*each)(void *arg, const struct completed_txn *t), void *arg);

/* ---- retain.c ---- */

/* Renames the file to .deleted, if it exists, and adds it to the deletion. */
int log_retire_file(struct log *log, const char *path, struct log_deletion *d);

/* ---- clean.c ---- */

/*
 * Call it before segments are cut, dropped or moved: ends the cleaning under way, if any, without
 * another change. After an error the segments must stay as they are: the next start might finish
 * the swap of the cleaning.
 */
int log_clean_abort(struct log *log);

/* ---- recover.c, replay.c ---- */

struct recovery {
	const struct log_load *how;
	int64_t bytes_done;
	int64_t bytes_total;
	int64_t told_ms;
	bool shows_compaction; /* offsets are missing within segments */
	bool cache_is_whole;   /* what can be read is what was written (life.h) */
	bool walks;	       /* everything from no_producers_from up to here has been walked */
	/* no batch from here to the end has a producer; NO_SUCH_OFFSET: some have, or it is not known */
	int64_t no_producers_from;
};

#define NO_SUCH_OFFSET INT64_MAX

/* Segment i lies below the recovery point: all of it was synced. */
bool recovery_trusts(const struct log_data *d, int i, int64_t recovery_point);
/* Verifies the segments past the recovery point and cuts the log where it is no longer whole. */
int log_recover(struct log *log, int64_t recovery_point, struct recovery *r);
/* Rebuilds the indexes of one segment from its beginning. -EBADMSG: it has an impossible header. */
int segment_rebuild(struct log *log, struct segment *s);
/*
 * Restores the producer state at the log's end: loads the newest good snapshot, then replays the
 * batches after it. Batches from `none_from` on have no producers and are not looked at.
 */
int log_replay_producers(struct log *log, int64_t now_ms, int64_t expiration_ms, int64_t none_from);

#endif
