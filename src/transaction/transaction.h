/*
 * transaction: the coordinator of transactions (KIP-98, KIP-360, KIP-890), without what carries it.
 *
 * The shard type of __transaction_state (coordinator/shard.h). Its commands are requests, by the keys of their APIs:
 *
 *	API			in				out
 *	InitProducerId		the request			the response
 *	AddPartitionsToTxn	one transaction of a request	its result; in a version below 4: a client's of transaction.version 0 or 1
 *	AddOffsetsToTxn		the same, of the partition	the response
 *				of the group's offsets
 *	EndTxn			the request			the response
 *	DescribeTransactions	a struct str, the id		one transaction of the response
 *	ListTransactions	the request			the response, of this shard's transactions; pattern and unknown
 *				its producer ids sorted		states are the sender's to look at
 *
 * What it asks of others are calls of two kinds: producer ids, and markers.
 */
#ifndef ODRADEK_TRANSACTION_TRANSACTION_H
#define ODRADEK_TRANSACTION_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "coordinator/shard.h"

extern const struct shard_type transaction_shard_type;

/* What a marker says: how the transaction of this producer ends. */
struct transaction_marker {
	int64_t producer_id;
	int32_t coordinator_epoch;
	int16_t producer_epoch;
	int8_t transaction_version; /* the client's, which decides how epochs are compared */
	bool commit;
};

/* One partition that is to have it. */
struct transaction_marked {
	struct str topic;
	int32_t partition;
	int err; /* the answer: 0, or Kafka's */
};

enum transaction_call_kind { TRANSACTION_CALL_ID, TRANSACTION_CALL_MARKERS };

struct transaction_call {
	struct shard_call call;
	enum transaction_call_kind kind;

	/* TRANSACTION_CALL_ID: the answer */
	int64_t producer_id;
	int err; /* Kafka's; not 0: there is none */

	/* TRANSACTION_CALL_MARKERS: answered when all of them are replicated, or refused */
	struct transaction_marker marker;
	struct transaction_marked *marked;
	int n;
};

/* A partition that a broker tells or asks a coordinator of. */
struct transaction_asked {
	struct str topic;
	int32_t partition;
	int32_t hash;
	uint32_t slot;
	int group, at;
};

/* Puts them into Kafka's order (ask_order.c), in which those of a topic stand together. topic and partition are given. */
void transaction_ask_order(struct transaction_asked *v, int n);

/* How many transactional ids are in each state, as metrics tell it; by the number that is logged. */
enum { TRANSACTION_CENSUS_STATES = 8 };

struct transaction_census {
	int64_t n[TRANSACTION_CENSUS_STATES];
};

/* Adds those of the shard (a state of transaction_shard_type). On the shard's thread. */
void transaction_census_take(struct transaction_census *c, const void *state);
const char *transaction_census_name(int state);

/* True when it is the name of a state, as DescribeTransactions and ListTransactions know them. */
bool transaction_state_is_known(struct str name);

#endif
