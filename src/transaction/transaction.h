/*
 * transaction: the transaction coordinator (KIP-98, KIP-360, KIP-890), without the runtime that
 * carries it.
 *
 * This is the shard type of __transaction_state (coordinator/shard.h). Its commands are requests,
 * by API key:
 *
 *	API			in				out
 *	InitProducerId		the request			the response
 *	AddPartitionsToTxn	one transaction of a request	its result; in a version below 4: for a
 *								client of transaction.version 0 or 1
 *	AddOffsetsToTxn		the same, for the partition	the response
 *				of the group's offsets
 *	EndTxn			the request			the response
 *	DescribeTransactions	a struct str, the id		one transaction of the response
 *	ListTransactions	the request,			the response for this shard's transactions;
 *				its producer ids sorted		patterns and unknown states are left to
 *								the sender
 *
 * What it needs from others it requests by two kinds of calls: producer ids, and markers.
 */
#ifndef ODRADEK_TRANSACTION_TRANSACTION_H
#define ODRADEK_TRANSACTION_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "coordinator/shard.h"

extern const struct shard_type transaction_shard_type;

/* The contents of a marker: how this producer's transaction ends. */
struct transaction_marker {
	int64_t producer_id;
	int32_t coordinator_epoch;
	int16_t producer_epoch;
	int8_t transaction_version; /* the client's; determines how epochs are compared */
	bool commit;
};

/* One partition that must get the marker. */
struct transaction_marked {
	struct str topic;
	int32_t partition;
	int err; /* the result: 0, or Kafka's error */
};

enum transaction_call_kind { TRANSACTION_CALL_ID, TRANSACTION_CALL_MARKERS };

struct transaction_call {
	struct shard_call call;
	enum transaction_call_kind kind;

	/* TRANSACTION_CALL_ID: the answer. */
	int64_t producer_id;
	int err; /* Kafka's error; not 0: no id */

	/* TRANSACTION_CALL_MARKERS: answered when all markers are replicated or refused. */
	struct transaction_marker marker;
	struct transaction_marked *marked;
	int n;
};

/* A partition in a request between a broker and a coordinator. */
struct transaction_asked {
	struct str topic;
	int32_t partition;
	int32_t hash;
	uint32_t slot;
	int group, at;
};

/*
 * Sorts them into Kafka's order (ask_order.c), in which the partitions of a topic are adjacent.
 * topic and partition must be set.
 */
void transaction_ask_order(struct transaction_asked *v, int n);

/* The number of transactional ids in each state, for metrics; indexed by the state's number in the log. */
enum { TRANSACTION_CENSUS_STATES = 8 };

struct transaction_census {
	int64_t n[TRANSACTION_CENSUS_STATES];
};

/* Adds those of the shard (a state of transaction_shard_type). On the shard's thread. */
void transaction_census_take(struct transaction_census *c, const void *state);
const char *transaction_census_name(int state);

/* Whether it is the name of a state in DescribeTransactions and ListTransactions. */
bool transaction_state_is_known(struct str name);

#endif
