/* sock, sim: a node's operations on its sockets and listeners, and the names of machines. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "env/sim/net_priv.h"

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

/* How much of len is accepted now, or a negated errno. */
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
	struct segment *s = sim_alloc_raw(sizeof(*s) + len);

	*s = (struct segment){.kind = kind, .len = len};
	list_init(&s->link);
	return s;
}

ssize_t sim_sock_writev(struct sock *base, const struct iovec *iov, int n_iov, bool more)
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
	return 0; /* the world's send_buffer applies to every socket */
}

void sim_sock_close(struct sock *base)
{
	struct sim_sock *s = sim_sock(base);

	if (s->loop || s->side == 1)
		give_descriptor(s->env);
	sock_gone(s, PART_IN_ORDER);
}

/* ---- listeners ---- */

void listener_look_again(struct sim_listener *l)
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
		sock_gone(s, PART_IN_ORDER);
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

void listener_gone(struct sim_listener *l)
{
	list_each_safe(it, &l->queue) sock_gone(container_of(it, struct sim_sock, link), PART_BY_RESET);
	event_cancel(&l->event);
	list_remove(&l->link);
	sim_free(l);
}

void sim_listener_close(struct listener *base)
{
	give_descriptor(sim_listener(base)->env);
	listener_gone(sim_listener(base));
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
