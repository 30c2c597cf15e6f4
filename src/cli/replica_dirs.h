/* replica_dirs: the log directories that replicas are in, and moving replicas between them. */
#ifndef ODRADEK_CLI_REPLICA_DIRS_H
#define ODRADEK_CLI_REPLICA_DIRS_H

#include "cli/reassignment.h"

struct replica_dir {
	struct str topic;
	int32_t partition;
	int32_t broker;
	struct str target;  /* where it is to be */
	struct str current; /* null: not in an online directory */
	struct str future;  /* where it is being moved to; null: it is not */
	int err;	    /* from the last attempt to move it */
};

struct replica_dirs {
	struct replica_dir *v; /* sorted by broker, topic, partition */
	int n;
};

/* The replicas that are to be in a particular directory. */
struct replica_dirs replica_dirs_wanted(struct tool *t, const struct reassignments *r);

/* Asks their brokers for `current` and `future`; ends the tool when one does not answer. */
void replica_dirs_describe(struct tool *t, struct replica_dirs *d);
/* Fills in the log_dirs of the partitions' current placement, for brokers that are up. */
void replica_dirs_fill(struct tool *t, struct reassignments *r);
/*
 * Has the brokers move all replicas to their targets, and reports on each; a replica that its
 * broker does not have yet is retried until the time is up. Consumes the list.
 */
void replica_dirs_move(struct tool *t, struct replica_dirs *d, int64_t timeout_ms);
/* "t-0-1": topic, partition, broker. */
struct str replica_dir_name(struct tool *t, const struct replica_dir *r);

#endif
