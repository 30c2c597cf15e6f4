/*
 * replica_dirs: in which directories of their brokers replicas are, and moving them to others.
 */
#ifndef ODRADEK_CLI_REPLICA_DIRS_H
#define ODRADEK_CLI_REPLICA_DIRS_H

#include "cli/reassignment.h"

struct replica_dir {
	struct str topic;
	int32_t partition;
	int32_t broker;
	struct str target;  /* where it shall be */
	struct str current; /* null: in none that is online */
	struct str future;  /* where it moves to; null: it does not */
	int err;	    /* of the last attempt to move it */
};

struct replica_dirs {
	struct replica_dir *v; /* by broker, topic, partition */
	int n;
};

/* The replicas that shall be in a certain directory. */
struct replica_dirs replica_dirs_wanted(struct tool *t, const struct reassignments *r);

/* Asks their brokers for current and future; ends the tool when one does not answer. */
void replica_dirs_describe(struct tool *t, struct replica_dirs *d);
/* Fills in the log_dirs of partitions as they are: those of brokers that are there. */
void replica_dirs_fill(struct tool *t, struct reassignments *r);
/*
 * Has their brokers move all to their targets, and tells of each; a replica that its broker has not got yet is tried again until the
 * time is up. The list is used up.
 */
void replica_dirs_move(struct tool *t, struct replica_dirs *d, int64_t timeout_ms);
/* "t-0-1": partition, then broker. */
struct str replica_dir_name(struct tool *t, const struct replica_dir *r);

#endif
