/*
 * session: OpenSSL over a socket of env, through a BIO that calls env.
 *
 * Invariants
 * 1. A read that returns -EAGAIN has seen the socket return it, or sets `pending`: data that
 *    OpenSSL has read ahead is never left unnoticed.
 * 2. A write that was not accepted completely is repeated with the same bytes, or more of them:
 *    OpenSSL has already encrypted them.
 * 3. A session that has failed stays failed.
 * 4. A server session allocates nothing in OpenSSL until the client's first nine bytes have
 *    arrived.
 * 5. A read ends, and sets `pending`, when it has taken one record more from the socket than was
 *    asked for: a record of one byte costs as much as a long one.
 */
#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "env/env.h"
#include "tls/tls_private.h"

enum {
	RECORD = 16384,	    /* maximum size of a record, and of what is encrypted at once */
	READS_WITHOUT = 16, /* records without data (KeyUpdate) that one read accepts: more wait for the next turn */
	/*
	 * Limit for a client's first message: OpenSSL allocates whatever its header promises, up to
	 * 131396 bytes.
	 */
	HELLO_MAX = 16384,
};

struct tls_session {
	SSL *ssl;
	struct sock *sock;
	struct tls_context *context;
	char *why;
	int err;    /* the error of a failed session */
	int io_err; /* the socket's last error, except -EAGAIN */
	uint8_t read_wants;
	size_t took; /* bytes the last read took from the socket */
	bool established;
	bool pending;
	bool drained;  /* the socket has no more data at the moment */
	bool ended;    /* the peer will send no more */
	bool answered; /* something was sent */
	uint8_t n_head, head_given;
	uint8_t head[9]; /* start of the client's first message: record header and handshake header */
};

/* ---- the BIO ---- */

/* Returns bytes that were read before the SSL object existed. */
static ssize_t give_head(struct tls_session *s, char *p, size_t len)
{
	size_t left = (size_t)(s->n_head - s->head_given);
	size_t n = len < left ? len : left;

	memcpy(p, s->head + s->head_given, n);
	s->head_given += (uint8_t)n;
	return (ssize_t)n;
}

static int bio_read(BIO *b, char *p, size_t len, size_t *got)
{
	struct tls_session *s = BIO_get_data(b);
	bool has_head = s->head_given < s->n_head;
	ssize_t n = has_head ? give_head(s, p, len) : sock_read(s->sock, p, len);

	BIO_clear_retry_flags(b);
	*got = n > 0 ? (size_t)n : 0;
	s->took += has_head ? 0 : *got;
	if (n > 0)
		return 1;
	if (n == -EAGAIN) {
		s->drained = true;
		BIO_set_retry_read(b);
	} else if (n == 0) {
		s->ended = true;
	} else {
		s->io_err = (int)n;
	}
	return n == 0 ? 0 : -1;
}

static int bio_write(BIO *b, const char *p, size_t len, size_t *sent)
{
	struct tls_session *s = BIO_get_data(b);
	struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = len};
	ssize_t n = sock_writev(s->sock, &iov, 1);

	BIO_clear_retry_flags(b);
	*sent = n > 0 ? (size_t)n : 0;
	s->answered |= n > 0;
	if (n > 0)
		return 1;
	if (n == 0 || n == -EAGAIN)
		BIO_set_retry_write(b);
	else
		s->io_err = (int)n;
	return -1;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *p)
{
	const struct tls_session *s = BIO_get_data(b);

	if (cmd == BIO_CTRL_EOF)
		return s->ended;
	return cmd == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "odradek");

	check(m);
	BIO_meth_set_read_ex(m, bio_read);
	BIO_meth_set_write_ex(m, bio_write);
	BIO_meth_set_ctrl(m, bio_ctrl);
	return m;
}

/* ---- creation and release ---- */

/* The host that a dialled socket must lead to: a name is sent (SNI) and checked against the certificate. */
static void expect_host(struct tls_session *s, const char *host)
{
	struct addr addr;
	bool is_ip = addr_parse(host, 0, &addr);

	if (!is_ip)
		SSL_set_tlsext_host_name(s->ssl, host);
	if (!s->context->verifies_host)
		return;
	if (is_ip)
		check(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s->ssl), host) == 1);
	else if (SSL_set1_host(s->ssl, host) != 1)
		s->err = -EINVAL;
}

static void make_ssl(struct tls_session *s)
{
	BIO *bio;

	ERR_clear_error();
	s->ssl = SSL_new(s->context->ssl);
	bio = BIO_new(s->context->bio);
	check(s->ssl && bio);
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	SSL_set_bio(s->ssl, bio, bio);
}

struct tls_session *tls_session_new(struct tls_context *c, struct sock *sock, const char *host)
{
	struct tls_session *s = xcalloc(1, sizeof(*s));

	s->sock = sock;
	s->context = tls_context_ref(c);
	s->read_wants = SOCK_READ;
	if (host) {
		make_ssl(s);
		expect_host(s, host);
		SSL_set_connect_state(s->ssl);
	}
	return s;
}

void tls_session_free(struct tls_session *s)
{
	ERR_clear_error();
	if (s->established && s->err == 0)
		SSL_shutdown(s->ssl);
	SSL_free(s->ssl);
	ERR_clear_error();
	tls_context_unref(&s->context);
	xfree(s->why);
	xfree(s);
}

/* ---- the result of a call ---- */

const char *tls_reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_error());

	return text ? text : "unknown error";
}

static void fail(struct tls_session *s)
{
	long verified = SSL_get_verify_result(s->ssl);

	s->err = -EKEYREJECTED;
	if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK)
		s->why = xasprintf("%s: %s", tls_reason(), X509_verify_cert_error_string(verified));
	else
		s->why = xstrdup(tls_reason());
}

/* 0: the peer will send no more. */
static int outcome(struct tls_session *s, int ret)
{
	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		s->read_wants = SOCK_WRITE;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		s->ended = true;
		return 0;
	default:
		if (s->io_err)
			s->err = s->io_err;
		else if (!s->ended)
			fail(s);
		return s->err;
	}
}

static void begin(struct tls_session *s)
{
	ERR_clear_error();
	s->drained = false;
}

/* ---- what is done ---- */

/* Record header: 22, version, length; handshake header: 1, length of the ClientHello. */
static bool promises_too_much(const struct tls_session *s)
{
	return s->head[0] == 22 && s->head[5] == 1 && (s->head[6] << 16 | s->head[7] << 8 | s->head[8]) > HELLO_MAX;
}

/*
 * A client must send first, and costs little before that: OpenSSL takes forty KiB and some time. 0:
 * it has begun.
 */
static int hear_beginning(struct tls_session *s)
{
	ssize_t n;

	s->drained = false;
	s->read_wants = SOCK_READ;
	while (s->n_head < sizeof(s->head)) {
		n = sock_read(s->sock, s->head + s->n_head, sizeof(s->head) - s->n_head);
		s->drained = n == -EAGAIN;
		s->ended = n == 0;
		if (n < 0 && n != -EAGAIN)
			s->err = (int)n;
		if (n <= 0)
			return n == 0 ? -ECONNRESET : (int)n;
		s->n_head += (uint8_t)n;
		s->took += (size_t)n;
	}
	if (promises_too_much(s)) {
		s->why = xasprintf("a ClientHello of more than %d bytes", HELLO_MAX);
		return s->err = -EKEYREJECTED;
	}
	make_ssl(s);
	SSL_set_accept_state(s->ssl);
	return 0;
}

int tls_handshake(struct tls_session *s)
{
	int ret;

	if (s->established || s->err)
		return s->err;
	ret = s->ssl ? 0 : hear_beginning(s);
	if (ret)
		return ret;
	begin(s);
	s->read_wants = SOCK_READ;
	ret = SSL_do_handshake(s->ssl);
	if (ret == 1) {
		s->established = true;
		s->pending = SSL_has_pending(s->ssl);
		return 0;
	}
	ret = outcome(s, ret);
	return ret == 0 ? -ECONNRESET : ret;
}

static int read_once(struct tls_session *s, uint8_t *p, size_t len, size_t *got)
{
	int ret;

	begin(s);
	s->read_wants = SOCK_READ;
	ret = SSL_read_ex(s->ssl, p, len, got);
	return ret == 1 ? 0 : outcome(s, ret);
}

ssize_t tls_read(struct tls_session *s, void *p, size_t len)
{
	size_t done = 0;
	int without = 0;
	int err;

	s->took = 0;
	err = tls_handshake(s);
	s->pending = false;
	while (err == 0 && done < len) {
		size_t got = 0;

		if (s->took >= len + RECORD) {
			s->pending = true;
			err = -EAGAIN; /* nothing was read, but it is not the end */
			break;
		}
		err = read_once(s, (uint8_t *)p + done, len - done, &got);
		done += got;
		if (err == 0 && got == 0)
			break;
		if (err == -EAGAIN && s->read_wants == SOCK_READ && !s->drained) {
			err = 0;
			if (++without == READS_WITHOUT) {
				s->pending = true;
				err = -EAGAIN;
			}
		}
	}
	if (done == len)
		s->pending = SSL_has_pending(s->ssl);
	else if (done > 0 && (s->ended || s->err))
		s->pending = true; /* the end came with the data, so the socket will not report it again */
	if (done > 0)
		return (ssize_t)done;
	return s->ended && s->err == 0 ? 0 : err;
}

/* The number of bytes accepted, or -EAGAIN, or an error. */
static ssize_t write_record(struct tls_session *s, const void *p, size_t len)
{
	size_t sent;
	int ret;

	if (s->err)
		return s->err;
	check(s->established && len <= RECORD);
	begin(s);
	ret = SSL_write_ex(s->ssl, p, len, &sent);
	if (ret == 1)
		return (ssize_t)sent;
	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	default:
		if (s->io_err)
			s->err = s->io_err;
		else
			fail(s);
		return s->err;
	}
}

/* A position in scattered memory. */
struct cursor {
	const struct iovec *iov;
	int n;
	size_t pos;
};

static void cursor_advance(struct cursor *c, size_t len)
{
	while (c->n > 0) {
		size_t left = c->iov->iov_len - c->pos;

		if (len < left) {
			c->pos += len;
			return;
		}
		len -= left;
		c->iov++;
		c->n--;
		c->pos = 0;
	}
}

/* The next record's data: in place, or gathered if it is scattered. */
static const uint8_t *cursor_record(struct cursor c, uint8_t gathered[RECORD], size_t *len)
{
	const uint8_t *first = (const uint8_t *)c.iov->iov_base + c.pos;
	size_t left = c.iov->iov_len - c.pos;

	*len = left < RECORD ? left : RECORD;
	if (left >= RECORD || c.n == 1)
		return first;
	memcpy(gathered, first, left);
	for (int i = 1; i < c.n && *len < RECORD; i++) {
		size_t step = c.iov[i].iov_len < RECORD - *len ? c.iov[i].iov_len : RECORD - *len;

		memcpy(gathered + *len, c.iov[i].iov_base, step);
		*len += step;
	}
	return gathered;
}

ssize_t tls_writev(struct tls_session *s, const struct iovec *iov, int n)
{
	uint8_t gathered[RECORD];
	struct cursor at = {.iov = iov, .n = n};
	size_t done = 0, len;

	cursor_advance(&at, 0);
	while (at.n > 0) {
		const uint8_t *p = cursor_record(at, gathered, &len);
		ssize_t sent = write_record(s, p, len);

		if (sent < 0)
			return done ? (ssize_t)done : sent;
		done += (size_t)sent;
		cursor_advance(&at, (size_t)sent);
	}
	return (ssize_t)done;
}

ssize_t tls_send_file(struct tls_session *s, struct file *f, int64_t pos, size_t len)
{
	uint8_t record[RECORD];
	size_t done = 0;

	while (done < len) {
		size_t want = len - done < RECORD ? len - done : RECORD;
		ssize_t n = file_pread(f, record, want, pos + (int64_t)done);

		if (n > 0)
			n = write_record(s, record, (size_t)n);
		if (n <= 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* ---- what is asked ---- */

bool tls_is_established(const struct tls_session *s)
{
	return s->established;
}

int tls_read_wants(const struct tls_session *s)
{
	return s->read_wants;
}

bool tls_is_pending(const struct tls_session *s)
{
	return s->pending;
}

bool tls_has_answered(const struct tls_session *s)
{
	return s->answered;
}

size_t tls_took(const struct tls_session *s)
{
	return s->took;
}

const char *tls_error(const struct tls_session *s)
{
	return s->why ? s->why : "";
}

bool tls_peer_name(const struct tls_session *s, struct buf *out)
{
	X509 *cert = SSL_get0_peer_certificate(s->ssl);

	if (!cert)
		return false;
	tls_name_text(X509_get_subject_name(cert), out);
	return true;
}
