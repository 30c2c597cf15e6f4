/*
 * partition_private: what the files of the monitor share. Everything is under the partition's lock.
 */
#ifndef ODRADEK_BROKER_PARTITION_PRIVATE_H
#define ODRADEK_BROKER_PARTITION_PRIVATE_H

#include "broker/partition.h"

/* ---- partition.c ---- */

/* 0, or ERR_KAFKA_STORAGE_ERROR. */
int partition_storage_error(const struct partition *p);
void partition_flush_begin(struct partition *p, struct core *core, struct effects *e);

/* ---- partition_waking.c ---- */

/*
 * Takes those waiters that are ready, or all, out of the list. Their references to the partition
 * are dropped by partition_unwait.
 */
void partition_wake_ready(struct partition *p, bool all, struct effects *e);

/* ---- partition_isr.c ---- */

/*
 * Moves the high watermark as far as all replicas that count have come. `image` may be NULL: with
 * several replicas, the high watermark then stays.
 */
void partition_advance(struct partition *p, const struct image *image, struct effects *e);
/* After the role was set: notes the current other replicas. */
void partition_follow_replicas(struct partition *p, const struct partition_self *self,
			       const struct image_partition *now);
void partition_stop_leading(struct partition *p);
/* May r->follower fetch here? 0, or a Kafka error. */
int partition_check_follower(const struct partition *p, const struct partition_read *r);
/* The set of replicas, or the log start of one of them, has changed. */
void partition_note_low_watermark(struct partition *p, const struct image *image);
/*
 * The follower has everything below what it asks for: the high watermark may move, and it may join
 * the ISR. 0, or a Kafka error.
 */
int partition_note_follower(struct partition *p, const struct partition_read *r);
/* The replica from which r->consumer should rather read; -1: this one. */
int32_t partition_nearest(const struct partition *p, const struct partition_read *r);

#endif
