/*
 * clean: compaction of one log (KIP-98, KIP-534). The newest record of each key stays; offsets do
 * not change.
 *
 *	look	how dirty the log is, and up to where it may be cleaned	log_clean_look, under the lock
 *	gather	the newest offset of each key between the clean end and that point
 *	copy	group of segments by group, the records that stay, into one new segment
 *	swap	the new segment in, the old ones out (swap.h), one group after the other
 *
 * 1. Only what lies before the active segment, before the last stable offset, and outside
 *    min.compaction.lag.ms is cleaned.
 * 2. The old segments are read until the new one takes their place. Before that happens, the new
 *    segment is on the platter, and so is everything that the log held when the cleaning began: a
 *    record that shadows another, the marker that decides a transaction, the batch that succeeds a
 *    producer's last one. A checkpoint on disk also puts the recovery point above what is cleaned:
 *    above the recovery point, recovery takes any gap between segments for the effect of a power
 *    cut. Readers in flight keep their files.
 * 3. Under the lock, the only work that grows with the log is moving the list of segments. The rest
 *    is done between the locks, a slice at a time. A caller that truncates, drops or deletes
 *    segments meanwhile first ends the cleaning (log_clean_abort).
 * 4. Memory: the map of keys, two buffers of io_bytes that grow to hold the largest batch, and that
 *    batch decompressed (at most plain_max).
 *
 *	while (true) {
 *		lock; more = log_clean_step(log, c); unlock;
 *		if (!more)
 *			break;
 *		log_clean_run(c);
 *	}
 *	use c's results; log_clean_free(c);
 *
 * Threads: begin and step run under the log's lock; run executes anywhere, between two steps; free
 * anywhere after the end.
 */
#ifndef ODRADEK_LOG_CLEAN_H
#define ODRADEK_LOG_CLEAN_H

#include <stdbool.h>
#include <stdint.h>

#include "log/key_map.h"
#include "log/log.h"

struct log_clean_look {
	int64_t first_dirty;
	int64_t first_uncleanable; /* base of a segment */
	int64_t clean_bytes;
	int64_t cleanable_bytes;
	int64_t delay_ms; /* time since max.compaction.lag.ms was exceeded; 0 = not exceeded */
	double ratio;	  /* cleanable_bytes / (clean_bytes + cleanable_bytes); 0 for an empty log */
	bool wanted;	  /* dirty enough, or overdue */
};

/* Returns 0 or a storage error. A log that is being cleaned, or is not compacted, is not wanted. */
int log_clean_look(struct log *log, int64_t now_ms, struct log_clean_look *out);

struct log_clean_options {
	struct key_map *keys; /* empty; owned by the cleaning until it ends */
	struct codecs *codecs;
	int64_t now_ms;
	int64_t io_bytes;    /* size of each of the two buffers */
	int64_t slice_bytes; /* about how much one run reads */
	int64_t plain_max;
};

struct log_clean;

struct log_clean_stats {
	int64_t bytes_read; /* read from segments in order to be copied */
	int64_t bytes_written;
	int64_t bytes_indexed; /* read in order to gather keys */
	int64_t records_read;
	int64_t records_kept;
	int64_t records_invalid; /* records without a key */
	int64_t batches_too_large;
	double map_load;
	int64_t first_dirty;
	int64_t end;	     /* everything below it is now clean */
	int64_t gathered_ns; /* on env_mono_ns's clock; 0 = not yet */
};

/* Under the lock, after a look that reported `wanted`. */
struct log_clean *log_clean_begin(struct log *log, const struct log_clean_look *look,
				  const struct log_clean_options *o);
/* Under the lock: true when there is more to run. */
bool log_clean_step(struct log *log, struct log_clean *c);
/* Blocks: a job. Returns the number of bytes read and written. */
int64_t log_clean_run(struct log_clean *c);
/*
 * True when the last step could not go on: either the log has to be flushed (log_clean_flush_upto)
 * and its recovery point checkpointed (log_begin_checkpoint), or half a swap waits for disk space.
 * Wait a while before the next step.
 */
bool log_clean_is_stalled(const struct log_clean *c);
/*
 * How far the flushed end must have come before segments are exchanged. Start a flush at the
 * beginning; copying takes longer.
 */
int64_t log_clean_flush_upto(const struct log_clean *c);
/*
 * Ends the cleaning soon, in whatever phase it is: at once, or when a swap that has begun is over.
 * From any thread.
 */
void log_clean_cancel(struct log_clean *c);
bool log_clean_is_cancelled(const struct log_clean *c); /* from any thread */
/*
 * Under the lock. Ends the cleaning where it stands, as a kill would; the next load finishes or
 * takes back half a swap. Only for a log that will merely be closed afterwards, when what the
 * cleaning waits for does not come (disk space, descriptors).
 */
void log_clean_abandon(struct log *log, struct log_clean *c);

/*
 * Valid after the end. 0; -ECANCELED; -ENOSPC or a lack of descriptors: try again later;
 * ERR_CORRUPT_MESSAGE, -ENOBUFS (the map has no room for the keys of one batch) or -EFBIG: the log
 * cannot be cleaned. Any other error has taken the directory offline.
 */
int log_clean_error(const struct log_clean *c);
/* True when the fault is in the log itself, so that another attempt would fail as well. */
bool log_clean_is_hopeless(const struct log_clean *c);
/* Base offset of the segment in which the error occurred. */
int64_t log_clean_error_segment(const struct log_clean *c);
const struct log_clean_stats *log_clean_stats(const struct log_clean *c);
/* Files to remove after their delay (already renamed to .deleted), or NULL. */
struct log_deletion *log_clean_take_deletion(struct log_clean *c);
void log_clean_free(struct log_clean *c);

/* Everything below this offset was cleaned; -1 = never cleaned. */
int64_t log_clean_end(const struct log *log);
bool log_is_being_cleaned(const struct log *log);
/* log_clean_cancel for the cleaning under way, if there is one. Under the lock. */
void log_cancel_cleaning(struct log *log);
/* A cleaning of this log has failed: it is left alone until the next start. */
void log_set_uncleanable(struct log *log);
bool log_is_uncleanable(const struct log *log);

#endif
