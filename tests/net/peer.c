#include "tests/net/peer.h"

#include <errno.h>
#include <string.h>

#include "base/endian.h"
#include "tests/net/echo.h"

static void peer_end(struct peer *p)
{
	if (p->done)
		return;
	p->done = true;
	p->done_ms = env_mono_ms(p->loop->env);
	if (p->lingers && !p->closed)
		return;
	sock_close(p->sock);
	p->sock = NULL;
}

static void peer_lost(struct peer *p)
{
	p->closed = true;
	p->closed_ms = env_mono_ms(p->loop->env);
	if (p->done && p->sock) {
		sock_close(p->sock);
		p->sock = NULL;
		return;
	}
	peer_end(p);
}

static void peer_write(struct peer *p)
{
	size_t left = p->out.len - p->sent;
	struct iovec iov = {.iov_base = p->out.p + p->sent, .iov_len = p->pace && p->pace < left ? p->pace : left};
	ssize_t n = left ? sock_writev(p->sock, &iov, 1) : 0;

	if (n == -EAGAIN)
		return;
	if (n < 0) {
		peer_lost(p);
		return;
	}
	p->sent += (size_t)n;
	if (p->sent == p->out.len)
		sock_want(p->sock, p->deaf ? 0 : SOCK_READ);
}

static void peer_read(struct peer *p)
{
	uint8_t b[4096];
	ssize_t n = sock_read(p->sock, b, sizeof(b));

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		peer_lost(p);
		return;
	}
	if ((size_t)n > p->expected.len - p->got || memcmp(p->expected.p + p->got, b, (size_t)n) != 0)
		p->wrong = true;
	else
		p->got += (size_t)n;
	if (p->wrong)
		peer_lost(p);
}

static void peer_ready(struct sock *s, int ready, void *arg)
{
	struct peer *p = arg;

	if (sock_error(s)) {
		peer_lost(p);
		return;
	}
	if (ready & SOCK_WRITE)
		peer_write(p);
	if (p->sock && (ready & SOCK_READ))
		peer_read(p);
	if (p->sock && !p->deaf && p->sent == p->out.len && p->got == p->expected.len)
		peer_end(p);
}

void peer_start(struct peer *p)
{
	if (env_dial(p->loop, &p->to, peer_ready, p, &p->sock)) {
		p->closed = p->done = true;
		return;
	}
	sock_want(p->sock, p->deaf ? SOCK_WRITE : SOCK_WRITE | SOCK_READ);
}

void peer_stop(struct peer *p)
{
	if (p->sock)
		sock_close(p->sock);
	p->sock = NULL;
	buf_fini(&p->out);
	buf_fini(&p->expected);
}

static void put_length(struct buf *b, size_t len)
{
	uint8_t v[4];

	put_u32(v, (uint32_t)len);
	buf_put(b, v, 4);
}

void peer_says(struct peer *p, const void *bytes, size_t len)
{
	buf_put(&p->out, bytes, len);
}

static void put_pattern(struct buf *b, char first, size_t len)
{
	buf_reserve(b, len);
	for (size_t i = 0; i < len; i++)
		b->p[b->len + i] = echo_pattern(i);
	if (len)
		b->p[b->len] = (uint8_t)first;
	b->len += len;
}

void peer_asks(struct peer *p, char what, size_t len)
{
	put_length(&p->out, len);
	put_pattern(&p->out, what, len);
	if (what == 'q' || what == 'h' || what == 'x')
		return;
	put_length(&p->expected, len);
	put_pattern(&p->expected, what, len);
}

void peer_asks_bytes(struct peer *p, uint32_t len)
{
	uint8_t f[5] = {'b'};

	put_u32(f + 1, len);
	put_length(&p->out, sizeof(f));
	buf_put(&p->out, f, sizeof(f));
	put_length(&p->expected, len);
	put_pattern(&p->expected, 0, len);
}

void peer_asks_file(struct peer *p, uint32_t pos, uint32_t len)
{
	uint8_t f[9] = {'f'};

	put_u32(f + 1, pos);
	put_u32(f + 5, len);
	put_length(&p->out, sizeof(f));
	buf_put(&p->out, f, sizeof(f));
	put_length(&p->expected, (size_t)len + 2);
	buf_put(&p->expected, "<", 1);
	for (uint32_t i = 0; i < len; i++)
		buf_put(&p->expected, &(uint8_t){echo_pattern(pos + i)}, 1);
	buf_put(&p->expected, ">", 1);
}
