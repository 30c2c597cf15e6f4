/*
 * moves: an operator who has replicas moved between log directories (KIP-113), again and again,
 * while they are written and read.
 */
#ifndef ODRADEK_TESTS_SIM_MOVES_H
#define ODRADEK_TESTS_SIM_MOVES_H

#include "tests/sim/client.h"

enum { MOVES_TOPICS = 5 };

struct moves {
	/* Set by the owner. */
	const char *const *dirs;
	int n_dirs; /* fewer than two: no moves */
	const char *topics[MOVES_TOPICS];
	int n_partitions[MOVES_TOPICS]; /* of each topic; 0: the topic does not exist */
	/* Internal. */
	struct client client;
	struct timer next;
	bool started;
};

void moves_start(struct moves *m, struct loop *loop, const struct addr *to);
void moves_hang_up(struct moves *m);
void moves_fini(struct moves *m);

#endif
