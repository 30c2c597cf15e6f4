/*
 * peers: what this broker asks of other brokers for the sake of transactions: markers, and partitions that come into them.
 *
 * A connection a broker and a lane, on the listener between brokers, dialled when the first call comes. A call goes once: when the connection
 * breaks or takes longer than request.timeout.ms it ends with that error, and its maker looks again who is to be asked.
 *
 * Owner: a core.
 */
#ifndef ODRADEK_BROKER_PEERS_H
#define ODRADEK_BROKER_PEERS_H

#include <stdint.h>

#include "net/channel.h"

struct core;
struct peers;

/* What waits for replicas at the other end does not hold up the rest. */
enum peer_lane { PEER_MARKERS, PEER_PARTITIONS };

/*
 * key, request, arena and done are set; the memory is the caller's until done(), which runs later, on this core. err: Kafka's or a negated
 * errno.
 */
void peer_call(struct core *core, enum peer_lane lane, int32_t broker, struct call *c);

/* Every call ends. The core has work until names that are looked up have been found or not. */
void peers_stop(struct core *core);
void peers_free(struct peers *p); /* NULL is fine */

#endif
