/*
 * reactor: what happens between connections: turns, idle connections, and those waiting for room.
 *
 * 1. Connections with something to do are in `ready`; one post runs them all, so that their
 *    answers, and the room they give back, come after the event that caused them. Of TLS handshakes,
 *    which take about a millisecond each, it runs HANDSHAKES_PER_TURN, then everything else has its
 *    turn, so that nodes are served while many clients connect. Handshakes on exempt and protected
 *    listeners do not count.
 * 2. `lru` holds all connections, least recently active first; one timer looks at its head.
 * 3. `waiting` is ordered by ticket. The oldest goes first, across reactors too: a reactor with a
 *    younger head wakes the one with the older. A waiter is queued before the budget is checked
 *    again, so that one side or the other notices a release in between.
 * 4. While a connection waits, others that hold memory and make no progress (half a frame, an
 *    answer not taken) are ended before their deadlines: one per tick and reactor, the most stuck
 *    first. So holding memory hostage does not stop other clients.
 */
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "net/net_priv.h"

#define TRIM_MS 2000
#define PRESSURE_MS 100
#define STUCK_NS (1000 * NS_PER_MS)

/* ---- posts from any thread ---- */

void reactor_ring(struct reactor *r, struct bell *bell)
{
	if (!atomic_exchange(&bell->rung, true))
		loop_post(r->loop, &bell->post);
}

static struct bell *bell_of(struct post *p)
{
	struct bell *bell = container_of(p, struct bell, post);

	atomic_store(&bell->rung, false);
	return bell;
}

/* ---- turns ---- */

void reactor_schedule(struct conn *c)
{
	struct reactor *r = c->reactor;

	check(c->state != CONN_GONE);
	if (!list_empty(&c->ready))
		return;
	list_push(&r->ready, &c->ready);
	if (!r->turn_posted) {
		r->turn_posted = true;
		loop_post(r->loop, &r->turn);
	}
}

/*
 * Connections scheduled during the turn run in the next one, and so do handshakes beyond the limit
 * of a turn.
 */
static void reactor_turn(struct post *p)
{
	struct reactor *r = container_of(p, struct reactor, turn);
	struct list now, *l;

	r->turn_posted = false;
	r->labour_left = HANDSHAKES_PER_TURN;
	list_init(&now);
	list_splice(&now, &r->ready);
	while ((l = list_first(&now))) {
		struct conn *c = container_of(l, struct conn, ready);

		list_remove(l);
		if (conn_is_laborious(c) && r->labour_left == 0)
			reactor_schedule(c);
		else
			conn_turn(c, 0);
	}
}

void reactor_leave_landing(struct reactor *r)
{
	if (r->landing && r->landing->charged)
		block_unref(&r->landing);
}

void reactor_trim_later(struct reactor *r)
{
	if (!timer_is_running(&r->trim))
		timer_start(&r->trim, TRIM_MS);
}

/* Never a block that frames were taken from: answers that have not left may point into it. */
struct block *reactor_landing(struct reactor *r)
{
	reactor_leave_landing(r);
	if (!r->landing)
		r->landing = block_new(&r->pool, BLOCK_FIRST);
	reactor_trim_later(r);
	return r->landing;
}

uint8_t *reactor_copy(struct reactor *r)
{
	if (!r->copy)
		r->copy = xmalloc(COPY_BYTES);
	reactor_trim_later(r);
	return r->copy;
}

/* An idle reactor keeps no memory. */
static void reactor_trim(struct timer *t)
{
	struct reactor *r = container_of(t, struct reactor, trim);

	block_unref(&r->landing);
	xfree(r->copy);
	r->copy = NULL;
	if (block_pool_trim(&r->pool))
		timer_start(&r->trim, TRIM_MS);
}

/* ---- idle connections ---- */

static int64_t idle_ns(const struct reactor *r)
{
	return r->net->limits.connections_max_idle_ms * NS_PER_MS;
}

static void idle_start(struct reactor *r)
{
	struct list *l = list_first(&r->lru);

	if (l && idle_ns(r) >= 0 && !timer_is_running(&r->idle))
		timer_start_at(&r->idle, container_of(l, struct conn, lru)->active_ns + idle_ns(r));
}

static void reactor_idle(struct timer *t)
{
	struct reactor *r = container_of(t, struct reactor, idle);
	int64_t now = env_mono_ns(r->net->env);
	struct list *l;

	while ((l = list_first(&r->lru))) {
		struct conn *c = container_of(l, struct conn, lru);

		if (now - c->active_ns < idle_ns(r))
			break;
		if (conn_is_idle(c))
			conn_drop(c, CONN_END_IDLE);
		else
			reactor_touch(c, now);
	}
	idle_start(r);
}

void reactor_touch(struct conn *c, int64_t now_ns)
{
	c->active_ns = now_ns;
	list_remove(&c->lru);
	list_push(&c->reactor->lru, &c->lru);
}

void reactor_add(struct conn *c)
{
	reactor_touch(c, env_mono_ns(c->reactor->net->env));
	idle_start(c->reactor);
}

/* Takes one off the number of connections if that is above max.connections. */
static bool take_one_off(struct net *net)
{
	int32_t n = atomic_load(&net->n_counted);

	while (n > atomic_load(&net->max_connections))
		if (atomic_compare_exchange_weak(&net->n_counted, &n, n - 1))
			return true;
	return false;
}

/* Of those that may be closed for others; NULL: there is none. */
static struct conn *least_active(struct reactor *r)
{
	list_each(l, &r->lru)
	{
		struct conn *c = container_of(l, struct conn, lru);

		if (!c->is_protected && c->state == CONN_OPEN && !c->in_turn)
			return c;
	}
	return NULL;
}

/*
 * While there are too many connections: every reactor says since when its least active one has been
 * so, and the last to say it rings the one whose connection goes.
 */
void net_shed(struct net *net)
{
	int none = 0;

	if (atomic_load(&net->n_counted) <= atomic_load(&net->max_connections) ||
	    !atomic_compare_exchange_strong(&net->n_to_say, &none, net->n_reactors))
		return;
	for (int i = 0; i < net->n_reactors; i++)
		reactor_ring(&net->reactors[i], &net->reactors[i].say);
}

static void reactor_say(struct post *p)
{
	struct reactor *r = container_of(bell_of(p), struct reactor, say), *least = r;
	const struct conn *c = least_active(r);
	struct net *net = r->net;

	atomic_store(&r->least_active_ns, c ? c->active_ns : INT64_MAX);
	if (atomic_fetch_sub(&net->n_to_say, 1) > 1)
		return;
	for (int i = 0; i < net->n_reactors; i++)
		if (atomic_load(&net->reactors[i].least_active_ns) < atomic_load(&least->least_active_ns))
			least = &net->reactors[i];
	if (atomic_load(&least->least_active_ns) != INT64_MAX)
		reactor_ring(least, &least->shed);
}

static void reactor_shed(struct post *p)
{
	struct reactor *r = container_of(bell_of(p), struct reactor, shed);
	struct conn *c = least_active(r);

	if (c && take_one_off(r->net))
		conn_drop(c, CONN_END_SHED);
	net_shed(r->net);
}

/* ---- waiting for room in the budget ---- */

bool reactor_is_full(struct reactor *r)
{
	return !list_empty(&r->waiting);
}

static void publish_oldest(struct reactor *r)
{
	struct list *l = list_first(&r->waiting);

	atomic_store(&r->oldest_ticket, l ? container_of(l, struct conn, waiting)->ticket : BUDGET_NO_TICKET);
}

static struct reactor *oldest_reactor(struct net *net)
{
	struct reactor *oldest = NULL;
	int64_t least = BUDGET_NO_TICKET;

	for (int i = 0; i < net->n_reactors; i++) {
		int64_t ticket = atomic_load(&net->reactors[i].oldest_ticket);

		if (ticket < least) {
			least = ticket;
			oldest = &net->reactors[i];
		}
	}
	return oldest;
}

void net_wake_oldest(struct net *net)
{
	struct reactor *r = oldest_reactor(net);

	if (r)
		reactor_ring(r, &r->wake);
}

/* What c holds while it waits, and will not give back before it has been let through. */
static int64_t stalled_bytes(const struct conn *c)
{
	return c->in.block && c->in.block->charged ? (int64_t)c->in.block->cap : 0;
}

void reactor_wait(struct conn *c, size_t wanted)
{
	struct reactor *r = c->reactor;
	struct budget *b = &r->net->budget;

	check(list_empty(&c->waiting));
	c->wanted = wanted;
	c->ticket = atomic_fetch_add(&b->tickets, 1);
	list_push(&r->waiting, &c->waiting);
	if (!timer_is_running(&r->pressure))
		timer_start(&r->pressure, PRESSURE_MS);
	publish_oldest(r);
	c->stalled = stalled_bytes(c);
	atomic_fetch_add(&b->stalled, c->stalled);
	atomic_fetch_add(&b->waiting, 1);
	reactor_ring(r, &r->wake);
}

void reactor_unwait(struct conn *c)
{
	struct reactor *r = c->reactor;
	struct budget *b = &r->net->budget;

	if (list_empty(&c->waiting))
		return;
	list_remove(&c->waiting);
	publish_oldest(r);
	atomic_fetch_sub(&b->stalled, c->stalled);
	if (atomic_fetch_sub(&b->waiting, 1) > 1)
		net_wake_oldest(r->net);
}

static bool reactor_grants(struct reactor *r, const struct conn *c)
{
	struct budget *b = &r->net->budget;

	return c->wanted ? budget_try(b, (int64_t)c->wanted) : budget_has_room(b);
}

static void reactor_wake(struct post *p)
{
	struct reactor *r = container_of(bell_of(p), struct reactor, wake);
	struct reactor *oldest;
	struct list *l;

	while ((l = list_first(&r->waiting))) {
		struct conn *c = container_of(l, struct conn, waiting);

		oldest = oldest_reactor(r->net);
		if (oldest && oldest != r) {
			reactor_ring(oldest, &oldest->wake);
			return;
		}
		if (!reactor_grants(r, c))
			return;
		reactor_unwait(c);
		input_grant(c, c->wanted);
		if (c->in.began_ns)
			c->in.began_ns = env_mono_ns(r->net->env);
		conn_turn(c, SOCK_READ);
	}
}

static void reactor_pressure(struct timer *t)
{
	struct reactor *r = container_of(t, struct reactor, pressure);

	if (list_empty(&r->waiting))
		return;
	for (int i = 0; i < r->net->n_reactors; i++)
		reactor_ring(&r->net->reactors[i], &r->net->reactors[i].squeeze);
	timer_start(&r->pressure, PRESSURE_MS);
}

static void reactor_squeeze(struct post *p)
{
	struct reactor *r = container_of(bell_of(p), struct reactor, squeeze);
	int64_t now = env_mono_ns(r->net->env), most = STUCK_NS;
	struct conn *victim = NULL;

	list_each(l, &r->lru)
	{
		struct conn *c = container_of(l, struct conn, lru);
		int64_t stuck = conn_stuck_ns(c, now);

		if (stuck >= most) {
			most = stuck + 1;
			victim = c;
		}
	}
	if (victim)
		conn_drop(victim, CONN_END_SQUEEZED);
}

static void pool_released(void *arg)
{
	struct reactor *r = arg;

	net_wake_oldest(r->net);
}

/* ---- stop ---- */

static void reactor_kill_all(struct timer *t)
{
	struct reactor *r = container_of(t, struct reactor, deadline);
	struct list *l;

	while ((l = list_first(&r->lru)))
		conn_drop(container_of(l, struct conn, lru), CONN_END_STOP);
}

static void reactor_stop(struct post *p)
{
	struct reactor *r = container_of(bell_of(p), struct reactor, stop);

	r->stopping = true;
	list_each(l, &r->lru) conn_drain(container_of(l, struct conn, lru));
	timer_start_at(&r->deadline, atomic_load(&r->stop_at_ns));
}

/* ---- start and stop ---- */

void reactor_init(struct reactor *r, struct net *net, int index)
{
	char name[32];

	snprintf(name, sizeof(name), "reactor-%d", index);
	*r = (struct reactor){.net = net, .index = index, .loop = loop_new(net->env, name)};
	r->pool = (struct block_pool){.budget = &net->budget, .released = pool_released, .arg = r};
	list_init(&r->lru);
	list_init(&r->ready);
	list_init(&r->waiting);
	atomic_store(&r->oldest_ticket, BUDGET_NO_TICKET);
	r->turn.run = reactor_turn;
	r->labour_left = HANDSHAKES_PER_TURN;
	r->wake.post.run = reactor_wake;
	r->stop.post.run = reactor_stop;
	r->say.post.run = reactor_say;
	r->shed.post.run = reactor_shed;
	r->squeeze.post.run = reactor_squeeze;
	timer_init(&r->idle, r->loop, reactor_idle);
	timer_init(&r->trim, r->loop, reactor_trim);
	timer_init(&r->pressure, r->loop, reactor_pressure);
	timer_init(&r->deadline, r->loop, reactor_kill_all);
}

void reactor_fini(struct reactor *r)
{
	check(list_empty(&r->lru) && list_empty(&r->waiting));
	loop_free(r->loop);
	xfree(r->strangers);
	block_unref(&r->landing);
	xfree(r->copy);
	block_pool_fini(&r->pool);
}
