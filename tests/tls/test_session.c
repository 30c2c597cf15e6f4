/* session: TLS sessions whose reads and writes are the test's own, with OpenSSL's clients on the other side. */
#include <errno.h>
#include <malloc.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
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
static void pair_open_at(struct pair *p, struct world *w, int version, struct client *c, void *(*run)(void *),
			 void *arg, pthread_t *thread)
{
	struct addr at = {.ip = {127, 0, 0, 1}};

	p->loop = loop_new(w->env, "other");
	assert_int_equal(env_listen(p->loop, &at, 5, nobody_waits, NULL, &p->l), 0);
	assert_int_equal(listener_addr(p->l, &at), 0);
	*c = client_new_at(w, version, NULL, at.port);
	pthread_create(thread, NULL, run, arg);
	p->sock = accept_from(p->l);
	p->s = tls_session_new(w->tls, p->sock, NULL);
	while (tls_handshake(p->s) == -EAGAIN)
		usleep(1000);
}

static void pair_open(struct pair *p, struct world *w, struct client *c, void *(*run)(void *), void *arg,
		      pthread_t *thread)
{
	pair_open_at(p, w, TLS1_3_VERSION, c, run, arg, thread);
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

enum { STREAM = 6 * 1024 * 1024, LONGEST_READ = 700000, GUARD = 64 };

/* A client that sends a pattern in records of any length, and new keys in between. */
struct source {
	struct client c;
	uint64_t random;
	bool renews; /* TLS 1.3 */
	_Atomic bool is_read;
};

static size_t draw(uint64_t *random, size_t max)
{
	*random = *random * 6364136223846793005U + 1442695040888963407U;
	return (size_t)(*random >> 33) % max + 1;
}

static void send_record(struct client *c, size_t at, size_t len)
{
	uint8_t b[16384];

	for (size_t i = 0; i < len; i++)
		b[i] = echo_pattern(at + i);
	client_put(c, b, len);
}

static void renew_keys(struct client *c)
{
	assert_int_equal(SSL_key_update(c->ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
	assert_int_equal(SSL_do_handshake(c->ssl), 1);
}

/* Mostly full records, as of a client that sends much; some short, some of a byte. */
static size_t draw_record(uint64_t *random)
{
	switch (draw(random, 8)) {
	case 1:
		return draw(random, 3);
	case 2:
		return draw(random, 16384);
	default:
		return 16384;
	}
}

static void *send_stream(void *arg)
{
	struct source *c = arg;
	size_t len;

	assert_int_equal(SSL_connect(c->c.ssl), 1);
	for (size_t at = 0; at < STREAM; at += len) {
		len = draw_record(&c->random);
		len = len < STREAM - at ? len : STREAM - at;
		send_record(&c->c, at, len);
		if (c->renews && draw(&c->random, 20) == 1)
			renew_keys(&c->c);
	}
	while (!c->is_read)
		usleep(1000);
	return NULL;
}

/* Reads of every length: each byte is where it belongs, and none is behind the buffer. */
static void receive_stream(struct tls_session *s, uint64_t random)
{
	static uint8_t b[LONGEST_READ + GUARD];
	size_t at = 0;

	while (at < STREAM) {
		size_t len = draw(&random, draw(&random, 2) == 1 ? LONGEST_READ : 70000);
		ssize_t n;

		memset(b + len, 0xa5, GUARD);
		n = tls_read(s, b, len);
		for (int i = 0; i < GUARD; i++)
			assert_int_equal(b[len + (size_t)i], 0xa5);
		assert_true(n > 0 || n == -EAGAIN);
		for (ssize_t i = 0; i < n; i++)
			if (b[i] != echo_pattern(at + (size_t)i))
				fail_msg("byte %zu", at + (size_t)i);
		at += n > 0 ? (size_t)n : 0;
		if (n == -EAGAIN && !tls_is_pending(s))
			usleep(100);
	}
}

static void stream_passes(int version, uint64_t seed)
{
	struct source c = {.random = seed, .renews = version == TLS1_3_VERSION};
	struct pair p;
	struct world w;
	pthread_t thread;

	world_open(&w, "none", 0);
	pair_open_at(&p, &w, version, &c.c, send_stream, &c, &thread);
	receive_stream(p.s, seed);
	c.is_read = true;
	pthread_join(thread, NULL);
	pair_close(&p, &c.c);
	world_close(&w);
}

static void reads_of_any_length_take_records_of_any_length(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		stream_passes(TLS1_3_VERSION, seed);
		stream_passes(TLS1_2_VERSION, seed);
	}
}

enum { RENEWALS = 1500 };

struct renewer {
	struct client c;
	size_t part; /* of data, before the new keys and behind them */
	_Atomic bool sent, is_read;
};

static void *renew_often(void *arg)
{
	struct renewer *r = arg;
	int unread = 0;

	assert_int_equal(SSL_connect(r->c.ssl), 1);
	send_record(&r->c, 0, r->part);
	for (int i = 0; i < RENEWALS; i++)
		renew_keys(&r->c);
	send_record(&r->c, r->part, r->part);
	while (ioctl(r->c.fd, SIOCOUTQ, &unread) || unread > 0)
		usleep(1000);
	r->sent = true;
	while (!r->is_read)
		usleep(1000);
	return NULL;
}

static ssize_t read_pattern(struct tls_session *s, size_t at)
{
	static uint8_t b[LONGEST_READ];
	ssize_t n = tls_read(s, b, sizeof(b));

	for (ssize_t i = 0; i < n; i++)
		assert_int_equal(b[i], echo_pattern(at + (size_t)i));
	memset(b, 0, sizeof(b));
	return n;
}

static void new_keys_are_met(size_t part)
{
	struct renewer r = {.part = part};
	struct pair p;
	struct world w;
	pthread_t thread;
	ssize_t n = -EAGAIN;
	int idle = 0;

	world_open(&w, "none", 0);
	pair_open(&p, &w, &r.c, renew_often, &r, &thread);
	while (!r.sent)
		usleep(1000);
	assert_int_equal(read_pattern(p.s, 0), part);
	for (; n == -EAGAIN; idle++) { /* the first time, some new keys are left */
		assert_true(tls_is_pending(p.s));
		n = read_pattern(p.s, part);
	}
	assert_int_equal(n, part);
	assert_in_range(idle, 1, RENEWALS);
	assert_int_equal(read_pattern(p.s, 2 * part), -EAGAIN);
	assert_false(tls_is_pending(p.s));
	r.is_read = true;
	pthread_join(thread, NULL);
	pair_close(&p, &r.c);
	world_close(&w);
}

/* A read yields to others amid new keys, too; what it has taken from the socket behind them is kept for the next. */
static void new_keys_without_end_hold_up_nobody(void **state)
{
	(void)state;
	for (size_t part = 5000; part < 5004; part++)
		new_keys_are_met(part);
}

enum { FLOOD = 16000, PADDED = 65, TAIL = 1000, RECORD = 16384, GAP = RECORD + 4096 };

/* A client whose new keys come in long pieces, and so faster than they are opened. */
struct flood {
	struct client c;
	_Atomic bool is_full, is_read;
};

/*
 * OpenSSL receives 16709 bytes at once, when it wants a header; 44 of padding make records of 65, so that each
 * time four bytes of the next header come with them. It goes on asking then.
 */
static BIO *make_flood(SSL *ssl)
{
	BIO *out = BIO_new(BIO_s_mem());

	assert_int_equal(SSL_set_block_padding(ssl, 44), 1);
	SSL_set0_wbio(ssl, out);
	return out;
}

static void *send_flood(void *arg)
{
	struct flood *f = arg;
	ssize_t n;
	char *p;
	long len;
	BIO *out;

	assert_int_equal(SSL_connect(f->c.ssl), 1);
	out = make_flood(f->c.ssl);
	for (int i = 0; i < FLOOD; i++)
		renew_keys(&f->c);
	assert_int_equal(BIO_get_mem_data(out, &p), FLOOD * PADDED);
	send_record(&f->c, 0, TAIL);
	len = BIO_get_mem_data(out, &p);
	for (; len > 0; p += n, len -= n) {
		n = send(f->c.fd, p, (size_t)len, f->is_full ? 0 : MSG_DONTWAIT);
		if (n < 0) {
			assert_true(errno == EAGAIN && !f->is_full);
			f->is_full = true;
			n = 0;
		}
	}
	f->is_full = true;
	while (!f->is_read)
		usleep(1000);
	return NULL;
}

static void flood_is_met(size_t len)
{
	static uint8_t b[LONGEST_READ];
	struct flood f = {0};
	struct pair p;
	struct world w;
	pthread_t thread;
	ssize_t n = -EAGAIN;
	size_t calls = 0, held = 0;

	world_open(&w, "none", 0);
	pair_open(&p, &w, &f.c, send_flood, &f, &thread);
	while (!f.is_full)
		usleep(1000);
	for (; n == -EAGAIN; calls++) {
		n = tls_read(p.s, b, len);
		assert_true(tls_took(p.s) <= len + RECORD + 3 * GAP);
		held = tls_kept(p.s) > held ? tls_kept(p.s) : held;
		if (n == -EAGAIN && !tls_is_pending(p.s))
			usleep(100); /* the rest is under way */
	}
	assert_int_equal(n, TAIL);
	for (size_t i = 0; i < TAIL; i++)
		assert_int_equal(b[i], echo_pattern(i));
	assert_true(calls > FLOOD * PADDED / (3 * GAP));
	assert_true(len < LONGEST_READ || held > 0); /* what was read ahead is counted while it is kept */
	assert_int_equal(tls_kept(p.s), 0);
	f.is_read = true;
	pthread_join(thread, NULL);
	pair_close(&p, &f.c);
	world_close(&w);
}

/* OpenSSL alone would not return before it has found data, however many new keys come before. */
static void each_read_of_a_flood_of_new_keys_is_short(void **state)
{
	(void)state;
	flood_is_met(4096);
	flood_is_met(65536);
	flood_is_met(LONGEST_READ);
}

/* ---- what OpenSSL keeps of what it has decrypted: its memory is watched ---- */

enum { SECRET = 64, SECRETS = 4 };

struct piece {
	struct piece *next, **self;
	size_t len;
	_Alignas(16) uint8_t bytes[];
};

static struct {
	pthread_mutex_t lock;
	struct piece *first;
	bool was_freed[SECRETS]; /* with the secret in it */
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint8_t secret_byte(int secret, int i)
{
	return (uint8_t)(50 * (secret + 1) + 7 * i);
}

static bool has_secret(const struct piece *p, int secret)
{
	int same = 0;

	for (size_t at = 0; at < p->len && same < SECRET; at++)
		same = p->bytes[at] == secret_byte(secret, same) ? same + 1 : p->bytes[at] == secret_byte(secret, 0);
	return same == SECRET;
}

static bool is_kept(int secret)
{
	bool found;

	pthread_mutex_lock(&kept.lock);
	found = kept.was_freed[secret];
	for (struct piece *p = kept.first; p && !found; p = p->next)
		found = has_secret(p, secret);
	pthread_mutex_unlock(&kept.lock);
	return found;
}

static void *piece_new(size_t len, const char *file, int line)
{
	struct piece *p = calloc(1, sizeof(*p) + len);

	(void)file;
	(void)line;
	p->len = len;
	pthread_mutex_lock(&kept.lock);
	p->next = kept.first;
	p->self = &kept.first;
	if (p->next)
		p->next->self = &p->next;
	kept.first = p;
	pthread_mutex_unlock(&kept.lock);
	return p->bytes;
}

static void piece_free(void *bytes, const char *file, int line)
{
	struct piece *p = bytes ? container_of(bytes, struct piece, bytes) : NULL;

	(void)file;
	(void)line;
	if (!p)
		return;
	pthread_mutex_lock(&kept.lock);
	for (int i = 0; i < SECRETS; i++)
		kept.was_freed[i] |= has_secret(p, i);
	*p->self = p->next;
	if (p->next)
		p->next->self = p->self;
	pthread_mutex_unlock(&kept.lock);
	free(p);
}

static void *piece_resize(void *bytes, size_t len, const char *file, int line)
{
	size_t had = bytes ? container_of(bytes, struct piece, bytes)->len : 0;
	void *other = len ? piece_new(len, file, line) : NULL;

	if (bytes && other)
		memcpy(other, bytes, had < len ? had : len);
	piece_free(bytes, file, line);
	return other;
}

struct teller {
	struct client c;
	_Atomic int asked, told;
	_Atomic bool enough;
};

static void *tell_secrets(void *arg)
{
	struct teller *t = arg;
	uint8_t secret[SECRET];

	assert_int_equal(SSL_connect(t->c.ssl), 1);
	while (!t->enough) {
		if (t->told == t->asked) {
			usleep(1000);
			continue;
		}
		for (int i = 0; i < SECRET; i++)
			secret[i] = secret_byte(t->told, i);
		client_put(&t->c, secret, sizeof(secret));
		t->told++;
	}
	return NULL;
}

static void hear_secret(struct tls_session *s, struct teller *t)
{
	uint8_t secret[SECRET];
	int which = t->asked++;
	ssize_t n;

	while (t->told < t->asked)
		usleep(1000);
	while ((n = tls_read(s, secret, sizeof(secret))) == -EAGAIN)
		usleep(1000);
	assert_int_equal(n, SECRET);
	for (int i = 0; i < SECRET; i++)
		assert_int_equal(secret[i], secret_byte(which, i));
}

static void what_may_be_secret_is_wiped_and_nothing_else(int version)
{
	struct teller t = {0};
	struct pair p;
	struct world w;
	pthread_t thread;

	memset(kept.was_freed, 0, sizeof(kept.was_freed));
	world_open(&w, "none", 0);
	pair_open_at(&p, &w, version, &t.c, tell_secrets, &t, &thread);
	hear_secret(p.s, &t);
	assert_false(is_kept(0));
	tls_set_secret(p.s, false);
	hear_secret(p.s, &t);
	assert_true(is_kept(1));
	tls_set_secret(p.s, true);
	hear_secret(p.s, &t);
	assert_false(is_kept(2));
	t.enough = true;
	pthread_join(thread, NULL);
	pair_close(&p, &t.c);
	world_close(&w);
}

static void secrets_are_wiped_until_the_login_is_over(void **state)
{
	(void)state;
	what_may_be_secret_is_wiped_and_nothing_else(TLS1_2_VERSION);
	what_may_be_secret_is_wiped_and_nothing_else(TLS1_3_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_not_begun_costs_next_to_nothing),
		cmocka_unit_test(a_read_of_tiny_records_ends_by_what_they_cost),
		cmocka_unit_test(what_the_socket_does_not_take_is_not_called_written),
		cmocka_unit_test(reads_of_any_length_take_records_of_any_length),
		cmocka_unit_test(new_keys_without_end_hold_up_nobody),
		cmocka_unit_test(each_read_of_a_flood_of_new_keys_is_short),
		cmocka_unit_test(secrets_are_wiped_until_the_login_is_over),
	};

	if (!CRYPTO_set_mem_functions(piece_new, piece_resize, piece_free))
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
