/*
 * changes: an operator of a cluster, who again and again moves replicas to other brokers and back,
 * elects preferred leaders, and creates and deletes a topic. The answers do not matter; the effects
 * are checked by others (invariants.h).
 */
#ifndef ODRADEK_TESTS_SIM_CHANGES_H
#define ODRADEK_TESTS_SIM_CHANGES_H

#include "tests/sim/client.h"

#define CHANGES_TOPIC "comes-and-goes"

struct changes {
	/* Set by the owner. */
	const struct brokers *brokers;
	const char *topic;
	int n_partitions;
	int n_replicas;
	int pause_ms; /* approximate pause; 0: nothing is changed */
	/* Requests answered without an error. */
	int64_t n_moves, n_elections, n_topics, n_taken_back;
	/* Set by others, one bit per partition: a reassignment is under way; one cannot complete. */
	unsigned busy, stuck;
	/* Internal. */
	struct client client;
	struct timer next;
	bool started, ends;
	bool is_there; /* whether the topic that comes and goes exists, as far as is known */
	int n_made;
};

void changes_start(struct changes *c, struct loop *loop, const struct addr *to);
/*
 * Makes no more changes, and lets those under way finish. A reassignment that removes replicas that
 * the one before was still adding never finishes, here as in Kafka: it is cancelled.
 */
void changes_end(struct changes *c);
void changes_fini(struct changes *c);

#endif
