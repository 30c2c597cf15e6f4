/*
 * invariants: what holds in a cluster at every moment, looked at from outside of all nodes, in their memory.
 *
 * 1. One leader at most in an epoch of a partition, and in one of its lives: what it had may be lost. One active controller in an epoch of the
 *    quorum.
 * 2. log start <= last stable offset <= high watermark <= log end, in each replica.
 * 3. The high watermark of a leader does not move back while it leads in one epoch.
 * 4. Every replica in sync, and every eligible one (KIP-966), that runs has all below the largest high watermark that any leader has had: what
 *    was acknowledged is on all who may be elected. Not one that lost what it had and is not registered again yet.
 * 5. Of a partition: the leader is in sync, nobody is in sync and eligible, those in sync and eligible are replicas, who is fenced is
 *    not in sync.
 * 6. What was stable once stays so: a leader whose high watermark is where it was then has no transaction open below, and none whose marker it
 *    may still lose. No replica whose high watermark is no further calls more stable.
 * 7. Who leads the quorum in its newest epoch has all that was ever committed there.
 * 8. Two nodes that have applied the metadata log up to the same offset say the same.
 */
#ifndef ODRADEK_TESTS_SIM_INVARIANTS_H
#define ODRADEK_TESTS_SIM_INVARIANTS_H

#include "base/uuid.h"
#include "tests/sim/nodes.h"

enum { KNOWN_MAX = 128, TERMS_MAX = 4096 };

/* Who has led in which epoch. */
struct terms {
	int32_t *leader; /* by epoch; 0: nobody that we have seen; else the node's id */
	int32_t n;
};

struct known_partition {
	struct uuid topic;
	int32_t id;
	int64_t committed;  /* the largest high watermark of a leader */
	int64_t stable;	    /* the largest last stable offset of a leader */
	int64_t stable_at;  /* its high watermark then */
	int32_t said_epoch; /* of the partition: what was told to who reads along */
	struct terms terms;
	struct {
		int life;
		int32_t epoch;
		int64_t high_watermark;
	} seen[NODES_MAX]; /* as leader */
};

struct invariants {
	/* given */
	struct nodes *nodes;
	/* its own */
	struct known_partition v[KNOWN_MAX];
	int n;
	struct terms controllers;
	int32_t quorum_epoch;			/* the newest of a controller that was active */
	int64_t quorum_committed;		/* the largest high watermark that one had */
	int64_t newest;				/* offset of an image */
	int64_t compared[NODES_MAX][NODES_MAX]; /* offsets of images */
	int64_t n_compared;
	int64_t n_looks;
};

void invariants_init(struct invariants *v, struct nodes *nodes);
void invariants_fini(struct invariants *v);
void invariants_look(struct invariants *v);

/* Is all well: each partition led, all replicas in sync and equally long, all nodes of one mind? `why` is what is not. */
bool invariants_settled(struct invariants *v, const char **why);
/* What the newest image and the replicas say of each partition, on stderr. */
void invariants_say(const struct invariants *v);

#endif
