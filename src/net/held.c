/*
 * held: connections opened faster than their address may: they are not read, and are closed a
 * little later, so that a client that keeps reconnecting has to wait (KIP-612). On reactor 0.
 */
#include "base/check.h"
#include "base/mem.h"
#include "net/net_priv.h"

/* Beyond this number they are closed at once: each takes a descriptor. */
#define HELD_MAX 256

struct held {
	struct list link;
	struct sock *sock;
	int64_t until_ms;
};

static void let_go(struct acceptor *a, struct held *h)
{
	list_remove(&h->link);
	a->n_held--;
	sock_close(h->sock);
	xfree(h);
}

static void due(struct timer *t)
{
	struct acceptor *a = container_of(t, struct acceptor, held_timer);
	struct net *net = container_of(a, struct net, acceptor);
	int64_t now_ms = env_mono_ms(net->env), next_ms = INT64_MAX;

	list_each_safe(it, &a->held)
	{
		struct held *h = container_of(it, struct held, link);

		if (h->until_ms <= now_ms)
			let_go(a, h);
		else if (h->until_ms < next_ms)
			next_ms = h->until_ms;
	}
	if (next_ms != INT64_MAX)
		timer_start(t, next_ms - now_ms);
}

void held_init(struct net *net)
{
	list_init(&net->acceptor.held);
	timer_init(&net->acceptor.held_timer, net->reactors[0].loop, due);
}

void held_add(struct net *net, struct sock *s, int64_t ms)
{
	struct acceptor *a = &net->acceptor;
	struct held *h;

	if (a->n_held == HELD_MAX) {
		sock_close(s);
		return;
	}
	h = xcalloc(1, sizeof(*h));
	h->sock = s;
	h->until_ms = env_mono_ms(net->env) + ms;
	list_push(&a->held, &h->link);
	a->n_held++;
	if (!timer_is_running(&a->held_timer))
		timer_start(&a->held_timer, ms);
	check(a->n_held <= HELD_MAX);
}

void held_stop(struct net *net)
{
	struct acceptor *a = &net->acceptor;

	timer_stop(&a->held_timer);
	list_each_safe(it, &a->held) let_go(a, container_of(it, struct held, link));
}
