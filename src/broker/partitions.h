/*
 * partitions: all replicas this node holds, by topic id and partition, and the log directories they lie in.
 *
 * 1. What was found on disk is in the table from the start; another partition comes into it when it is first asked for.
 * 2. The table follows the newest image: roles, settings and deletions are applied once, by partitions_follow, on the loop of reactor 0.
 * 3. Nothing is taken or given back under the table's lock but memory; a partition's lock may be taken under it, never the other way.
 *
 * Threads: partitions_get from any; the rest from the loop that the table was made for, unless it says otherwise.
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
	struct assignments *assignments; /* told where replicas lie; NULL: nobody is */
};

struct partitions *partitions_new(const struct partitions_options *options);
/* All logs are closed (partitions_close) or given up as after a crash. */
void partitions_free(struct partitions *t);

/* A reference; NULL when the newest image has no such partition, or gives this node no replica of it. */
struct partition *partitions_get(struct partitions *t, struct uuid topic_id, int32_t partition);
/* A reference of the topic's state as of the newest image; NULL when it is gone. */
struct topic_state *partitions_topic(struct partitions *t, struct uuid topic_id);

/* ---- at the start ---- */

struct partitions_load {
	void (*done)(struct partitions_load *l);
	void *arg;
	struct partitions *table;
	const struct image *image;
	int n_recovered;		   /* atomic: logs done so far */
	int cancelled;			   /* atomic */
	struct partitions_future *futures; /* of partitions_load.c */
	int n_futures;
};

/*
 * Scans the directories, takes in what the image knows (recovering it where the last stop was not clean) and puts strays aside. In jobs;
 * done() on `loop`. What cannot be opened is offline.
 */
void partitions_load(struct partitions *t, struct partitions_load *l, const struct image *image, struct loop *loop);

/* No further: done() comes within about a second. Most logs are not open then, and none may be taken for clean. */
void partitions_load_cancel(struct partitions_load *l);

/*
 * After it is done, on the loop: replicas that are on their way to another directory go on, the controller is told where replicas lie, and what
 * has changed in the meantime is told to what was loaded.
 */
void partitions_loaded(struct partitions *t, struct partitions_load *l, struct core *core);
/* Or nothing of it is wanted any more. */
void partitions_load_drop(struct partitions_load *l);

/* ---- while it runs ---- */

/* Takes a reference of `now`. Roles and settings that changed are told to the partitions; those of deleted topics go. */
void partitions_follow(struct partitions *t, const struct image *now, struct core *core);

/* Calls each() with every partition in the table, without the table's lock; a copy of the table is walked. */
void partitions_each(struct partitions *t, void (*each)(struct partition *p, void *arg), void *arg);
int partitions_count(struct partitions *t);
/* Adds what was counted for partitions that have gone since the start. From any thread. */
void partitions_departed(struct partitions *t, struct counts *sum);
/* Has any topic flush.ms? From any thread. */
bool partitions_flush_by_time(const struct partitions *t);

/* A replica has been moved from one directory to another. From any thread. */
void partitions_moved(struct partitions *t, struct log_dir *from, struct log_dir *to);

/* ---- at the end ---- */

struct partitions_closing {
	void (*done)(struct partitions_closing *c);
	struct partitions *table;
	int error;		 /* 0 or the first */
	struct closing *closing; /* of partitions_close.c */
};

/* Closes every log cleanly and writes the checkpoints: in jobs, when nothing else runs; done() on `loop`. */
void partitions_close(struct partitions *t, struct partitions_closing *c, struct loop *loop);
/* Writes checkpoints of one kind, of what has changed. Blocks: a job. */
int partitions_checkpoint(struct partitions *t, enum log_checkpoint kind);
/* All kinds; what has departed from the directories is settled (log/departed.h). Blocks: a job. */
int partitions_checkpoint_all(struct partitions *t);

#endif
