/*
 * committed: reads a topic as one who wants committed records alone, as consumers do it, and tells what it sees, in order and once.
 *
 * It goes round the partitions. Of an answer only what is below the last stable offset may be there; what is of an aborted transaction is left
 * out by the list in the answer. Broken rules end the run by check().
 */
#ifndef ODRADEK_TESTS_SIM_COMMITTED_H
#define ODRADEK_TESTS_SIM_COMMITTED_H

#include "base/str.h"
#include "tests/sim/client.h"

enum { COMMITTED_PARTITIONS_MAX = 4, COMMITTED_PRODUCERS_MAX = 256 };

struct committed {
	/* given */
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: one node has all */
	const char *topic;
	int n_partitions;
	void (*see)(void *arg, int partition, int64_t offset, struct bytes key, struct bytes value);
	/* No transaction is open in this partition, and all that is committed has been seen. (While one is open, of another that has ended what
	 * lies behind its first record is not shown yet.) NULL: nobody asks. */
	void (*cut)(void *arg, int partition);
	void *arg;

	/* its own */
	struct client
		clients[COMMITTED_PARTITIONS_MAX]; /* one of a partition in a cluster, else the first is that of all */
	struct timer next;
	int partition;
	int64_t offsets[COMMITTED_PARTITIONS_MAX];
	bool is_at_end[COMMITTED_PARTITIONS_MAX]; /* at the high watermark, and no transaction is open */
	bool is_late; /* what is under way was asked before it was to look again: its answer says nothing of the end */
	struct {
		int64_t producer_id;
		int partition;
		int64_t ended_at; /* its last marker */
	} ended[COMMITTED_PRODUCERS_MAX];
	int n_ended;
};

/* From the start. */
void committed_start(struct committed *c);
void committed_fini(struct committed *c);
/* What was at the end may be so no more. */
void committed_look_again(struct committed *c);
bool committed_is_at_end(const struct committed *c);

#endif
