/* transport: plain sockets, and TLS (src/tls). */
#include "net/transport.h"

#include "env/env.h"
#include "tls/tls.h"

/* ---- plain ---- */

static ssize_t plain_read(struct transport *t, void *p, size_t len)
{
	return sock_read(t->sock, p, len);
}

static ssize_t plain_writev(struct transport *t, const struct iovec *iov, int n, bool more)
{
	return more ? sock_writev_more(t->sock, iov, n) : sock_writev(t->sock, iov, n);
}

static ssize_t plain_send_file(struct transport *t, struct file *f, int64_t pos, size_t len)
{
	return sock_sendfile(t->sock, f, pos, len);
}

static void plain_close(struct transport *t)
{
	sock_close(t->sock);
	t->sock = NULL;
}

static const struct transport_ops plain_ops = {
	.read = plain_read,
	.writev = plain_writev,
	.send_file = plain_send_file,
	.close = plain_close,
};

void transport_plain(struct transport *t, struct sock *s)
{
	*t = (struct transport){.ops = &plain_ops, .sock = s, .read_wants = SOCK_READ};
}

/* ---- TLS ---- */

static void note(struct transport *t)
{
	t->read_wants = (uint8_t)tls_read_wants(t->tls);
	t->pending = tls_is_pending(t->tls);
	t->took = tls_took(t->tls);
	t->kept = tls_kept(t->tls);
	t->shaking_hands = !tls_is_established(t->tls);
	t->answered = tls_has_answered(t->tls);
}

static ssize_t encrypted_read(struct transport *t, void *p, size_t len)
{
	ssize_t n = tls_read(t->tls, p, len);

	note(t);
	return n;
}

static ssize_t encrypted_writev(struct transport *t, const struct iovec *iov, int n, bool more)
{
	ssize_t sent = tls_writev(t->tls, iov, n);

	t->kept = tls_kept(t->tls);
	return sent;
}

static ssize_t encrypted_send_file(struct transport *t, struct file *f, int64_t pos, size_t len)
{
	ssize_t sent = tls_send_file(t->tls, f, pos, len);

	t->kept = tls_kept(t->tls);
	return sent;
}

static void encrypted_close(struct transport *t)
{
	tls_session_free(t->tls);
	t->tls = NULL;
	plain_close(t);
}

static const struct transport_ops encrypted_ops = {
	.read = encrypted_read,
	.writev = encrypted_writev,
	.send_file = encrypted_send_file,
	.close = encrypted_close,
};

void transport_tls(struct transport *t, struct sock *s, struct tls_context *c, const char *host)
{
	*t = (struct transport){.ops = &encrypted_ops, .sock = s, .tls = tls_session_new(c, s, host)};
	note(t);
}

int transport_handshake(struct transport *t)
{
	int err = 0;

	if (t->tls) {
		err = tls_handshake(t->tls);
		note(t);
	}
	return err;
}

void transport_set_secret(struct transport *t, bool secret)
{
	if (t->tls)
		tls_set_secret(t->tls, secret);
}

const char *transport_error(const struct transport *t)
{
	return t->tls ? tls_error(t->tls) : "";
}
