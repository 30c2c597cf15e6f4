/*
 * TLS listeners over loopback: reactors on threads, with OpenSSL's own clients in the test, good
 * and bad.
 */
#include <errno.h>
#include <malloc.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/endian.h"
#include "base/mem.h"
#include "env/real/real.h"
#include "net/channel.h"
#include "net/net.h"
#include "tests/base/cm.h"
#include "tests/net/echo.h"
#include "tests/tls/certificates.h"
#include "tls/tls.h"

#define MIB ((size_t)1 << 20)
#define DAY 86400L
#define FILE_LEN (3 * MIB)

struct world {
	struct env *env;
	struct diag diag;
	struct echo echo;
	struct net *net;
	struct certificate ca, server, client;
	struct tls_context *tls;
	struct tls_context *next; /* replaces the current one */
	char path[64];
	char last_line[512];
	struct post post;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
	bool held, released; /* reactor 0 */
};

/* ---- the world ---- */

static void keep_line(void *arg, const char *line, int len)
{
	struct world *w = arg;

	pthread_mutex_lock(&w->lock);
	snprintf(w->last_line, sizeof(w->last_line), "%.*s", len, line);
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

/* Waits for the line, which a reactor writes. */
static void expect_told(struct world *w, const char *what)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	pthread_mutex_lock(&w->lock);
	while (!strstr(w->last_line, what))
		if (pthread_cond_timedwait(&w->cond, &w->lock, &until) == ETIMEDOUT)
			fail_msg("wanted \"%s\", was told \"%s\"", what, w->last_line);
	pthread_mutex_unlock(&w->lock);
}

static void tell_done(void *arg)
{
	struct world *w = arg;

	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static void await_done(struct world *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->done)
		pthread_cond_wait(&w->cond, &w->lock);
	w->done = false;
	pthread_mutex_unlock(&w->lock);
}

static struct certificate leaf(const struct certificate *ca, const char *name)
{
	return certificate_make(&(struct certificate_wish){name, ca, "DNS:localhost,IP:127.0.0.1", -DAY, 30 * DAY});
}

static struct certificate authority(const char *name)
{
	return certificate_make(&(struct certificate_wish){name, NULL, NULL, -DAY, 30 * DAY});
}

static struct tls_context *server_context(struct world *w, const struct certificate *cert, const char *client_auth)
{
	struct tls_settings s = {0};
	struct tls_context *c;
	struct buf why = {0};

	s.v[TLS_KEYSTORE_TYPE] = s.v[TLS_TRUSTSTORE_TYPE] = STR("PEM");
	s.v[TLS_KEYSTORE_KEY] = str_of(cert->key_pem);
	s.v[TLS_KEYSTORE_CERTIFICATE_CHAIN] = str_of(cert->pem);
	s.v[TLS_TRUSTSTORE_CERTIFICATES] = str_of(w->ca.pem);
	s.v[TLS_CLIENT_AUTH] = str_of(client_auth);
	if (tls_context_new(w->env, &s, true, &c, &why))
		fail_msg("%.*s", STR_ARG(buf_str(&why)));
	return c;
}

static void make_file(struct world *w)
{
	uint8_t *p = malloc(FILE_LEN);

	snprintf(w->path, sizeof(w->path), "/tmp/odradek-test-tls-%d", (int)getpid());
	for (size_t i = 0; i < FILE_LEN; i++)
		p[i] = echo_pattern(i);
	assert_int_equal(env_open(w->env, w->path, FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &w->echo.file), 0);
	assert_int_equal(file_write_full(w->echo.file, p, FILE_LEN, 0), 0);
	free(p);
}

static void world_open(struct world *w, const char *client_auth, int64_t handshake_ms)
{
	struct net_listener_config l[2] = {{.name = "SSL",
					    .host = "127.0.0.1",
					    .max_connections = NET_NO_LIMIT,
					    .max_connection_creation_rate = NET_NO_LIMIT}};
	struct net_limits limits;
	int failed = -1;

	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->cond, NULL);
	w->diag = (struct diag){.level = DIAG_INFO, .wall_ms = real_wall_ms, .write = keep_line, .arg = w};
	w->env = env_real_new(&w->diag);
	make_file(w);
	w->ca = authority("authority");
	w->server = leaf(&w->ca, "server");
	w->client = leaf(&w->ca, "client");
	l[1] = l[0];
	l[1].name = "NODES";
	l[1].exempt = true;
	l[0].tls = w->tls = server_context(w, &w->server, client_auth);
	net_limits_default(&limits, (int64_t)1 << 30);
	if (handshake_ms)
		limits.handshake_deadline_ms = handshake_ms;
	w->net = net_new(w->env, &limits, 1, &echo_handler, &w->echo);
	assert_int_equal(net_listen(w->net, l, 2, &failed), 0);
	net_accept(w->net, 0);
	net_accept(w->net, 1);
	net_start(w->net);
	loop_thread(net_loop(w->net, 0));
}

static void stop(struct post *p)
{
	struct world *w = container_of(p, struct world, post);

	net_stop(w->net, 10000, tell_done, w);
}

static void world_close(struct world *w)
{
	w->post.run = stop;
	loop_post(net_loop(w->net, 0), &w->post);
	await_done(w);
	net_free(w->net);
	tls_context_unref(&w->tls);
	tls_context_unref(&w->next);
	assert_int_equal(w->echo.opened, w->echo.closed);
	assert_int_equal(w->echo.live, 0);
	file_unref(&w->echo.file);
	unlink(w->path);
	certificate_fini(&w->ca);
	certificate_fini(&w->server);
	certificate_fini(&w->client);
	env_real_free(w->env);
}

/* ---- clients ---- */

static int dial_port(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_port = htons(port);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static int dial(struct world *w)
{
	return dial_port(net_listener_addr(w->net, 0)->port);
}

struct client {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

static struct client client_new_at(struct world *w, int version, const struct certificate *cert, uint16_t port)
{
	struct client c = {.ctx = SSL_CTX_new(TLS_client_method()), .fd = dial_port(port)};

	SSL_CTX_set_min_proto_version(c.ctx, version);
	SSL_CTX_set_max_proto_version(c.ctx, version);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(c.ctx), w->ca.x);
	SSL_CTX_set_verify(c.ctx, SSL_VERIFY_PEER, NULL);
	if (cert) {
		SSL_CTX_use_certificate(c.ctx, cert->x);
		SSL_CTX_use_PrivateKey(c.ctx, cert->key);
	}
	c.ssl = SSL_new(c.ctx);
	SSL_set_fd(c.ssl, c.fd);
	return c;
}

static struct client client_new(struct world *w, int version, const struct certificate *cert)
{
	return client_new_at(w, version, cert, net_listener_addr(w->net, 0)->port);
}

static void client_close(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
}

static void put(struct client *c, const void *p, size_t len)
{
	assert_int_equal(SSL_write(c->ssl, p, (int)len), (int)len);
}

static void get(struct client *c, uint8_t *p, size_t len)
{
	for (size_t done = 0; done < len;) {
		int n = SSL_read(c->ssl, p + done, (int)(len - done));

		assert_true(n > 0);
		done += (size_t)n;
	}
}

static void expect_echo(struct client *c, const char *text)
{
	uint8_t frame[64], answer[64];
	size_t len = strlen(text);

	put_u32(frame, (uint32_t)len);
	memcpy(frame + 4, text, len);
	put(c, frame, 4 + len);
	get(c, answer, 4 + len);
	assert_memory_equal(answer, frame, 4 + len);
}

/* Requests len bytes, from memory or from the file, and checks each. */
static void expect_pattern(struct client *c, const uint8_t *ask, size_t ask_len, size_t len, size_t border)
{
	uint8_t *answer = malloc(4 + len + 2 * border), size[4];

	put_u32(size, (uint32_t)ask_len);
	put(c, size, 4);
	put(c, ask, ask_len);
	get(c, answer, 4 + len + 2 * border);
	assert_int_equal(get_u32(answer), len + 2 * border);
	for (size_t i = 0; i < len; i++)
		if (answer[4 + border + i] != echo_pattern(i))
			fail_msg("byte %zu is wrong", i);
	free(answer);
}

/* The server has closed it: during the handshake or, in TLS 1.3, after it. */
static void expect_refused(struct world *w, struct client *c)
{
	uint8_t byte;

	if (SSL_connect(c->ssl) == 1)
		assert_true(SSL_read(c->ssl, &byte, 1) <= 0);
	client_close(c);
	ERR_clear_error();
}

/* ---- what is served ---- */

static void talk(struct world *w, int version, uint8_t fragments)
{
	struct client c = client_new(w, version, NULL);
	uint8_t ask[9] = {'b'};

	assert_int_equal(SSL_set_tlsext_max_fragment_length(c.ssl, fragments), 1);
	assert_int_equal(SSL_connect(c.ssl), 1);
	expect_echo(&c, "e hello");
	expect_echo(&c, "p parked");
	put_u32(ask + 1, 2 * MIB);
	expect_pattern(&c, ask, 5, 2 * MIB, 0);
	ask[0] = 'f';
	put_u32(ask + 1, 0);
	put_u32(ask + 5, FILE_LEN);
	expect_pattern(&c, ask, 9, FILE_LEN, 1);
	client_close(&c);
}

static void frames_memory_and_files_pass_in_both_versions(void **state)
{
	struct world w;

	world_open(&w, NULL, 0);
	talk(&w, TLS1_2_VERSION, TLSEXT_max_fragment_length_DISABLED);
	talk(&w, TLS1_3_VERSION, TLSEXT_max_fragment_length_DISABLED);
	world_close(&w);
}

/* What is written at once then becomes many records (RFC 6066). */
static void clients_may_ask_for_short_records(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL, 0);
	talk(&w, TLS1_2_VERSION, TLSEXT_max_fragment_length_512);
	talk(&w, TLS1_3_VERSION, TLSEXT_max_fragment_length_512);
	talk(&w, TLS1_3_VERSION, TLSEXT_max_fragment_length_4096);
	world_close(&w);
}

/*
 * More frames than a turn shows, in records that are read ahead: the socket has nothing more to
 * report, and none is forgotten.
 */
static void what_was_decrypted_and_not_shown_is_not_forgotten(void **state)
{
	enum { FRAMES = 1000 };
	static uint8_t all[FRAMES * 6], answers[sizeof(all)];
	struct world w;
	struct client c;

	world_open(&w, NULL, 0);
	c = client_new(&w, TLS1_3_VERSION, NULL);
	assert_int_equal(SSL_connect(c.ssl), 1);
	for (int i = 0; i < FRAMES; i++) {
		put_u32(all + i * 6, 2);
		all[i * 6 + 4] = i % 3 ? 'e' : 'p';
		all[i * 6 + 5] = (uint8_t)i;
	}
	put(&c, all, sizeof(all));
	get(&c, answers, sizeof(answers));
	assert_memory_equal(answers, all, sizeof(all));
	client_close(&c);
	world_close(&w);
}

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
		put(&t->c, "x", 1);
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
	get(&t->c, t->got, t->n);
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

static void a_large_request_arrives(void **state)
{
	size_t len = 5 * MIB;
	uint8_t *frame = malloc(4 + len), *answer = malloc(4 + len);
	struct world w;
	struct client c;

	world_open(&w, NULL, 0);
	c = client_new(&w, TLS1_3_VERSION, NULL);
	assert_int_equal(SSL_connect(c.ssl), 1);
	put_u32(frame, (uint32_t)len);
	frame[4] = 'e';
	for (size_t i = 1; i < len; i++)
		frame[4 + i] = (uint8_t)(i * 7);
	put(&c, frame, 4 + len);
	get(&c, answer, 4 + len);
	assert_memory_equal(answer, frame, 4 + len);
	client_close(&c);
	world_close(&w);
	free(frame);
	free(answer);
}

/* ---- a peer that is slow, or no peer ---- */

/* Sends OpenSSL's output one byte at a time. */
static void drip(BIO *out, int fd)
{
	uint8_t byte;

	while (BIO_read(out, &byte, 1) == 1)
		assert_int_equal(send(fd, &byte, 1, MSG_NOSIGNAL), 1);
}

static void a_handshake_may_come_one_byte_at_a_time(void **state)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	uint8_t bytes[4096];
	struct world w;
	struct client c;

	world_open(&w, NULL, 0);
	c = client_new(&w, TLS1_3_VERSION, NULL);
	SSL_set_bio(c.ssl, in, out);
	while (SSL_connect(c.ssl) != 1) {
		ssize_t n;

		drip(out, c.fd);
		n = recv(c.fd, bytes, sizeof(bytes), 0);
		assert_true(n > 0);
		BIO_write(in, bytes, (int)n);
	}
	SSL_write(c.ssl, "\0\0\0\2eX", 6);
	drip(out, c.fd);
	while (SSL_read(c.ssl, bytes, sizeof(bytes)) != 6) {
		ssize_t n = recv(c.fd, bytes, sizeof(bytes), 0);

		assert_true(n > 0);
		BIO_write(in, bytes, (int)n);
	}
	assert_memory_equal(bytes, "\0\0\0\2eX", 6);
	client_close(&c);
	world_close(&w);
}

static void expect_closed(int fd)
{
	uint8_t bytes[256];

	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		;
	close(fd);
}

static void who_does_not_shake_hands_is_closed_in_time(void **state)
{
	struct world w;
	int silent, half;

	world_open(&w, NULL, 50);
	silent = dial(&w);
	half = dial(&w);
	assert_int_equal(send(half, "\x16\x03\x01", 3, 0), 3);
	expect_closed(silent);
	expect_closed(half);
	expect_told(&w, "TLS handshake not completed in time");
	world_close(&w);
}

static void what_is_not_tls_is_closed_at_once(void **state)
{
	struct world w;
	int fd;

	world_open(&w, NULL, 0);
	fd = dial(&w);
	assert_int_equal(send(fd, "\0\0\0\x12\0\x12\0\3\0\0\0\1\0\0\0\0\0\0\0\0\0\0", 22, 0), 22);
	expect_closed(fd);
	expect_told(&w, "TLS failed");
	fd = dial(&w);
	assert_int_equal(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, 0), 18);
	expect_closed(fd);
	assert_int_equal(w.echo.secured, 0);
	assert_int_equal(w.echo.unsecured, 2);
	world_close(&w);
}

/* Its header alone, 9 bytes, would make OpenSSL hold 128 KiB until the deadline. */
static void a_giant_hello_is_closed_at_its_header(void **state)
{
	struct world w;
	int fd;

	world_open(&w, NULL, 0);
	fd = dial(&w);
	assert_int_equal(send(fd, "\x16\x03\x01\0\x04\x01\x01\xff\xff", 9, 0), 9);
	expect_closed(fd);
	expect_told(&w, "TLS failed");
	world_close(&w);
}

static void nobody_may_negotiate_again(void **state)
{
	struct world w;
	struct client c;
	uint8_t byte;

	world_open(&w, NULL, 0);
	c = client_new(&w, TLS1_2_VERSION, NULL);
	assert_int_equal(SSL_connect(c.ssl), 1);
	assert_int_equal(SSL_renegotiate(c.ssl), 1);
	assert_true(SSL_do_handshake(c.ssl) <= 0 || SSL_read(c.ssl, &byte, 1) <= 0);
	client_close(&c);
	ERR_clear_error();
	c = client_new(&w, TLS1_2_VERSION, NULL);
	assert_int_equal(SSL_connect(c.ssl), 1);
	expect_echo(&c, "e others are served");
	client_close(&c);
	world_close(&w);
}

static void versions_before_1_2_are_not_spoken(void **state)
{
	struct world w;
	struct client c;

	world_open(&w, NULL, 0);
	c = client_new(&w, TLS1_1_VERSION, NULL);
	SSL_set_security_level(c.ssl, 0);
	expect_refused(&w, &c);
	world_close(&w);
}

/* ---- certificates of clients ---- */

static void expect_let_in(struct world *w, const struct certificate *cert)
{
	struct client c = client_new(w, TLS1_3_VERSION, cert);

	assert_int_equal(SSL_connect(c.ssl), 1);
	expect_echo(&c, "e let in");
	client_close(&c);
}

static void expect_kept_out(struct world *w, const struct certificate *cert, const char *why)
{
	struct client c = client_new(w, TLS1_3_VERSION, cert);

	expect_refused(w, &c);
	expect_told(w, why);
}

static void only_those_with_a_good_certificate_are_let_in(void **state)
{
	struct world w;
	struct certificate other, stranger, expired, early;

	world_open(&w, "required", 0);
	w.diag.level = DIAG_WARN;
	other = authority("another authority");
	stranger = leaf(&other, "stranger");
	expired = certificate_make(&(struct certificate_wish){"late", &w.ca, NULL, -2 * DAY, -DAY});
	early = certificate_make(&(struct certificate_wish){"early", &w.ca, NULL, DAY, 2 * DAY});
	expect_let_in(&w, &w.client);
	expect_kept_out(&w, NULL, "peer did not return a certificate");
	expect_let_in(&w, &w.client);
	assert_int_equal(w.echo.secured, 2);
	assert_int_equal(w.echo.unsecured, 1);
	certificate_fini(&other);
	certificate_fini(&stranger);
	certificate_fini(&expired);
	certificate_fini(&early);
	world_close(&w);
}

static void kept_out(const struct certificate_wish *wish, const char *why)
{
	struct world w;
	struct certificate cert;
	struct certificate_wish mine = *wish;

	world_open(&w, "requested", 0);
	if (!mine.issuer)
		mine.issuer = &w.ca;
	cert = certificate_make(&mine);
	expect_let_in(&w, NULL);
	expect_kept_out(&w, &cert, why);
	certificate_fini(&cert);
	world_close(&w);
}

static void a_certificate_that_is_shown_has_to_be_good(void **state)
{
	struct certificate other = authority("another authority");

	kept_out(&(struct certificate_wish){"stranger", &other, NULL, -DAY, DAY},
		 "unable to get local issuer certificate");
	kept_out(&(struct certificate_wish){"late", NULL, NULL, -2 * DAY, -DAY}, "certificate has expired");
	kept_out(&(struct certificate_wish){"early", NULL, NULL, DAY, 2 * DAY}, "certificate is not yet valid");
	certificate_fini(&other);
}

/* ---- new certificates ---- */

static void set_next(struct post *p)
{
	struct world *w = container_of(p, struct world, post);

	net_set_tls(w->net, 0, w->next);
	tell_done(w);
}

static bool shows(struct client *c, const struct certificate *cert)
{
	X509 *x = SSL_get1_peer_certificate(c->ssl);
	bool same = x && X509_cmp(x, cert->x) == 0;

	X509_free(x);
	return same;
}

static void new_connections_see_a_new_certificate_and_old_ones_stay(void **state)
{
	struct world w;
	struct client old, new;
	struct certificate fresh;

	world_open(&w, NULL, 0);
	fresh = leaf(&w.ca, "server");
	old = client_new(&w, TLS1_3_VERSION, NULL);
	assert_int_equal(SSL_connect(old.ssl), 1);
	assert_true(shows(&old, &w.server));
	w.next = server_context(&w, &fresh, NULL);
	w.post.run = set_next;
	loop_post(net_loop(w.net, 0), &w.post);
	await_done(&w);
	new = client_new(&w, TLS1_3_VERSION, NULL);
	assert_int_equal(SSL_connect(new.ssl), 1);
	assert_true(shows(&new, &fresh));
	expect_echo(&old, "e as before");
	expect_echo(&new, "e as now");
	client_close(&old);
	client_close(&new);
	certificate_fini(&fresh);
	world_close(&w);
}

/* ---- nodes beside clients ---- */

static void hold(struct post *p)
{
	struct world *w = container_of(p, struct world, post);

	pthread_mutex_lock(&w->lock);
	w->held = true;
	pthread_cond_broadcast(&w->cond);
	while (!w->released)
		pthread_cond_wait(&w->cond, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

static void hold_reactor(struct world *w)
{
	w->post.run = hold;
	loop_post(net_loop(w->net, 0), &w->post);
	pthread_mutex_lock(&w->lock);
	while (!w->held)
		pthread_cond_wait(&w->cond, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

static void release_reactor(struct world *w)
{
	pthread_mutex_lock(&w->lock);
	w->released = true;
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

/* Of sixty-four waiting handshakes, only a few run before a node's frame that arrived last. */
static void a_node_does_not_wait_for_a_herd_of_handshakes(void **state)
{
	static const char frame[] = {0, 0, 0, 1, 'e'};
	struct world w;
	int fds[64], node;
	char answer[5];

	world_open(&w, NULL, 0);
	node = dial_port(net_listener_addr(w.net, 1)->port);
	for (int i = 0; i < 64; i++)
		fds[i] = dial(&w);
	while (w.echo.opened < 65)
		usleep(1000);
	hold_reactor(&w);
	for (int i = 0; i < 64; i++)
		assert_int_equal(write(fds[i], "no hello of TLS", 15), 15);
	assert_int_equal(write(node, frame, sizeof(frame)), (ssize_t)sizeof(frame));
	release_reactor(&w);
	assert_int_equal(recv(node, answer, sizeof(answer), MSG_WAITALL), (ssize_t)sizeof(answer));
	assert_in_range(w.echo.unsecured_before, 0, 24);
	for (int i = 0; i < 64; i++) {
		char byte;

		while (recv(fds[i], &byte, 1, 0) > 0)
			;
		close(fds[i]);
	}
	assert_int_equal(w.echo.unsecured, 64);
	close(node);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_memory_and_files_pass_in_both_versions),
		cmocka_unit_test(clients_may_ask_for_short_records),
		cmocka_unit_test(what_was_decrypted_and_not_shown_is_not_forgotten),
		cmocka_unit_test(who_has_not_begun_costs_next_to_nothing),
		cmocka_unit_test(a_read_of_tiny_records_ends_by_what_they_cost),
		cmocka_unit_test(what_the_socket_does_not_take_is_not_called_written),
		cmocka_unit_test(a_large_request_arrives),
		cmocka_unit_test(a_handshake_may_come_one_byte_at_a_time),
		cmocka_unit_test(who_does_not_shake_hands_is_closed_in_time),
		cmocka_unit_test(what_is_not_tls_is_closed_at_once),
		cmocka_unit_test(a_giant_hello_is_closed_at_its_header),
		cmocka_unit_test(nobody_may_negotiate_again),
		cmocka_unit_test(versions_before_1_2_are_not_spoken),
		cmocka_unit_test(only_those_with_a_good_certificate_are_let_in),
		cmocka_unit_test(a_certificate_that_is_shown_has_to_be_good),
		cmocka_unit_test(new_connections_see_a_new_certificate_and_old_ones_stay),
		cmocka_unit_test(a_node_does_not_wait_for_a_herd_of_handshakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
