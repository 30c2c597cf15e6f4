/*
 * transaction_calls: what shards of __transaction_state ask of others (transaction/transaction.h): producer ids from the node's blocks, markers
 * from those who lead.
 */
#ifndef ODRADEK_BROKER_TRANSACTION_CALLS_H
#define ODRADEK_BROKER_TRANSACTION_CALLS_H

struct coordinator_call;
struct core;

/* The `ask` of their coordinator_type. */
void transaction_ask(struct core *core, struct coordinator_call *c);

#endif
