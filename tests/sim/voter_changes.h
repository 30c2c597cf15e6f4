/*
 * voter_changes: an operator who removes voters from a dynamic quorum and adds them again
 * (KIP-853), one after another, whatever happens to it.
 *
 * At least two remain. Acknowledged changes hold: at the end the voters are those last acknowledged
 * as in. If the answer for a node was lost, nothing is known about it any more: the request may
 * still be under way.
 */
#ifndef ODRADEK_TESTS_SIM_VOTER_CHANGES_H
#define ODRADEK_TESTS_SIM_VOTER_CHANGES_H

#include "tests/sim/client.h"
#include "tests/sim/nodes.h"

struct voter_changes {
	/* Set by the owner. */
	const struct brokers *brokers;
	const struct nodes *nodes;
	int pause_ms; /* approximate pause; 0: nothing is changed */
	/* Requests answered without an error. */
	int64_t n_added, n_removed;
	/* Internal. */
	struct client client;
	struct timer next;
	bool started, ends;
	int node; /* the subject of the current request */
	bool adds;
	bool is_out[NODES_MAX];
	bool is_unknown[NODES_MAX];
};

void voter_changes_start(struct voter_changes *c, struct loop *loop, const struct addr *to);
/* Makes no more requests. */
void voter_changes_end(struct voter_changes *c);
void voter_changes_fini(struct voter_changes *c);
/* Checks that the active controller's voters are the expected ones. */
void voter_changes_check(const struct voter_changes *c);

#endif
