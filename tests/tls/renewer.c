#include "tests/tls/renewer.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/base/cm.h"

enum { BATCHES = 30, RENEWALS = 10000 };

struct renewer {
	SSL *ssl;
	int listening;
	pthread_t thread;
	bool was_left;
};

/* Through memory: in long pieces they come faster than a client opens them. */
static bool send_keys(SSL *ssl, BIO *out, int fd)
{
	ssize_t n;
	char *p;
	long len;

	for (int i = 0; i < RENEWALS; i++) {
		assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(ssl), 1);
	}
	len = BIO_get_mem_data(out, &p);
	for (; len > 0; p += n, len -= n) {
		n = send(fd, p, (size_t)len, MSG_NOSIGNAL);
		if (n < 0)
			return false;
	}
	(void)BIO_reset(out);
	return true;
}

static void *renew_without_end(void *arg)
{
	struct renewer *r = arg;
	BIO *out = BIO_new(BIO_s_mem());
	int fd = accept(r->listening, NULL, NULL);

	SSL_set_fd(r->ssl, fd);
	assert_int_equal(SSL_accept(r->ssl), 1);
	SSL_set0_wbio(r->ssl, out);
	for (int i = 0; i < BATCHES && !r->was_left; i++)
		r->was_left = !send_keys(r->ssl, out, fd);
	close(fd);
	return NULL;
}

struct renewer *renewer_start(const struct certificate *cert, uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct renewer *r = xcalloc(1, sizeof(*r));
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	socklen_t len = sizeof(at);

	assert_int_equal(SSL_CTX_use_certificate(ctx, cert->x), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, cert->key), 1);
	r->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	r->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(r->listening, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(r->listening, 1), 0);
	assert_int_equal(getsockname(r->listening, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	pthread_create(&r->thread, NULL, renew_without_end, r);
	return r;
}

bool renewer_was_left(struct renewer *r)
{
	bool was_left;

	pthread_join(r->thread, NULL);
	was_left = r->was_left;
	SSL_free(r->ssl);
	close(r->listening);
	xfree(r);
	return was_left;
}
