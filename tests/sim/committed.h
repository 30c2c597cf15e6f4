/*
 * committed: reads a topic with read_committed, as consumers do, and reports what it sees, in order
 * and once.
 *
 * It polls the partitions in turn. An answer may contain only what is below the last stable offset;
 * records of aborted transactions are skipped by the list in the answer. A violation ends the run
 * by check().
 */
#ifndef ODRADEK_TESTS_SIM_COMMITTED_H
#define ODRADEK_TESTS_SIM_COMMITTED_H

#include "base/str.h"
#include "tests/sim/client.h"

enum { COMMITTED_PARTITIONS_MAX = 4, COMMITTED_PRODUCERS_MAX = 256 };

struct committed {
	/* Set by the owner. */
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: a single node */
	const char *topic;
	int n_partitions;
	void (*see)(void *arg, int partition, int64_t offset, struct bytes key, struct bytes value);
	/*
	 * No transaction is open in this partition, and everything committed has been seen. (While
	 * one is open, what another one wrote after its first record is not visible yet.) May be
	 * NULL.
	 */
	void (*cut)(void *arg, int partition);
	void *arg;

	/* Internal. */
	/* In a cluster one per partition; otherwise the first serves all. */
	struct client clients[COMMITTED_PARTITIONS_MAX];
	struct timer next;
	int partition;
	int64_t offsets[COMMITTED_PARTITIONS_MAX];
	bool is_at_end[COMMITTED_PARTITIONS_MAX]; /* at the high watermark, with no open transaction */
	bool is_late; /* the request under way predates the call to look again: its answer says nothing about the end */
	struct {
		int64_t producer_id;
		int partition;
		int64_t ended_at; /* offset of its last marker */
	} ended[COMMITTED_PRODUCERS_MAX];
	int n_ended;
};

/* Starts at the beginning. */
void committed_start(struct committed *c);
void committed_fini(struct committed *c);
/* Partitions that were at their end may not be any more. */
void committed_look_again(struct committed *c);
bool committed_is_at_end(const struct committed *c);

#endif
