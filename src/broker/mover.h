/*
 * mover: moves replicas from one of this node's directories to another (AlterReplicaLogDirs,
 * KIP-113, KIP-858).
 *
 *	COPYING		a job copies, chunk by chunk, what the current log has and the future log lacks
 *	ASSIGNING	it has caught up once and was flushed: the controller is told the new directory
 *	SWAPPING	the controller knows: the future log replaces the current one as soon as it has caught up
 *
 * 1. The current log serves, and is appended to, until the swap; then it is deleted. Under the
 *    partition's lock there is only the swap: two renames.
 * 2. One job at a time works on a move, and it alone touches the future log. What others may know
 *    of that log (its size, its end) is kept in the partition.
 * 3. A move survives the process: the future directory is found at the next start, and the move
 *    continues (mover_resume).
 *
 * Owner: reactor 0; mover_ask may be called from any core.
 */
#ifndef ODRADEK_BROKER_MOVER_H
#define ODRADEK_BROKER_MOVER_H

#include <stdint.h>

#include "env/env.h"

struct image;
struct log;
struct log_dir;
struct mover;
struct node;
struct partition;
struct topic_state;

struct mover *mover_new(struct node *n);
/* After mover_close. */
void mover_free(struct mover *m);

/* One replica to be moved. */
struct move_wish {
	struct partition *partition; /* a reference until done() */
	struct log_dir *to;
	int *error; /* a Kafka error; or 0: it is on its way, or already there */
};

/* The wishes of one request; done() is called on `loop`. All of it is the caller's. */
struct move_request {
	struct post post;
	struct mover *mover;
	struct loop *loop;
	struct move_wish *v;
	int n;
	void (*done)(struct move_request *r);
};

void mover_ask(struct mover *m, struct move_request *r);

/*
 * Resumes the move of a future log that was found and loaded at startup; takes over the log and the
 * reference to the topic.
 */
void mover_resume(struct mover *m, struct partition *p, struct log *future, struct topic_state *topic);

/* The newest image: directories that were assigned, topics that have gone. */
void mover_follow(struct mover *m, const struct image *now);

/* Stops; jobs end soon (core 0 waits for them). */
void mover_stop(struct mover *m);
/* Closes the future logs cleanly. Blocks: a job, after mover_stop. 0, or the first error. */
int mover_close(struct mover *m);

#endif
