/*
 * TLS listeners over loopback: reactors on threads, with OpenSSL's own clients in the test, good
 * and bad.
 */
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/endian.h"
#include "tests/base/cm.h"
#include "tests/tls/net_world.h"

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
	client_put(&c, all, sizeof(all));
	client_get(&c, answers, sizeof(answers));
	assert_memory_equal(answers, all, sizeof(all));
	client_close(&c);
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
	client_put(&c, frame, 4 + len);
	client_get(&c, answer, 4 + len);
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
	silent = dial_node(&w);
	half = dial_node(&w);
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
	fd = dial_node(&w);
	assert_int_equal(send(fd, "\0\0\0\x12\0\x12\0\3\0\0\0\1\0\0\0\0\0\0\0\0\0\0", 22, 0), 22);
	expect_closed(fd);
	expect_told(&w, "TLS failed");
	fd = dial_node(&w);
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
	fd = dial_node(&w);
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
	other = make_authority("another authority");
	stranger = make_leaf(&other, "stranger");
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
	struct certificate other = make_authority("another authority");

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
	fresh = make_leaf(&w.ca, "server");
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

enum { HERD = 64 };

/* Connections for handshakes, and one more, all on the reactor. */
static int open_herd(struct world *w, int fds[HERD], int listener)
{
	int other = dial_port(net_listener_addr(w->net, listener)->port);

	for (int i = 0; i < HERD; i++)
		fds[i] = dial_node(w);
	while (w->echo.opened < HERD + 1)
		usleep(1000);
	return other;
}

static void begin_handshakes(const int fds[HERD])
{
	for (int i = 0; i < HERD; i++)
		assert_int_equal(write(fds[i], "no hello of TLS", 15), 15);
}

static void close_herd(const int fds[HERD])
{
	for (int i = 0; i < HERD; i++) {
		char byte;

		while (recv(fds[i], &byte, 1, 0) > 0)
			;
		close(fds[i]);
	}
}

/* Of sixty-four waiting handshakes, only a few run before a node's frame that arrived last. */
static void a_node_does_not_wait_for_a_herd_of_handshakes(void **state)
{
	static const char frame[] = {0, 0, 0, 1, 'e'};
	struct world w;
	int fds[HERD], node;
	char answer[5];

	world_open(&w, NULL, 0);
	node = open_herd(&w, fds, 1);
	hold_reactor(&w);
	begin_handshakes(fds);
	assert_int_equal(write(node, frame, sizeof(frame)), (ssize_t)sizeof(frame));
	release_reactor(&w);
	assert_int_equal(recv(node, answer, sizeof(answer), MSG_WAITALL), (ssize_t)sizeof(answer));
	assert_in_range(w.echo.unsecured_before, 0, 24);
	close_herd(fds);
	assert_int_equal(w.echo.unsecured, HERD);
	close(node);
	world_close(&w);
}

/*
 * A client whose requests fill every turn: between two of its turns there is one handshake. Eight or
 * sixteen requests are a turn, and eight handshakes may come before the first.
 */
static void a_client_does_not_wait_for_a_herd_of_handshakes(void **state)
{
	enum { REQUESTS = 80, REQUEST_US = 250 };
	static uint8_t frames[REQUESTS * 9], answers[sizeof(frames)];
	struct world w;
	int fds[HERD], client;

	(void)state;
	for (int i = 0; i < REQUESTS; i++) {
		put_u32(frames + i * 9, 5);
		frames[i * 9 + 4] = 'w';
		put_u32(frames + i * 9 + 5, REQUEST_US);
	}
	world_open(&w, NULL, 0);
	client = open_herd(&w, fds, 2);
	hold_reactor(&w);
	assert_int_equal(write(client, frames, sizeof(frames)), (ssize_t)sizeof(frames));
	begin_handshakes(fds);
	release_reactor(&w);
	assert_int_equal(recv(client, answers, sizeof(answers), MSG_WAITALL), (ssize_t)sizeof(answers));
	assert_memory_equal(answers, frames, sizeof(frames));
	assert_in_range(w.echo.unsecured_before, 0, 24);
	close_herd(fds);
	assert_int_equal(w.echo.unsecured, HERD);
	close(client);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_memory_and_files_pass_in_both_versions),
		cmocka_unit_test(clients_may_ask_for_short_records),
		cmocka_unit_test(what_was_decrypted_and_not_shown_is_not_forgotten),
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
		cmocka_unit_test(a_client_does_not_wait_for_a_herd_of_handshakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
