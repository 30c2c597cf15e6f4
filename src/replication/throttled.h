/*
 * throttled: which partitions of a topic one broker throttles: what leader.replication.throttled.replicas and
 * follower.replication.throttled.replicas name with its id (KIP-73). In both lists that is the broker which does the throttling.
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

/* text: "*", or "partition:broker,..."; what is neither names nobody. */
void throttled_init(struct throttled *t, struct str text, int32_t broker);
void throttled_fini(struct throttled *t);
bool throttled_has(const struct throttled *t, int32_t partition);

#endif
