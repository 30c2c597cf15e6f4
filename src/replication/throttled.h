/*
 * throttled: the partitions of a topic that one broker throttles: those for which
 * leader.replication.throttled.replicas or follower.replication.throttled.replicas names its id
 * (KIP-73). In both lists, that is the id of the broker that does the throttling.
 */
#ifndef ODRADEK_REPLICATION_THROTTLED_H
#define ODRADEK_REPLICATION_THROTTLED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct throttled {
	bool all;
	int n;
	int32_t *partitions; /* sorted */
};

/* text: "*", or "partition:broker,..."; any other text throttles nothing. */
void throttled_init(struct throttled *t, struct str text, int32_t broker);
void throttled_fini(struct throttled *t);
bool throttled_has(const struct throttled *t, int32_t partition);

#endif
