/* session: TLS sessions whose reads and writes are the test's own, with OpenSSL's clients on the other side. */
#include <errno.h>
#include <malloc.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/base/cm.h"
#include "tests/tls/net_world.h"

enum { TINY = 2000 };

struct tiny {
	struct client c;
	_Atomic bool all;
	_Atomic bool enough;
};

static void *write_tiny_records(void *arg)
{
	struct tiny *t = arg;
	int unread = 0;

	assert_int_equal(SSL_connect(t->c.ssl), 1);
	for (int i = 0; i < TINY; i++)
		client_put(&t->c, "x", 1);
	while (ioctl(t->c.fd, SIOCOUTQ, &unread) || unread > 0) /* what the other side has not received yet */
		usleep(1000);
	t->all = true;
	while (!t->enough)
		usleep(1000);
	return NULL;
}

static void nobody_waits(struct listener *l, void *arg)
{
	(void)l;
	(void)arg;
}

/* Two thousand bytes of data are fifty thousand on the wire: the read that meets them yields to others. */
static struct sock *accept_from(struct listener *l)
{
	struct addr from;
	struct sock *sock;

	while (listener_accept(l, &from, &sock))
		usleep(1000);
	return sock;
}

enum { SILENT = 50 };

/* OpenSSL would take forty KiB for each. */
static void who_has_not_begun_costs_next_to_nothing(void **state)
{
	struct addr at = {.ip = {127, 0, 0, 1}};
	struct tls_session *s[SILENT];
	struct sock *sock[SILENT];
	int fd[SILENT];
	struct listener *l;
	struct loop *loop;
	struct world w;
	uint8_t b[64];
	size_t before;

	(void)state;
	world_open(&w, "none", 0);
	loop = loop_new(w.env, "other");
	assert_int_equal(env_listen(loop, &at, SILENT, nobody_waits, NULL, &l), 0);
	assert_int_equal(listener_addr(l, &at), 0);
	for (int i = 0; i < SILENT; i++) {
		fd[i] = dial_port(at.port);
		assert_int_equal(send(fd[i], "\x16\x03\x01\x02\0\x01\0\x01", 8, MSG_NOSIGNAL), 8);
		sock[i] = accept_from(l);
	}
	before = mallinfo2().uordblks;
	for (int i = 0; i < SILENT; i++) {
		s[i] = tls_session_new(w.tls, sock[i], NULL);
		assert_int_equal(tls_read(s[i], b, sizeof(b)), -EAGAIN);
		assert_false(tls_is_established(s[i]));
	}
	assert_true(mallinfo2().uordblks - before < SILENT * 1024);
	close(fd[0]);
	while (tls_read(s[0], b, sizeof(b)) == -EAGAIN)
		usleep(1000);
	assert_int_equal(tls_read(s[0], b, sizeof(b)), 0);
	for (int i = 0; i < SILENT; i++) {
		tls_session_free(s[i]);
		sock_close(sock[i]);
		if (i > 0)
			close(fd[i]);
	}
	listener_close(l);
	loop_free(loop);
	world_close(&w);
}

/* A session whose reads and writes are the test's own, and its client. */
struct pair {
	struct loop *loop;
	struct listener *l;
	struct sock *sock;
	struct tls_session *s;
};

/* Client: what the thread connects by its own. */
static void pair_open(struct pair *p, struct world *w, struct client *c, void *(*run)(void *), void *arg,
		      pthread_t *thread)
{
	struct addr at = {.ip = {127, 0, 0, 1}};

	p->loop = loop_new(w->env, "other");
	assert_int_equal(env_listen(p->loop, &at, 5, nobody_waits, NULL, &p->l), 0);
	assert_int_equal(listener_addr(p->l, &at), 0);
	*c = client_new_at(w, TLS1_3_VERSION, NULL, at.port);
	pthread_create(thread, NULL, run, arg);
	p->sock = accept_from(p->l);
	p->s = tls_session_new(w->tls, p->sock, NULL);
	while (tls_handshake(p->s) == -EAGAIN)
		usleep(1000);
}

static void pair_close(struct pair *p, struct client *c)
{
	tls_session_free(p->s);
	sock_close(p->sock);
	listener_close(p->l);
	loop_free(p->loop);
	client_close(c);
}

static void a_read_of_tiny_records_ends_by_what_they_cost(void **state)
{
	struct tiny t = {0};
	struct pair p;
	struct world w;
	uint8_t b[4096];
	pthread_t thread;
	ssize_t n;
	size_t all = 0;

	(void)state;
	world_open(&w, "none", 0);
	pair_open(&p, &w, &t.c, write_tiny_records, &t, &thread);
	while (!t.all)
		usleep(1000);
	n = tls_read(p.s, b, sizeof(b));
	assert_in_range(n, 1, TINY - 1);
	assert_true(tls_is_pending(p.s));
	assert_true(tls_took(p.s) > sizeof(b));
	for (all = (size_t)n; all<TINY; all += n> 0 ? (size_t)n : 0) {
		n = tls_read(p.s, b, sizeof(b));
		assert_true(n > 0 || n == -EAGAIN); /* the rest may still be under way */
	}
	assert_int_equal(all, TINY);
	assert_false(tls_is_pending(p.s));
	t.enough = true;
	pthread_join(thread, NULL);
	pair_close(&p, &t.c);
	world_close(&w);
}

#define AHEAD_MAX (16 * MIB)

struct late {
	struct client c;
	_Atomic bool go;
	uint8_t got[AHEAD_MAX];
	size_t n; /* bytes to read */
};

static void *read_late(void *arg)
{
	struct late *t = arg;

	assert_int_equal(SSL_connect(t->c.ssl), 1);
	while (!t->go)
		usleep(1000);
	client_get(&t->c, t->got, t->n);
	return NULL;
}

/* Writes pieces of both kinds from `at` on until the socket takes no more, or all is written: where it ended. */
static size_t write_pieces(struct world *w, struct tls_session *s, const uint8_t *bytes, size_t at, size_t end)
{
	enum { PIECE = 50000 };

	for (int i = 0; at < end; i++) {
		struct iovec iov = {(void *)(uintptr_t)(bytes + at), end - at < PIECE ? end - at : PIECE};
		ssize_t n = i % 2 && at + iov.iov_len <= FILE_LEN
				    ? tls_send_file(s, w->echo.file, (int64_t)at, iov.iov_len)
				    : tls_writev(s, &iov, 1);

		if (n == -EAGAIN)
			return at;
		assert_in_range(n, 1, iov.iov_len);
		at += (size_t)n;
	}
	return at;
}

/* Writes so many bytes to a client that does not read yet. Returns whether the socket took all, as was reported. */
static bool write_ahead(struct world *w, const uint8_t *bytes, size_t end)
{
	static struct late t;
	struct pair p;
	pthread_t thread;

	t.go = false;
	t.n = end;
	pair_open(&p, w, &t.c, read_late, &t, &thread);
	size_t at = write_pieces(w, p.s, bytes, 0, end);
	bool took_all = at == end;
	t.go = true;
	while (at < end)
		at = write_pieces(w, p.s, bytes, at, end);
	pthread_join(thread, NULL);
	assert_memory_equal(t.got, bytes, end);
	pair_close(&p, &t.c);
	return took_all;
}

/* Whatever a socket holds: one of these ends in the batch that it takes a part of. */
static void what_the_socket_does_not_take_is_not_called_written(void **state)
{
	enum { STEP = 40000 };
	static uint8_t bytes[AHEAD_MAX];
	struct world w;
	size_t end = STEP;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = echo_pattern(i);
	world_open(&w, "none", 0);
	while (write_ahead(&w, bytes, end)) {
		end += STEP;
		assert_true(end < sizeof(bytes));
	}
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_not_begun_costs_next_to_nothing),
		cmocka_unit_test(a_read_of_tiny_records_ends_by_what_they_cost),
		cmocka_unit_test(what_the_socket_does_not_take_is_not_called_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
