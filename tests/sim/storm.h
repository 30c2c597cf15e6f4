/*
 * storm: what happens to the nodes of a cluster: they crash, are stopped, pause, lose contact with
 * each other, and their clocks jump.
 *
 * A seed draws the kinds of events in its run. Two sequences run side by side: node after node ends
 * its life, within what may be lost (nodes.h); and episodes of network, pause or clock faults
 * follow one another. All of it comes from outside all machines.
 */
#ifndef ODRADEK_TESTS_SIM_STORM_H
#define ODRADEK_TESTS_SIM_STORM_H

#include "tests/sim/nodes.h"

enum storm_kind {
	STORM_KILL,
	STORM_KILL_IN_DISK_OP,
	STORM_KILL_MANY, /* several at once, perhaps all */
	STORM_POWER_CUT,
	STORM_STOP,
	STORM_ISOLATE, /* one from all other nodes; clients may still reach it */
	STORM_ONE_WAY, /* one node is heard but does not hear, or the reverse */
	STORM_BRIDGE,  /* two halves, and one node that sees both */
	STORM_RING,    /* each sees only its neighbours */
	STORM_SLOW,
	STORM_PAUSE,
	STORM_CLOCK,
	STORM_FULL,   /* a disk has a little room left, and no more */
	STORM_DEVICE, /* one of a node's log directories fails: it cannot be written, synced or read */
	STORM_KINDS,
};

extern const char *const STORM_NAMES[];

struct storm {
	/* Set by the owner. */
	struct sim_world *w;
	struct nodes *nodes;
	int clients;
	unsigned without; /* kinds to leave out, one bit each */
	/* Internal. */
	uint64_t chance;
	unsigned kinds;
	int pace_ms; /* between the ends of nodes' lives */
	enum storm_kind now;
	bool over;
	int64_t n[STORM_KINDS];
};

void storm_draw(struct storm *s, uint64_t seed);
void storm_begin(struct storm *s);
/* All faults end for good. */
void storm_end(struct storm *s);

#endif
