/*
 * clean: compaction of one log (KIP-98, KIP-534): of each key the newest record stays, and no offset changes.
 *
 *	look	how dirty it is, and up to where it may be cleaned		log_clean_look, under the lock
 *	gather	the newest offset of each key between the clean end and there
 *	copy	group by group of segments what stays into one new segment
 *	swap	the new one in, the old ones out (swap.h), one group after the other
 *
 * 1. What is cleaned lies before the active segment, the last stable offset and what min.compaction.lag.ms protects.
 * 2. The old segments are read until the new one takes their place; it is on the platter before, and so is all that the log had when the
 *    cleaning began: what shadows a record, the marker that decided it, the batch that succeeds a producer's last one. So is a checkpoint
 *    that has what is cleaned below the recovery point: above it there is no gap between segments but a power cut's. Readers in flight keep
 *    their files.
 * 3. Under the lock there is nothing that grows with the log but moving the list of segments; work is done between the locks, a slice at a
 *    time. Whoever cuts, drops or deletes segments meanwhile ends the cleaning (log_clean_abort) before another name changes.
 * 4. Memory: the map of keys, two buffers of io_bytes that grow with the largest batch, and what that batch unfolds to (plain_max).
 *
 *	while (true) {
 *		lock; more = log_clean_step(log, c); unlock;
 *		if (!more)
 *			break;
 *		log_clean_run(c);
 *	}
 *	use c's results; log_clean_free(c);
 *
 * Threads: begin and step under the log's lock; run anywhere, in between; free anywhere after the end.
 */
#ifndef ODRADEK_LOG_CLEAN_H
#define ODRADEK_LOG_CLEAN_H

#include <stdbool.h>
#include <stdint.h>

#include "log/key_map.h"
#include "log/log.h"

struct log_clean_look {
	int64_t first_dirty;
	int64_t first_uncleanable; /* the base of a segment */
	int64_t clean_bytes;
	int64_t cleanable_bytes;
	int64_t delay_ms; /* how long ago max.compaction.lag.ms was over; 0 = it is not */
	double ratio;	  /* of what is cleanable to all but what is not; 0 for an empty log */
	bool wanted;	  /* dirty enough, or overdue */
};

/* 0 or storage errors. A log that is being cleaned, or not compacted, is not wanted. */
int log_clean_look(struct log *log, int64_t now_ms, struct log_clean_look *out);

struct log_clean_options {
	struct key_map *keys; /* empty; the cleaning's until it ends */
	struct codecs *codecs;
	int64_t now_ms;
	int64_t io_bytes;    /* of each of the two buffers */
	int64_t slice_bytes; /* about what one run reads */
	int64_t plain_max;
};

struct log_clean;

struct log_clean_stats {
	int64_t bytes_read; /* of segments, to be copied */
	int64_t bytes_written;
	int64_t bytes_indexed; /* read to gather keys */
	int64_t records_read;
	int64_t records_kept;
	int64_t records_invalid; /* without a key */
	int64_t batches_too_large;
	double map_load;
	int64_t first_dirty;
	int64_t end;	     /* what lies below it is clean now */
	int64_t gathered_ns; /* on env_mono_ns's clock; 0 = not yet */
};

/* Under the lock, after a look that wants it. */
struct log_clean *log_clean_begin(struct log *log, const struct log_clean_look *look,
				  const struct log_clean_options *o);
/* Under the lock: true when there is more to run. */
bool log_clean_step(struct log *log, struct log_clean *c);
/* Blocks: a job. Returns the bytes that were read and written. */
int64_t log_clean_run(struct log_clean *c);
/*
 * The last step could not go on: the log has to be flushed (log_clean_flush_upto) and its recovery point written down (log_begin_checkpoint),
 * or half a swap waits for room on the disk. Wait a while before the next.
 */
bool log_clean_is_stalled(const struct log_clean *c);
/* How far the flushed end must be before segments are exchanged. Start a flush at the beginning; copying takes longer. */
int64_t log_clean_flush_upto(const struct log_clean *c);
/* Whatever it was doing, it ends soon: at once, or when the swap that has begun is over. From any thread. */
void log_clean_cancel(struct log_clean *c);
bool log_clean_is_cancelled(const struct log_clean *c); /* any thread */
/*
 * Under the lock: it ends where it stands, as a kill would end it; the next load finishes or takes back half a swap. For a log that is only
 * closed after that, when what it waits for does not come (a full disk, descriptors).
 */
void log_clean_abandon(struct log *log, struct log_clean *c);

/*
 * After the end. 0; -ECANCELED; -ENOSPC and a lack of descriptors: try again later; ERR_CORRUPT_MESSAGE, -ENOBUFS (the map has no room for
 * the keys of one batch), -EFBIG: it cannot be cleaned; other errors have taken the directory offline.
 */
int log_clean_error(const struct log_clean *c);
/* Something in the log: it would go wrong again. */
bool log_clean_is_hopeless(const struct log_clean *c);
/* Where it went wrong: the segment. */
int64_t log_clean_error_segment(const struct log_clean *c);
const struct log_clean_stats *log_clean_stats(const struct log_clean *c);
/* Files to remove after their delay (they have their .deleted names), or NULL. */
struct log_deletion *log_clean_take_deletion(struct log_clean *c);
void log_clean_free(struct log_clean *c);

/* What lies below it was cleaned; -1 = it never was. */
int64_t log_clean_end(const struct log *log);
bool log_is_being_cleaned(const struct log *log);
/* As log_clean_cancel, if it is; under the lock. */
void log_cancel_cleaning(struct log *log);
/* Some cleaning of it went wrong: it is left alone until the next start. */
void log_set_uncleanable(struct log *log);
bool log_is_uncleanable(const struct log *log);

#endif
