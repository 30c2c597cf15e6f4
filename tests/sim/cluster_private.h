/*
 * cluster_private: one run of a cluster; cluster_run.c has the nodes, their faults and the end, and
 * cluster_clients.c the clients.
 */
#ifndef ODRADEK_TESTS_SIM_CLUSTER_PRIVATE_H
#define ODRADEK_TESTS_SIM_CLUSTER_PRIVATE_H

#include "metadata/image.h"
#include "tests/sim/changes.h"
#include "tests/sim/cluster_run.h"
#include "tests/sim/compacted.h"
#include "tests/sim/copier.h"
#include "tests/sim/counter.h"
#include "tests/sim/draw.h"
#include "tests/sim/follower.h"
#include "tests/sim/invariants.h"
#include "tests/sim/members.h"
#include "tests/sim/producer.h"
#include "tests/sim/proposals.h"
#include "tests/sim/teller.h"
#include "tests/sim/topic_maker.h"
#include "tests/sim/voter_changes.h"

#define CLUSTER_TOPIC "t"

enum { CLUSTER_REPLICAS = 3, CLUSTER_COUNTERS = 2, NOTED_MAX = 64, NOTED_TOPIC_BYTES = 32 };

/* A partition's replicas as of the moment when the nodes are about to stop. */
struct noted_partition {
	char topic[NOTED_TOPIC_BYTES];
	int32_t id;
	struct image_ids replicas; /* ids */
	int32_t ids[BROKERS_MAX];
	/*
	 * Bits of the nodes that a request whose answer nobody waits for any more may add or remove
	 * while they stop.
	 */
	unsigned late;
	enum noted_kind { NOTED_PLAIN, NOTED_TRANSACTIONAL, NOTED_COMPACTED, NOTED_COMPACTED_TRANSACTIONAL } kind;
};

struct cluster_run {
	const struct run_options *o;
	struct sim_world *w;
	struct history history;
	uint64_t chance;
	struct nodes nodes;
	struct storm storm;
	struct invariants invariants;
	int n_voters, first_broker;
	int clients; /* the clients' machine */
	uint64_t looked_at;
	/*
	 * from here on it has been calm for long enough that coordinators know what is committed;
	 * 0: not yet calm
	 */
	int64_t rests_from_ns;

	struct loop *loop;
	struct brokers brokers;
	struct topic_maker topics;
	struct producer producers[HISTORY_PRODUCERS_MAX];
	struct follower readers[HISTORY_PARTITIONS_MAX]; /* one per partition */
	struct changes changes;
	struct counter counters[CLUSTER_COUNTERS];
	struct counter_history counted;
	int n_counters;
	struct teller tellers[TELLERS_MAX];
	int n_tellers;
	struct teller_reader teller_watcher, teller_reader;
	uint64_t more_chance;
	bool tellers_compact; /* their topic is compacted */
	struct copier copiers[COPIERS_MAX];
	int n_copiers;
	bool copies_the_rest; /* tellers write nothing more */
	struct copier_reader copier_reader;
	struct members members;
	struct compacted compacted;
	struct voter_changes voter_changes;
	struct proposals proposals;
	struct diag clients_diag;
	int n_producers;
	int n_partitions;
	int n_finished;
	struct noted_partition noted[NOTED_MAX];
	int n_noted;
	bool stopping;
};

static inline int64_t draw(struct cluster_run *r, uint64_t bound) { return (int64_t)draw_below(&r->chance, bound); }

/* ---- cluster_clients.c ---- */

/* Draws the clients and what they do; call it after the nodes are drawn. */
void cluster_draw_clients(struct cluster_run *r);
/* For sim_call on the clients' machine; arg is the run. */
void cluster_open_clients(void *arg);
void cluster_close_clients(void *arg);
void cluster_end_changes(void *arg);
void cluster_read_again(void *arg); /* everything, from the start */
void cluster_end_reading(void *arg);

bool cluster_clients_are_done(struct cluster_run *r);
bool cluster_all_is_read(struct cluster_run *r);

#endif
