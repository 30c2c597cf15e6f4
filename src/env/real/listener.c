/*
 * listener, real: a listening socket.
 *
 * Without a free descriptor the kernel keeps a connection waiting and the listener readable: a loop
 * that kept trying to accept would do nothing else. So one descriptor is held in reserve
 * (real_env.spare_fd). It is closed to accept the connection and close that, and then reopened. If
 * another thread took the free descriptor first, the listener pauses for a tenth of a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "env/real/real_priv.h"

enum { AGAIN_MS = 100 };

static struct real_listener *real_listener(struct listener *l)
{
	return container_of(l, struct real_listener, base);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct real_listener *l = container_of(poll, struct real_listener, poll);

	l->ready(&l->base, l->arg);
}

static void poll_if_wanted(struct real_listener *l)
{
	if (l->paused || timer_is_running(&l->again))
		check(uv_poll_stop(&l->poll) == 0);
	else
		check(uv_poll_start(&l->poll, UV_READABLE, on_poll) == 0);
}

static void on_again(struct timer *t)
{
	poll_if_wanted(container_of(t, struct real_listener, again));
}

/* Returns a bound, listening descriptor, or a negated errno. */
static int bound_socket(const struct addr *a, int backlog)
{
	struct sockaddr_storage name;
	unsigned name_len = addr_to_sockaddr(a, &name);
	int fd = socket(a->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, v6only = !addr_is_wildcard(a);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    (a->v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only))) ||
	    bind(fd, (struct sockaddr *)&name, name_len) || listen(fd, backlog))
		err = -errno;
	if (err)
		close(fd);
	return err ? err : fd;
}

int real_listen(struct loop *loop, const struct addr *a, int backlog, listener_ready_fn *ready, void *arg,
		struct listener **out)
{
	struct real_listener *l;
	int fd = bound_socket(a, backlog);

	if (a->v6 && addr_is_wildcard(a) && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)) /* a system without IPv6 */
		fd = bound_socket(&(struct addr){.port = a->port}, backlog);
	if (fd < 0)
		return fd;
	l = xcalloc(1, sizeof(*l));
	l->base.env = loop->env;
	l->loop = container_of(loop, struct real_loop, base);
	l->ready = ready;
	l->arg = arg;
	l->fd = fd;
	timer_init(&l->again, loop, on_again);
	check(uv_poll_init(&l->loop->uv, &l->poll, fd) == 0);
	poll_if_wanted(l);
	*out = &l->base;
	return 0;
}

static int accept_fd(struct real_listener *l, struct addr *peer)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	int fd;

	do
		fd = accept4(l->fd, (struct sockaddr *)&name, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0)
		return -errno;
	addr_from_sockaddr(peer, (struct sockaddr *)&name);
	return fd;
}

static int spare_descriptor(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The spare descriptor was lost to another thread: reopens it if possible, and retries later. */
static int look_away(struct real_listener *l)
{
	struct real_env *e = real_env(l->base.env);
	int spare = spare_descriptor(), lost = -1;

	if (spare >= 0 && !atomic_compare_exchange_strong(&e->spare_fd, &lost, spare))
		close(spare);
	timer_start(&l->again, AGAIN_MS);
	poll_if_wanted(l);
	return -EAGAIN;
}

/*
 * Returns -EMFILE if it turned one away, -EAGAIN if none was waiting: accept needs a free
 * descriptor even to find that out.
 */
static int turn_one_away(struct real_listener *l)
{
	struct real_env *e = real_env(l->base.env);
	int spare = atomic_exchange(&e->spare_fd, -1);
	struct addr peer;
	int fd;

	if (spare < 0)
		return look_away(l);
	close(spare);
	fd = accept_fd(l, &peer);
	if (fd >= 0)
		close(fd);
	atomic_store(&e->spare_fd, spare_descriptor());
	if (fd >= 0)
		return -EMFILE;
	return fd == -EMFILE || fd == -ENFILE ? look_away(l) : fd;
}

int real_listener_accept(struct listener *base, struct addr *peer, struct sock **out)
{
	struct real_listener *l = real_listener(base);
	int fd;

	if (timer_is_running(&l->again))
		return -EAGAIN;
	fd = accept_fd(l, peer);
	if (fd == -EMFILE || fd == -ENFILE)
		return turn_one_away(l);
	if (fd < 0)
		return fd;
	*out = real_sock_new(base->env, fd, peer);
	return 0;
}

int real_listener_addr(struct listener *l, struct addr *out)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);

	if (getsockname(real_listener(l)->fd, (struct sockaddr *)&name, &len))
		return -errno;
	addr_from_sockaddr(out, (struct sockaddr *)&name);
	return 0;
}

void real_listener_pause(struct listener *base, bool pause)
{
	struct real_listener *l = real_listener(base);

	l->paused = pause;
	poll_if_wanted(l);
}

static void on_closed(uv_handle_t *handle)
{
	xfree(container_of((uv_poll_t *)handle, struct real_listener, poll));
}

void real_listener_close(struct listener *base)
{
	struct real_listener *l = real_listener(base);

	timer_stop(&l->again);
	uv_close((uv_handle_t *)&l->poll, on_closed);
	close(l->fd);
}
