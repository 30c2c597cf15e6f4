/*
 * cleaned: the segment that a cleaning writes: <base>.log.cleaned and its indexes, filled by the
 * same rules as an append.
 *
 * Owner: the cleaning; nothing else knows these files before they are swapped in.
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
	int64_t aborted_size; /* size of .txnindex, which is removed again when nothing was written to it */
};

/*
 * Creates all four files, or empties those left by an earlier cleaning. Under the log's lock. 0 or
 * a negated errno.
 */
int cleaned_create(struct cleaned *c, struct log *log, int64_t base);
void cleaned_fini(struct cleaned *c); /* closes the files, removes nothing */
/* Appends whole batches. -EFBIG when the segment would exceed the maximum size of a segment. */
int cleaned_append(struct cleaned *c, const uint8_t *p, size_t len);
int cleaned_add_aborted(struct cleaned *c, const struct completed_txn *t);
/*
 * Writes the last time index entry, syncs everything but the names, and gives the files the
 * modification time of what they replace.
 */
int cleaned_finish(struct cleaned *c, int64_t mtime_ms);

/*
 * Under the log's lock: gives those of the four files that exist another suffix, or removes them,
 * the .log first. Errors are returned, except -ENOENT.
 */
int cleaned_rename(const struct log *log, int64_t base, const char *from, const char *to);
int cleaned_unlink(const struct log *log, int64_t base, const char *suffix);

#endif
