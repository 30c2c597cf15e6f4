/*
 * sock, real: a TCP socket and its uv_poll.
 *
 * sock_close closes the descriptor, so that its number is free at once; the struct lives until
 * libuv has released the poll handle, in the loop's next turn. Wanting the same again costs nothing.
 *
 * A socket that is wanted again for the same events is not stopped and started anew, which takes
 * libuv three calls of epoll_ctl and a walk over all events of the poll: the kernel is told to be
 * quiet about it, and then not to be. It still reports an error or the end of both directions, once
 * (EPOLLET), and it is not passed on.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "env/real/real_priv.h"

enum { COPY_BYTES = 32 * 1024, SMALL_BYTES = 512 };

static struct real_sock *real_sock(struct sock *s)
{
	return container_of(s, struct real_sock, base);
}

static void set_option(int fd, int level, int name, int value)
{
	/* An option that the system does not support is not needed. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static bool is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return a->v6 ? !memcmp(a->ip, one, 16) : a->ip[0] == 127;
}

struct sock *real_sock_new(struct env *e, int fd, const struct addr *peer)
{
	struct real_sock *s = xcalloc(1, sizeof(*s));
	const char *congestion = e->loopback_congestion;

	s->base.env = e;
	s->fd = fd;
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (congestion && is_loopback(peer))
		(void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion));
	return &s->base;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void start_poll(struct real_sock *s)
{
	int events = (s->wanted & SOCK_READ ? UV_READABLE : 0) | (s->wanted & SOCK_WRITE ? UV_WRITABLE : 0);

	s->polled = s->quiet = false;
	s->asked = s->wanted;
	check(uv_poll_start(&s->poll, events, on_poll) == 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct real_sock *s = container_of(poll, struct real_sock, poll);
	int ready = 0;

	s->polled = status >= 0;
	if (status < 0) { /* the descriptor is in error: a read or write will report it, behind what was received */
		s->quiet = false;
		if (s->wanted) /* libuv has stopped, and what is wanted may stay the same */
			start_poll(s);
		events = UV_READABLE | UV_WRITABLE;
	}
	if (events & UV_READABLE)
		ready |= SOCK_READ;
	if (events & UV_WRITABLE)
		ready |= SOCK_WRITE;
	ready &= s->wanted;
	if (ready)
		s->ready(&s->base, ready, poll->data);
}

void real_sock_attach(struct sock *base, struct loop *l, sock_ready_fn *ready, void *arg)
{
	struct real_sock *s = real_sock(base);

	check(!s->poll.loop && ready);
	s->ready = ready;
	s->poll.data = arg;
	check(uv_poll_init(&container_of(l, struct real_loop, base)->uv, &s->poll, s->fd) == 0);
}

static void tell_kernel(struct real_sock *s, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = s->fd};

	check(epoll_ctl(uv_backend_fd(s->poll.loop), EPOLL_CTL_MOD, s->fd, &e) == 0);
}

/* False: it takes libuv. */
static bool hush(struct real_sock *s)
{
	if (!s->wanted && s->polled && !s->quiet)
		tell_kernel(s, EPOLLET);
	else if (s->wanted == s->asked && s->quiet)
		tell_kernel(s, (s->asked & SOCK_READ ? EPOLLIN : 0) | (s->asked & SOCK_WRITE ? EPOLLOUT : 0));
	else
		return false;
	s->quiet = !s->quiet;
	return true;
}

void real_sock_want(struct sock *base, int events)
{
	struct real_sock *s = real_sock(base);

	check(s->poll.loop);
	if (s->wanted == events)
		return;
	s->wanted = (uint8_t)events;
	if (hush(s))
		return;
	if (s->wanted) {
		start_poll(s);
		return;
	}
	s->polled = s->quiet = false;
	s->asked = 0;
	check(uv_poll_stop(&s->poll) == 0);
}

int real_dial(struct loop *l, const struct addr *a, sock_ready_fn *ready, void *arg, struct sock **out)
{
	struct sockaddr_storage to;
	unsigned to_len = addr_to_sockaddr(a, &to);
	int fd = socket(a->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	*out = real_sock_new(l->env, fd, a);
	if (connect(fd, (struct sockaddr *)&to, to_len) && errno != EINPROGRESS) {
		err = -errno;
		real_sock_close(*out);
		return err;
	}
	real_sock_attach(*out, l, ready, arg);
	return 0;
}

ssize_t real_sock_read(struct sock *s, void *p, size_t len)
{
	ssize_t n;

	do
		n = recv(real_sock(s)->fd, p, len, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Puts what is small in one piece, which the kernel takes faster than several. 0: it is not small. */
static size_t join_small(uint8_t *to, const struct iovec *iov, int n_iov)
{
	size_t len = 0, at = 0;

	for (int i = 0; i < n_iov && len <= SMALL_BYTES; i++)
		len += iov[i].iov_len;
	if (len > SMALL_BYTES)
		return 0;
	for (int i = 0; i < n_iov; at += iov[i++].iov_len)
		memcpy(to + at, iov[i].iov_base, iov[i].iov_len);
	return len;
}

ssize_t real_sock_writev(struct sock *s, const struct iovec *iov, int n_iov, bool more)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n_iov};
	int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
	uint8_t small[SMALL_BYTES];
	size_t len = join_small(small, iov, n_iov);
	ssize_t n;

	do
		n = len ? send(real_sock(s)->fd, small, len, flags) : sendmsg(real_sock(s)->fd, &msg, flags);
	while (n < 0 && errno == EINTR);
	explicit_bzero(small, len); /* it may have been a secret */
	return n < 0 ? -errno : n;
}

/* For filesystems that do not support splice. */
static ssize_t send_copy(struct sock *s, struct file *f, int64_t pos, size_t len)
{
	uint8_t copy[COPY_BYTES];
	struct iovec iov = {copy, 0};
	ssize_t n = real_pread(f, copy, len < sizeof(copy) ? len : sizeof(copy), pos);

	if (n <= 0)
		return n;
	iov.iov_len = (size_t)n;
	return real_sock_writev(s, &iov, 1, false);
}

ssize_t real_sock_sendfile(struct sock *s, struct file *f, int64_t pos, size_t len)
{
	off_t at = pos;
	ssize_t n;

	do
		n = sendfile(real_sock(s)->fd, container_of(f, struct real_file, base)->fd, &at, len);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EINVAL || errno == ENOSYS || errno == EOVERFLOW))
		return send_copy(s, f, pos, len);
	return n < 0 ? -errno : n;
}

int real_sock_error(struct sock *s)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(real_sock(s)->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -errno;
	return -err;
}

int real_sock_addrs(struct sock *base, struct addr *local, struct addr *peer)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);

	if (local) {
		if (getsockname(real_sock(base)->fd, (struct sockaddr *)&name, &len))
			return -errno;
		addr_from_sockaddr(local, (struct sockaddr *)&name);
	}
	len = sizeof(name);
	if (peer) {
		if (getpeername(real_sock(base)->fd, (struct sockaddr *)&name, &len))
			return -errno;
		addr_from_sockaddr(peer, (struct sockaddr *)&name);
	}
	return 0;
}

int real_sock_buffers(struct sock *base, int send, int receive)
{
	int fd = real_sock(base)->fd;

	if (send >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send)))
		return -errno;
	if (receive >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive)))
		return -errno;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	xfree(container_of((uv_poll_t *)handle, struct real_sock, poll));
}

void real_sock_close(struct sock *base)
{
	struct real_sock *s = real_sock(base);

	if (!s->poll.loop) {
		close(s->fd);
		xfree(s);
		return;
	}
	/* removes it from the poll set, before the descriptor's number is free */
	uv_close((uv_handle_t *)&s->poll, on_closed);
	close(s->fd);
}
