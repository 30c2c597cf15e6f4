/*
 * manifest: what a load would find out about the logs of a directory, written into one file at a
 * clean stop, so that the next start need not open each of them.
 *
 *	odradek.manifest		beside .kafka_cleanshutdown, for as long as that exists
 *
 * 1. It is written last, when all logs are closed and synced and the marker of the clean stop is in
 *    place, and it names that very marker: by the time of its last change (ctime), which nobody can
 *    set. Whoever opens the directory, Kafka or Odradek, removes the marker for good before anything
 *    else is changed, and a copy or a restored backup has another ctime. So a manifest that fits its
 *    marker shows that no broker was here since.
 * 2. It names each directory of a replica, and each file of a segment and its indexes, in the same
 *    way. Where one of them does not fit, somebody has had a hand in it, and that log is loaded as
 *    if it were not in the manifest.
 * 3. Nothing in it is believed before its checksum was right, and no count or length even then.
 *
 * What it does not notice: a change within the clock tick of the stop (4 ms on many systems), and
 * partition.metadata or leader-epoch-checkpoint overwritten in place by hand.
 *
 * Threads: read and freed by one; finding is for any thread, but one at a time for each name.
 * Everything blocks.
 */
#ifndef ODRADEK_LOG_MANIFEST_H
#define ODRADEK_LOG_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/must_check.h"
#include "base/str.h"
#include "base/uuid.h"
#include "env/env.h"
#include "wire/reader.h"

/* A file or directory, as it was seen last. */
struct seen {
	int64_t changed_ns;
	int64_t size;
};

struct seen seen_of(const struct file_stat *st);
bool seen_eq(struct seen a, struct seen b);
struct seen seen_read(struct reader *r);
/* Appends 8 bytes, big-endian. */
void manifest_put_i64(struct buf *out, int64_t v);
void seen_put(struct buf *out, struct seen s);

/* A log in the manifest; noted.h has what `state` says. */
struct manifest_log {
	struct map_node node;
	struct str name; /* of its directory */
	struct uuid topic_id;
	struct seen dir;
	struct bytes state;
	bool is_checked; /* the directory was looked at */
	bool fits;
};

struct manifest;

/* `marker` is the path of the clean stop's marker. NULL: there is none, or it is not that of this stop. */
struct manifest *manifest_read(struct env *env, const char *dir, const char *marker);
void manifest_free(struct manifest *m);
/* NULL: it is not in the manifest (`m` may be NULL), or its directory is no longer the same. */
const struct manifest_log *manifest_find(struct manifest *m, const char *name);

/* Adds an entry to `out`: begin, then its state, then end with what begin has returned. */
size_t manifest_begin(struct buf *out, const struct manifest_log *log);
void manifest_end(struct buf *out, size_t began);
/* Writes it. Call it after the marker was written. 0, or a negated errno: then there is none. */
MUST_CHECK int manifest_write(struct env *env, const char *dir, const char *marker, const struct buf *logs, int32_t n);
void manifest_remove(struct env *env, const char *dir);

#endif
