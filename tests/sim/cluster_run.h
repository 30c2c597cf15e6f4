/*
 * cluster_run: one seed of a cluster: three nodes or more in a simulated world, their clients, what befalls them, and whether everything
 * that they told was true.
 *
 * The seed draws all: how many nodes there are and in which roles, their settings, the weather, what befalls them (storm.h), and who else is
 * there beside producers and readers: groups (counter.h, members.h), transactions (teller.h), who copies what they commit (copier.h), a compacted
 * topic (compacted.h), somebody who manages (changes.h). First comes the
 * bad time. Then all is well, and within CALM_MS each partition has to be led, all replicas in sync and equally long, all nodes of one mind
 * and everything done that clients have asked for. Then all is read, all nodes stop, replicas are held against each other byte for byte, and
 * (in one run of four) all start again and it is read once more.
 */
#ifndef ODRADEK_TESTS_SIM_CLUSTER_RUN_H
#define ODRADEK_TESTS_SIM_CLUSTER_RUN_H

#include "tests/sim/run.h"
#include "tests/sim/storm.h"

/* Who and what there is in some runs beside the rest; --without leaves them out as it does what befalls the nodes. */
enum cluster_more {
	MORE_COPIERS,
	MORE_MEMBERS,
	MORE_COMPACTED,
	MORE_COMPACTED_TRANSACTIONS,
	MORE_VOTERS, /* that come and go */
	MORE_KINDS,
};

extern const char *const CLUSTER_MORE_NAMES[];

struct cluster_totals {
	int64_t n[STORM_KINDS]; /* deaths and episodes */
	int64_t kills, power_cuts, stops, given_up, failures;
	int64_t voters; /* added and removed */
	int64_t voters_moved;
	int64_t moves, elections, topics; /* that were asked for, and not refused */
	int64_t compared;		  /* images */
	int64_t terms;			  /* epochs in which a partition was led */
	int64_t calm_ms;		  /* the longest that it took until all was well */
};

/* Ends the process by check() when something is wrong. Of the result, what does not belong to a single node is added to `totals`. */
void cluster_run_seed(const struct run_options *o, struct run_result *out, struct cluster_totals *totals);

#endif
