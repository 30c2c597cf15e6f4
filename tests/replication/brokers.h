/* brokers: images with a few brokers, and partitions on them, for the tests of this room. */
#ifndef ODRADEK_TESTS_REPLICATION_BROKERS_H
#define ODRADEK_TESTS_REPLICATION_BROKERS_H

#include "metadata/image.h"

struct broker_state_of {
	int32_t id;
	int64_t epoch;
	bool fenced;
	bool leaves;
};

/* Returns a reference for the caller. */
const struct image *brokers_image(const struct broker_state_of *v, int n);

/* Owned by the caller: release with partition_free. */
struct image_partition *brokers_partition(struct image_ids replicas, struct image_ids isr, int32_t leader,
					  int32_t leader_epoch, int32_t partition_epoch);

#endif
