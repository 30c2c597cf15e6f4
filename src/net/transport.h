/*
 * transport: what a connection's bytes pass through: a plain socket, or TLS over it.
 *
 * All calls are non-blocking, return the number of bytes moved or a negated errno, and may move
 * less than asked for. -EAGAIN means that the socket must become ready first: for SOCK_WRITE after
 * a write, for read_wants after a read. A write that moved less, or -EAGAIN, must be followed by one
 * that begins with the very next byte. Owner: the connection's reactor.
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
	/* Sends a range of a file that is in the page cache. 0: the file ends at pos or before. */
	ssize_t (*send_file)(struct transport *, struct file *f, int64_t pos, size_t len);
	void (*close)(struct transport *); /* no call comes after it */
};

struct transport {
	const struct transport_ops *ops;
	struct sock *sock;	 /* NULL: closed */
	struct tls_session *tls; /* NULL: plain */
	size_t took;		 /* socket bytes that the last read consumed; 0: as many as it returned */
	size_t kept;		 /* TLS: encrypted bytes held: not taken by the socket, or left for the next read */
	uint8_t read_wants;	 /* SOCK_*: what a read waits for */
	bool pending;		 /* bytes may be buffered here that the socket will not report as readable */
	bool answered;		 /* TLS: this side has sent its part of the handshake, too */
	bool shaking_hands;	 /* the handshake is not complete: data written now would not leave */
};

/* Passes the socket's bytes through unchanged. The transport closes the socket. */
void transport_plain(struct transport *t, struct sock *s);
/* TLS over the socket. host: the name a dialled peer must prove; NULL for an accepted socket. */
void transport_tls(struct transport *t, struct sock *s, struct tls_context *c, const char *host);

/*
 * For a dialled transport: call it until it returns 0. -EAGAIN: call it again when the socket is
 * ready for read_wants.
 */
int transport_handshake(struct transport *t);
/* The reason, if TLS failed; otherwise "". Valid until the transport is closed. */
const char *transport_error(const struct transport *t);

/* Whether the bytes that are read may hold secrets; TLS assumes it until it is told. */
void transport_set_secret(struct transport *t, bool secret);

static inline ssize_t transport_read(struct transport *t, void *p, size_t len) { return t->ops->read(t, p, len); }
static inline ssize_t transport_writev(struct transport *t, const struct iovec *iov, int n)
{
	return t->ops->writev(t, iov, n, false);
}
/* As transport_writev, but more data follows at once, so the bytes may be held back and sent with it. */
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
