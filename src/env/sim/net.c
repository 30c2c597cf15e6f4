/*
 * net, sim: connections as two pipes of segments.
 *
 * What is written becomes a segment in flight; it arrives after the link's latency, behind those before it; then it waits at the
 * other end until it is read. A pipe holds send_buffer bytes in all, so that a slow reader stops the writer. A segment of a file has
 * a place and a length only: its bytes are read when it arrives, as the kernel's sendfile sends what is in the page cache when the
 * packet leaves, not what was there when it was asked.
 *
 * A cut link keeps segments; they arrive when it heals. A reset is a segment too, but what is in flight before it is lost.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "env/sim/sim_priv.h"

enum segment_kind { SEGMENT_BYTES, SEGMENT_FILE, SEGMENT_ACCEPTED, SEGMENT_END, SEGMENT_RESET };

struct segment {
	struct list link;
	enum segment_kind kind;
	int64_t at_ns;
	size_t len;
	size_t taken;	     /* of its bytes, by the reader */
	struct inode *inode; /* of a file */
	int64_t pos;
	uint32_t crc; /* of the file's bytes when they were asked for */
	uint8_t bytes[];
};

/* From one end of a connection to the other. */
struct pipe {
	struct list in_flight;
	struct list arrived;
	size_t held; /* bytes in either */
	int64_t last_at_ns;
	struct sim_event arrival;
	struct conn *conn;
	int from; /* which end writes */
	bool waits_for_link;
};

struct conn {
	struct list link;
	uint64_t id;
	struct pipe pipes[2];	  /* [side]: what that side writes */
	struct sim_sock *ends[2]; /* 0 dialled, 1 accepted; NULL when closed */
	int machines[2];
	struct addr addrs[2];
	struct sim_event dialling;
};

struct sim_sock {
	struct sock base;
	struct list link; /* of its machine, or of a listener's queue */
	struct sim_env *env;
	struct conn *conn;
	int side;
	struct loop *loop;
	sock_ready_fn *ready;
	void *arg;
	int wanted;
	struct sim_event event;
	bool connected;
	bool ended; /* the peer has closed and all before it has arrived */
	int error;
};

struct sim_listener {
	struct listener base;
	struct list link;
	struct sim_env *env;
	struct loop *loop;
	listener_ready_fn *ready;
	void *arg;
	struct addr addr;
	struct list queue;
	int n_queue;
	int backlog;
	bool paused;
	struct sim_event event;
};

static struct sim_sock *sim_sock(struct sock *s)
{
	return container_of(s, struct sim_sock, base);
}

static struct sim_listener *sim_listener(struct listener *l)
{
	return container_of(l, struct sim_listener, base);
}

/* ---- readiness ---- */

static struct pipe *pipe_in(struct sim_sock *s)
{
	return &s->conn->pipes[1 - s->side];
}

static struct pipe *pipe_out(struct sim_sock *s)
{
	return &s->conn->pipes[s->side];
}

static size_t room(struct sim_sock *s)
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

static void look_again(struct sim_sock *s)
{
	struct sim_world *w = s->env->w;

	if (s->loop && ready_now(s) && !event_is_waiting(&s->event) && !sim_loop_is_stopped(s->loop))
		event_at(&s->event, w->now_ns + chance_between(&w->chance, 1000, 50000));
}

/* Ready means ready until it is not: looked at once more after the callback, in which the socket may be closed. */
static void on_ready(struct sim_event *ev)
{
	struct sim_sock *s = container_of(ev, struct sim_sock, event);
	int ready = ready_now(s);

	if (!ready)
		return;
	event_at(&s->event, ev->w->now_ns + chance_between(&ev->w->chance, 1000, 50000));
	s->ready(&s->base, ready, s->arg);
}

static void listener_look_again(struct sim_listener *l)
{
	struct sim_world *w = l->env->w;

	if (!l->paused && l->n_queue && !event_is_waiting(&l->event) && !sim_loop_is_stopped(l->loop))
		event_at(&l->event, w->now_ns + chance_between(&w->chance, 1000, 50000));
}

static void on_listener_ready(struct sim_event *ev)
{
	struct sim_listener *l = container_of(ev, struct sim_listener, event);

	if (l->paused || !l->n_queue)
		return;
	event_at(&l->event, ev->w->now_ns + chance_between(&ev->w->chance, 1000, 50000));
	l->ready(&l->base, l->arg);
}

/* ---- segments ---- */

static void segment_free(struct sim_world *w, struct pipe *p, struct segment *s)
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

	/* The sum of four uniform draws is near enough to an exponential one, and the same on every machine. */
	for (int i = 0; i < 4; i++)
		extra += mean > 0 ? chance_between(&w->chance, 0, mean * 250) : 0;
	least = least * 1000 + extra;
	return from == to ? least / 10 + 1 : least;
}

static void send_segment(struct pipe *p, struct segment *s)
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

/* At the reader's end, which is there. */
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
		if (!is_mark && c->ends[p->from])
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

/* The dialler's first packet has come to the other machine, or the dialler has given up. */
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

static struct addr machine_addr(int machine, uint16_t port)
{
	return (struct addr){.ip = {10, 0, 0, (uint8_t)(machine + 1)}, .port = port};
}

/* -1 when there is no such machine. */
static int machine_of(struct sim_env *e, const struct addr *a)
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

void sim_sock_attach(struct sock *base, struct loop *l, sock_ready_fn *ready, void *arg)
{
	struct sim_sock *s = sim_sock(base);

	check(!s->loop && ready && l->env == base->env);
	s->loop = l;
	s->ready = ready;
	s->arg = arg;
}

void sim_sock_want(struct sock *base, int events)
{
	struct sim_sock *s = sim_sock(base);

	check(s->loop);
	s->wanted = events;
	look_again(s);
}

/* ---- reading and writing ---- */

static size_t take_arrived(struct sim_sock *s, uint8_t *p, size_t len)
{
	struct pipe *in = pipe_in(s);
	size_t got = 0;

	while (got < len && !list_empty(&in->arrived)) {
		struct segment *seg = container_of(in->arrived.next, struct segment, link);
		size_t left = seg->len - seg->taken;
		size_t n = left < len - got ? left : len - got;

		memcpy(p + got, seg->bytes + seg->taken, n);
		got += n;
		seg->taken += n;
		in->held -= n;
		if (seg->taken == seg->len)
			segment_free(s->env->w, in, seg);
	}
	return got;
}

ssize_t sim_sock_read(struct sock *base, void *p, size_t len)
{
	struct sim_sock *s = sim_sock(base);
	struct sim_world *w = s->env->w;
	struct sim_sock *writer = s->conn->ends[1 - s->side];
	size_t got;

	if (s->error)
		return -s->error;
	if (list_empty(&pipe_in(s)->arrived))
		return s->ended ? 0 : -EAGAIN;
	if (sim_happens(w, w->options.spurious, SIM_MET_SPURIOUS))
		return -EAGAIN;
	if (len > 1 && sim_happens(w, w->options.partial_read, SIM_MET_PARTIAL_READ))
		len = (size_t)chance_between(&w->chance, 1, (int64_t)len - 1);
	got = take_arrived(s, p, len);
	sim_trace(w, s->env, "read", s->conn->id, got);
	if (writer)
		look_again(writer);
	return (ssize_t)got;
}

/* How much of len is taken now, or a negated errno. */
static ssize_t may_write(struct sim_sock *s, size_t len)
{
	struct sim_world *w = s->env->w;
	size_t most;

	if (s->error)
		return s->error == ECONNRESET ? -EPIPE : -s->error;
	if (!s->connected)
		return -EAGAIN;
	most = room(s);
	if (!most) {
		sim_met(w, SIM_MET_SEND_BUFFER_FULL);
		return -EAGAIN;
	}
	if (sim_happens(w, w->options.spurious, SIM_MET_SPURIOUS))
		return -EAGAIN;
	len = len < most ? len : most;
	if (len > 1 && sim_happens(w, w->options.partial_write, SIM_MET_PARTIAL_WRITE))
		len = (size_t)chance_between(&w->chance, 1, (int64_t)len - 1);
	return (ssize_t)len;
}

static struct segment *segment_new(enum segment_kind kind, size_t len)
{
	struct segment *s = sim_alloc(sizeof(*s) + len);

	s->kind = kind;
	s->len = len;
	list_init(&s->link);
	return s;
}

ssize_t sim_sock_writev(struct sock *base, const struct iovec *iov, int n_iov)
{
	struct sim_sock *s = sim_sock(base);
	size_t total = 0, got = 0;
	struct segment *seg;
	ssize_t len;

	for (int i = 0; i < n_iov; i++)
		total += iov[i].iov_len;
	len = may_write(s, total);
	if (len <= 0)
		return len;
	seg = segment_new(SEGMENT_BYTES, (size_t)len);
	for (int i = 0; got < seg->len; i++) {
		size_t n = iov[i].iov_len < seg->len - got ? iov[i].iov_len : seg->len - got;

		if (n)
			memcpy(seg->bytes + got, iov[i].iov_base, n);
		got += n;
	}
	sim_trace(s->env->w, s->env, "write", s->conn->id, crc32c(0, seg->bytes, seg->len));
	send_segment(pipe_out(s), seg);
	return len;
}

ssize_t sim_sock_sendfile(struct sock *base, struct file *f, int64_t pos, size_t len)
{
	struct sim_sock *s = sim_sock(base);
	struct inode *inode = container_of(f, struct sim_file, base)->inode;
	struct segment *seg;
	ssize_t n;

	if (pos >= inode->size)
		return 0;
	if (len > (uint64_t)(inode->size - pos))
		len = (size_t)(inode->size - pos);
	n = may_write(s, len);
	if (n <= 0)
		return n;
	seg = segment_new(SEGMENT_FILE, (size_t)n);
	seg->inode = inode;
	inode->refs++;
	seg->pos = pos;
	n = inode_read(s->env, inode, seg->bytes, seg->len, pos);
	if (n <= 0) {
		inode->refs--;
		sim_free(seg);
		return n;
	}
	seg->crc = crc32c(0, seg->bytes, seg->len);
	sim_trace(s->env->w, s->env, "sendfile", s->conn->id, seg->crc);
	send_segment(pipe_out(s), seg);
	return (ssize_t)seg->len;
}

int sim_sock_error(struct sock *s)
{
	return -sim_sock(s)->error;
}

int sim_sock_addrs(struct sock *base, struct addr *local, struct addr *peer)
{
	struct sim_sock *s = sim_sock(base);

	if (local)
		*local = s->conn->addrs[s->side];
	if (peer)
		*peer = s->conn->addrs[1 - s->side];
	return 0;
}

int sim_sock_buffers(struct sock *s, int send, int receive)
{
	return 0; /* the world's send_buffer is for all */
}

static void sock_gone(struct sim_sock *s, bool reset)
{
	struct conn *c = s->conn;

	event_cancel(&s->event);
	list_remove(&s->link);
	c->ends[s->side] = NULL;
	if (c->ends[1 - s->side] && !s->error) {
		reset = reset || !list_empty(&c->pipes[1 - s->side].arrived);
		send_mark(&c->pipes[s->side], reset ? SEGMENT_RESET : SEGMENT_END);
	}
	drop_segments(s->event.w, &c->pipes[1 - s->side], &c->pipes[1 - s->side].arrived);
	sim_free(s);
	conn_free_if_done(c);
}

void sim_sock_close(struct sock *base)
{
	struct sim_sock *s = sim_sock(base);

	if (s->loop || s->side == 1)
		give_descriptor(s->env);
	sock_gone(s, false);
}

/* ---- listeners ---- */

int sim_listen(struct loop *loop, const struct addr *a, int backlog, listener_ready_fn *ready, void *arg,
	       struct listener **out)
{
	struct sim_env *e = sim_env_of(loop->env);
	struct sim_listener *l;
	uint16_t port = a->port ? a->port : e->next_port++;

	if (machine_of(e, a) != e->index)
		return -EADDRNOTAVAIL;
	list_each(it,
		  &e->listeners) if (container_of(it, struct sim_listener, link)->addr.port == port) return -EADDRINUSE;
	if (!take_descriptor(e))
		return -EMFILE;
	l = sim_alloc(sizeof(*l));
	l->base.env = loop->env;
	l->env = e;
	l->loop = loop;
	l->ready = ready;
	l->arg = arg;
	l->addr = *a;
	l->addr.port = port;
	l->backlog = backlog > 0 ? backlog : 1;
	list_init(&l->queue);
	list_push(&e->listeners, &l->link);
	event_init(&l->event, e, e->w, "listener ready", on_listener_ready);
	*out = &l->base;
	return 0;
}

int sim_listener_accept(struct listener *base, struct addr *peer, struct sock **out)
{
	struct sim_listener *l = sim_listener(base);
	struct sim_sock *s;

	if (!l->n_queue)
		return -EAGAIN;
	s = container_of(l->queue.next, struct sim_sock, link);
	list_remove(&s->link);
	l->n_queue--;
	if (!take_descriptor(l->env)) {
		sock_gone(s, false);
		return -EMFILE;
	}
	list_push(&l->env->socks, &s->link);
	*peer = s->conn->addrs[0];
	*out = &s->base;
	return 0;
}

int sim_listener_addr(struct listener *l, struct addr *out)
{
	*out = sim_listener(l)->addr;
	return 0;
}

void sim_listener_pause(struct listener *base, bool pause)
{
	struct sim_listener *l = sim_listener(base);

	l->paused = pause;
	listener_look_again(l);
}

static void listener_gone(struct sim_listener *l)
{
	list_each_safe(it, &l->queue) sock_gone(container_of(it, struct sim_sock, link), true);
	event_cancel(&l->event);
	list_remove(&l->link);
	sim_free(l);
}

void sim_listener_close(struct listener *base)
{
	give_descriptor(sim_listener(base)->env);
	listener_gone(sim_listener(base));
}

/* ---- ends ---- */

void sim_drop_socks(struct sim_env *e)
{
	list_each_safe(it, &e->listeners) listener_gone(container_of(it, struct sim_listener, link));
	list_each_safe(it, &e->socks) sock_gone(container_of(it, struct sim_sock, link), true);
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

/* ---- names ---- */

int sim_resolve(struct env *base, const char *host, uint16_t port, struct addr *v, int max)
{
	struct sim_env *e = sim_env_of(base);
	int i;

	if (max <= 0)
		return -EINVAL;
	if (addr_parse(host, port, &v[0]))
		return 1;
	if (!strcmp(host, "localhost"))
		return addr_parse("127.0.0.1", port, &v[0]) ? 1 : -EINVAL;
	if (sscanf(host, "node%d", &i) != 1 || i < 0 || i >= e->w->options.n_envs)
		return -ENOENT;
	v[0] = machine_addr(i, port);
	return 1;
}

int sim_host_name(struct env *e, char *out, size_t size)
{
	snprintf(out, size, "node%d", sim_env_of(e)->index);
	return 0;
}
