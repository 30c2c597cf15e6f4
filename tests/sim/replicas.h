/*
 * replicas: what the replicas of a partition have on their disks, held against each other.
 */
#ifndef ODRADEK_TESTS_SIM_REPLICAS_H
#define ODRADEK_TESTS_SIM_REPLICAS_H

#include "env/env.h"

/* All bytes of its segments, in order; free() it. Empty where there is no such replica. */
struct replica_bytes {
	uint8_t *p;
	int64_t len;
};

/* In one of the directories of a node; in another there is none. */
struct replica_bytes replica_read(struct env *e, const char *topic, int partition);
/* All of them are sealed with this node's key, but for control batches: they become what they were. */
struct atrest_keys;
void replica_open(struct env *e, const char *topic, int partition, const struct atrest_keys *keys,
		  struct replica_bytes *b);
/* Ends the run where the two differ. */
void replica_compare(const struct replica_bytes *a, const struct replica_bytes *b);
/* Each is compacted when its broker comes to it: of each key the newest record has to be the same, or a tombstone that one has no more. */
void replica_compare_compacted(const struct replica_bytes *a, const struct replica_bytes *b);

#endif
