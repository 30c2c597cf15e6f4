/*
 * peers: requests to other brokers about transactions: markers, and partitions to be added.
 *
 * There is one connection per broker and lane, on the inter-broker listener, dialled at the first
 * call. A call is sent once: if the connection breaks, or the answer takes longer than
 * request.timeout.ms, it ends with that error, and the caller looks again whom to ask.
 *
 * Owner: a core.
 */
#ifndef ODRADEK_BROKER_PEERS_H
#define ODRADEK_BROKER_PEERS_H

#include <stdint.h>

#include "net/channel.h"

struct core;
struct peers;

/* Lanes: calls that wait for replicas at the other end do not hold up the rest. */
enum peer_lane { PEER_MARKERS, PEER_PARTITIONS };

/*
 * The caller sets key, request, arena and done; the memory is the caller's until done(), which runs
 * later, on this core. err: a Kafka error or a negated errno.
 */
void peer_call(struct core *core, enum peer_lane lane, int32_t broker, struct call *c);

/* Ends every call. The core stays busy until look-ups of names have ended. */
void peers_stop(struct core *core);
void peers_free(struct peers *p); /* NULL is allowed */

#endif
