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

struct replica_bytes replica_read(struct env *e, const char *topic, int partition);
/* Ends the run where the two differ. */
void replica_compare(const struct replica_bytes *a, const struct replica_bytes *b);

#endif
