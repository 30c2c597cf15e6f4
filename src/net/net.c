/* net: creation, stop and counters. */
#include "net/net.h"

#include "base/check.h"
#include "base/mem.h"
#include "net/net_priv.h"

#define MIB INT64_C(1048576)
#define QUEUED_BYTES_MIN (64 * MIB)

void net_limits_default(struct net_limits *limits, int64_t memory_bytes)
{
	int64_t queued = memory_bytes / 4;

	*limits = (struct net_limits){
		.max_connections = NET_NO_LIMIT,
		.max_connections_per_ip = NET_NO_LIMIT,
		.max_connection_creation_rate = NET_NO_LIMIT,
		.max_strangers = NET_NO_LIMIT,
		.connections_max_idle_ms = 600000,
		.frame_deadline_ms = 30000,
		.handshake_deadline_ms = 10000,
		.write_deadline_ms = 60000,
		.request_max_bytes = 104857600,
		.queued_max_request_bytes = queued > QUEUED_BYTES_MIN ? queued : QUEUED_BYTES_MIN,
		.socket_send_buffer_bytes = -1,
		.socket_receive_buffer_bytes = -1,
		.socket_listen_backlog_size = 50,
	};
}

struct net *net_new(struct env *env, const struct net_limits *limits, int n_reactors, const struct net_handler *handler,
		    void *arg)
{
	struct net *net = xcalloc(1, sizeof(*net));

	net->env = env;
	net->limits = *limits;
	check(net->limits.queued_max_request_bytes > 0 && net->limits.request_max_bytes <= INT32_MAX);
	net->handler = *handler;
	net->arg = arg;
	net->budget.limit = limits->queued_max_request_bytes;
	net->n_reactors = n_reactors > 0 ? n_reactors : env->cores;
	check(net->n_reactors > 0);
	net->reactors = xcalloc((size_t)net->n_reactors, sizeof(*net->reactors));
	for (int i = 0; i < net->n_reactors; i++)
		reactor_init(&net->reactors[i], net, i);
	acceptor_init(net);
	return net;
}

void net_start(struct net *net)
{
	for (int i = 1; i < net->n_reactors; i++)
		loop_thread(net->reactors[i].loop);
}

int net_reactors(const struct net *net)
{
	return net->n_reactors;
}

struct loop *net_loop(const struct net *net, int reactor)
{
	check(reactor >= 0 && reactor < net->n_reactors);
	return net->reactors[reactor].loop;
}

void net_stop(struct net *net, int64_t deadline_ms, void (*done)(void *arg), void *arg)
{
	int64_t at = env_mono_ns(net->env) + deadline_ms * NS_PER_MS;

	if (!net->acceptor.stopping) {
		net->stopped = done;
		net->stopped_arg = arg;
	}
	for (int i = 0; i < net->n_reactors; i++) {
		struct reactor *r = &net->reactors[i];

		atomic_store(&r->stop_at_ns, at);
		reactor_ring(r, &r->stop);
	}
	acceptor_stop(net);
}

void net_free(struct net *net)
{
	if (!net)
		return;
	acceptor_fini(net);
	for (int i = 0; i < net->n_reactors; i++)
		loop_stop(net->reactors[i].loop);
	for (int i = 0; i < net->n_reactors; i++)
		reactor_fini(&net->reactors[i]);
	check(atomic_load(&net->budget.used) == 0 && atomic_load(&net->n_counted) == 0);
	xfree(net->reactors);
	xfree(net);
}

void net_counts(const struct net *net, struct net_counts *out)
{
	*out = (struct net_counts){
		.connections = atomic_load_explicit(&net->connections, memory_order_relaxed),
		.accepted = atomic_load_explicit(&net->accepted, memory_order_relaxed),
		.refused = atomic_load_explicit(&net->refused, memory_order_relaxed),
		.queued_bytes = atomic_load(&net->budget.used),
		.waiting = atomic_load(&net->budget.waiting),
	};
	for (int i = 0; i < net->n_reactors; i++) {
		const struct reactor *r = &net->reactors[i];

		out->bytes_in += atomic_load_explicit(&r->bytes_in, memory_order_relaxed);
		out->bytes_out += atomic_load_explicit(&r->bytes_out, memory_order_relaxed);
		out->closed_in_error += atomic_load_explicit(&r->closed_in_error, memory_order_relaxed);
	}
}
