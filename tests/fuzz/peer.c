/* peer: taking input, and a connection that reconnects when it has something to send. */
#include "tests/fuzz/peer.h"

#include <errno.h>

#include "base/check.h"

uint8_t take(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

struct bytes take_bytes(struct input *in, size_t n)
{
	struct bytes b = {in->p, (int32_t)(n < in->left ? n : in->left)};

	in->p += b.len;
	in->left -= (size_t)b.len;
	return b;
}

void peer_close(struct peer *p)
{
	if (p->sock)
		sock_close(p->sock);
	p->sock = NULL;
	p->out.len = p->sent = 0;
	if (p->closed)
		p->closed(p);
}

static bool moves(struct peer *p)
{
	uint8_t in[4096];
	ssize_t n = sock_error(p->sock);

	while (n >= 0 && (n = sock_read(p->sock, in, sizeof(in))) > 0)
		if (p->hear)
			p->hear(p, in, (size_t)n);
	if (n != -EAGAIN)
		return false;
	while (p->sent < p->out.len) {
		struct iovec v = {p->out.p + p->sent, p->out.len - p->sent};

		n = sock_writev(p->sock, &v, 1);
		if (n < 0)
			return n == -EAGAIN;
		p->sent += (size_t)n;
	}
	p->out.len = p->sent = 0;
	return true;
}

static void ready(struct sock *sock, int what, void *arg)
{
	struct peer *p = arg;

	(void)what;
	if (moves(p))
		sock_want(sock, SOCK_READ | (p->out.len ? SOCK_WRITE : 0));
	else
		peer_close(p);
}

void peer_say(struct peer *p, struct loop *l, const struct addr *to, const void *bytes, size_t len)
{
	if (!p->sock)
		check(env_dial(l, to, ready, p, &p->sock) == 0);
	buf_put(&p->out, bytes, len);
	sock_want(p->sock, SOCK_READ | SOCK_WRITE);
}
