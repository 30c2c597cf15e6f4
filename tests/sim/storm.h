/*
 * storm: what befalls the nodes of a cluster: they die, are stopped, pause, lose sight of each other, and their clocks jump.
 *
 * A seed draws which kinds there are in its run. Two things go on side by side: one after another a node's life ends, within what may be lost
 * (nodes.h); and one after another an episode begins and ends, of links, pauses or clocks. All of it comes from outside of all machines.
 */
#ifndef ODRADEK_TESTS_SIM_STORM_H
#define ODRADEK_TESTS_SIM_STORM_H

#include "tests/sim/nodes.h"

enum storm_kind {
	STORM_KILL,
	STORM_KILL_IN_DISK_OP,
	STORM_KILL_MANY, /* some of them at once, perhaps all */
	STORM_POWER_CUT,
	STORM_STOP,
	STORM_ISOLATE, /* one from all other nodes; perhaps clients reach it */
	STORM_ONE_WAY, /* one is heard and does not hear, or the reverse */
	STORM_BRIDGE,  /* two halves, and one that sees both */
	STORM_RING,    /* each sees its neighbours alone */
	STORM_SLOW,
	STORM_PAUSE,
	STORM_CLOCK,
	STORM_FULL,   /* a disk: a little more than there is on it, and no more */
	STORM_DEVICE, /* one of its log directories fails: nothing can be written, synced or read */
	STORM_KINDS,
};

extern const char *const STORM_NAMES[];

struct storm {
	/* given */
	struct sim_world *w;
	struct nodes *nodes;
	int clients;
	unsigned without; /* kinds that are left out, a bit each */
	/* its own */
	uint64_t chance;
	unsigned kinds;
	int pace_ms; /* of lives */
	enum storm_kind now;
	bool over;
	int64_t n[STORM_KINDS];
};

void storm_draw(struct storm *s, uint64_t seed);
void storm_begin(struct storm *s);
/* All is well from now on. */
void storm_end(struct storm *s);

#endif
