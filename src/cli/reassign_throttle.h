/*
 * reassign_throttle: the settings that slow down what a reassignment copies: rates of brokers, and which replicas of topics they are for.
 */
#ifndef ODRADEK_CLI_REASSIGN_THROTTLE_H
#define ODRADEK_CLI_REASSIGN_THROTTLE_H

#include "cli/reassignment.h"
#include "cli/replica_dirs.h"

/* Bytes a second between the brokers of all moves: those under way, and from `current` to `proposed`. */
void throttle_between_brokers(struct tool *t, const struct reassignments *under_way,
			      const struct reassignments *proposed, const struct reassignments *current, int64_t rate);
/* Bytes a second between the directories of the brokers. */
void throttle_between_dirs(struct tool *t, const struct replica_dirs *moves, int64_t rate);
/* Takes all of it back, on every broker and on the topics of `targets`. */
void throttles_clear(struct tool *t, const struct reassignments *targets);

#endif
