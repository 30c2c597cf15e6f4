/*
 * run: one seed: a node in a simulated world, its clients, what befalls it, and whether everything that it told them was true.
 *
 * The seed draws all: the weather of network and clocks, how the node is configured, what its clients do, when and how it dies, what
 * else befalls it (trouble.h). First comes the bad time, with all of that; then all is well, and within a while everything must have been done; then the node is stopped, must
 * have given everything back, is started once more and read from the start.
 */
#ifndef ODRADEK_TESTS_SIM_RUN_H
#define ODRADEK_TESTS_SIM_RUN_H

#include "env/sim/sim.h"

enum run_fault {
	RUN_KILL, /* at the n-th change of the node's disk, counted from its very first */
	RUN_POWER_CUT,
	RUN_NO_DESCRIPTOR, /* the n-th that the node asks for is refused, and a few behind it */
};

struct run_options {
	uint64_t seed;
	int64_t fault_at; /* > 0: no weather and nothing else that goes wrong than `fault`, there */
	enum run_fault fault;
	uint64_t max_events; /* 0: no limit */
	int64_t max_ms;	     /* of simulated time before the quiet end; 0: as the seed draws */
	unsigned
		without; /* kinds of misfortune that a cluster is spared (storm.h), a bit each; then of company (cluster_run.h) */
	bool no_trouble; /* no other trouble than weather and crashes, one log directory */
	bool encrypted;	 /* records are sealed on disk, each node has a key of its own */
	bool verbose;	 /* the node's lines on stderr */
};

struct run_result {
	uint64_t hash;
	uint64_t events;
	int64_t simulated_ms;
	int64_t crashes;
	int64_t acknowledged;
	int64_t read;
	bool ended_early;  /* max_events */
	bool met_fault;	   /* fault_at was reached */
	int64_t retries;   /* of producers */
	int64_t bumps;	   /* of their epochs */
	int64_t dirs_lost; /* log directories that went offline */
	int64_t stops;	   /* of nodes by themselves, for want of storage */
	int64_t cleanings; /* that took records away */
	int64_t moved;	   /* replicas, to other log directories */
	int64_t commits;   /* of groups' members */
	int64_t joins;
	int64_t transactions; /* that were ended, one way or another */
	int64_t copied;	      /* records, by copiers whose commit was acknowledged */
	int64_t fenced;	      /* transactional producers, by their ghosts and by time */
	int64_t reached[SIM_N_MARKS];
};

extern const char *const RUN_FAULT_NAMES[];

/* Ends the process by check() when something is wrong. */
void run_seed(const struct run_options *o, struct run_result *out);

#endif
