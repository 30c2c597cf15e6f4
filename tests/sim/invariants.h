/*
 * invariants: what holds in a cluster at every moment, checked from outside all nodes, in their
 * memory.
 *
 * 1. A partition has at most one leader per epoch, and it leads in only one of its lives, because
 *    its data may be lost in between. The quorum has one active controller per epoch.
 * 2. log start <= last stable offset <= high watermark <= log end, in each replica.
 * 3. The high watermark of a leader does not move back while it leads in one epoch.
 * 4. Every running replica that is in sync or eligible (KIP-966) has everything below the highest
 *    high watermark any leader has had: what was acknowledged is on every replica that may be
 *    elected. This excludes a replica that lost data and has not registered again.
 * 5. In a partition: the leader is in sync, no replica is both in sync and eligible, those in sync
 *    or eligible are replicas, and a fenced broker is not in sync.
 * 6. What was once stable stays stable: a leader whose high watermark has not moved has no open
 *    transaction below the stable offset, and none whose marker it may still lose. No replica whose
 *    high watermark is not higher considers more to be stable.
 * 7. The leader of the quorum in its newest epoch has everything that was ever committed there.
 * 8. Two nodes that have applied the metadata log up to the same offset have the same image.
 */
#ifndef ODRADEK_TESTS_SIM_INVARIANTS_H
#define ODRADEK_TESTS_SIM_INVARIANTS_H

#include "base/uuid.h"
#include "tests/sim/nodes.h"

enum { KNOWN_MAX = 128, KNOWN_SLOTS = 256, TERMS_MAX = 4096 };

/* The leader of each epoch. */
struct terms {
	int32_t *leader; /* indexed by epoch; 0: unknown; otherwise the node's id */
	int32_t n;
};

struct known_partition {
	struct uuid topic;
	int32_t id;
	int16_t next;	    /* index of the next one in the same slot, plus 1; 0: none */
	int64_t committed;  /* the largest high watermark of a leader */
	int64_t stable;	    /* the largest last stable offset of a leader */
	int64_t stable_at;  /* that leader's high watermark at the time */
	int32_t said_epoch; /* the partition epoch printed last */
	struct terms terms;
	struct {
		int life;
		int32_t epoch;
		int64_t high_watermark;
	} seen[NODES_MAX]; /* of each node as leader */
};

struct invariants {
	/* Set by the owner. */
	struct nodes *nodes;
	/* Internal. */
	struct known_partition v[KNOWN_MAX];
	int n;
	int16_t slots[KNOWN_SLOTS]; /* hashed by topic and id: index of the newest in v, plus 1; 0: none */
	struct terms controllers;
	int32_t quorum_epoch;			/* the newest epoch of an active controller */
	int64_t quorum_committed;		/* the highest high watermark of one */
	int64_t newest;				/* offset of the newest image */
	int64_t compared[NODES_MAX][NODES_MAX]; /* offsets of images */
	int64_t n_compared;
	int64_t n_looks;
};

void invariants_init(struct invariants *v, struct nodes *nodes);
void invariants_fini(struct invariants *v);
void invariants_look(struct invariants *v);

/*
 * Whether all is well: each partition has a leader, all replicas are in sync and equally long, all
 * nodes agree. `why` says what is not.
 */
bool invariants_settled(struct invariants *v, const char **why);
/* Prints what the newest image and the replicas say about each partition to stderr. */
void invariants_say(const struct invariants *v);

#endif
