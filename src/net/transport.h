/*
 * transport: what a connection's bytes pass through. Plain today; TLS will stand behind the same table.
 *
 * All calls are non-blocking, return the bytes moved or a negated errno, and may move less than asked: -EAGAIN means that the
 * socket has to become ready first. Owner: the connection's reactor.
 */
#ifndef ODRADEK_NET_TRANSPORT_H
#define ODRADEK_NET_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct file;
struct sock;
struct transport;

struct transport_ops {
	ssize_t (*read)(struct transport *, void *p, size_t len); /* 0: the peer will send no more */
	ssize_t (*writev)(struct transport *, const struct iovec *iov, int n);
	/* A range of a file that is in the page cache. 0: the file ends at pos or before. */
	ssize_t (*send_file)(struct transport *, struct file *f, int64_t pos, size_t len);
	void (*close)(struct transport *); /* no call comes after it */
};

struct transport {
	const struct transport_ops *ops;
	struct sock *sock;
};

/* The socket's bytes as they are. The transport closes the socket. */
void transport_plain(struct transport *t, struct sock *s);

static inline ssize_t transport_read(struct transport *t, void *p, size_t len) { return t->ops->read(t, p, len); }
static inline ssize_t transport_writev(struct transport *t, const struct iovec *iov, int n)
{
	return t->ops->writev(t, iov, n);
}
static inline ssize_t transport_send_file(struct transport *t, struct file *f, int64_t pos, size_t len)
{
	return t->ops->send_file(t, f, pos, len);
}
static inline void transport_close(struct transport *t) { t->ops->close(t); }

#endif
