/*
 * partition_future: what a move (mover.h) does with a partition: each call is short, and under its lock.
 *
 * The future log is the mover's; of the current one only what is read here is looked at.
 */
#ifndef ODRADEK_BROKER_PARTITION_FUTURE_H
#define ODRADEK_BROKER_PARTITION_FUTURE_H

#include "broker/partition.h"

/* What the future log needs next. */
struct future_chunk {
	int64_t restart_at;  /* it is to begin anew here; -1 = not */
	int64_t truncate_to; /* it is to be cut here; -1 = not */
	int64_t current_end;
	struct records records;	 /* len 0: nothing, now; else a reference of the file is the caller's */
	struct sealed_at sealed; /* as in log_read */
	struct log_cold cold;	 /* with -EAGAIN */
};

/* 0; -EAGAIN with nowait: pages have to be read first; -ECANCELED: the topic is gone; storage errors. */
int partition_future_chunk(struct partition *p, const struct log *future, bool nowait, struct future_chunk *c);

/* For DescribeLogDirs; NULL: there is no move any more, and nothing is held. */
void partition_future_note(struct partition *p, const struct log *future);

/* Appends are refused for a moment, until the swap (as if the leader had just changed), so that it comes through. */
void partition_future_hold(struct partition *p);
/* It does not come for now: appends go on. */
void partition_future_release(struct partition *p);

/*
 * The future log takes the place of the current one, whose files are in *deletion (NULL when it has none). 0; -EAGAIN when it has not all of
 * it, or the moment is bad; -ECANCELED; storage errors. e->flush is left alone.
 */
int partition_future_swap(struct partition *p, struct log *future, struct log_deletion **deletion, struct effects *e);

struct log_dir *partition_dir(struct partition *p);
bool partition_is_deleted(struct partition *p);

/* As partition_measure, of the future replica. False: there is none. */
bool partition_measure_future(struct partition *p, struct log_dir **dir, int64_t *size, int64_t *lag);

#endif
