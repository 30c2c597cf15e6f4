/*
 * partition_future: what a move (mover.h) does with a partition: each call is short, and takes the
 * partition's lock.
 *
 * The future log belongs to the mover; of the current one, only what is read here is used.
 */
#ifndef ODRADEK_BROKER_PARTITION_FUTURE_H
#define ODRADEK_BROKER_PARTITION_FUTURE_H

#include "broker/partition.h"

/* What the future log needs next. */
struct future_chunk {
	int64_t restart_at;  /* begin anew at this offset; -1 = not necessary */
	int64_t truncate_to; /* truncate to this offset; -1 = not necessary */
	int64_t current_end;
	struct records records;	 /* len 0: nothing, now; else the caller owns the reference to the file */
	struct sealed_at sealed; /* as in log_read */
	struct log_cold cold;	 /* with -EAGAIN */
};

/* 0; -EAGAIN with nowait: pages have to be read first; -ECANCELED: the topic is gone; storage errors. */
int partition_future_chunk(struct partition *p, const struct log *future, bool nowait, struct future_chunk *c);

/* Notes size and end for DescribeLogDirs. NULL: the move has ended, and appends are no longer held. */
void partition_future_note(struct partition *p, const struct log *future);

/*
 * Refuses appends for a moment, until the swap (as if the leader had just changed), so that the
 * swap can succeed.
 */
void partition_future_hold(struct partition *p);
/* The swap is put off: appends go on. */
void partition_future_release(struct partition *p);

/*
 * Puts the future log in the place of the current one, whose files are returned in *deletion (NULL
 * when it has none). 0; -EAGAIN when it has not caught up, or the moment is bad; -ECANCELED;
 * storage errors. Leaves e->flush alone.
 */
int partition_future_swap(struct partition *p, struct log *future, struct log_deletion **deletion, struct effects *e);

struct log_dir *partition_dir(struct partition *p);
bool partition_is_deleted(struct partition *p);

/* partition_measure for the future replica. False: there is none. */
bool partition_measure_future(struct partition *p, struct log_dir **dir, int64_t *size, int64_t *lag);

#endif
