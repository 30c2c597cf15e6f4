/*
 * transport: what a connection's bytes pass through: a socket as it is, or TLS over it.
 *
 * All calls are non-blocking, return the bytes moved or a negated errno, and may move less than asked: -EAGAIN means that the
 * socket has to become ready first: for SOCK_WRITE when it was a write, for read_wants when it was a read. Owner: the connection's reactor.
 */
#ifndef ODRADEK_NET_TRANSPORT_H
#define ODRADEK_NET_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct file;
struct sock;
struct tls_context;
struct tls_session;
struct transport;

struct transport_ops {
	ssize_t (*read)(struct transport *, void *p, size_t len); /* 0: the peer will send no more */
	ssize_t (*writev)(struct transport *, const struct iovec *iov, int n, bool more);
	/* A range of a file that is in the page cache. 0: the file ends at pos or before. */
	ssize_t (*send_file)(struct transport *, struct file *f, int64_t pos, size_t len);
	void (*close)(struct transport *); /* no call comes after it */
};

struct transport {
	const struct transport_ops *ops;
	struct sock *sock;	 /* NULL: closed */
	struct tls_session *tls; /* NULL: plain */
	size_t took;		 /* bytes of the socket that the last read has cost; 0: as many as it gave */
	uint8_t read_wants;	 /* SOCK_*: what a read waits for */
	bool pending;		 /* bytes may wait here that no socket will tell of */
	bool shaking_hands;	 /* nothing was agreed on yet: what is written now would not leave */
};

/* The socket's bytes as they are. The transport closes the socket. */
void transport_plain(struct transport *t, struct sock *s);
/* TLS over it; host: whom a dialled socket shall lead to, NULL for an accepted one. */
void transport_tls(struct transport *t, struct sock *s, struct tls_context *c, const char *host);

/* Of a dialled one, until it says 0; -EAGAIN: when the socket is ready for read_wants again. */
int transport_handshake(struct transport *t);
/* What is wrong with it, when it is TLS that failed; else "". Valid until it is closed. */
const char *transport_error(const struct transport *t);

static inline ssize_t transport_read(struct transport *t, void *p, size_t len) { return t->ops->read(t, p, len); }
static inline ssize_t transport_writev(struct transport *t, const struct iovec *iov, int n)
{
	return t->ops->writev(t, iov, n, false);
}
/* As transport_writev; what follows comes at once, and the bytes may wait to leave with it. */
static inline ssize_t transport_writev_more(struct transport *t, const struct iovec *iov, int n)
{
	return t->ops->writev(t, iov, n, true);
}
static inline ssize_t transport_send_file(struct transport *t, struct file *f, int64_t pos, size_t len)
{
	return t->ops->send_file(t, f, pos, len);
}
static inline void transport_close(struct transport *t) { t->ops->close(t); }

#endif
