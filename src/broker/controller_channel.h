/*
 * controller_channel: what this node asks the active controller for when that is another node; Kafka's NodeToControllerChannelManager, and the
 * ForwardingManager on top of it.
 *
 * 1. What this node's own broker or controller asks goes as it is, in the highest version that both speak. A client's request goes inside of
 *    an Envelope (KIP-590), in the client's version; its answer is taken out again.
 * 2. A request waits until a controller is known. It goes again, to whom then leads, when its connection breaks, when it is not answered for
 *    a while, and when the answer says NOT_CONTROLLER: so a request may be carried out twice, as Kafka's may.
 * 3. Its time is up at its deadline, a client's after a minute at the latest: REQUEST_TIMED_OUT.
 * 4. Heartbeats, this node's other requests and clients' have a connection each, and one request of each is under way at a time.
 * 5. An answer is checked by the codec alone: whoever asked looks at the values. It stays as long as the request's arena.
 *
 * Errors, beside the answer's own: UNKNOWN_SERVER_ERROR where there is no understanding, and hang_up with it where the controller does not speak
 * the client's version.
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
	struct outgoing *outgoing; /* NULL: plain, with the times of channel.h */
	int32_t answer_ms; /* controller.socket.timeout.ms: how long a connection may leave a request without an answer */
};

struct controller_channel *controller_channel_new(const struct controller_channel_options *options);
/* When it is settled, or was never asked. NULL is fine. */
void controller_channel_free(struct controller_channel *c);

/* Who leads now; NULL: nobody is known to. What is under way with another goes again. */
void controller_channel_follow(struct controller_channel *c, const struct raft_node *leader);
/* The quorum's from here on until it is completed. */
void controller_channel_submit(struct controller_channel *c, struct quorum_request *r);
/* This node leads: give() gets all that waits or is under way, and nothing goes out. */
void controller_channel_give_back(struct controller_channel *c, void (*give)(struct quorum_request *r));

/* All that is left is completed with NOT_CONTROLLER, and the connections are closed. */
void controller_channel_stop(struct controller_channel *c);
/* A name may still be looked up after a stop. */
bool controller_channel_is_settled(const struct controller_channel *c);

#endif
