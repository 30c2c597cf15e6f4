/*
 * partition_change: how one partition changes when its replicas, ISR or brokers do: leader, ISR,
 * ELR (KIP-966), and whether a reassignment is complete. Kafka's PartitionChangeBuilder.
 *
 * Fill a change with partition_change_init, set targets, then build: one PartitionChange record, or
 * none if nothing would change.
 */
#ifndef ODRADEK_CONTROLLER_PARTITION_CHANGE_H
#define ODRADEK_CONTROLLER_PARTITION_CHANGE_H

#include <stdbool.h>

#include "controller/internal.h"
#include "metadata/partition.h"

enum election {
	ELECT_ONLINE,	 /* keep the leader if it may lead, else the first replica that may */
	ELECT_PREFERRED, /* the first replica if it may lead */
	ELECT_UNCLEAN,	 /* as ONLINE, but lose data rather than have no leader */
};

struct partition_change {
	const struct controller *controller;
	struct arena *arena;
	const struct image_topic *topic;
	const struct image_partition *partition;
	struct broker_move move; /* brokers that count as gone or as back, whatever the image says */
	enum election election;
	int min_isr;
	bool elr;

	/* targets; the lists may point anywhere that lives as long as the arena */
	struct image_ids replicas;
	struct image_ids isr;
	struct image_ids removing;
	struct image_ids adding;
	struct image_ids elr_ids;
	int8_t recovering;
	int32_t directory_broker; /* the broker whose replica moves to `directory`; -1 = none */
	struct uuid directory;
};

#define MOVE_NONE ((struct broker_move){-1, -1, -1})

void partition_change_init(struct partition_change *p, const struct controller *c, struct arena *a,
			   const struct image_topic *t, const struct image_partition *partition);
/* The record, which is in the list; NULL when there is nothing to change (or the arena is spent). */
struct partition_change_record *partition_change_build(struct partition_change *p, struct record_list *records);

/* ids without one of them, in the arena. */
struct image_ids ids_without(struct arena *a, struct image_ids ids, int32_t id);
bool ids_equal(struct image_ids a, struct image_ids b);
bool ids_contain_all(struct image_ids all, struct image_ids of);

#endif
