/* agree: a handshake between two contexts, in memory. */
#include <errno.h>
#include <openssl/err.h>

#include "base/check.h"
#include "tls/tls_private.h"

enum { STEPS = 32 }; /* a handshake takes four; more only if a chain is larger than the buffer between the two */

/* True: done, or waiting for the other side. */
static bool step(SSL *s)
{
	int ret, err;

	ERR_clear_error();
	ret = SSL_do_handshake(s);
	err = SSL_get_error(s, ret);
	return ret == 1 || err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE;
}

static int tell(SSL *s, const char *side, struct buf *why)
{
	long verified = SSL_get_verify_result(s);

	buf_printf(why, "%s: %s%s%s", side, tls_reason(), verified == X509_V_OK ? "" : ": ",
		   verified == X509_V_OK ? "" : X509_verify_cert_error_string(verified));
	ERR_clear_error();
	return -EINVAL;
}

static int shake(SSL *server, SSL *client, struct buf *why)
{
	for (int i = 0; i < STEPS; i++) {
		if (!step(client))
			return tell(client, "client", why);
		if (!step(server))
			return tell(server, "server", why);
		if (SSL_is_init_finished(client) && SSL_is_init_finished(server))
			return 0;
	}
	buf_put_str(why, STR("they come to no end"));
	return -EINVAL;
}

int tls_contexts_agree(const struct tls_context *server, const struct tls_context *client, struct buf *why)
{
	SSL *s = SSL_new(server->ssl), *c = SSL_new(client->ssl);
	BIO *of_server, *of_client;
	int err;

	check(s && c && BIO_new_bio_pair(&of_server, 0, &of_client, 0));
	SSL_set_bio(s, of_server, of_server);
	SSL_set_bio(c, of_client, of_client);
	SSL_set_accept_state(s);
	SSL_set_connect_state(c);
	err = shake(s, c, why);
	SSL_free(s);
	SSL_free(c);
	return err;
}
