/*
 * cluster_world: three whole nodes in the simulator, and a client on a machine of its own. One
 * world at a time.
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

/*
 * Formats the nodes' directories for one cluster; the nodes are down. Each is broker and
 * controller. overrides: "name=value", ended by NULL.
 */
void cluster_up(uint64_t seed, const char *const *overrides);
/* The same, but node 0 is only a controller, and the others are only brokers. */
void cluster_up_split(uint64_t seed, const char *const *overrides);
/*
 * Like cluster_up, but nodes log in to each other as the user "node" with the password "secret":
 * brokers with this mechanism on a third listener, INTERNAL at CLUSTER_INTERNAL; controllers, and
 * the client when it asks controllers, with PLAIN. SCRAM credentials were written when the
 * directories were formatted.
 */
void cluster_up_secure(uint64_t seed, const char *mechanism, const char *const *overrides);
/* Number of reactors of each node from its next start on; initially two. */
void cluster_set_reactors(int n);
/* From its next start on, node i uses a wrong password. */
void cluster_forget_password(int i, bool forget);
/* Stops all running nodes cleanly. */
void cluster_down(void);
struct sim_world *cluster_sim(void);

/* Nodes are numbered from 0; node i has the id i + 1. */
void cluster_start(int i);
void cluster_crash(int i, enum sim_crash how);
void cluster_stop(int i);
/* A stop in two steps: request it; wait until it has stopped. */
void cluster_begin_stop(int i);
void cluster_end_stop(int i);
bool cluster_runs(int i);
/* It has joined the cluster and serves clients. */
bool cluster_serves(int i);
void cluster_wait_serving(int i);
bool cluster_has_stopped(int i);
/* A running node, for inspecting its insides. */
struct node;
struct node *cluster_node(int i);
/* How often a node has logged this line since its last start. */
int cluster_said(int i, const char *line);

/*
 * Sends a request to node i on one of its listeners, in the highest version; NULL: no answer. The
 * answer lives as long as the world.
 */
const void *cluster_ask(int i, enum cluster_port port, int16_t key, const void *request);
/* The same without waiting: *answered is set at the end, with *answer. */
struct cluster_question {
	const void *answer;
	bool answered;
};
void cluster_begin_ask(int i, enum cluster_port port, int16_t key, const void *request, struct cluster_question *q);
/* The same at CLUSTER_BROKER, over a connection of its own, which requests in other lanes cannot delay. */
enum { CLUSTER_LANES = 16 };
void cluster_begin_ask_apart(int i, int lane, int16_t key, const void *request, struct cluster_question *q);
/* The leader of the quorum according to node i: an index, or -1. */
int cluster_leader_by(int i);
/* Waits until all running nodes name the same leader, and returns it. */
int cluster_wait_leader(void);
/*
 * Node i's answer over HTTP, including status line and head; valid until the next call. The node
 * needs odradek.http.listeners=:9644.
 */
const char *cluster_web(int i, const char *path);
/* Returns Kafka's error. */
int cluster_create_topic(int by, const char *name);
bool cluster_knows_topic(int i, const char *name);
void cluster_wait_topic(int i, const char *name);

#endif
