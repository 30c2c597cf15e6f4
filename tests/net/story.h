/*
 * story: net on one simulated machine, and peers on two others. A story runs from story_begin to
 * story_end, which stops the node and fails if anything is left. For tests only: its checks are
 * cmocka's.
 */
#ifndef ODRADEK_TESTS_NET_STORY_H
#define ODRADEK_TESTS_NET_STORY_H

#include "env/sim/sim.h"
#include "net/net_priv.h"
#include "tests/net/echo.h"
#include "tests/net/peer.h"
#include "tests/net/scripts.h"

enum { PEERS_MAX = 64 };

/* Machine 0 is the node, 1 has healthy clients, 2 hostile ones. */
enum { NODE, HEALTHY, HOSTILE, MACHINES };

struct story {
	struct sim_world *w;
	struct net_limits limits;
	int n_reactors;
	bool exempt, lets_all_in;
	struct echo echo;
	struct net *net;
	struct loop *loops[MACHINES];
	struct peer peers[PEERS_MAX];
	int machine[PEERS_MAX];
	int n_peers;
	int starting;
	struct post stop;
	bool stopped;
	char lines[4096];
	int64_t most_held;
	struct diag diag;
};

/* One reactor, and the limits net has by default. */
struct story story_default(void);
/* Starts the node and its world; `options` NULL: a calm one. */
void story_begin(struct story *s, uint64_t seed, const struct sim_options *options);
/* A clean stop, after which nothing may be left. Returns the hash of everything that happened. */
uint64_t story_end(struct story *s);

/* Adds a peer with an empty script. */
struct peer *story_add_peer(struct story *s, int machine);
/* Writes the peer's script, as code of its machine, and starts it. */
void story_run_peer(struct story *s, struct peer *p, script_fn *write, uint64_t chance);
/* For sim_run_until: whether the first peer is done. Notes how much memory the node has held at most. */
bool story_first_is_done(void *story);
/* Fails unless the node has logged this. */
void story_assert_told(const struct story *s, const char *what);

#endif
