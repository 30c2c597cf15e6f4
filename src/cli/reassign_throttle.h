/*
 * reassign_throttle: the settings that throttle a reassignment: rates of brokers, and the replicas
 * of topics to which they apply.
 */
#ifndef ODRADEK_CLI_REASSIGN_THROTTLE_H
#define ODRADEK_CLI_REASSIGN_THROTTLE_H

#include "cli/reassignment.h"
#include "cli/replica_dirs.h"

/*
 * Sets a rate, in bytes per second, for the brokers of all moves: those under way, and those from
 * `current` to `proposed`.
 */
void throttle_between_brokers(struct tool *t, const struct reassignments *under_way,
			      const struct reassignments *proposed, const struct reassignments *current, int64_t rate);
/* Sets a rate, in bytes per second, for moves between directories of a broker. */
void throttle_between_dirs(struct tool *t, const struct replica_dirs *moves, int64_t rate);
/* Removes all of these settings, from every broker and from the topics of `targets`. */
void throttles_clear(struct tool *t, const struct reassignments *targets);

#endif
