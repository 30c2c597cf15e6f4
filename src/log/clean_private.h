/*
 * clean_private: a cleaning, as shared by the files that carry it out: clean.c (phases, gathering,
 * copying) and clean_swap.c (the exchange of segments).
 *
 * A field changes either under the partition's lock or in the run between two steps, never in both
 * at the same time. Only `cancelled` may be set by any thread.
 */
#ifndef ODRADEK_LOG_CLEAN_PRIVATE_H
#define ODRADEK_LOG_CLEAN_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "log/clean.h"
#include "log/clean_filter.h"
#include "log/cleaned.h"

enum clean_phase {
	CLEAN_ABORTED,
	CLEAN_GATHER,
	CLEAN_COPY,
	CLEAN_PREPARE,
	CLEAN_REPLACE,
	CLEAN_RETIRE,
	CLEAN_NAME_LOG,
	CLEAN_NAME_INDEXES,
	CLEAN_TAKE_BACK,
	CLEAN_DROP,
	CLEAN_ENDED,
};

/* Which special names the current group's files have on disk. Changes under the lock only. */
enum clean_files { FILES_NONE, FILES_CLEANED, FILES_SWAP, FILES_SWAPPED };

struct old_segment {
	int64_t base;
	int64_t end;
	int64_t size;
	int64_t index_bytes;
	int64_t time_bytes;
};

/* A segment's file, read batch by batch. */
struct source {
	struct file *file; /* NULL: the next segment has to be opened */
	int64_t base;
	int64_t end;  /* end offset */
	int64_t size; /* bytes */
	int64_t pos;  /* position of the bytes at `at` */
	struct buf bytes;
	size_t at;
};

struct log_clean {
	struct env *env;
	struct log_clean_options o;
	struct log_clean_stats stats;
	char *dir;
	int32_t segment_bytes;
	int32_t index_bytes_max;
	int64_t delete_retention_ms;
	int64_t first_uncleanable;
	int64_t noted_end; /* end of the log at the beginning of the cleaning */
	int64_t legacy_horizon_ms;
	enum clean_phase phase;
	enum clean_files files;		 /* state of cleaned.segment.base */
	int (*run)(struct log_clean *c); /* what to do after the last step */
	int cancelled;			 /* atomic */
	int error;
	int run_error;	 /* error met in this step or run */
	bool stalled;	 /* waits for a flush or for disk space */
	bool unsynced;	 /* names could not be synced for lack of a descriptor: must be retried before anything else */
	bool names_lost; /* names could not be synced */
	int64_t error_segment;
	int64_t moved; /* bytes read and written by this run */

	struct old_segment *old; /* segments below first_uncleanable */
	int n_old;
	int aborted_error; /* error in writing the new transaction index */
	int next_index;	   /* index into the log's transaction indexes */
	struct aborted_txns aborted;

	struct sealed_at sealed; /* its `segment` is the source's */
	char *topic;
	bool seals; /* what is written is sealed */
	struct buf sealing;

	struct clean_txns txns;
	bool has_txns;
	struct clean_filter filter;
	struct last_record *last;
	int64_t n_last;

	struct source source;
	int at;		 /* index into `old`: the segment being read, or the next one */
	int group_first; /* index into `old` */
	int group_end;
	int retired; /* number of the group's segments retired so far */
	int64_t mtime_ms;
	struct cleaned cleaned;
	struct log_deletion *deletion;
};

/* ---- clean.c ---- */

/* Without the lock. 0 or a negated errno; a lack of descriptors only sets `unsynced`. */
int clean_sync_names(struct log_clean *c);
/* Makes the next group begin at old segment `first`. */
void clean_group_from(struct log_clean *c, int first);

/* ---- clean_swap.c: steps, under the lock; each returns 0 or a negated errno and sets the next phase ---- */

int clean_prepare(struct log *log, struct log_clean *c);
int clean_replace(struct log *log, struct log_clean *c);
int clean_retire(struct log *log, struct log_clean *c);
int clean_name_log(struct log *log, struct log_clean *c);
int clean_name_indexes(struct log *log, struct log_clean *c);
/* Renames the files of old segment i to .deleted. */
int clean_retire_segment(struct log *log, struct log_clean *c, int i);
/* Without the lock: syncs the names of the retired segments, once all of them are retired. */
int clean_sync_retired(struct log_clean *c);

#endif
