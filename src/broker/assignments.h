/*
 * assignments: the controller is told in which directories this node's replicas lie (AssignReplicasToDirs, KIP-858).
 *
 * 1. A wish is said until the controller has answered it, or says that there is no such replica. A later wish for the same replica takes the
 *    place of an earlier one.
 * 2. One request is under way at a time; what comes meanwhile goes with the next, at most ASSIGNMENTS_MAX in one (Kafka's bound).
 *
 * There is at most one wish a replica. Owner: reactor 0; assignments_want from any thread.
 */
#ifndef ODRADEK_BROKER_ASSIGNMENTS_H
#define ODRADEK_BROKER_ASSIGNMENTS_H

#include <stdint.h>

#include "base/uuid.h"

#define ASSIGNMENTS_MAX 2250

struct assignments;
struct node;

struct assignment {
	struct uuid topic_id;
	int32_t partition;
	struct uuid directory;
};

struct assignments *assignments_new(struct node *n);
/* When reactor 0 has ended. */
void assignments_free(struct assignments *a);
void assignments_want(struct assignments *a, const struct assignment *wish);
/* Nothing more is said. On reactor 0. */
void assignments_stop(struct assignments *a);

#endif
