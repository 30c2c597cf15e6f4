/*
 * net, sim: a connection is two pipes of segments.
 *
 * Written data becomes a segment in flight; it arrives after the link's latency, behind earlier
 * ones; then it waits at the other end until it is read. A pipe holds send_buffer bytes in total,
 * so that a slow reader stops the writer. A segment of a file only has a position and a length: its
 * bytes are read when it arrives, just as the kernel's sendfile sends what is in the page cache
 * when the packet leaves, not what was there at the time of the call.
 *
 * A cut link keeps its segments; they arrive when it is restored. A reset is a segment too, but
 * what is in flight before it is lost.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "env/sim/net_priv.h"

/* ---- readiness ---- */

size_t room(struct sim_sock *s)
{
	size_t most = (size_t)s->env->w->options.send_buffer;
	size_t held = pipe_out(s)->held;

	return held < most ? most - held : 0;
}

static int ready_now(struct sim_sock *s)
{
	int ready = 0;

	if (!list_empty(&pipe_in(s)->arrived) || s->ended || s->error)
		ready |= SOCK_READ;
	if ((s->connected && room(s) > 0) || s->error)
		ready |= SOCK_WRITE;
	return ready & s->wanted;
}

void look_again(struct sim_sock *s)
{
	struct sim_world *w = s->env->w;

	if (s->loop && ready_now(s) && !event_is_waiting(&s->event) && !sim_loop_is_stopped(s->loop))
		event_at(&s->event, w->now_ns + chance_between(&w->chance, 1000, 50000));
}

/* Readiness is level-triggered: it is checked again after the callback, which may close the socket. */
static void on_ready(struct sim_event *ev)
{
	struct sim_sock *s = container_of(ev, struct sim_sock, event);
	int ready = ready_now(s);

	if (!ready)
		return;
	event_at(&s->event, ev->w->now_ns + chance_between(&ev->w->chance, 1000, 50000));
	s->loop->n_polls++;
	s->ready(&s->base, ready, s->arg);
}

/* ---- segments ---- */

void segment_free(struct sim_world *w, struct pipe *p, struct segment *s)
{
	list_remove(&s->link);
	p->held -= s->len - s->taken;
	if (s->inode)
		inode_unref(w->envs[p->conn->machines[p->from]]->disk, s->inode);
	sim_free(s);
}

static void drop_segments(struct sim_world *w, struct pipe *p, struct list *which)
{
	list_each_safe(it, which) segment_free(w, p, container_of(it, struct segment, link));
}

static int64_t latency_ns(struct sim_world *w, int from, int to)
{
	int64_t mean = w->options.latency_mean_us, least = w->options.latency_min_us;
	int64_t extra = 0;

	/*
	 * The sum of four uniform draws is close enough to an exponential one, and the same on
	 * every machine.
	 */
	for (int i = 0; i < 4; i++)
		extra += mean > 0 ? chance_between(&w->chance, 0, mean * 250) : 0;
	least = least * 1000 + extra;
	if (w->slow_us[from][to]) {
		sim_met(w, SIM_MET_SLOW_LINK);
		least += w->slow_us[from][to] * 1000;
	}
	return from == to ? least / 10 + 1 : least;
}

void send_segment(struct pipe *p, struct segment *s)
{
	struct sim_world *w = p->arrival.w;
	int from = p->conn->machines[p->from], to = p->conn->machines[1 - p->from];

	s->at_ns = w->now_ns + latency_ns(w, from, to);
	if (sim_happens(w, w->options.stall, SIM_MET_STALL))
		s->at_ns += chance_between(&w->chance, 0, 1000000000);
	if (s->at_ns < p->last_at_ns)
		s->at_ns = p->last_at_ns;
	p->last_at_ns = s->at_ns;
	p->held += s->len;
	list_push(&p->in_flight, &s->link);
	if (!p->waits_for_link && !event_is_waiting(&p->arrival))
		event_at(&p->arrival, s->at_ns);
}

static void drop_in_flight(struct pipe *p)
{
	drop_segments(p->arrival.w, p, &p->in_flight);
	event_cancel(&p->arrival);
}

static void send_mark(struct pipe *p, enum segment_kind kind)
{
	struct segment *s = sim_alloc(sizeof(*s));

	s->kind = kind;
	list_init(&s->link);
	if (kind == SEGMENT_RESET)
		drop_in_flight(p);
	send_segment(p, s);
}

static void conn_free_if_done(struct conn *c)
{
	if (c->ends[0] || c->ends[1] || event_is_waiting(&c->dialling))
		return;
	for (int i = 0; i < 2; i++) {
		event_cancel(&c->pipes[i].arrival);
		drop_segments(c->dialling.w, &c->pipes[i], &c->pipes[i].in_flight);
		drop_segments(c->dialling.w, &c->pipes[i], &c->pipes[i].arrived);
	}
	list_remove(&c->link);
	sim_free(c);
}

static void end_in_error(struct sim_sock *s, int error)
{
	if (!s->error)
		s->error = error;
	drop_segments(s->env->w, pipe_in(s), &pipe_in(s)->arrived);
	drop_in_flight(pipe_out(s));
	look_again(s);
}

static void file_arrives(struct sim_world *w, struct pipe *p, struct segment *s)
{
	pages_read(&s->inode->cache, s->bytes, s->len, s->pos);
	if (crc32c(0, s->bytes, s->len) != s->crc)
		sim_met(w, SIM_MET_SENDFILE_LATE);
	inode_unref(w->envs[p->conn->machines[p->from]]->disk, s->inode);
	s->inode = NULL;
}

/* Called when the reader's end exists. */
static void segment_arrives(struct pipe *p, struct segment *s, struct sim_sock *end)
{
	struct sim_world *w = p->arrival.w;

	sim_trace(w, end->env, "segment", p->conn->id, s->len);
	switch (s->kind) {
	case SEGMENT_FILE:
		file_arrives(w, p, s);
		break;
	case SEGMENT_BYTES:
		break;
	case SEGMENT_ACCEPTED:
		end->connected = true;
		segment_free(w, p, s);
		return;
	case SEGMENT_END:
		end->ended = true;
		segment_free(w, p, s);
		return;
	case SEGMENT_RESET:
		segment_free(w, p, s);
		end_in_error(end, ECONNRESET);
		return;
	}
	list_remove(&s->link);
	list_push(&p->arrived, &s->link);
}

static void on_arrival(struct sim_event *ev)
{
	struct pipe *p = container_of(ev, struct pipe, arrival);
	struct conn *c = p->conn;
	struct segment *s = container_of(p->in_flight.next, struct segment, link);
	struct sim_sock *reader = c->ends[1 - p->from];
	bool is_mark = s->kind == SEGMENT_END || s->kind == SEGMENT_RESET;

	if (ev->w->cut[c->machines[p->from]][c->machines[1 - p->from]]) {
		sim_met(ev->w, SIM_MET_CUT);
		p->waits_for_link = true;
		return;
	}
	if (!reader) {
		segment_free(ev->w, p, s);
		if (!is_mark && c->ends[p->from] && !ev->w->envs[c->machines[1 - p->from]]->down)
			send_mark(&c->pipes[1 - p->from], SEGMENT_RESET);
	} else if (!is_mark && sim_happens(ev->w, ev->w->options.reset, SIM_MET_RESET)) {
		drop_in_flight(p);
		end_in_error(reader, ECONNRESET);
		send_mark(&c->pipes[1 - p->from], SEGMENT_RESET);
	} else {
		segment_arrives(p, s, reader);
	}
	if (reader)
		look_again(reader);
	if (!list_empty(&p->in_flight))
		event_at(&p->arrival, container_of(p->in_flight.next, struct segment, link)->at_ns);
	conn_free_if_done(c);
}

void sim_link_healed(struct sim_world *w, int from, int to)
{
	list_each(it, &w->conns)
	{
		struct conn *c = container_of(it, struct conn, link);

		for (int i = 0; i < 2; i++) {
			struct pipe *p = &c->pipes[i];

			if (!p->waits_for_link || c->machines[i] != from || c->machines[1 - i] != to)
				continue;
			p->waits_for_link = false;
			if (!list_empty(&p->in_flight))
				event_at(&p->arrival, w->now_ns + latency_ns(w, from, to));
		}
	}
}

/* ---- connections ---- */

static struct sim_sock *sock_new(struct sim_env *e, struct conn *c, int side)
{
	struct sim_sock *s = sim_alloc(sizeof(*s));

	s->base.env = &e->base;
	s->env = e;
	s->conn = c;
	s->side = side;
	event_init(&s->event, e, e->w, "ready", on_ready);
	list_init(&s->link);
	c->ends[side] = s;
	return s;
}

static struct sim_listener *find_listener(struct sim_world *w, const struct conn *c)
{
	if (w->envs[c->machines[1]]->down)
		return NULL;
	list_each(it, &w->envs[c->machines[1]]->listeners)
	{
		struct sim_listener *l = container_of(it, struct sim_listener, link);

		if (l->addr.port == c->addrs[1].port)
			return l;
	}
	return NULL;
}

/* The dialler's first packet has reached the other machine, or the dialler has given up. */
static void on_dialled(struct sim_event *ev)
{
	struct conn *c = container_of(ev, struct conn, dialling);
	struct sim_world *w = ev->w;
	struct sim_listener *l;
	struct sim_sock *s;

	if (!c->ends[0]) {
		conn_free_if_done(c);
		return;
	}
	if (w->cut[c->machines[0]][c->machines[1]] || w->cut[c->machines[1]][c->machines[0]]) {
		sim_met(w, SIM_MET_CUT);
		end_in_error(c->ends[0], ETIMEDOUT);
		return;
	}
	l = find_listener(w, c);
	if (!l || l->n_queue >= l->backlog) {
		sim_met(w, SIM_MET_REFUSED);
		end_in_error(c->ends[0], ECONNREFUSED);
		return;
	}
	s = sock_new(l->env, c, 1);
	s->connected = true;
	list_push(&l->queue, &s->link);
	l->n_queue++;
	send_mark(&c->pipes[1], SEGMENT_ACCEPTED);
	listener_look_again(l);
}

static struct conn *conn_new(struct sim_world *w, int from, int to)
{
	struct conn *c = sim_alloc(sizeof(*c));

	c->id = ++w->next_id;
	c->machines[0] = from;
	c->machines[1] = to;
	list_push(&w->conns, &c->link);
	event_init(&c->dialling, NULL, w, "dialled", on_dialled);
	for (int i = 0; i < 2; i++) {
		c->pipes[i].conn = c;
		c->pipes[i].from = i;
		list_init(&c->pipes[i].in_flight);
		list_init(&c->pipes[i].arrived);
		event_init(&c->pipes[i].arrival, NULL, w, "arrival", on_arrival);
	}
	return c;
}

struct addr machine_addr(int machine, uint16_t port)
{
	return (struct addr){.ip = {10, 0, 0, (uint8_t)(machine + 1)}, .port = port};
}

/* -1 when there is no such machine. */
int machine_of(struct sim_env *e, const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	if (addr_is_wildcard(a) || (a->v6 ? !memcmp(a->ip, one, 16) : a->ip[0] == 127))
		return e->index;
	if (a->v6 || memcmp(a->ip, "\x0a\0\0", 3) || a->ip[3] < 1 || a->ip[3] > e->w->options.n_envs)
		return -1;
	return a->ip[3] - 1;
}

int sim_dial(struct loop *l, const struct addr *a, sock_ready_fn *ready, void *arg, struct sock **out)
{
	struct sim_env *e = sim_env_of(l->env);
	int to = machine_of(e, a);
	bool cut;
	struct conn *c;
	struct sim_sock *s;

	if (to < 0)
		return -ENETUNREACH;
	if (!take_descriptor(e))
		return -EMFILE;
	c = conn_new(e->w, e->index, to);
	c->addrs[0] = to == e->index ? *a : machine_addr(e->index, 0);
	c->addrs[0].port = e->next_port++;
	c->addrs[1] = *a;
	s = sock_new(e, c, 0);
	list_push(&e->socks, &s->link);
	cut = e->w->cut[e->index][to] || e->w->cut[to][e->index];
	event_at(&c->dialling, e->w->now_ns + (cut ? 3000000000 : latency_ns(e->w, e->index, to)));
	*out = &s->base;
	sim_sock_attach(*out, l, ready, arg);
	return 0;
}

void sock_gone(struct sim_sock *s, enum parting how)
{
	struct conn *c = s->conn;

	event_cancel(&s->event);
	list_remove(&s->link);
	c->ends[s->side] = NULL;
	if (how == PART_SILENTLY) {
		drop_in_flight(&c->pipes[s->side]); /* its send buffers are gone with it */
	} else if (c->ends[1 - s->side] && !s->error) {
		bool reset = how == PART_BY_RESET || !list_empty(&c->pipes[1 - s->side].arrived);

		send_mark(&c->pipes[s->side], reset ? SEGMENT_RESET : SEGMENT_END);
	}
	drop_segments(s->event.w, &c->pipes[1 - s->side], &c->pipes[1 - s->side].arrived);
	sim_free(s);
	conn_free_if_done(c);
}

void sim_drop_socks(struct sim_env *e)
{
	bool power = e->down && e->died_of == SIM_POWER && !list_empty(&e->socks);
	enum parting how =
		power && sim_happens(e->w, e->w->options.half_open, SIM_MET_HALF_OPEN) ? PART_SILENTLY : PART_BY_RESET;

	list_each_safe(it, &e->listeners) listener_gone(container_of(it, struct sim_listener, link));
	list_each_safe(it, &e->socks) sock_gone(container_of(it, struct sim_sock, link), how);
}

/*
 * A machine that lost its power sends nothing more: ranges of files would be read from a disk that
 * has changed.
 */
void sim_drop_unsent(struct sim_env *e)
{
	list_each_safe(it, &e->w->conns)
	{
		struct conn *c = container_of(it, struct conn, link);

		for (int i = 0; i < 2; i++) {
			struct sim_sock *peer = c->ends[1 - i];

			if (c->machines[i] != e->index || c->ends[i] || list_empty(&c->pipes[i].in_flight))
				continue;
			drop_in_flight(&c->pipes[i]);
			if (peer)
				end_in_error(peer, ECONNRESET);
		}
		conn_free_if_done(c);
	}
}

void sim_drop_conns(struct sim_world *w)
{
	list_each_safe(it, &w->conns)
	{
		struct conn *c = container_of(it, struct conn, link);

		check(!c->ends[0] && !c->ends[1]);
		event_cancel(&c->dialling);
		conn_free_if_done(c);
	}
}
