/* run_private: one run; run.c has the node, its faults and the end, and run_clients.c the clients. */
#ifndef ODRADEK_TESTS_SIM_RUN_PRIVATE_H
#define ODRADEK_TESTS_SIM_RUN_PRIVATE_H

#include "atrest/keys.h"
#include "config/config.h"
#include "tests/sim/compacted.h"
#include "tests/sim/copier.h"
#include "tests/sim/counter.h"
#include "tests/sim/draw.h"
#include "tests/sim/follower.h"
#include "tests/sim/members.h"
#include "tests/sim/moves.h"
#include "tests/sim/producer.h"
#include "tests/sim/run.h"
#include "tests/sim/settings.h"
#include "tests/sim/teller.h"
#include "tests/sim/topic_maker.h"
#include "tests/sim/trouble.h"

enum { NODE = 0, CLIENTS = 1, DIRS_MAX = 3, COUNTERS = 2 };

struct run {
	const struct run_options *o;
	struct sim_world *w;
	struct history history;
	uint64_t chance; /* splitmix64: for what happens to the node; the world has its own */

	/* The node's machine. */
	struct node *node;
	struct config *config;
	struct settings settings;
	struct atrest_keys keys;
	int n_reactors;
	bool flushes; /* every append is synced before it is acknowledged */
	bool started;
	bool stopped;
	int64_t crashes;
	bool waits_for_restart;
	bool quiet;    /* no more crashes */
	bool stopping; /* it has been asked to stop */
	bool no_start; /* the last start was refused */
	bool serves;   /* the last start has completed */
	int64_t stops; /* stops by itself */
	int64_t dirs_lost;
	int64_t cleanings; /* cleanings that removed something */
	int64_t moved;	   /* replicas */
	struct trouble trouble;
	int n_dirs;
	struct diag watched;

	/* The clients. */
	struct loop *loop;
	struct topic_maker topics;
	struct producer producers[HISTORY_PRODUCERS_MAX];
	struct follower follower;
	struct members members;
	struct compacted compacted;
	struct moves moves;
	struct counter counters[COUNTERS];
	struct counter_history counted;
	int n_counters;
	struct teller tellers[TELLERS_MAX];
	int n_tellers;
	bool tellers_compact;		     /* their topic is compacted */
	struct teller_reader teller_watcher; /* reads along */
	struct teller_reader teller_reader;
	struct copier copiers[COPIERS_MAX];
	int n_copiers;
	struct copier_reader copier_reader;
	int n_producers;
	int n_partitions;
	int n_finished;
};

/* The first holds the metadata log. */
extern const char *const RUN_DIRS[DIRS_MAX];

static inline uint64_t draw(struct run *r, uint64_t bound) { return draw_below(&r->chance, bound); }

/* Whether this run's only fault is a lack of descriptors. */
static inline bool lacks_descriptors(const struct run *r) { return r->o->fault_at && r->o->fault == RUN_NO_DESCRIPTOR; }

static inline bool loses(const struct run *r)
{
	return !r->flushes && (!r->o->fault_at || r->o->fault == RUN_POWER_CUT);
}

/* Number of partitions of __consumer_offsets and of __transaction_state. */
static inline int internal_partitions(const struct run *r) { return 1 + (int)(r->o->seed % 3); }

/* ---- run_clients.c ---- */

/* Draws the clients and what they do; call it after the node is drawn. */
void run_draw_clients(struct run *r);
/* For sim_call on the clients' machine; arg is the run. */
void run_open_clients(void *arg);
void run_hang_up_clients(void *arg); /* what the node has sent is not received any more */
void run_close_clients(void *arg);
void run_read_again(void *arg); /* everything, from the start */
void run_end_reading(void *arg);

#endif
