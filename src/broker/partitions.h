/*
 * partitions: all replicas on this node, by topic id and partition, and the log directories that
 * hold them.
 *
 * 1. What was found on disk is in the table from the start; any other partition is added when it is
 *    first asked for.
 * 2. The table follows the newest image: partitions_follow applies roles, settings and deletions
 *    once, on the loop of reactor 0.
 * 3. Under the table's lock there is only memory work. A partition's lock may be taken under it,
 *    never the other way round.
 *
 * Threads: partitions_get from any; the rest from the loop for which the table was made, unless it
 * says otherwise.
 */
#ifndef ODRADEK_BROKER_PARTITIONS_H
#define ODRADEK_BROKER_PARTITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"
#include "broker/partition.h"

struct assignments;
struct config;
struct core;
struct log_dir;
struct partitions;

struct partitions_options {
	struct env *env;
	const struct config *config;
	struct partition_self self;
	struct log_dir **dirs;
	int n_dirs;
	uint64_t seed;
	struct assignments *assignments; /* told where replicas lie; NULL: no one is told */
};

struct partitions *partitions_new(const struct partitions_options *options);
/* When all logs are closed (partitions_close), or given up as after a crash. */
void partitions_free(struct partitions *t);

/* A reference; NULL when the newest image has no such partition, or this node has no replica of it. */
struct partition *partitions_get(struct partitions *t, struct uuid topic_id, int32_t partition);

/* ---- at the start ---- */

struct partitions_load {
	void (*done)(struct partitions_load *l);
	void *arg;
	struct partitions *table;
	const struct image *image;
	int n_recovered;		   /* atomic: logs loaded so far */
	int cancelled;			   /* atomic */
	struct partitions_future *futures; /* of partitions_load.c */
	int n_futures;
};

/*
 * Scans the directories, loads the logs that the image knows (recovering them where the last stop
 * was not clean) and puts strays aside. In jobs; done() is called on `loop`. What cannot be opened
 * is offline.
 */
void partitions_load(struct partitions *t, struct partitions_load *l, const struct image *image, struct loop *loop);

/*
 * Cancels: done() is called within about a second. Most logs are then not open, and none may be
 * taken for clean.
 */
void partitions_load_cancel(struct partitions_load *l);

/*
 * Call it after done(), on the loop: continues moves to other directories, tells the controller
 * where replicas lie, and applies to the loaded partitions what has changed in the meantime.
 */
void partitions_loaded(struct partitions *t, struct partitions_load *l, struct core *core);
/* Call it instead when nothing of the load is wanted any more. */
void partitions_load_drop(struct partitions_load *l);

/* ---- while the node runs ---- */

/*
 * Takes a reference to `now`. Tells the partitions of changed roles and settings; deletes those of
 * deleted topics.
 */
void partitions_follow(struct partitions *t, const struct image *now, struct core *core);

/* Calls each() for every partition in the table, on a copy of the table, without its lock. */
void partitions_each(struct partitions *t, void (*each)(struct partition *p, void *arg), void *arg);
/* Adds the counts of partitions that have gone since the start. From any thread. */
void partitions_departed(struct partitions *t, struct counts *sum);
/* Has any topic flush.ms? From any thread. */
bool partitions_flush_by_time(const struct partitions *t);

/* A replica has been moved from one directory to another. From any thread. */
void partitions_moved(struct partitions *t, struct log_dir *from, struct log_dir *to);

/* ---- at the end ---- */

struct partitions_closing {
	void (*done)(struct partitions_closing *c);
	struct partitions *table;
	int error;		 /* 0 or the first error */
	struct closing *closing; /* of partitions_close.c */
};

/*
 * Closes every log cleanly and writes the checkpoints: in jobs, when nothing else runs; done() is
 * called on `loop`.
 */
void partitions_close(struct partitions *t, struct partitions_closing *c, struct loop *loop);
/* Writes the checkpoints of one kind, where something has changed. Blocks: a job. */
int partitions_checkpoint(struct partitions *t, enum log_checkpoint kind);
/* Writes all kinds, and settles what has departed from the directories (log/departed.h). Blocks: a job. */
int partitions_checkpoint_all(struct partitions *t);

#endif
