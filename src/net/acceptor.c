/*
 * acceptor: listeners, and the limits on connections. All of it runs on reactor 0, which owns the
 * counts.
 *
 * 1. A limit on one address closes the connection that exceeds it: at once or, if it is a rate, a
 *    little later. The other limits (max.connections, the creation rate, descriptors, a herd of
 *    strangers) stop accepting: connections wait in the system's backlog, as in Kafka.
 * 2. An exempt listener is subject only to its own limits and to max_strangers, and its connections
 *    count nowhere else: Kafka's controller has counts of its own. A protected listener is subject to
 *    the limits on addresses too.
 * 3. When there are more connections than max.connections, because a protected listener has taken a
 *    place or the limit has been lowered, the least recently active ones of the others are closed
 *    (KIP-612).
 * 4. Each listener accepts at most ACCEPTS_PER_TURN connections before the others have their turn.
 * 5. Each reason to pause is a bit; a listener accepts when none is set.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/net_priv.h"
#include "tls/tls.h"

#define ACCEPTS_PER_TURN 16
#define NO_DESCRIPTORS_MS 100
#define STRANGERS_MS 10
#define MILLI 1000

enum { PAUSE_CLOSED = 1, PAUSE_FULL = 2, PAUSE_RATE = 4, PAUSE_DESCRIPTORS = 8, PAUSE_STRANGERS = 16 };
enum { PAUSES_IN_TIME = PAUSE_RATE | PAUSE_DESCRIPTORS | PAUSE_STRANGERS };
enum { TELL_PER_IP, TELL_FULL, TELL_RATE, TELL_DESCRIPTORS, TELL_IP_RATE, TELL_STRANGERS };

/* The connections from one address. */
struct peer {
	struct map_node node;
	uint8_t ip[16];
	bool v6;
	int32_t n;
};

static bool tell(struct net *net, int what)
{
	struct diag_limit *limit = &net->acceptor.limits[what];

	limit->interval_ms = 1000;
	return diag_allow(net->env->diag, limit);
}

/* ---- connections per address ---- */

static bool peer_is(const struct map_node *node, const void *key)
{
	const struct peer *p = container_of(node, struct peer, node);
	const struct addr *a = key;

	return p->v6 == a->v6 && memcmp(p->ip, a->ip, a->v6 ? 16 : 4) == 0;
}

static struct peer *peer_ref(struct acceptor *a, const struct addr *addr)
{
	uint64_t hash = hash_bytes(a->peers.seed, addr->ip, addr->v6 ? 16 : 4);
	struct map_node *node = map_find(&a->peers, hash, peer_is, addr);
	struct peer *p = node ? container_of(node, struct peer, node) : NULL;

	if (!p) {
		p = xcalloc(1, sizeof(*p));
		memcpy(p->ip, addr->ip, addr->v6 ? 16 : 4);
		p->v6 = addr->v6;
		map_insert(&a->peers, &p->node, hash);
	}
	p->n++;
	return p;
}

static void peer_unref(struct acceptor *a, struct peer *p)
{
	check(p->n > 0);
	if (--p->n > 0)
		return;
	map_remove(&a->peers, &p->node);
	xfree(p);
}

static int32_t peer_limit(const struct acceptor *a, const struct peer *p)
{
	for (int i = 0; i < a->n_ip_limits; i++)
		if (peer_is(&p->node, &a->ip_limits[i].addr))
			return a->ip_limits[i].connections;
	return a->max_connections_per_ip;
}

static void ip_limits_copy(struct acceptor *a, const struct net_ip_limit *v, int n)
{
	xfree(a->ip_limits);
	a->ip_limits = NULL;
	a->n_ip_limits = n;
	if (n == 0)
		return;
	a->ip_limits = xreallocarray(NULL, (size_t)n, sizeof(*v));
	memcpy(a->ip_limits, v, (size_t)n * sizeof(*v));
}

/* ---- the creation rate: a bucket of one second's tokens ---- */

static void rate_fill(struct rate *r, int64_t now_ms)
{
	int64_t full = (int64_t)r->per_second * MILLI;
	int64_t passed = now_ms - r->filled_ms;

	if (passed > MILLI)
		passed = MILLI;
	r->filled_ms = now_ms;
	r->tokens_milli += passed * r->per_second;
	if (r->tokens_milli > full)
		r->tokens_milli = full;
}

/* Milliseconds until a token is available; 0: now; -1: never. */
static int64_t rate_wait_ms(struct rate *r, int64_t now_ms)
{
	if (r->per_second == NET_NO_LIMIT)
		return 0;
	if (r->per_second == 0)
		return -1;
	rate_fill(r, now_ms);
	if (r->tokens_milli >= MILLI)
		return 0;
	return (MILLI - r->tokens_milli + r->per_second - 1) / r->per_second;
}

static void rate_take(struct rate *r)
{
	if (r->per_second != NET_NO_LIMIT)
		r->tokens_milli -= MILLI;
}

static void rate_init(struct rate *r, int32_t per_second, int64_t now_ms)
{
	*r = (struct rate){
		.per_second = per_second,
		.tokens_milli = per_second == NET_NO_LIMIT ? 0 : (int64_t)per_second * MILLI,
		.filled_ms = now_ms,
	};
}

/* Saved-up tokens are kept, up to one second's worth at the new rate. */
static void rate_set(struct rate *r, int32_t per_second, int64_t now_ms)
{
	int64_t saved = INT64_MAX;

	if (r->per_second != NET_NO_LIMIT && r->per_second != 0) {
		rate_fill(r, now_ms);
		saved = r->tokens_milli;
	}
	rate_init(r, per_second, now_ms);
	if (saved < r->tokens_milli)
		r->tokens_milli = saved;
}

/* ---- pausing ---- */

static void listener_set_paused(struct net_listener *l, uint8_t paused)
{
	bool was = l->paused != 0;

	l->paused = paused;
	if (was != (paused != 0))
		listener_pause(l->listener, paused != 0);
}

static void listener_resume(struct timer *t)
{
	struct net_listener *l = container_of(t, struct net_listener, resume);

	listener_set_paused(l, l->paused & ~PAUSES_IN_TIME);
}

/* delay_ms < 0: until something else resumes it. */
static void listener_rest(struct net_listener *l, uint8_t why, int64_t delay_ms)
{
	listener_set_paused(l, l->paused | why);
	if (delay_ms >= 0)
		timer_start(&l->resume, delay_ms);
}

static bool net_is_full(const struct net *net)
{
	return atomic_load(&net->n_counted) >= atomic_load(&net->max_connections);
}

static bool is_protected(const struct net_listener *l)
{
	return l->config.exempt || l->config.is_protected;
}

static bool listener_is_full(const struct net_listener *l)
{
	return l->n_conns >= l->config.max_connections || (!is_protected(l) && net_is_full(l->net));
}

/* A connection is gone: listeners that waited for a place may accept again. */
static void acceptor_resume(struct acceptor *a)
{
	for (int i = 0; i < a->n_listeners; i++) {
		struct net_listener *l = &a->listeners[i];

		if ((l->paused & PAUSE_FULL) && !listener_is_full(l))
			listener_set_paused(l, l->paused & ~PAUSE_FULL);
	}
}

/* ---- accepting ---- */

static int64_t listener_rate_wait_ms(struct net_listener *l)
{
	int64_t now = env_mono_ms(l->net->env);
	int64_t wait = rate_wait_ms(&l->rate, now);
	int64_t all = is_protected(l) ? 0 : rate_wait_ms(&l->net->acceptor.rate, now);

	if (wait < 0 || all < 0)
		return -1;
	return wait > all ? wait : all;
}

/* Whether another connection may be accepted. If not, the listener pauses. */
static bool listener_may(struct net_listener *l)
{
	struct net *net = l->net;
	int64_t wait;

	if (l->paused)
		return false;
	if (listener_is_full(l)) {
		bool own = l->n_conns >= l->config.max_connections;

		listener_rest(l, PAUSE_FULL, -1);
		if (tell(net, TELL_FULL))
			diag_warn(net->env->diag, "connections wait",
				  "listener=%s reason=\"max.connections is reached\" connections=%d", l->config.name,
				  own ? (int)l->n_conns : (int)atomic_load(&net->n_counted));
		return false;
	}
	if (strangers_must_wait(l, env_mono_ms(net->env))) {
		listener_rest(l, PAUSE_STRANGERS, STRANGERS_MS);
		if (tell(net, TELL_STRANGERS))
			diag_warn(net->env->diag, "connections wait",
				  "listener=%s reason=\"many are not known yet: they come first\" connections=%d",
				  l->config.name, l->n_conns);
		return false;
	}
	wait = listener_rate_wait_ms(l);
	if (wait != 0) {
		listener_rest(l, PAUSE_RATE, wait);
		if (tell(net, TELL_RATE))
			diag_warn(net->env->diag, "connections wait",
				  "listener=%s reason=\"max.connection.creation.rate is reached\"", l->config.name);
		return false;
	}
	return true;
}

static int least_busy(struct net *net, struct acceptor *a, int n)
{
	int best = a->next_reactor % n;

	/* all connections of one client, or of all clients, may end up on one reactor */
	if (env_buggify(net->env, "any reactor"))
		return (int)env_random_below(net->env, (uint64_t)n);
	for (int i = 1; i < n; i++) {
		int at = (a->next_reactor + i) % n;

		if (a->n_by_reactor[at] < a->n_by_reactor[best])
			best = at;
	}
	a->next_reactor = (best + 1) % n;
	return best;
}

static struct conn *conn_new(struct net_listener *l, struct sock *s, const struct addr *addr, struct peer *peer)
{
	struct net *net = l->net;
	struct conn *c = xcalloc(1, sizeof(*c));

	if (l->config.tls)
		transport_tls(&c->transport, s, l->config.tls, NULL);
	else
		transport_plain(&c->transport, s);
	c->id = ++net->acceptor.next_id;
	c->peer = peer;
	c->addr = *addr;
	c->frame_max = l->config.exempt && NET_STRANGERS_FRAME_MAX < net->limits.request_max_bytes
			       ? NET_STRANGERS_FRAME_MAX
			       : net->limits.request_max_bytes;
	c->listener = (uint16_t)l->index;
	c->exempt = l->config.exempt;
	c->is_protected = is_protected(l);
	c->is_let_in = l->config.lets_all_in;
	c->reactor = &net->reactors[least_busy(net, &net->acceptor, net->n_reactors)];
	list_init(&c->lru);
	list_init(&c->ready);
	list_init(&c->waiting);
	list_init(&c->stranger);
	c->post.run = conn_open;
	return c;
}

static void refuse(struct net_listener *l, struct sock *s, struct peer *peer, const struct addr *addr)
{
	struct net *net = l->net;
	char text[ADDR_TEXT_MAX];

	if (tell(net, TELL_PER_IP))
		diag_warn(net->env->diag, "connection refused",
			  "peer=%s listener=%s reason=\"max.connections.per.ip is reached\" connections=%d",
			  addr_text(addr, text), l->config.name, peer->n - 1);
	atomic_fetch_add_explicit(&net->refused, 1, memory_order_relaxed);
	peer_unref(&net->acceptor, peer);
	sock_close(s);
}

/*
 * Addresses have rates of their own (connection_creation_rate): a connection beyond its address's
 * rate does not count towards the other limits.
 */
static bool admits(struct net_listener *l, struct sock *s, const struct addr *addr)
{
	struct net *net = l->net;
	int64_t ms = net->handler.admit && !l->config.exempt ? net->handler.admit(net->arg, addr) : 0;
	char text[ADDR_TEXT_MAX];

	if (ms <= 0)
		return true;
	if (tell(net, TELL_IP_RATE))
		diag_warn(net->env->diag, "connection refused",
			  "peer=%s listener=%s reason=\"connection_creation_rate is reached\"", addr_text(addr, text),
			  l->config.name);
	atomic_fetch_add_explicit(&net->refused, 1, memory_order_relaxed);
	held_add(net, s, ms);
	return false;
}

static void acceptor_take(struct net_listener *l, struct sock *s, const struct addr *addr)
{
	struct net *net = l->net;
	struct acceptor *a = &net->acceptor;
	struct peer *peer = NULL;
	struct conn *c;

	if (!admits(l, s, addr))
		return;
	rate_take(&l->rate);
	if (!is_protected(l))
		rate_take(&a->rate);
	if (!l->config.exempt) {
		peer = peer_ref(a, addr);
		if (peer->n > peer_limit(a, peer)) {
			refuse(l, s, peer, addr);
			return;
		}
		atomic_fetch_add(&net->n_counted, 1);
		net_shed(net);
	}
	/* The system's own sizes serve too. */
	error_ignored(sock_buffers(s, net->limits.socket_send_buffer_bytes, net->limits.socket_receive_buffer_bytes));
	c = conn_new(l, s, addr, peer);
	strangers_come(l);
	a->n_conns++;
	a->n_by_reactor[c->reactor->index]++;
	l->n_conns++;
	atomic_fetch_add_explicit(&net->accepted, 1, memory_order_relaxed);
	atomic_store_explicit(&net->connections, a->n_conns, memory_order_relaxed);
	loop_post(c->reactor->loop, &c->post);
}

static void accept_failed(struct net_listener *l, int err)
{
	struct net *net = l->net;

	if (err == -EAGAIN || err == -ECONNABORTED || err == -EINTR)
		return;
	listener_rest(l, PAUSE_DESCRIPTORS, NO_DESCRIPTORS_MS);
	atomic_fetch_add_explicit(&net->refused, 1, memory_order_relaxed);
	if (tell(net, TELL_DESCRIPTORS))
		diag_error(net->env->diag, "connection refused", "listener=%s reason=\"%s\" connections=%d",
			   l->config.name,
			   err_is_no_descriptor(err) ? "no file descriptors are left: raise the limit (ulimit -n)"
						     : err_name(err),
			   net->acceptor.n_conns);
}

static void acceptor_ready(struct listener *listener, void *arg)
{
	struct net_listener *l = arg;
	struct addr addr;
	struct sock *s;

	for (int i = 0; i < ACCEPTS_PER_TURN && listener_may(l); i++) {
		int err = listener_accept(listener, &addr, &s);

		if (err) {
			accept_failed(l, err);
			if (err != -ECONNABORTED && err != -EINTR)
				return;
			continue;
		}
		acceptor_take(l, s, &addr);
	}
}

static void acceptor_done(struct net *net)
{
	void (*stopped)(void *) = net->stopped;

	if (!net->acceptor.stopping || net->acceptor.n_conns > 0 || !stopped)
		return;
	net->stopped = NULL;
	stopped(net->stopped_arg);
}

void acceptor_gone(struct post *p)
{
	struct conn *c = container_of(p, struct conn, post);
	struct net *net = c->reactor->net;
	struct acceptor *a = &net->acceptor;

	check(c->state == CONN_GONE && a->n_conns > 0);
	a->n_conns--;
	a->n_by_reactor[c->reactor->index]--;
	a->listeners[c->listener].n_conns--;
	if (c->peer)
		peer_unref(a, c->peer);
	xfree(c);
	atomic_store_explicit(&net->connections, a->n_conns, memory_order_relaxed);
	if (!a->stopping)
		acceptor_resume(a);
	acceptor_done(net);
}

/* ---- listening ---- */

/* Java prefers IPv4 among the addresses of a name. */
static int host_addr(struct env *env, const char *host, uint16_t port, struct addr *out)
{
	struct addr v[16];
	int n;

	if (addr_parse(host, port, out))
		return 0;
	n = env_resolve(env, host, port, v, (int)(sizeof(v) / sizeof(v[0])));
	if (n < 0)
		return n;
	if (n == 0)
		return -ENOENT;
	*out = v[0];
	for (int i = 0; i < n; i++)
		if (!v[i].v6) {
			*out = v[i];
			break;
		}
	return 0;
}

/* Binds the wildcard of both families, as Java does; of IPv4 only, where there is no IPv6. */
static int listen_everywhere(struct net_listener *l, uint16_t port)
{
	struct net *net = l->net;
	struct addr any = {.v6 = true, .port = port};
	struct loop *loop = net->reactors[0].loop;
	int backlog = net->limits.socket_listen_backlog_size;
	int err = env_listen(loop, &any, backlog, acceptor_ready, l, &l->listener);

	if (err != -EAFNOSUPPORT && err != -EADDRNOTAVAIL && err != -EPROTONOSUPPORT)
		return err;
	any.v6 = false;
	return env_listen(loop, &any, backlog, acceptor_ready, l, &l->listener);
}

static int listener_open(struct net_listener *l)
{
	struct net *net = l->net;
	const char *host = l->config.host;
	struct addr addr;
	int err;

	if (!host || !*host) {
		err = listen_everywhere(l, l->config.port);
	} else {
		err = host_addr(net->env, host, l->config.port, &addr);
		if (err)
			return err;
		if (addr_is_wildcard(&addr))
			err = listen_everywhere(l, addr.port);
		else
			err = env_listen(net->reactors[0].loop, &addr, net->limits.socket_listen_backlog_size,
					 acceptor_ready, l, &l->listener);
	}
	if (err)
		return err;
	listener_set_paused(l, PAUSE_CLOSED);
	return listener_addr(l->listener, &l->addr);
}

static void listeners_close(struct acceptor *a)
{
	for (int i = 0; i < a->n_listeners; i++) {
		struct net_listener *l = &a->listeners[i];

		if (l->listener)
			listener_close(l->listener);
		timer_stop(&l->resume);
		xfree((char *)l->config.name);
		xfree((char *)l->config.host);
		tls_context_unref(&l->config.tls);
	}
	xfree(a->listeners);
	a->listeners = NULL;
	a->n_listeners = 0;
}

int net_listen(struct net *net, const struct net_listener_config *listeners, int n, int *failed)
{
	struct acceptor *a = &net->acceptor;
	int64_t now = env_mono_ms(net->env);

	check(!a->listeners && n > 0 && n <= UINT16_MAX);
	a->listeners = xcalloc((size_t)n, sizeof(*a->listeners));
	for (int i = 0; i < net->n_reactors; i++)
		reactor_expect(&net->reactors[i], n);
	for (int i = 0; i < n; i++) {
		struct net_listener *l = &a->listeners[i];
		int err;

		*l = (struct net_listener){.net = net, .index = i, .config = listeners[i]};
		l->config.name = xstrdup(listeners[i].name);
		l->config.host = listeners[i].host ? xstrdup(listeners[i].host) : NULL;
		l->config.tls = listeners[i].tls ? tls_context_ref(listeners[i].tls) : NULL;
		timer_init(&l->resume, net->reactors[0].loop, listener_resume);
		rate_init(&l->rate, l->config.max_connection_creation_rate, now);
		a->n_listeners++;
		err = listener_open(l);
		if (err) {
			*failed = i;
			listeners_close(a);
			return err;
		}
	}
	return 0;
}

const struct addr *net_listener_addr(const struct net *net, int i)
{
	check(i >= 0 && i < net->acceptor.n_listeners);
	return &net->acceptor.listeners[i].addr;
}

const char *acceptor_listener_name(const struct net *net, int listener)
{
	return listener < net->acceptor.n_listeners ? net->acceptor.listeners[listener].config.name : "-";
}

void net_accept(struct net *net, int i)
{
	struct net_listener *l;

	check(i >= 0 && i < net->acceptor.n_listeners);
	l = &net->acceptor.listeners[i];
	listener_set_paused(l, l->paused & ~PAUSE_CLOSED);
}

void net_set_tls(struct net *net, int i, struct tls_context *tls)
{
	struct net_listener *l;

	check(i >= 0 && i < net->acceptor.n_listeners);
	l = &net->acceptor.listeners[i];
	check(l->config.tls);
	tls_context_unref(&l->config.tls);
	l->config.tls = tls_context_ref(tls);
}

/* A listener that paused under the old rate tries again. */
static void listener_try(struct net_listener *l)
{
	timer_stop(&l->resume);
	listener_set_paused(l, l->paused & ~PAUSES_IN_TIME);
}

void net_set_creation_rate(struct net *net, int32_t per_second)
{
	struct acceptor *a = &net->acceptor;

	if (a->stopping || a->rate.per_second == per_second)
		return;
	rate_set(&a->rate, per_second, env_mono_ms(net->env));
	for (int i = 0; i < a->n_listeners; i++)
		listener_try(&a->listeners[i]);
}

void net_set_listener_creation_rate(struct net *net, int i, int32_t per_second)
{
	struct net_listener *l;

	check(i >= 0 && i < net->acceptor.n_listeners);
	l = &net->acceptor.listeners[i];
	if (net->acceptor.stopping || l->rate.per_second == per_second)
		return;
	rate_set(&l->rate, per_second, env_mono_ms(net->env));
	listener_try(l);
}

void net_set_max_connections(struct net *net, int32_t max)
{
	if (net->acceptor.stopping || atomic_load(&net->max_connections) == max)
		return;
	atomic_store(&net->max_connections, max);
	acceptor_resume(&net->acceptor);
	net_shed(net);
}

void net_set_listener_max_connections(struct net *net, int i, int32_t max)
{
	check(i >= 0 && i < net->acceptor.n_listeners);
	if (net->acceptor.stopping)
		return;
	net->acceptor.listeners[i].config.max_connections = max;
	acceptor_resume(&net->acceptor);
}

void net_set_max_connections_per_ip(struct net *net, int32_t max)
{
	net->acceptor.max_connections_per_ip = max;
}

void net_set_ip_limits(struct net *net, const struct net_ip_limit *v, int n)
{
	ip_limits_copy(&net->acceptor, v, n);
}

/* ---- start and stop ---- */

void acceptor_init(struct net *net)
{
	struct acceptor *a = &net->acceptor;

	a->max_connections_per_ip = net->limits.max_connections_per_ip;
	ip_limits_copy(a, net->limits.ip_limits, net->limits.n_ip_limits);
	net->limits.ip_limits = NULL; /* the caller's */
	atomic_store(&net->max_connections, net->limits.max_connections);
	a->n_by_reactor = xcalloc((size_t)net->n_reactors, sizeof(*a->n_by_reactor));
	map_init(&a->peers, env_random_u64(net->env));
	rate_init(&a->rate, net->limits.max_connection_creation_rate, env_mono_ms(net->env));
	held_init(net);
}

void acceptor_stop(struct net *net)
{
	struct acceptor *a = &net->acceptor;

	if (!a->stopping) {
		a->stopping = true;
		held_stop(net);
		for (int i = 0; i < a->n_listeners; i++) {
			timer_stop(&a->listeners[i].resume);
			listener_close(a->listeners[i].listener);
			a->listeners[i].listener = NULL;
		}
	}
	acceptor_done(net);
}

void acceptor_fini(struct net *net)
{
	struct acceptor *a = &net->acceptor;

	check(a->n_conns == 0);
	listeners_close(a);
	map_fini(&a->peers);
	xfree(a->ip_limits);
	xfree(a->n_by_reactor);
}
