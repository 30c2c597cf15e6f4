/*
 * trouble: what befalls a node's machine besides crashes: links cut, slow and half open, pauses, clocks that jump, a full disk, no
 * descriptors, devices that fail.
 *
 * A seed draws which kinds there are in its run (half of the runs have none), and then an episode after another, each with an end. A
 * device that has failed a call is mended by a person: at the end of the episode the process is killed, or the machine loses its power. So it
 * is with one that was started on a full disk. Episodes come from outside of all machines (sim_after); the struct is the run's.
 */
#ifndef ODRADEK_TESTS_SIM_TROUBLE_H
#define ODRADEK_TESTS_SIM_TROUBLE_H

#include "env/sim/sim.h"

enum trouble_kind {
	TROUBLE_CUT,	     /* both ways */
	TROUBLE_CUT_ONE_WAY, /* what is said arrives, what is answered does not, or the reverse */
	TROUBLE_SLOW,
	TROUBLE_PAUSE,
	TROUBLE_CLOCK,
	TROUBLE_FULL,	     /* no more room than there was at the beginning */
	TROUBLE_DESCRIPTORS, /* a few more than were open at the beginning */
	TROUBLE_READS_FAIL,
	TROUBLE_WRITES_FAIL,
	TROUBLE_SYNCS_FAIL,
	TROUBLE_KINDS,
};

struct trouble {
	/* given */
	struct sim_world *w;
	int node;
	int clients;
	const char *const *dirs; /* the node's log directories, each a device; the first has the metadata log */
	int n_dirs;
	void (*mend)(void *arg, enum sim_crash how); /* restart the machine: it may be down already */
	void *arg;
	/* its own */
	uint64_t chance;
	unsigned kinds; /* a bit each */
	bool over;
	bool is_on;    /* an episode */
	bool hinders;  /* a disk was full, or descriptors had run out, since the node began to start */
	bool hindered; /* and before it served */
	bool starting;
	enum trouble_kind now;
	int device;
	int64_t errors_before;
	int64_t sync_errors_before;
};

void trouble_draw(struct trouble *t, uint64_t seed);
bool trouble_has(const struct trouble *t, enum trouble_kind kind);
/* Some device may fail in this run. */
bool trouble_fails_devices(const struct trouble *t);
/* The next episode is planned from here on. */
void trouble_begin(struct trouble *t);
/* All is well, and stays so. True when a device failed: the machine has to be restarted. */
bool trouble_end(struct trouble *t, enum sim_crash *how);
/* The node is about to start: its devices have been mended. */
void trouble_restarted(struct trouble *t);
/* It serves: its logs are open. */
void trouble_started(struct trouble *t);
/* Has a device failed any call since the node's start? */
bool trouble_device_failed(const struct trouble *t, bool *a_sync);
/* A node may refuse to start. */
bool trouble_hinders_start(const struct trouble *t);
/* It may have started without some of its logs: the next start recovers them. */
bool trouble_hindered_start(const struct trouble *t);

#endif
