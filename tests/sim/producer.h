/*
 * producer: sends numbered records and tells the history what was acknowledged.
 *
 * Up to `window` batches are in flight, each to a partition of its choice. When anything goes wrong (the connection, an error that says
 * "again") it hangs up, waits a little and sends all that is not acknowledged again, in order and with the same sequence numbers:
 * what Kafka's own producer does, and what an idempotent one may do without a duplicate.
 *
 * Where the batch that must come next is refused as out of order, the node has lost what it had acknowledged. As Kafka's client does
 * (KIP-360, TransactionManager.canRetry) an idempotent producer then raises its epoch and numbers what waits for that partition from
 * 0; other partitions go on with the old epoch until nothing of theirs is in flight. What is sent again so may be there already: the
 * history is told. In a world that loses nothing such a refusal is a mistake of the node's.
 *
 * In a cluster each partition has a connection of its own, to whoever is believed to lead it.
 */
#ifndef ODRADEK_TESTS_SIM_PRODUCER_H
#define ODRADEK_TESTS_SIM_PRODUCER_H

#include "tests/sim/client.h"
#include "tests/sim/history.h"

/* As whom a partition's batches are sent, and how far. */
struct sequence {
	int64_t producer_id;
	int16_t producer_epoch;
	int32_t next;
	int32_t last_acknowledged; /* -1: none */
};

struct producer {
	/* given */
	int index;
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: one node has all */
	struct history *history;
	const char *topic;
	int n_partitions;
	int n_batches; /* to send in all */
	int window;
	int pause_ms;	    /* between batches, so that they last; 0: as fast as they go */
	int16_t acks;	    /* -1 or 1 */
	int32_t timeout_ms; /* of a request; 0: 30 s */
	bool idempotent;
	bool storage_fails; /* disks fail, or are full: that is no mistake then */
	bool losses_happen; /* acknowledged batches can be lost: a gap is taken, with a new epoch */
	void (*finished)(void *arg);
	void *arg;
	/* its own */
	struct client
		clients[HISTORY_PARTITIONS_MAX]; /* one of a partition in a cluster, else the first is that of all */
	struct timer again;
	struct timer next;   /* while it runs no new batch is begun */
	struct list batches; /* in flight or to be sent again */
	int n_in_flight;
	int n_started;
	int n_retries;
	int n_bumps; /* of the epoch */
	int64_t next_number;
	int64_t producer_id;
	int16_t producer_epoch;
	struct sequence sequences[HISTORY_PARTITIONS_MAX];
};

void producer_start(struct producer *p);
void producer_fini(struct producer *p);
void producer_hang_up(struct producer *p);

#endif
