/*
 * changes: somebody who manages a cluster: replicas are moved to other brokers and back, preferred leaders elected, a topic made and
 * deleted, again and again. What he is answered does not matter; what becomes of it is looked at by others (invariants.h).
 */
#ifndef ODRADEK_TESTS_SIM_CHANGES_H
#define ODRADEK_TESTS_SIM_CHANGES_H

#include "tests/sim/client.h"

#define CHANGES_TOPIC "comes-and-goes"

struct changes {
	/* given */
	const struct brokers *brokers;
	const char *topic;
	int n_partitions;
	int n_replicas;
	int pause_ms; /* about; 0: nobody changes anything */
	/* what was answered without an error */
	int64_t n_moves, n_elections, n_topics, n_taken_back;
	/* Set by others, a bit a partition: a reassignment goes on, or one that has no end. */
	unsigned busy, stuck;
	/* its own */
	struct client client;
	struct timer next;
	bool started, ends;
	bool is_there; /* the topic that comes and goes, as far as is known */
	int n_made;
};

void changes_start(struct changes *c, struct loop *loop, const struct addr *to);
/*
 * Nothing is changed any more: what goes on comes to its end. A reassignment that removes whom the one before it was adding does not, nor
 * does it with Kafka: it is taken back.
 */
void changes_end(struct changes *c);
void changes_fini(struct changes *c);

#endif
