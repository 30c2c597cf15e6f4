/*
 * nodes: the nodes of a cluster, each on a machine of its own: their configuration, life and death.
 *
 * Node i is machine i and has the id i + 1. It is started, crashes (sim_crash) or is told to stop,
 * is buried, and after a while is started again by nodes_watch, which is called after every event.
 * Anything that a cleanly stopped node has not given back ends the run.
 *
 * How much may be lost: a node that does not flush loses acknowledged records in a power cut, but
 * the others still have them. Until it is back, registered again and in sync in all partitions, no
 * other node may crash (KIP-966 promises no more). A kill loses nothing, but nobody can know that
 * it did not, so the same applies after a kill. A failing device is as bad as a power cut, and ends
 * in one; so it must not happen either while a killed node is not back.
 */
#ifndef ODRADEK_TESTS_SIM_NODES_H
#define ODRADEK_TESTS_SIM_NODES_H

#include "atrest/keys.h"
#include "base/diag.h"
#include "base/uuid.h"
#include "env/sim/sim.h"
#include "tests/sim/settings.h"

enum { NODES_MAX = 7, NODE_DIRS_MAX = 2 };

/* Log directories, each a device; the first holds the metadata log. */
extern const char *const NODE_DIRS[NODE_DIRS_MAX];

enum node_role { NODE_IS_BROKER = 1, NODE_IS_CONTROLLER = 2 };

struct nodes;
struct image;

struct one_node {
	struct nodes *of;
	int i;
	unsigned roles;
	struct diag diag;
	struct node *node; /* NULL: not running */
	struct config *config;
	struct atrest_keys keys;
	bool serves;
	bool stopped; /* everything is closed */
	bool told_to_stop;
	bool waits; /* waiting to be started */
	bool burying;
	bool is_full;		/* its disk is full */
	bool was_full;		/* since it was started */
	bool is_failing;	/* one of its devices is failing */
	bool was_failing;	/* since it was started */
	bool rests;		/* not started again before nodes_wake */
	bool away;		/* it crashed, and is not back */
	bool has_moved;		/* in this life its controller listens on its other port */
	bool has_lost;		/* it crashed and lost what it had not flushed */
	bool is_doomed;		/* it will crash in this life: anything it registers before that is void */
	int64_t epoch_of_death; /* its broker epoch when it crashed; -1: it had none */
	int lives;
};

struct nodes {
	/* Set by the owner. */
	struct sim_world *w;
	uint64_t *chance;
	int n;
	int n_reactors;
	int n_dirs;   /* per node; 0 means one */
	bool dynamic; /* the set of voters is in the log, and may change (KIP-853) */
	/*
	 * 0: never; otherwise one controller at a time may come back on another port: it is still a
	 * voter, at another address.
	 */
	uint64_t moves_chance;
	bool flushes; /* nothing is acknowledged before it is flushed */
	bool encrypted;
	bool verbose;
	struct settings settings;	/* common to all nodes */
	void (*dead)(void *arg, int i); /* called when node i has gone down */
	void *arg;
	/* Internal. */
	struct one_node v[NODES_MAX];
	int n_voters;
	bool quiet;
	bool all_stop;
	int64_t n_moves;
	int64_t n_kills, n_power_cuts, n_stops, n_given_up, n_failures;
};

/* The id of its metadata directory, with dynamic voters. */
struct uuid nodes_directory(int i);
/* The port of its controller in this life. */
uint16_t nodes_controller_port(const struct nodes *c, int i);
/*
 * Whether each voter except `except` (-1: none) is where all running controllers believe it to be.
 * False when the running ones are not a majority.
 */
bool nodes_voters_are_at_home(const struct nodes *c, int except);
/*
 * The first n_voters are controllers, and the initial voters; those from first_broker on are
 * brokers. Formats their directories.
 */
void nodes_format(struct nodes *c, int n_voters, int first_broker);
void nodes_start_all(struct nodes *c);
/* Call it after every event. */
void nodes_watch(struct nodes *c);
/* False when it has no process, or will not have one for long. */
bool nodes_is_up(const struct nodes *c, int i);
/* Crashes it now, or kills it at the n-th change of its disk, if what may be lost permits it. */
void nodes_crash(struct nodes *c, int i, enum sim_crash how);
void nodes_kill_at(struct nodes *c, int i, int64_t n);
void nodes_stop(struct nodes *c, int i);
/* Its disk accepts only this many more bytes; 0: no such limit. A node may then refuse to start. */
void nodes_fill(struct nodes *c, int i, int64_t bytes);
/*
 * Makes one of its devices fail in all of these operations (SIM_FAIL_...), if what may be lost
 * permits it; mending repairs the devices, and the machine restarts.
 */
void nodes_fail_device(struct nodes *c, int i, int dir, int which);
void nodes_mend(struct nodes *c, int i);
/* From now on no node crashes; scheduled crashes are cancelled. */
void nodes_calm(struct nodes *c);
/* Tells all to stop, and stay stopped; nodes_all_rest is true when they have. */
void nodes_stop_all(struct nodes *c);
bool nodes_all_rest(const struct nodes *c);
void nodes_wake(struct nodes *c);
/* The newest image of any running node; NULL: none. */
const struct image *nodes_image(const struct nodes *c);
/* The leader of one of the partitions, according to that image, and that of the quorum; -1: none. */
int nodes_leader(const struct nodes *c, int which);
int nodes_controller(const struct nodes *c);

#endif
