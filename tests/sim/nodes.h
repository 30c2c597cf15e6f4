/*
 * nodes: the nodes of a cluster, each on a machine of its own: how they are configured, how they live and die.
 *
 * Node i is machine i and has the id i + 1. It is started, dies (sim_crash) or is told to stop, is buried, and after a while started again
 * by nodes_watch, which is called after every event. What a node that has stopped has not given back ends the run.
 *
 * How much may be lost: a node that does not flush loses acknowledged records in a power cut, and the others have them still. Until it is
 * back, registered anew and in sync in all partitions, nobody else dies without a word (KIP-966 promises no more): a kill loses nothing, but
 * nobody knows that it has not. A device that fails is as good as a power cut, and ends in one. For the same reason nothing is lost while somebody is not back who was killed.
 */
#ifndef ODRADEK_TESTS_SIM_NODES_H
#define ODRADEK_TESTS_SIM_NODES_H

#include "atrest/keys.h"
#include "base/diag.h"
#include "base/uuid.h"
#include "env/sim/sim.h"
#include "tests/sim/settings.h"

enum { NODES_MAX = 7, NODE_DIRS_MAX = 2 };

/* Log directories, each a device; the first has the metadata log. */
extern const char *const NODE_DIRS[NODE_DIRS_MAX];

enum node_role { NODE_IS_BROKER = 1, NODE_IS_CONTROLLER = 2 };

struct nodes;
struct image;

struct one_node {
	struct nodes *of;
	int i;
	unsigned roles;
	struct diag diag;
	struct node *node; /* NULL: it does not run */
	struct config *config;
	struct atrest_keys keys;
	bool serves;
	bool stopped; /* all is closed */
	bool told_to_stop;
	bool waits; /* to be started */
	bool burying;
	bool is_full;		/* its disk */
	bool was_full;		/* since it was started */
	bool is_failing;	/* one of its devices */
	bool was_failing;	/* since it was started */
	bool rests;		/* it is not started again before nodes_wake */
	bool away;		/* it died, and is not back */
	bool has_moved;		/* its controller listens on its other port in this life */
	bool has_lost;		/* ... having lost what it had not flushed */
	bool is_doomed;		/* it will die in this life: what it registers until then is of no use */
	int64_t epoch_of_death; /* the broker epoch then; -1: it had none */
	int lives;
};

struct nodes {
	/* given */
	struct sim_world *w;
	uint64_t *chance;
	int n;
	int n_reactors;
	int n_dirs;   /* of each; 0: one */
	bool dynamic; /* the set of voters is in the log, and may change (KIP-853) */
	uint64_t
		moves_chance; /* 0: nobody moves; else one controller at a time may come back on another port: it is a voter still, elsewhere */
	bool flushes; /* nothing is acknowledged before it is flushed */
	bool encrypted;
	bool verbose;
	struct settings settings;	/* of all */
	void (*dead)(void *arg, int i); /* it is down now */
	void *arg;
	/* its own */
	struct one_node v[NODES_MAX];
	int n_voters;
	bool quiet;
	bool all_stop;
	int64_t n_moves;
	int64_t n_kills, n_power_cuts, n_stops, n_given_up, n_failures;
};

/* The id of its metadata directory, with dynamic voters. */
struct uuid nodes_directory(int i);
/* Where its controller listens in this life. */
uint16_t nodes_controller_port(const struct nodes *c, int i);
/* Is each voter but `except`, -1 for none, where all controllers that run think that it is? False where they are no majority. */
bool nodes_voters_are_at_home(const struct nodes *c, int except);
/* The first n_voters are controllers, and the first voters; so are brokers those from first_broker on. Makes their directories. */
void nodes_format(struct nodes *c, int n_voters, int first_broker);
void nodes_start_all(struct nodes *c);
/* After every event. */
void nodes_watch(struct nodes *c);
/* It has no process, or will not for long. */
bool nodes_is_up(const struct nodes *c, int i);
/* Now, or a kill at the n-th change of its disk: when what may be lost allows it. */
void nodes_crash(struct nodes *c, int i, enum sim_crash how);
void nodes_kill_at(struct nodes *c, int i, int64_t n);
void nodes_stop(struct nodes *c, int i);
/* Its disk takes so many bytes more; 0: as many as ever. A node may refuse to start then. */
void nodes_fill(struct nodes *c, int i, int64_t bytes);
/* One of its devices fails in all of these (SIM_FAIL_...), when what may be lost allows it; then they are mended, and the machine starts anew. */
void nodes_fail_device(struct nodes *c, int i, int dir, int which);
void nodes_mend(struct nodes *c, int i);
/* From now on nobody dies; crashes that were ordered are not. */
void nodes_calm(struct nodes *c);
/* All are told to stop, and stay so: true when they have. */
void nodes_stop_all(struct nodes *c);
bool nodes_all_rest(const struct nodes *c);
void nodes_wake(struct nodes *c);
/* The newest that any node that runs has; NULL: there is none. */
const struct image *nodes_image(const struct nodes *c);
/* Who leads one of the partitions, as that says, and the quorum; -1: nobody. */
int nodes_leader(const struct nodes *c, int which);
int nodes_controller(const struct nodes *c);

#endif
