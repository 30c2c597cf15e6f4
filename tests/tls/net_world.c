#include "tests/tls/net_world.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/endian.h"
#include "tests/base/cm.h"

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
void expect_told(struct world *w, const char *what)
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

void tell_done(void *arg)
{
	struct world *w = arg;

	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

void await_done(struct world *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->done)
		pthread_cond_wait(&w->cond, &w->lock);
	w->done = false;
	pthread_mutex_unlock(&w->lock);
}

struct certificate make_leaf(const struct certificate *ca, const char *name)
{
	return certificate_make(&(struct certificate_wish){name, ca, "DNS:localhost,IP:127.0.0.1", -DAY, 30 * DAY});
}

struct certificate make_authority(const char *name)
{
	return certificate_make(&(struct certificate_wish){name, NULL, NULL, -DAY, 30 * DAY});
}

struct tls_context *server_context(struct world *w, const struct certificate *cert, const char *client_auth)
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

void world_open(struct world *w, const char *client_auth, int64_t handshake_ms)
{
	struct net_listener_config l[3] = {{.name = "SSL",
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
	w->ca = make_authority("authority");
	w->server = make_leaf(&w->ca, "server");
	w->client = make_leaf(&w->ca, "client");
	l[1] = l[2] = l[0];
	l[1].name = "NODES";
	l[2].name = "PLAINTEXT";
	l[1].exempt = true;
	l[0].tls = w->tls = server_context(w, &w->server, client_auth);
	net_limits_default(&limits, (int64_t)1 << 30);
	if (handshake_ms)
		limits.handshake_deadline_ms = handshake_ms;
	w->net = net_new(w->env, &limits, 1, &echo_handler, &w->echo);
	assert_int_equal(net_listen(w->net, l, 3, &failed), 0);
	for (int i = 0; i < 3; i++)
		net_accept(w->net, i);
	net_start(w->net);
	loop_thread(net_loop(w->net, 0));
}

static void stop_net(struct post *p)
{
	struct world *w = container_of(p, struct world, post);

	net_stop(w->net, 10000, tell_done, w);
}

void world_close(struct world *w)
{
	w->post.run = stop_net;
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

int dial_port(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_port = htons(port);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

int dial_node(struct world *w)
{
	return dial_port(net_listener_addr(w->net, 0)->port);
}

struct client client_new_at(struct world *w, int version, const struct certificate *cert, uint16_t port)
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

struct client client_new(struct world *w, int version, const struct certificate *cert)
{
	return client_new_at(w, version, cert, net_listener_addr(w->net, 0)->port);
}

void client_close(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
}

void client_put(struct client *c, const void *p, size_t len)
{
	assert_int_equal(SSL_write(c->ssl, p, (int)len), (int)len);
}

void client_get(struct client *c, uint8_t *p, size_t len)
{
	for (size_t done = 0; done < len;) {
		int n = SSL_read(c->ssl, p + done, (int)(len - done));

		assert_true(n > 0);
		done += (size_t)n;
	}
}

void expect_echo(struct client *c, const char *text)
{
	uint8_t frame[64], answer[64];
	size_t len = strlen(text);

	put_u32(frame, (uint32_t)len);
	memcpy(frame + 4, text, len);
	client_put(c, frame, 4 + len);
	client_get(c, answer, 4 + len);
	assert_memory_equal(answer, frame, 4 + len);
}

/* Requests len bytes, from memory or from the file, and checks each. */
void expect_pattern(struct client *c, const uint8_t *ask, size_t ask_len, size_t len, size_t border)
{
	uint8_t *answer = malloc(4 + len + 2 * border), size[4];

	put_u32(size, (uint32_t)ask_len);
	client_put(c, size, 4);
	client_put(c, ask, ask_len);
	client_get(c, answer, 4 + len + 2 * border);
	assert_int_equal(get_u32(answer), len + 2 * border);
	for (size_t i = 0; i < len; i++)
		if (answer[4 + border + i] != echo_pattern(i))
			fail_msg("byte %zu is wrong", i);
	free(answer);
}

/* The server has closed it: during the handshake or, in TLS 1.3, after it. */
void expect_refused(struct world *w, struct client *c)
{
	uint8_t byte;

	if (SSL_connect(c->ssl) == 1)
		assert_true(SSL_read(c->ssl, &byte, 1) <= 0);
	client_close(c);
	ERR_clear_error();
}
