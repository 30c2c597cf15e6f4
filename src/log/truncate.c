/*
 * truncate: removes the end of a log, or all of it.
 *
 * After a truncation inside a segment appends go to a new one: a fetch that is being sent may still
 * refer to the bytes that were cut off; it must run into the end of the file, not into other bytes.
 */
#include <errno.h>

#include "base/check.h"
#include "base/err.h"
#include "log/internal.h"

static int failed(struct log *log, int err)
{
	return err ? log_failed(log, err, "truncating", SEGMENT_LOG, log->start) : 0;
}

/*
 * The truncation was only half done, for lack of a descriptor or of space: the log must be loaded
 * again. The offsets stay.
 */
static int lose(struct log *log, int err)
{
	err = failed(log, err);
	if (err_passes(err)) {
		log_data_free(log->data);
		log->data = NULL;
		log->standing = LOG_UNREAD;
	}
	return err;
}

/* From the end on: what an error leaves is whole. */
static int drop_segments_from(struct log *log, int first)
{
	int err = 0;

	while (!err && log->data->n > first)
		err = segment_unlink(log, &log->data->segments[--log->data->n]);
	segment_forget_pending(log->data);
	return err;
}

/* A flush under way does not cover what is written from here on. */
static void note_cut(struct log *log, int64_t end)
{
	if (log->data && log->data->cut_at > end)
		log->data->cut_at = end;
}

static void set_end(struct log *log, int64_t end)
{
	note_cut(log, end);
	log->end = end;
	if (log->high_watermark > end)
		log->high_watermark = end;
	if (log->flushed_end > end)
		log->flushed_end = end;
	if (epochs_truncate_end(&log->epochs, end) && log->data)
		log->data->epochs_dirty = true;
}

/* What was clean is no longer so where it is overwritten. */
static int forget_clean(struct log *log, int64_t offset)
{
	int err = log_clean_abort(log);

	if (!err && log->clean_end > offset)
		log->clean_end = offset;
	return err;
}

int log_truncate_fully_at(struct log *log, int64_t offset)
{
	int err = forget_clean(log, offset);

	if (err)
		return failed(log, err);
	if (log->data) {
		err = drop_segments_from(log, 0);
		if (err)
			return lose(log, err);
		log_drop_snapshots(log, INT64_MAX, -1);
		producers_clear(&log->data->producers, offset);
		log_forget_hints(log);
		log->data->epochs_dirty = true;
		log->data->synced_snapshots = 0;
		note_cut(log, offset);
	}
	log->epochs.n = 0;
	log->start = log->end = log->high_watermark = log->flushed_end = offset;
	return log->data ? failed(log, segment_create(log, offset, env_wall_ms(log->env))) : 0;
}

/* Truncates segment i, which contains `offset`, to before it. */
static int cut_segment(struct log *log, int i, int64_t offset)
{
	struct segment *s = &log->data->segments[i];
	struct scan scan;
	int64_t size = s->size;
	int err = 0;

	if (i == log->data->n - 1)
		err = segment_write_pending(log, s);
	if (!err)
		err = segment_locate(log, s, offset, &scan, NULL);
	if (err && err != -ENODATA)
		return err;
	bool nothing_to_cut = err == -ENODATA;
	err = drop_segments_from(log, i + 1);
	if (!err && !nothing_to_cut)
		err = segment_truncate(log, s, scan.at, offset);
	s->sealed = s->sealed || s->size < size;
	return err;
}

int log_truncate_to(struct log *log, int64_t offset)
{
	check(offset >= 0);
	if (offset >= log->end) {
		/* An epoch that began at the end and has no record may not be the leader's (KAFKA-10706). */
		if (epochs_truncate_end(&log->epochs, offset) && log->data)
			log->data->epochs_dirty = true;
		return 0;
	}
	int i = log_segment_of(log, offset);
	if (i < 0 || offset <= log->start)
		return log_truncate_fully_at(log, offset);
	int err = forget_clean(log, offset);
	if (err)
		return failed(log, err);
	log_forget_hints(log);
	err = cut_segment(log, i, offset);
	if (!err) {
		set_end(log, offset);
		log_drop_snapshots(log, 0, offset);
		if (log->data->synced_snapshots >= offset)
			log->data->synced_snapshots = offset - 1; /* another may be written there */
		err = log_replay_producers(log, env_wall_ms(log->env), INT64_MAX, NO_SUCH_OFFSET);
	}
	return err ? lose(log, err) : 0;
}
