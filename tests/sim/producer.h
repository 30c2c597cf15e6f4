/*
 * producer: sends numbered records and tells the history what was acknowledged.
 *
 * Up to `window` batches are in flight, each to a random partition. When anything goes wrong (the
 * connection, a retriable error) it hangs up, waits a little and sends everything unacknowledged
 * again, in order and with the same sequence numbers, as Kafka's own producer does; an idempotent
 * one may do so without causing duplicates.
 *
 * When the batch that is next in sequence is refused as out of order, the node has lost what it had
 * acknowledged. Like Kafka's client (KIP-360, TransactionManager.canRetry), an idempotent producer
 * then raises its epoch and numbers what waits for that partition from 0; other partitions keep the
 * old epoch until nothing of theirs is in flight. What is sent again in this way may already be
 * there: the history is told. In a world that loses nothing, such a refusal is a mistake of the
 * node.
 *
 * In a cluster each partition has a connection of its own, to the node believed to lead it.
 */
#ifndef ODRADEK_TESTS_SIM_PRODUCER_H
#define ODRADEK_TESTS_SIM_PRODUCER_H

#include "tests/sim/client.h"
#include "tests/sim/history.h"

/* The identity under which a partition's batches are sent, and their numbering. */
struct sequence {
	int64_t producer_id;
	int16_t producer_epoch;
	int32_t next;
	int32_t last_acknowledged; /* -1: none */
};

struct producer {
	/* Set by the owner. */
	int index;
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: a single node */
	struct history *history;
	const char *topic;
	int n_partitions;
	int n_batches; /* number to send in total */
	int window;
	int pause_ms;	    /* between batches, to make them last; 0: none */
	int16_t acks;	    /* -1 or 1 */
	int32_t timeout_ms; /* of a request; 0: 30 s */
	bool idempotent;
	bool storage_fails; /* disks fail, or are full: errors are then no mistake */
	bool losses_happen; /* acknowledged batches can be lost: a gap is handled by a new epoch */
	void (*finished)(void *arg);
	void *arg;
	/* Internal. */
	/* In a cluster one per partition; otherwise the first serves all. */
	struct client clients[HISTORY_PARTITIONS_MAX];
	struct timer again;
	struct timer next;   /* while it runs, no new batch is begun */
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
