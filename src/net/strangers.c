/*
 * strangers: connections whose peer is not identified yet. A listener that authenticates has at
 * most max_strangers of them.
 *
 * When there are that many, this file decides whether they are a herd (clients that come back
 * together after a restart) or a flood. In a herd, strangers make steps towards being identified
 * (their handshakes go on, their frames arrive) as fast as the node gets to them: the ones that came
 * first must not be closed because the node is slow, and the others wait in the kernel's backlog. A
 * flood makes no steps: the oldest is closed for the newest, so that nobody holds a place for long
 * and a client that is quick gets in.
 *
 * 1. A full listener waits PATIENCE_MS for enough steps; as long as that happens again and again,
 *    there is a herd. The steps of one stranger are limited, so a flood cannot pretend for long.
 *    From a quarter of the places on it waits, but only GATE_MS: a herd is let in a part at a time,
 *    so that each of them is done before its deadline.
 * 2. Otherwise there is a flood, until half of the places are free or many strangers are identified
 *    in that time.
 * 3. In a flood, strangers that have made a step keep three quarters of the places: the oldest that
 *    has made none is closed first.
 * 4. On an exempt listener nobody waits: too many are a flood at once.
 *
 * The acceptor (reactor 0) decides; reactors count, and close.
 */
#include "base/mem.h"
#include "net/net_priv.h"

#define PATIENCE_MS 3000
#define GATE_MS 1000
#define GATE_PART 4
#define ENOUGH_PART 64 /* enough: one step for so many places */
#define MANY_PART 8    /* many: one stranger for so many places */
#define MOVES_MAX 8    /* of one stranger: two of TLS, the others frames */

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

/* What counts now: in a flood only what a flood cannot do. */
static int64_t progress(const struct strangers_of *s)
{
	return atomic_load(&s->flood) ? atomic_load(&s->n_known) : atomic_load(&s->n_moves);
}

static void begin(struct strangers_of *s, int64_t now_ms)
{
	s->since_ms = now_ms;
	s->then = progress(s);
}

bool strangers_must_wait(struct net_listener *l, int64_t now_ms)
{
	struct strangers_of *s = &l->strangers;
	int32_t n = atomic_load(&s->n), max = l->net->limits.max_strangers;
	bool flood = atomic_load(&s->flood), moves;
	int64_t waited_ms;

	if (l->config.exempt) {
		atomic_store(&s->flood, true);
		return false;
	}
	if (flood ? n <= max / 2 : n < part_of(l->net, GATE_PART)) {
		s->since_ms = 0;
		atomic_store(&s->flood, false);
		return false;
	}
	moves = s->since_ms && progress(s) - s->then >= part_of(l->net, flood ? MANY_PART : ENOUGH_PART);
	if (moves && flood)
		atomic_store(&s->flood, false);
	waited_ms = s->since_ms ? now_ms - s->since_ms : 0;
	if (!s->since_ms || moves || (flood && waited_ms >= PATIENCE_MS)) {
		begin(s, now_ms);
		waited_ms = 0;
	} else if (n >= max && waited_ms >= PATIENCE_MS) {
		atomic_store(&s->flood, true);
		begin(s, now_ms);
	}
	return !atomic_load(&s->flood) && (n >= max || waited_ms < GATE_MS);
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
	struct list *from = s->n_moved == 0 || s->n_still > most / 4 ? &s->still : &s->moved;

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
