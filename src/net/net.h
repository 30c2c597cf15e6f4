/*
 * net: reactors, listeners and the connections they accept.
 *
 * 1. A net has n reactors, each a loop of env. Loops are made by net_new, and net_start runs all but the first on threads of their
 *    own: the caller runs net_loop(0) itself (the simulator runs all). Others may post to these loops and have timers on them.
 * 2. Listeners accept on reactor 0, which owns the counts (by address, by listener, in all); each listener has a budget a turn, so that a
 *    flood on one does not starve another. A socket is given to the reactor with the fewest connections and stays there.
 * 3. Of what it accepts net knows bytes, lengths and limits, and nothing of Kafka's APIs. (channel.h is the other way: what this node dials.)
 * 4. An idle connection has no buffers. Bytes received and taken frames are charged against queued_max_request_bytes; when it is spent no
 *    connection reads but exempt ones, and the oldest that waits goes first.
 * 5. A connection is a stranger's until its handler knows who it is (conn_know). Each listener has max_strangers of them, but one that lets all
 *    in: where there are more the oldest one is closed, so that a flood holds no place for long, and who is quick gets in.
 * 6. Every refusal and odd end is one line, at most one a second for each kind of end and reactor.
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
	struct addr addr; /* the port is not looked at */
	int32_t connections;
};

/* Kafka's settings, named in the comments. */
struct net_limits {
	int32_t max_connections;	      /* max.connections */
	int32_t max_connections_per_ip;	      /* max.connections.per.ip */
	const struct net_ip_limit *ip_limits; /* max.connections.per.ip.overrides, hosts resolved; copied */
	int n_ip_limits;
	int32_t max_connection_creation_rate; /* max.connection.creation.rate, a second */
	int32_t max_strangers; /* a listener's connections that are not known yet: the oldest goes for the newest */
	int64_t connections_max_idle_ms;     /* connections.max.idle.ms; < 0: for ever */
	int64_t frame_deadline_ms;	     /* from a frame's first byte to its last */
	int64_t handshake_deadline_ms;	     /* from accepting to the end of the TLS handshake */
	int64_t write_deadline_ms;	     /* without a byte of a waiting answer taken */
	size_t request_max_bytes;	     /* socket.request.max.bytes */
	int64_t queued_max_request_bytes;    /* queued.max.request.bytes; > 0 */
	int32_t socket_send_buffer_bytes;    /* socket.send.buffer.bytes; -1: the system's */
	int32_t socket_receive_buffer_bytes; /* socket.receive.buffer.bytes; -1 */
	int32_t socket_listen_backlog_size;  /* socket.listen.backlog.size */
};

/* Kafka's defaults, buffers as the system has them; queued_max_request_bytes is a quarter of memory_bytes, and at least 64 MiB. */
void net_limits_default(struct net_limits *limits, int64_t memory_bytes);

struct net_listener_config {
	const char *name;
	const char *host;		      /* NULL or "": every address. Names are resolved when it binds. */
	uint16_t port;			      /* 0: any free one */
	int32_t max_connections;	      /* listener.name.NAME.max.connections; NET_NO_LIMIT */
	int32_t max_connection_creation_rate; /* listener.name.NAME.max.connection.creation.rate; NET_NO_LIMIT */
	/*
	 * Between brokers and controllers: not bound by max_connections of all listeners, by rates, or by queued_max_request_bytes; but by
	 * max_strangers, and until it is known who somebody is by frames of NET_STRANGERS_FRAME_MAX.
	 */
	bool exempt;
	/* Whoever comes is let in: to know him says nothing, and max_strangers does not bind. Clients may be many before they ask for something. */
	bool lets_all_in;
	struct tls_context *tls; /* NULL: plain. net_listen takes a reference. */
};

/* n_reactors 0: as many as the cores. handler is copied; arg is given to its functions. */
struct net *net_new(struct env *env, const struct net_limits *limits, int n_reactors, const struct net_handler *handler,
		    void *arg);
void net_start(struct net *net);

/*
 * Binds all, or none: 0, or a negated errno with *failed the index of the listener it is about (-EADDRINUSE; -EADDRNOTAVAIL; -ENOENT: no
 * such host). Called once, before the first turn of reactor 0's loop or on it; may block for a name. Nothing is accepted before
 * net_accept.
 */
int net_listen(struct net *net, const struct net_listener_config *listeners, int n, int *failed);
/* The address that listener i is bound to, its port known. */
const struct addr *net_listener_addr(const struct net *net, int i);
/* From now on connections are accepted on listener i. */
void net_accept(struct net *net, int i);
/* What secures the connections that listener i accepts from now on; those that are there keep theirs. On reactor 0; takes a reference. */
void net_set_tls(struct net *net, int i, struct tls_context *tls);

/* Other rates for all listeners together (max.connection.creation.rate), and for listener i: connections a second, NET_NO_LIMIT; 0: none. On reactor 0. */
void net_set_creation_rate(struct net *net, int32_t per_second);
void net_set_listener_creation_rate(struct net *net, int i, int32_t per_second);

int net_reactors(const struct net *net);
struct loop *net_loop(const struct net *net, int reactor);

/*
 * A clean stop: listeners close, idle connections close, requests in work get until the deadline to answer; done() is called once on
 * reactor 0 when no connection is left. A second call shortens the deadline. On reactor 0.
 */
void net_stop(struct net *net, int64_t deadline_ms, void (*done)(void *arg), void *arg);
/* After done(), and after all frames are released: stops and frees the loops. Not on a reactor's loop. */
void net_free(struct net *net);

/* Counters, for any thread; each is exact by itself. */
struct net_counts {
	int64_t connections; /* open now */
	int64_t accepted;
	int64_t refused;	 /* accepted and closed at once: per-address bounds, no descriptors */
	int64_t closed_in_error; /* ends that were worth a line */
	int64_t bytes_in;
	int64_t bytes_out;
	int64_t queued_bytes; /* charged against queued_max_request_bytes now */
	int64_t waiting;      /* connections that wait for room */
};
void net_counts(const struct net *net, struct net_counts *out);

#endif
