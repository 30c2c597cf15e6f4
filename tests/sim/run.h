/*
 * run: one seed: a node in a simulated world, its clients, its faults, and whether everything it
 * told them was true.
 *
 * The seed draws everything: network and clock faults, the node's configuration, what its clients
 * do, when and how it crashes, and what else happens to it (trouble.h). First comes the bad time,
 * with all of that; then all faults end, and within a while everything must have been done; then
 * the node is stopped, must have given everything back, and is started once more and read from the
 * start.
 */
#ifndef ODRADEK_TESTS_SIM_RUN_H
#define ODRADEK_TESTS_SIM_RUN_H

#include "env/sim/sim.h"

enum run_fault {
	RUN_KILL, /* at the n-th change of the node's disk, counted from the very first */
	RUN_POWER_CUT,
	RUN_NO_DESCRIPTOR, /* the n-th descriptor the node asks for is refused, and a few after it */
};

struct run_options {
	uint64_t seed;
	int64_t fault_at; /* > 0: nothing goes wrong except `fault`, at this point */
	enum run_fault fault;
	uint64_t max_events; /* 0: unlimited */
	int64_t max_ms;	     /* of simulated time before the quiet end; 0: drawn from the seed */
	/*
	 * One bit for each kind of fault that a cluster is spared (storm.h), followed by those for
	 * its optional parts (cluster_run.h).
	 */
	unsigned without;
	bool no_trouble; /* only network faults and crashes, and one log directory */
	bool encrypted;	 /* records are encrypted on disk; each node has a key of its own */
	bool verbose;	 /* prints the node's log lines to stderr */
};

struct run_result {
	uint64_t hash;
	uint64_t events;
	int64_t simulated_ms;
	int64_t crashes;
	int64_t acknowledged;
	int64_t read;
	bool ended_early;  /* max_events was reached */
	bool met_fault;	   /* fault_at was reached */
	int64_t retries;   /* by producers */
	int64_t bumps;	   /* of producer epochs */
	int64_t dirs_lost; /* log directories that went offline */
	int64_t stops;	   /* nodes that stopped by themselves, for want of storage */
	int64_t cleanings; /* cleanings that removed records */
	int64_t moved;	   /* replicas moved to other log directories */
	int64_t commits;   /* by group members */
	int64_t late;	   /* commits of the generation before, refused */
	int64_t joins;
	int64_t transactions; /* ended, one way or another */
	int64_t copied;	      /* records, by copiers whose commit was acknowledged */
	int64_t fenced;	      /* transactional producers fenced, by their ghosts or by timeout */
	int64_t reached[SIM_N_MARKS];
};

extern const char *const RUN_FAULT_NAMES[];

/* Ends the process by check() when something is wrong. */
void run_seed(const struct run_options *o, struct run_result *out);

#endif
