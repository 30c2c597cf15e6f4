/*
 * proposals: AlterPartition requests that no controller may take: one that rests on an older state of
 * its partition, one that lets in a replica as it was in an earlier life (KIP-903), and one from a
 * leader that knows more than the controller (KAFKA-14154). In a real cluster they are late, or meet
 * a controller that has been replaced. They are made from the newest image of any node; a violation
 * ends the run by check().
 */
#ifndef ODRADEK_TESTS_SIM_PROPOSALS_H
#define ODRADEK_TESTS_SIM_PROPOSALS_H

#include "tests/sim/client.h"
#include "tests/sim/nodes.h"

enum proposal_kind { PROPOSAL_OLDER, PROPOSAL_OF_EARLIER_LIFE, PROPOSAL_AHEAD, PROPOSAL_KINDS };

struct proposals {
	/* Set by the owner. */
	const struct nodes *nodes;
	const struct brokers *brokers;
	int pause_ms; /* 0: none are made */
	int64_t n_refused[PROPOSAL_KINDS];
	/* Internal. */
	struct client client;
	struct timer next;
	bool started, ends;
	enum proposal_kind kind; /* of the current one */
};

void proposals_start(struct proposals *p, struct loop *loop, const struct addr *to);
/* Makes no more. */
void proposals_end(struct proposals *p);
void proposals_fini(struct proposals *p);

#endif
