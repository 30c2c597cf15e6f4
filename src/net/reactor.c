/*
 * reactor: what happens between connections: turns, idle connections, and those waiting for room.
 *
 * 1. Connections with something to do are in a list of `ready`: nodes, clients, and clients whose
 *    handshakes are laborious; one post runs them all, so that their answers, and the room they give
 *    back, come after the event that caused them. Those that are left for the next post are not
 *    touched: thousands may wait.
 * 2. Between two polls of its sockets a reactor serves clients for CLIENTS_NS (or for as long as it
 *    has served nodes since the poll, if that is longer), and then whichever client's turn it is waits
 *    in `ready`, in order. So what the poll finds of listeners, and of nodes on exempt and protected
 *    listeners, waits for a millisecond, however many clients there are and whatever they ask for.
 *    A turn that has begun is not interrupted, but shows no further frame.
 * 3. TLS handshakes of clients, which take about a millisecond each, come after everything else that
 *    clients want: at least one between two polls, and at most HANDSHAKES_PER_TURN.
 * 4. `lru` holds all connections, least recently active first; one timer looks at its head.
 * 5. `waiting` is ordered by ticket. The oldest goes first, across reactors too: a reactor with a
 *    younger head wakes the one with the older. A waiter is queued before the budget is checked
 *    again, so that one side or the other notices a release in between.
 * 6. While a connection waits, others that hold memory and make no progress (half a frame, an
 *    answer not taken) are ended before their deadlines: one per tick and reactor, the most stuck
 *    first. So holding memory hostage does not stop other clients.
 */
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "net/net_priv.h"

#define CLIENTS_NS NS_PER_MS
#define WAITING_POLLED 128 /* if more wait for their turn, they are not polled: each poll would find them again */
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

static void post_turn(struct reactor *r)
{
	if (r->turn_posted)
		return;
	r->turn_posted = true;
	loop_post(r->loop, &r->turn);
}

static enum ready_kind ready_kind(const struct conn *c)
{
	if (c->is_protected)
		return READY_NODE;
	return conn_is_laborious(c) ? READY_LABORIOUS : READY_CLIENT;
}

void reactor_schedule(struct conn *c)
{
	struct reactor *r = c->reactor;

	check(c->state != CONN_GONE);
	if (!list_empty(&c->ready))
		return;
	c->ready_kind = (uint8_t)ready_kind(c);
	list_push(&r->ready[c->ready_kind], &c->ready);
	r->n_ready += c->ready_kind == READY_CLIENT;
	r->n_scheduled += c->ready_kind == READY_CLIENT;
	post_turn(r);
}

void reactor_unschedule(struct conn *c)
{
	if (list_empty(&c->ready))
		return;
	list_remove(&c->ready);
	c->reactor->n_ready -= c->ready_kind == READY_CLIENT;
}

/* Notes when the first connection had its turn after a poll. */
static void notice_poll(struct reactor *r)
{
	if (r->poll == r->loop->n_polls)
		return;
	r->poll = r->loop->n_polls;
	r->polled_ns = env_mono_ns(r->net->env);
	r->clients_until_ns = 0;
}

bool reactor_has_time(struct reactor *r)
{
	int64_t now_ns;

	notice_poll(r);
	if (r->clients_until_ns < 0)
		return false;
	now_ns = env_mono_ns(r->net->env);
	if (r->clients_until_ns == 0) {
		int64_t nodes_ns = now_ns - r->polled_ns;

		r->clients_until_ns = now_ns + (nodes_ns > CLIENTS_NS ? nodes_ns : CLIENTS_NS);
	}
	if (now_ns < r->clients_until_ns && !env_buggify(r->net->env, "clients have had their time"))
		return true;
	r->clients_until_ns = -1;
	return false;
}

bool reactor_serves(struct conn *c)
{
	struct reactor *r = c->reactor;

	notice_poll(r);
	if (c->is_protected)
		return true;
	if (conn_is_laborious(c))
		return r->labour_left > 0 && reactor_has_time(r);
	return r->n_behind == 0 && reactor_has_time(r);
}

void reactor_put_off(struct conn *c, int ready)
{
	struct reactor *r = c->reactor;

	c->came |= (uint8_t)ready;
	if (conn_is_laborious(c) || r->n_behind > WAITING_POLLED) {
		c->want = 0;
		sock_want(c->transport.sock, 0);
	}
	if (!list_empty(&c->ready))
		return;
	if (!conn_is_laborious(c))
		r->n_behind++;
	reactor_schedule(c);
}

static struct conn *take_ready(struct list *from)
{
	struct conn *c = container_of(from->next, struct conn, ready);

	reactor_unschedule(c);
	return c;
}

static void serve_nodes(struct list *nodes)
{
	while (!list_empty(nodes))
		conn_turn(take_ready(nodes), 0);
}

/* What clients want but handshakes: each has its turn while there is time; at least the first. */
static void serve_clients(struct reactor *r, struct list *clients)
{
	bool had_one = false;

	while (!list_empty(clients) && (!had_one || reactor_has_time(r))) {
		had_one = true;
		conn_turn(take_ready(clients), 0);
	}
}

static void shake_hands(struct reactor *r, struct list *laborious)
{
	r->labour_left = HANDSHAKES_PER_TURN;
	while (!list_empty(laborious) && r->labour_left > 0) {
		conn_turn(take_ready(laborious), 0);
		if (!reactor_has_time(r))
			r->labour_left = 0;
	}
	if (!list_empty(laborious))
		r->labour_left = 0;
}

/* Puts those that could not have their turn before those that have been scheduled since. */
static void put_back(struct reactor *r, enum ready_kind kind, struct list *left)
{
	list_splice(left, &r->ready[kind]);
	list_splice(&r->ready[kind], left);
	if (!list_empty(&r->ready[kind]))
		post_turn(r);
}

/* How many of the clients have been left; one at least if there are any. */
static int n_left(const struct reactor *r, const struct list *clients)
{
	if (list_empty(clients))
		return 0;
	return r->n_ready > r->n_scheduled ? r->n_ready - r->n_scheduled : 1;
}

/* Connections scheduled during the turn run in the next one. */
static void reactor_turn(struct post *p)
{
	struct reactor *r = container_of(p, struct reactor, turn);
	struct list now[READY_KINDS];

	r->turn_posted = false;
	r->n_behind = r->n_scheduled = 0;
	for (int i = 0; i < READY_KINDS; i++) {
		list_init(&now[i]);
		list_splice(&now[i], &r->ready[i]);
	}
	serve_nodes(&now[READY_NODE]);
	serve_clients(r, &now[READY_CLIENT]);
	shake_hands(r, &now[READY_LABORIOUS]);
	r->n_behind += n_left(r, &now[READY_CLIENT]);
	for (int i = 0; i < READY_KINDS; i++)
		put_back(r, i, &now[i]);
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
	for (int i = 0; i < READY_KINDS; i++)
		list_init(&r->ready[i]);
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
