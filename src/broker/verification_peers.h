/*
 * verification_peers: verifications whose coordinator is another broker
 * (AddPartitionsToTxnManager).
 *
 * One request at a time goes to each such broker, with everything that has accumulated, for any
 * number of transactions. A transactional id occurs in it once, since it identifies the answer:
 * further verifications for it go with the next request.
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
/* Withdraws a question that is not sent yet. False: it is on its way, or was not to be asked. */
bool verification_drop(struct verification *v);

/*
 * In verification.c: 0 and the coordinator's result (NULL: the broker does not verify), or an error
 * for all of it.
 */
void verification_answered(struct verification *v, int err, const struct add_partitions_to_txn_response_result *result);

#endif
