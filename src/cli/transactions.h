/*
 * transactions: what the parts of `odradek transactions` share: querying transactions and
 * producers, and ending with the script's messages.
 */
#ifndef ODRADEK_CLI_TRANSACTIONS_H
#define ODRADEK_CLI_TRANSACTIONS_H

#include "cli/partitions.h"
#include "protocol/describe_producers.h"
#include "protocol/describe_transactions.h"
#include "protocol/list_transactions.h"

/* "WHAT: why. Enable debug logging for additional detail." */
_Noreturn void transactions_failed(struct tool *t, struct str what, struct str why);

/* One broker's transactions. */
struct listing {
	int32_t broker;
	const struct list_transactions_response *response;
};
/* Those of all brokers; ends the tool, saying what it was doing, when one does not answer. */
struct listing *transactions_list(struct tool *t, const struct list_transactions_request *r, struct str what, int *n);

/* Returns 0, or the error with its message in *why. */
int transaction_describe(struct tool *t, struct str id, int32_t *coordinator,
			 const struct describe_transactions_response_transaction **out, struct str *why);
/* Whether it is waiting for this partition's marker. */
bool transaction_has(const struct describe_transactions_response_transaction *d, struct str topic, int32_t partition);

/*
 * The producers of partitions, which must be sorted, as known to their leaders or, with
 * --broker-id, to that broker: the answer of each is its describe_producers_response_partition.
 * False, with the first error's message in *why.
 */
bool producers_describe(struct tool *t, bool of_broker, struct partition *v, int n, struct str *why);

int transactions_abort(struct tool *t);
int transactions_terminate(struct tool *t);
int transactions_find_hanging(struct tool *t);

#endif
