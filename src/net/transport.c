/*
 * transport: the plain one, a socket's bytes as they are.
 */
#include "net/transport.h"

#include "env/env.h"

static ssize_t plain_read(struct transport *t, void *p, size_t len)
{
	return sock_read(t->sock, p, len);
}

static ssize_t plain_writev(struct transport *t, const struct iovec *iov, int n)
{
	return sock_writev(t->sock, iov, n);
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
	*t = (struct transport){.ops = &plain_ops, .sock = s};
}
