/*
 * clean_private: a cleaning, for the files that carry it out: clean.c (the phases, what is gathered and copied) and clean_swap.c (the new
 * segment takes its place).
 *
 * Fields change under the partition's lock, or in the run between two steps, never in both at once; `cancelled` alone is anybody's.
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

/* What of the current group is on disk under names that are not there otherwise. Changes under the lock only. */
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
	struct file *file; /* NULL: the next one has to be opened */
	int64_t base;
	int64_t end;  /* offset */
	int64_t size; /* bytes */
	int64_t pos;  /* of what is at `at` */
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
	int64_t noted_end; /* of the log, at the beginning */
	int64_t legacy_horizon_ms;
	enum clean_phase phase;
	enum clean_files files;		 /* of cleaned.segment.base */
	int (*run)(struct log_clean *c); /* what follows the last step */
	int cancelled;			 /* atomic */
	int error;
	int run_error;	 /* what this step or run has met */
	bool stalled;	 /* for want of a flush, or of room on the disk */
	bool unsynced;	 /* names, for want of a descriptor: to be tried again before anything else */
	bool names_lost; /* they could not be synced */
	int64_t error_segment;
	int64_t moved; /* bytes read and written by this run */

	struct old_segment *old; /* below first_uncleanable */
	int n_old;
	int aborted_error; /* of writing the new index */
	int next_index;	   /* of the log's transaction indexes */
	struct aborted_txns aborted;

	struct sealed_at sealed; /* segment: the source's */
	char *topic;
	bool seals; /* what is written */
	struct buf sealing;

	struct clean_txns txns;
	bool has_txns;
	struct clean_filter filter;
	struct last_record *last;
	int64_t n_last;

	struct source source;
	int at;		 /* of `old`: the one that is read, or the next */
	int group_first; /* of `old` */
	int group_end;
	int retired; /* of the group */
	int64_t mtime_ms;
	struct cleaned cleaned;
	struct log_deletion *deletion;
};

/* ---- clean.c ---- */

/* Without the lock. 0 or a negated errno; want of a descriptor is noted as `unsynced`. */
int clean_sync_names(struct log_clean *c);
/* The next group begins at old segment `first`. */
void clean_group_from(struct log_clean *c, int first);

/* ---- clean_swap.c: steps, under the lock: 0 or a negated errno; each sets the phase that follows it ---- */

int clean_prepare(struct log *log, struct log_clean *c);
int clean_replace(struct log *log, struct log_clean *c);
int clean_retire(struct log *log, struct log_clean *c);
int clean_name_log(struct log *log, struct log_clean *c);
int clean_name_indexes(struct log *log, struct log_clean *c);
/* The files of old segment i are renamed to .deleted. */
int clean_retire_segment(struct log *log, struct log_clean *c, int i);
/* Without the lock: the names of what was retired, when all is. */
int clean_sync_retired(struct log_clean *c);

#endif
