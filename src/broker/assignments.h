/*
 * assignments: tells the controller in which directories this node's replicas lie
 * (AssignReplicasToDirs, KIP-858).
 *
 * 1. An assignment is sent until the controller has accepted it, or answers that there is no such
 *    replica. A later one for the same replica replaces an earlier one.
 * 2. One request is under way at a time; assignments made meanwhile go with the next, at most
 *    ASSIGNMENTS_MAX in one request (Kafka's bound).
 *
 * There is at most one pending assignment per replica. Owner: reactor 0; assignments_want may be
 * called from any thread.
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
/* Call it when reactor 0 has ended. */
void assignments_free(struct assignments *a);
void assignments_want(struct assignments *a, const struct assignment *wish);
/* Nothing more is sent. On reactor 0. */
void assignments_stop(struct assignments *a);

#endif
