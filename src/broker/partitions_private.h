/*
 * partitions_private: the inside of the table, for the files that fill it.
 *
 *	partitions.c		the table, and how it follows the image; checkpoints
 *	partitions_load.c	what is found on disk at the start
 *	partitions_close.c	the end
 */
#ifndef ODRADEK_BROKER_PARTITIONS_PRIVATE_H
#define ODRADEK_BROKER_PARTITIONS_PRIVATE_H

#include "base/list.h"
#include "base/map.h"
#include "broker/partitions.h"

struct image_partition;
struct image_topic;
struct mover;

struct topic_entry {
	struct map_node node;
	struct topic_state *state;
	struct list partitions;
};

struct partitions {
	struct partitions_options options;
	struct mutex lock;
	struct map partitions;
	struct map topics;
	const struct image *image;
	int *dir_load; /* partitions in each directory */
	bool *listed;  /* each directory: the load has found all its replicas */
	struct counts departed;
	bool loading; /* changes are passed on after the load */
	int by_time;  /* atomic: a topic has, or had, flush.ms */
};

/* Under the table's lock, all of these. */

struct partition *partitions_find(struct partitions *t, struct uuid topic_id, int32_t id);
struct topic_entry *partitions_take_in_topic(struct partitions *t, const struct image *image,
					     const struct image_topic *topic);
/* The directory in which the cluster believes this node's replica to be. */
struct uuid partitions_own_directory(const struct partitions *t, const struct image_partition *p);
/* Tells the cluster the replica's directory, if it believes another. */
void partitions_assign(struct partitions *t, const struct image_partition *now, const struct partition *p,
		       const struct log_dir *dir);
/* Continues the moves found at the start. */
void partitions_resume(struct partitions_load *l, struct mover *m);
/* The reference is the table's. */
struct partition *partitions_take_in(struct partitions *t, struct topic_entry *e, int32_t id, int dir, struct log *log);

#endif
