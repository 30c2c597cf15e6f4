/*
 * cleaned: a segment that is being written by a cleaning: <base>.log.cleaned and its indexes, by the rules of appending.
 *
 * Owner: the cleaning; nobody else knows its files before they are swapped in.
 */
#ifndef ODRADEK_LOG_CLEANED_H
#define ODRADEK_LOG_CLEANED_H

#include <stdint.h>

#include "base/buf.h"
#include "log/internal.h"

struct cleaned {
	struct segment segment; /* as it will be; its files are open */
	struct buf index;	/* entries not written yet */
	struct buf time;
	int32_t index_interval_bytes;
	int32_t index_bytes_max;
	int64_t aborted_size; /* of .txnindex, which goes again when nothing was written to it */
};

/* Makes all four files, or empties what an earlier cleaning has left. Under the log's lock. 0 or a negated errno. */
int cleaned_create(struct cleaned *c, struct log *log, int64_t base);
void cleaned_fini(struct cleaned *c); /* closes, removes nothing */
/* Whole batches. -EFBIG when the segment would be larger than a segment can be. */
int cleaned_append(struct cleaned *c, const uint8_t *p, size_t len);
int cleaned_add_aborted(struct cleaned *c, const struct completed_txn *t);
/* The last time entry; everything on the platter but the names; the files' time is that of what they replace. */
int cleaned_finish(struct cleaned *c, int64_t mtime_ms);

/*
 * Under the log's lock: those of the four files that are there get another suffix, the .log first, or go. What goes wrong is told in the
 * result, -ENOENT is not.
 */
int cleaned_rename(const struct log *log, int64_t base, const char *from, const char *to);
int cleaned_unlink(const struct log *log, int64_t base, const char *suffix);

#endif
