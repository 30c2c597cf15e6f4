/*
 * producer: sends numbered records and tells the history what was acknowledged.
 *
 * Up to `window` batches are in flight, each to a partition of its choice. When anything goes wrong (the connection, an error that says
 * "again") it hangs up, waits a little and sends all that is not acknowledged again, in order and with the same sequence numbers:
 * what Kafka's own producer does, and what an idempotent one may do without a duplicate.
 */
#ifndef ODRADEK_TESTS_SIM_PRODUCER_H
#define ODRADEK_TESTS_SIM_PRODUCER_H

#include "tests/sim/client.h"
#include "tests/sim/history.h"

struct producer {
	/* given */
	int index;
	struct loop *loop;
	struct addr to;
	struct history *history;
	const char *topic;
	int n_partitions;
	int n_batches; /* to send in all */
	int window;
	int16_t acks; /* -1 or 1 */
	bool idempotent;
	bool losses_happen; /* errors that follow from lost state are taken, with a new producer id */
	uint64_t seed;
	void (*finished)(void *arg);
	void *arg;
	/* its own */
	struct client client;
	struct timer again;
	struct list batches; /* in flight or to be sent again */
	int n_in_flight;
	int n_started;
	int n_retries;
	int64_t next_number;
	int64_t producer_id;
	int16_t producer_epoch;
	int32_t next_sequence[HISTORY_PARTITIONS_MAX];
};

void producer_start(struct producer *p);
void producer_fini(struct producer *p);

#endif
