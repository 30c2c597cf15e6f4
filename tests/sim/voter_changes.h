/*
 * voter_changes: somebody who takes voters out of a dynamic quorum and puts them in again (KIP-853), one after another, whatever befalls it.
 *
 * Two stay at least. What was acknowledged holds: at the end the voters are those who were in, or out, last. Of one of whom an answer was
 * lost nothing is known any more: what was asked may still be on its way.
 */
#ifndef ODRADEK_TESTS_SIM_VOTER_CHANGES_H
#define ODRADEK_TESTS_SIM_VOTER_CHANGES_H

#include "tests/sim/client.h"
#include "tests/sim/nodes.h"

struct voter_changes {
	/* given */
	const struct brokers *brokers;
	const struct nodes *nodes;
	int pause_ms; /* about; 0: nobody changes anything */
	/* what was answered without an error */
	int64_t n_added, n_removed;
	/* its own */
	struct client client;
	struct timer next;
	bool started, ends;
	int node; /* of which something was asked */
	bool adds;
	bool is_out[NODES_MAX];
	bool is_unknown[NODES_MAX];
};

void voter_changes_start(struct voter_changes *c, struct loop *loop, const struct addr *to);
/* Nothing more is asked. */
void voter_changes_end(struct voter_changes *c);
void voter_changes_fini(struct voter_changes *c);
/* The voters, as the active controller has them, are those that they have to be. */
void voter_changes_check(const struct voter_changes *c);

#endif
