/*
 * verification_peers: verifications whose coordinator is another broker (AddPartitionsToTxnManager).
 *
 * One request at a time to each of them, with all that came in the meantime, of any number of transactions. A transactional id is in it once, since
 * brokers know an answer by it: what else there is of it goes with the next.
 *
 * Owner: a core.
 */
#ifndef ODRADEK_BROKER_VERIFICATION_PEERS_H
#define ODRADEK_BROKER_VERIFICATION_PEERS_H

#include <stdbool.h>
#include <stdint.h>

struct add_partitions_to_txn_response_result;
struct verification;

/* `in` is filled. verification_answered() is called once, later, on the same core. */
void verification_ask_peer(struct verification *v, int32_t broker);
/* What is not sent yet is not to be asked any more. False: it is on its way, or was not to be asked. */
bool verification_drop(struct verification *v);

/* verification.c's: 0 and what the coordinator says (NULL: nobody there verifies anything), or an error for all of it. */
void verification_answered(struct verification *v, int err, const struct add_partitions_to_txn_response_result *result);

#endif
