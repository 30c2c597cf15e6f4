/*
 * transaction_calls: answers the calls of shards of __transaction_state
 * (transaction/transaction.h): producer ids from the node's blocks, markers through the leaders of
 * partitions.
 */
#ifndef ODRADEK_BROKER_TRANSACTION_CALLS_H
#define ODRADEK_BROKER_TRANSACTION_CALLS_H

struct coordinator_call;
struct core;

/* The `ask` of their coordinator_type. */
void transaction_ask(struct core *core, struct coordinator_call *c);

#endif
