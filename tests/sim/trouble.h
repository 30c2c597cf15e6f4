/*
 * trouble: what happens to a node's machine besides crashes: links that are cut, slow or half open,
 * pauses, clock jumps, a full disk, no descriptors, failing devices.
 *
 * A seed draws the kinds for its run (half of the runs have none), and then one episode after
 * another, each with an end. A device that has failed a call is repaired by a person: at the end of
 * the episode the process is killed, or the machine loses power. The same happens to a node that
 * was started on a full disk. Episodes come from outside all machines (sim_after); the struct
 * belongs to the run.
 */
#ifndef ODRADEK_TESTS_SIM_TROUBLE_H
#define ODRADEK_TESTS_SIM_TROUBLE_H

#include "env/sim/sim.h"

enum trouble_kind {
	TROUBLE_CUT,	     /* in both directions */
	TROUBLE_CUT_ONE_WAY, /* requests arrive and answers do not, or the reverse */
	TROUBLE_SLOW,
	TROUBLE_PAUSE,
	TROUBLE_CLOCK,
	TROUBLE_FULL,	     /* no more room than at the beginning of the episode */
	TROUBLE_DESCRIPTORS, /* a few more than were open at the beginning */
	TROUBLE_READS_FAIL,
	TROUBLE_WRITES_FAIL,
	TROUBLE_SYNCS_FAIL,
	TROUBLE_KINDS,
};

struct trouble {
	/* Set by the owner. */
	struct sim_world *w;
	int node;
	int clients;
	const char *const *dirs; /* the node's log directories, each a device; the first holds the metadata log */
	int n_dirs;
	void (*mend)(void *arg, enum sim_crash how); /* restarts the machine, which may be down already */
	void *arg;
	/* Internal. */
	uint64_t chance;
	unsigned kinds; /* one bit each */
	bool over;
	bool is_on;    /* an episode is under way */
	bool hinders;  /* since the node began to start, a disk has been full or descriptors have run out */
	bool hindered; /* and that was before it served */
	bool starting;
	enum trouble_kind now;
	int device;
	int64_t errors_before;
	int64_t sync_errors_before;
};

void trouble_draw(struct trouble *t, uint64_t seed);
bool trouble_has(const struct trouble *t, enum trouble_kind kind);
/* Whether a device may fail in this run. */
bool trouble_fails_devices(const struct trouble *t);
/* Schedules the next episode from here. */
void trouble_begin(struct trouble *t);
/* Ends all faults for good. True when a device failed: the machine must be restarted. */
bool trouble_end(struct trouble *t, enum sim_crash *how);
/* The node is about to start; its devices have been repaired. */
void trouble_restarted(struct trouble *t);
/* The node serves: its logs are open. */
void trouble_started(struct trouble *t);
/* Whether a device has failed any call since the node's start. */
bool trouble_device_failed(const struct trouble *t, bool *a_sync);
/* Whether the node may refuse to start. */
bool trouble_hinders_start(const struct trouble *t);
/* Whether it may have started without some of its logs: the next start recovers them. */
bool trouble_hindered_start(const struct trouble *t);

#endif
