/*
 * verification: before partitions take the first batch of a transaction, adds them to it, or asks
 * its coordinator whether they were added (KIP-890, AddPartitionsToTxnManager).
 *
 * Clients of transaction.version 2 do not add partitions themselves: it is done here, and retried
 * for a moment while the previous transaction is still being ended. For other clients, the
 * coordinator is asked whether they did.
 *
 * Owner: the caller. Everything happens on one core.
 */
#ifndef ODRADEK_BROKER_VERIFICATION_H
#define ODRADEK_BROKER_VERIFICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "broker/coordinator.h"
#include "env/env.h"
#include "protocol/add_partitions_to_txn.h"

struct api_counts;
struct core;
struct partition;

/* What a client understands, according to the version of its request (TransactionSupportedOperation). */
enum verification_manner {
	VERIFY,		  /* INVALID_TXN_STATE if the partition is not in the transaction */
	VERIFY_ABORTABLE, /* TRANSACTION_ABORTABLE if it is not */
	VERIFY_ADD,	  /* the partition is added to the transaction */
};
enum verification_manner verification_of_produce(int16_t version);
enum verification_manner verification_of_offsets(int16_t version);

struct verified {
	struct partition *partition;
	struct str topic;
	int32_t index;
	int32_t base_sequence;

	uint64_t guard; /* for the append; 0: none is needed */
	int err;	/* Kafka's: it may not be appended to */
};

struct verification {
	/* set by the caller */
	struct core *core;
	struct arena *arena;
	struct str transactional_id;
	int64_t producer_id;
	int16_t producer_epoch;
	enum verification_manner manner;
	struct verified *v;
	int n;
	void (*done)(struct verification *);
	void *arg;

	/* internal */
	struct coordinator_command command; /* to a coordinator on this node */
	struct list link;		    /* in the list of those to be sent to another broker */
	struct map_node node;		    /* of one request to that broker, by transactional id */
	struct add_partitions_to_txn_request_transaction in;
	struct add_partitions_to_txn_response_result out;
	struct timer timer;
	int64_t until_ms;
	int64_t asked_ns;
};

/* False: nothing has to be asked; guard and err of each are set. True: done() is called later. */
bool verification_begin(struct verification *v);
/* Retrying has become pointless. */
void verification_hurry(struct verification *v);

/*
 * From any thread: the durations of a core's questions (NULL: there were none), and how many
 * partitions they have refused.
 */
const struct api_counts *verification_times(const struct core *core);
int64_t verification_failures(const struct core *core);

/*
 * transaction.partition.verification.enable: is a guard, or an open transaction, required for every
 * transactional append?
 */
bool transactions_are_verified(struct core *core);

#endif
