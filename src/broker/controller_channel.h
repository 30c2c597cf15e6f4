/*
 * controller_channel: carries this node's requests to the active controller when that is another
 * node. It corresponds to Kafka's NodeToControllerChannelManager, with the ForwardingManager on top
 * of it.
 *
 * 1. Requests of this node's own broker or controller are sent as they are, in the highest version
 *    that both sides support. A client's request is wrapped in an Envelope (KIP-590), in the
 *    client's version; its answer is unwrapped again.
 * 2. A request waits until a controller is known. It is sent again, to the leader of that moment,
 *    when its connection breaks, when it is not answered for a while, and when the answer is
 *    NOT_CONTROLLER. A request may therefore be carried out twice, as in Kafka.
 * 3. It ends with REQUEST_TIMED_OUT at its deadline, which for a client's request is at most a
 *    minute away.
 * 4. Heartbeats, this node's other requests and clients' requests have a connection each, with one
 *    request under way on each at a time.
 * 5. Only the codec checks an answer: the caller must look at the values. The answer lives as long
 *    as the request's arena.
 *
 * Errors besides those in the answer: UNKNOWN_SERVER_ERROR where the two nodes have no version in
 * common, along with hang_up where the controller does not support the client's version.
 *
 * Owner: the quorum's loop.
 */
#ifndef ODRADEK_BROKER_CONTROLLER_CHANNEL_H
#define ODRADEK_BROKER_CONTROLLER_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

struct controller_channel;
struct outgoing;
struct quorum_request;
struct raft_node;

struct controller_channel_options {
	struct loop *loop;
	int32_t node_id;
	struct outgoing *outgoing; /* NULL: plaintext, with the timeouts of channel.h */
	int32_t answer_ms; /* controller.socket.timeout.ms: how long a request may stay unanswered on a connection */
};

struct controller_channel *controller_channel_new(const struct controller_channel_options *options);
/* Call it when the channel is settled, or was never used. NULL is allowed. */
void controller_channel_free(struct controller_channel *c);

/* Says who leads now; NULL: not known. Requests under way to another node are sent again. */
void controller_channel_follow(struct controller_channel *c, const struct raft_node *leader);
/* The request belongs to the channel from here on until it is completed. */
void controller_channel_submit(struct controller_channel *c, struct quorum_request *r);
/* This node leads: give() gets every request that waits or is under way, and nothing is sent any more. */
void controller_channel_give_back(struct controller_channel *c, void (*give)(struct quorum_request *r));

/* Completes all remaining requests with NOT_CONTROLLER and closes the connections. */
void controller_channel_stop(struct controller_channel *c);
/* False while something is left after a stop: a look-up of a name may still be under way. */
bool controller_channel_is_settled(const struct controller_channel *c);

#endif
