/*
 * strangers: connections whose peer is not identified yet. A listener that authenticates has at
 * most max_strangers of them.
 *
 * When there are many, this file decides whether they are a herd (clients that come back together
 * after a restart) or a flood. Strangers of a herd are identified as fast as the node gets to them:
 * the ones that came first must not be closed because the node is slow, and the others wait in the
 * kernel's backlog. Few of a flood ever are: the oldest is closed for the newest, so that nobody
 * holds a place for long and a client that is quick gets in.
 *
 * 1. From a quarter of the places on, there is a herd as long as many strangers are identified
 *    within PATIENCE_MS. What an unidentified peer can do by itself does not count.
 * 2. A herd is let in a part at a time, so that each part is done before its deadline: the others
 *    wait until nobody has made a step for GATE_MS, or, when all places are taken, for a free place.
 * 3. Otherwise there is a flood, until three quarters of the places are free. Strangers that have
 *    made a step keep three quarters of the places: the oldest that has made none is closed first.
 * 4. On an exempt listener nobody waits: too many are a flood at once.
 *
 * The acceptor (reactor 0) decides; reactors count, and close.
 */
#include "base/mem.h"
#include "net/net_priv.h"

#define PATIENCE_MS 3000
#define GATE_MS 1000
#define GATE_PART 4
#define ENOUGH_PART 64 /* enough: one step per this many places */
#define MANY_PART 16   /* many: one stranger per this many places */
#define MOVES_MAX 8    /* steps of one stranger that count: two of TLS, the others frames */

/* ---- on reactor 0 ---- */

void strangers_come(struct net_listener *l)
{
	if (!l->config.lets_all_in)
		atomic_fetch_add(&l->strangers.n, 1);
}

static int64_t part_of(const struct net *net, int32_t part)
{
	int32_t n = net->limits.max_strangers / part;

	return n > 0 ? n : 1;
}

/* Have many strangers been identified lately? What a peer can do by itself does not count. */
static bool is_herd(struct net_listener *l, int64_t now_ms)
{
	struct strangers_of *s = &l->strangers;
	int64_t known = atomic_load(&s->n_known);

	if (!s->many_ms || known - s->known_then >= part_of(l->net, MANY_PART)) {
		s->many_ms = now_ms;
		s->known_then = known;
	}
	return now_ms - s->many_ms < PATIENCE_MS;
}

/* Does the part that was let in still make steps? */
static bool is_busy(struct net_listener *l, int64_t now_ms)
{
	struct strangers_of *s = &l->strangers;
	int64_t moves = atomic_load(&s->n_moves);

	if (!s->moved_ms || moves - s->moves_then >= part_of(l->net, ENOUGH_PART)) {
		s->moved_ms = now_ms;
		s->moves_then = moves;
	}
	return now_ms - s->moved_ms < GATE_MS;
}

bool strangers_must_wait(struct net_listener *l, int64_t now_ms)
{
	struct strangers_of *s = &l->strangers;
	int32_t n = atomic_load(&s->n), max = l->net->limits.max_strangers;

	if (!l->config.exempt && n < part_of(l->net, GATE_PART)) {
		s->many_ms = s->moved_ms = 0;
		atomic_store(&s->flood, false);
		return false;
	}
	if (l->config.exempt || !is_herd(l, now_ms))
		atomic_store(&s->flood, true);
	return !atomic_load(&s->flood) && (is_busy(l, now_ms) || n >= max);
}

/* ---- on a reactor ---- */

void reactor_expect(struct reactor *r, int n_listeners)
{
	xfree(r->strangers);
	r->strangers = xcalloc((size_t)n_listeners, sizeof(*r->strangers));
	for (int i = 0; i < n_listeners; i++) {
		list_init(&r->strangers[i].still);
		list_init(&r->strangers[i].moved);
	}
}

static struct strangers *here(const struct conn *c)
{
	return &c->reactor->strangers[c->listener];
}

static struct strangers_of *everywhere(const struct conn *c)
{
	return &c->reactor->net->acceptor.listeners[c->listener].strangers;
}

/* Connections are spread evenly, so each reactor has its share of the limit. */
static int32_t share(const struct net *net)
{
	return (int32_t)part_of(net, net->n_reactors);
}

static void close_oldest(struct strangers *s, int32_t most)
{
	int32_t most_still = most >= 4 ? most / 4 : 1; /* never the newest alone: it is still being opened */
	struct list *from = s->n_moved == 0 || s->n_still > most_still ? &s->still : &s->moved;

	conn_drop(container_of(list_first(from), struct conn, stranger), CONN_END_STRANGER);
}

void reactor_greet(struct conn *c)
{
	struct strangers *s = here(c);
	int32_t most = share(c->reactor->net);

	list_push(&s->still, &c->stranger);
	s->n_still++;
	if (s->n_still + s->n_moved > most && atomic_load(&everywhere(c)->flood))
		close_oldest(s, most);
}

void strangers_move(struct conn *c)
{
	struct strangers *s = here(c);

	if (list_empty(&c->stranger) || c->moves == MOVES_MAX)
		return;
	if (c->moves++ == 0) {
		list_remove(&c->stranger);
		list_push(&s->moved, &c->stranger);
		s->n_still--;
		s->n_moved++;
	}
	atomic_fetch_add(&everywhere(c)->n_moves, 1);
}

void reactor_know(struct conn *c, bool known)
{
	struct strangers_of *all = everywhere(c);

	if (list_empty(&c->stranger))
		return;
	list_remove(&c->stranger);
	if (c->moves > 0)
		here(c)->n_moved--;
	else
		here(c)->n_still--;
	atomic_fetch_sub(&all->n, 1);
	if (known)
		atomic_fetch_add(&all->n_known, 1);
}
