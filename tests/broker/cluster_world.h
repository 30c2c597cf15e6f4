/*
 * cluster_world: three whole nodes in the simulator, and a client on a machine of its own. One world at a time.
 */
#ifndef ODRADEK_TESTS_BROKER_CLUSTER_WORLD_H
#define ODRADEK_TESTS_BROKER_CLUSTER_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "env/sim/sim.h"
#include "protocol/create_topics.h"
#include "protocol/describe_quorum.h"
#include "protocol/metadata.h"

enum { CLUSTER_NODES = 3, CLUSTER_PATIENCE_MS = 60000 };

enum cluster_port { CLUSTER_BROKER = 9092, CLUSTER_CONTROLLER = 9093, CLUSTER_INTERNAL = 9094 };

/* The nodes have directories of one cluster, and are down. Settings beside, "name=value", NULL at the end. Each is broker and controller. */
void cluster_up(uint64_t seed, const char *const *overrides);
/* The same, but node 0 is a controller alone, and the others are brokers alone. */
void cluster_up_split(uint64_t seed, const char *const *overrides);
/*
 * The same as the first, but nodes log in to each other: brokers at a third listener, INTERNAL at CLUSTER_INTERNAL, by the mechanism, controllers
 * by PLAIN, as the user "node" with the password "secret", whom all of them know; and so does the client that asks controllers. The credentials
 * of SCRAM were written when the directories were formatted.
 */
void cluster_up_secure(uint64_t seed, const char *mechanism, const char *const *overrides);
/* From the next start on each node has so many; two to begin with. */
void cluster_set_reactors(int n);
/* From the next start on node i says another password. */
void cluster_forget_password(int i, bool forget);
/* All nodes that run stop cleanly. */
void cluster_down(void);
struct sim_world *cluster_sim(void);

/* Nodes are counted from 0; node i has the id i + 1. */
void cluster_start(int i);
void cluster_crash(int i, enum sim_crash how);
void cluster_stop(int i);
/* The same in two: it is asked to; it has stopped. */
void cluster_begin_stop(int i);
void cluster_end_stop(int i);
bool cluster_runs(int i);
/* It is in, and serves clients. */
bool cluster_serves(int i);
void cluster_wait_serving(int i);
bool cluster_has_stopped(int i);
/* One that runs: for looks at what is inside. */
struct node;
struct node *cluster_node(int i);
/* How often a node has said this since its last start. */
int cluster_said(int i, const char *line);

/* Asks node i on one of its listeners, in the highest version; NULL: there is no answer. It stays as long as the world. */
const void *cluster_ask(int i, enum cluster_port port, int16_t key, const void *request);
/* The same, but nobody waits: *answered when it has come to its end, with *answer. */
struct cluster_question {
	const void *answer;
	bool answered;
};
void cluster_begin_ask(int i, enum cluster_port port, int16_t key, const void *request, struct cluster_question *q);
/* The same at CLUSTER_BROKER, over a connection of its own: nothing asked of another lane is in its way. */
enum { CLUSTER_LANES = 16 };
void cluster_begin_ask_apart(int i, int lane, int16_t key, const void *request, struct cluster_question *q);
/* Who leads the quorum, as node i says: an index, or -1. */
int cluster_leader_by(int i);
/* Until all nodes that run say the same: that one. */
int cluster_wait_leader(void);
/* What node i answers over HTTP, status line and head before it; it stays until the next call. It has odradek.http.listeners=:9644. */
const char *cluster_web(int i, const char *path);
/* Kafka's error. */
int cluster_create_topic(int by, const char *name);
bool cluster_knows_topic(int i, const char *name);
void cluster_wait_topic(int i, const char *name);

#endif
