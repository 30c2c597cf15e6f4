/*
 * net: reactors, listeners and the connections they accept.
 *
 * 1. A net has n reactors, each a loop of env. net_new creates the loops, and net_start runs all
 *    but the first on threads of their own: the caller runs net_loop(0) itself (the simulator runs
 *    all). Others may post to these loops and have timers on them.
 * 2. Listeners accept on reactor 0, which owns the counts (per address, per listener, in total).
 *    Each listener has a budget per turn, so that a flood on one does not starve another. A socket
 *    is given to the reactor with the fewest connections and stays there.
 * 3. For what it accepts, net knows bytes, lengths and limits, and nothing of Kafka's APIs.
 *    (channel.h is the opposite direction: connections this node dials.)
 * 4. An idle connection has no buffers. Received bytes and taken frames are charged against
 *    queued_max_request_bytes; once it is spent only exempt connections read, and the one that has
 *    waited longest is served first.
 * 5. A connection is a stranger's until its handler identifies the peer (conn_know). Each listener
 *    may have max_strangers of them, except one with lets_all_in. While these are being identified
 *    (a herd), no more are accepted. Otherwise (a flood) the oldest is closed for the newest, so
 *    that a flood cannot hold its places for long and a client that is quick gets in.
 * 6. Every refusal and abnormal end is logged, at most one line per second for each kind of end and
 *    reactor.
 */
#ifndef ODRADEK_NET_NET_H
#define ODRADEK_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "env/env.h"
#include "net/conn.h"

struct net;
struct tls_context;

#define NET_NO_LIMIT INT32_MAX
#define NET_STRANGERS_FRAME_MAX ((size_t)64 * 1024)

struct net_ip_limit {
	struct addr addr; /* the port is ignored */
	int32_t connections;
};

/* The limits; those that are Kafka's settings are named in the comments. */
struct net_limits {
	int32_t max_connections;	      /* max.connections */
	int32_t max_connections_per_ip;	      /* max.connections.per.ip */
	const struct net_ip_limit *ip_limits; /* max.connections.per.ip.overrides, hosts resolved; copied */
	int n_ip_limits;
	int32_t max_connection_creation_rate; /* max.connection.creation.rate, per second */
	int32_t max_strangers;		      /* unauthenticated connections per listener */
	int64_t connections_max_idle_ms;      /* connections.max.idle.ms; < 0: for ever */
	int64_t frame_deadline_ms;	      /* from the first byte of a frame to its last */
	int64_t handshake_deadline_ms;	      /* from accepting to the end of the TLS handshake */
	int64_t write_deadline_ms;	      /* longest time without the peer taking a byte of a waiting answer */
	size_t request_max_bytes;	      /* socket.request.max.bytes */
	int64_t queued_max_request_bytes;     /* queued.max.request.bytes; > 0 */
	int32_t socket_send_buffer_bytes;     /* socket.send.buffer.bytes; -1: the system's */
	int32_t socket_receive_buffer_bytes;  /* socket.receive.buffer.bytes; -1: the system's */
	int32_t socket_listen_backlog_size;   /* socket.listen.backlog.size */
};

/*
 * Kafka's defaults, with the system's buffer sizes; queued_max_request_bytes is a quarter of
 * memory_bytes, but at least 64 MiB.
 */
void net_limits_default(struct net_limits *limits, int64_t memory_bytes);

struct net_listener_config {
	const char *name;
	const char *host;		      /* NULL or "": every address. Names are resolved when it binds */
	uint16_t port;			      /* 0: any free port */
	int32_t max_connections;	      /* listener.name.NAME.max.connections; NET_NO_LIMIT */
	int32_t max_connection_creation_rate; /* listener.name.NAME.max.connection.creation.rate; NET_NO_LIMIT */
	/*
	 * For connections between brokers and controllers: not limited by max_connections across
	 * listeners or per address, by rates, or by queued_max_request_bytes, and not counted there;
	 * only by max_strangers and, until the peer is identified, by a frame size of
	 * NET_STRANGERS_FRAME_MAX.
	 */
	bool exempt;
	/*
	 * For connections between brokers, if clients have another listener: not limited by
	 * max_connections across listeners or by their common rate.
	 */
	bool is_protected;
	/*
	 * The listener authenticates nobody: identifying a peer means nothing, and max_strangers
	 * does not apply. Many clients may be connected before they ask for anything.
	 */
	bool lets_all_in;
	struct tls_context *tls; /* NULL: plain text. net_listen takes a reference. */
};

/* n_reactors 0: one per core. handler is copied; arg is passed to its functions. */
struct net *net_new(struct env *env, const struct net_limits *limits, int n_reactors, const struct net_handler *handler,
		    void *arg);
void net_start(struct net *net);

/*
 * Binds all listeners or none. Returns 0, or a negated errno with *failed set to the index of the
 * listener concerned (-EADDRINUSE; -EADDRNOTAVAIL; -ENOENT: no such host). Called once, on reactor
 * 0's loop or before it runs; may block on a name look-up. Nothing is accepted before net_accept.
 */
int net_listen(struct net *net, const struct net_listener_config *listeners, int n, int *failed);
/* The address that listener i is bound to, with its actual port. */
const struct addr *net_listener_addr(const struct net *net, int i);
/* Starts accepting connections on listener i. */
void net_accept(struct net *net, int i);
/*
 * Sets the TLS context for connections that listener i accepts from now on; existing ones keep
 * theirs. On reactor 0; takes a reference.
 */
void net_set_tls(struct net *net, int i, struct tls_context *tls);

/*
 * Changes the rate for all listeners together (max.connection.creation.rate), and for listener i:
 * connections per second; NET_NO_LIMIT: unlimited; 0: no connections. On reactor 0.
 */
void net_set_creation_rate(struct net *net, int32_t per_second);
void net_set_listener_creation_rate(struct net *net, int i, int32_t per_second);

/*
 * Change limits on the number of connections. If there are more in total than max_connections now,
 * the least recently active ones of clients are closed, as in Kafka; a limit on a listener or an
 * address applies to new connections. On reactor 0. v is copied.
 */
void net_set_max_connections(struct net *net, int32_t max);
void net_set_listener_max_connections(struct net *net, int i, int32_t max);
void net_set_max_connections_per_ip(struct net *net, int32_t max);
void net_set_ip_limits(struct net *net, const struct net_ip_limit *v, int n);

int net_reactors(const struct net *net);
struct loop *net_loop(const struct net *net, int reactor);

/*
 * A clean stop: listeners and idle connections close; requests in progress have until the deadline
 * to be answered; done() is called once on reactor 0 when no connection is left. A second call
 * shortens the deadline. On reactor 0.
 */
void net_stop(struct net *net, int64_t deadline_ms, void (*done)(void *arg), void *arg);
/*
 * Stops and frees the loops. Call it after done(), when all frames have been released, and not on a
 * reactor's loop.
 */
void net_free(struct net *net);

/* Counters, for any thread; each is exact by itself. */
struct net_counts {
	int64_t connections; /* open now */
	int64_t accepted;
	int64_t refused;	 /* accepted and closed at once: per-address limits, no descriptors */
	int64_t closed_in_error; /* ends that were logged */
	int64_t bytes_in;
	int64_t bytes_out;
	int64_t queued_bytes; /* charged against queued_max_request_bytes now */
	int64_t waiting;      /* connections waiting for room in the budget */
};
void net_counts(const struct net *net, struct net_counts *out);

#endif
