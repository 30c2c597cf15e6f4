/*
 * cluster_run: one seed of a cluster: three nodes or more in a simulated world, their clients,
 * their faults, and whether everything that they said was true.
 *
 * The seed draws everything: the number of nodes and their roles, their settings, the network
 * faults, what happens to the nodes (storm.h), and what exists besides producers and readers:
 * groups (counter.h, members.h), transactions (teller.h), copiers of what those commit (copier.h),
 * a compacted topic (compacted.h), an operator (changes.h). First comes the bad time. Then all
 * faults end, and within CALM_MS each partition must have a leader, all replicas must be in sync
 * and equally long, all nodes must agree, and everything the clients asked for must be done. Then
 * everything is read, all nodes stop, replicas are compared byte for byte, and (in one run of four)
 * all start again and everything is read once more.
 */
#ifndef ODRADEK_TESTS_SIM_CLUSTER_RUN_H
#define ODRADEK_TESTS_SIM_CLUSTER_RUN_H

#include "tests/sim/proposals.h"
#include "tests/sim/run.h"
#include "tests/sim/storm.h"

/* Optional parts of a run; --without leaves them out, as it does kinds of faults. */
enum cluster_more {
	MORE_COPIERS,
	MORE_MEMBERS,
	MORE_COMPACTED,
	MORE_COMPACTED_TRANSACTIONS,
	MORE_VOTERS,	/* voters are added and removed */
	MORE_PROPOSALS, /* that must not be taken */
	MORE_KINDS,
};

extern const char *const CLUSTER_MORE_NAMES[];

struct cluster_totals {
	int64_t n[STORM_KINDS]; /* deaths and episodes */
	int64_t kills, power_cuts, stops, given_up, failures;
	int64_t voters; /* added and removed */
	int64_t voters_moved;
	int64_t moves, elections, topics; /* requested, and not refused */
	int64_t refused[PROPOSAL_KINDS];  /* proposals */
	int64_t compared;		  /* images */
	int64_t terms;			  /* leader epochs of partitions */
	int64_t calm_ms;		  /* the longest time until everything was well */
};

/*
 * Ends the process by check() when something is wrong. The part of the result that does not belong
 * to a single node is added to `totals`.
 */
void cluster_run_seed(const struct run_options *o, struct run_result *out, struct cluster_totals *totals);

#endif
