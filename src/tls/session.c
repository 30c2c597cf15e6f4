/*
 * session: OpenSSL over a socket of env, through a BIO that calls env.
 *
 * Invariants
 * 1. A read that returns -EAGAIN has seen the socket return it, or less than it was asked for, or
 *    sets `pending`: data that was read ahead is never left unnoticed.
 * 2. A write that was not accepted completely is repeated with the same bytes, or more of them:
 *    OpenSSL has already encrypted them.
 * 3. A session that has failed stays failed.
 * 4. A server session allocates nothing in OpenSSL until the client's first nine bytes have
 *    arrived.
 * 5. A read ends, and sets `pending`, when it has taken one record more from the socket than was
 *    asked for: a record of one byte costs as much as a long one. One call of OpenSSL's gets little
 *    more than 2 * GAP (`given`): amid records without data (KeyUpdate) it may never return.
 * 6. Records are encrypted into a batch, and a batch is one call of the socket's: over loopback and
 *    fast links that call costs more than the encryption. What the socket does not take is kept in
 *    `rest`, and goes out before anything else. Until then one byte less than was encrypted is
 *    reported as written (`owed`), so that the caller waits for the socket and calls again.
 * 7. A long read takes many records from the socket at once, into the caller's own buffer, behind
 *    a GAP (`ahead`). Records are longer than their data, and OpenSSL holds less than a GAP, so
 *    data never reaches a record that is still to be opened. What is left when the read ends
 *    moves to memory of its own.
 */
#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "env/env.h"
#include "tls/tls_private.h"

enum {
	RECORD = 16384, /* maximum size of a record, and of what is encrypted at once */
	BATCH = 4,	/* records that are sent together */
	/*
	 * What encryption adds to RECORD bytes at most, which are 32 records if the client has asked for short
	 * ones (max_fragment_length, RFC 6066), and an answer to new keys.
	 */
	OVERHEAD = 4096,
	GAP = RECORD + OVERHEAD, /* more than OpenSSL holds of what was received, and of its data */
	AHEAD_MIN = 4096,	 /* what is worth a second copy */
	AHEAD_MAX = 262144, /* taken from the socket at once: it is still in the processor's cache when it is opened */
	/*
	 * Limit for a client's first message: OpenSSL allocates whatever its header promises, up to
	 * 131396 bytes.
	 */
	HELLO_MAX = 16384,
};

/* Encrypted records on their way to the socket. */
struct batch {
	size_t len, cap;
	uint8_t bytes[];
};

/* Received, and not given to OpenSSL yet. */
struct ahead {
	const uint8_t *p;
	size_t len;
	uint8_t *own; /* the memory, unless it is the buffer of the read under way */
};

struct tls_session {
	SSL *ssl;
	struct sock *sock;
	struct tls_context *context;
	char *why;
	int err;	     /* the error of a failed session */
	int io_err;	     /* the socket's last error, except -EAGAIN */
	struct batch *batch; /* while a write is under way */
	uint8_t *rest;	     /* encrypted, not taken by the socket yet */
	size_t rest_len, rest_sent;
	struct ahead ahead;
	uint8_t *into;	 /* the rest of the buffer of the read under way, and its length */
	size_t into_len; /* 0: no read is under way */
	size_t may_take; /* what one read takes from the socket at most, but for a record */
	uint8_t read_wants;
	size_t took;  /* bytes the last read took from the socket */
	size_t given; /* bytes OpenSSL got in the call under way, but for `head` */
	bool established;
	bool pending;
	bool drained;  /* the socket has no more data at the moment */
	bool ended;    /* the peer will send no more */
	bool answered; /* something was sent */
	bool owed;     /* a byte that was encrypted is not reported as written */
	bool secret;   /* OpenSSL's buffers are wiped after use */
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

static void ahead_drop(struct ahead *a)
{
	xfree(a->own);
	*a = (struct ahead){0};
}

static ssize_t ahead_give(struct ahead *a, char *p, size_t len)
{
	size_t n = len < a->len ? len : a->len;

	memcpy(p, a->p, n);
	a->p += n;
	a->len -= n;
	if (a->len == 0)
		ahead_drop(a);
	return (ssize_t)n;
}

/* The buffer it is in is the caller's again. The copy counts against no budget but that of tls_kept's caller. */
static void ahead_keep(struct ahead *a)
{
	if (a->len == 0 || a->own)
		return;
	a->own = xmalloc(a->len);
	memcpy(a->own, a->p, a->len);
	a->p = a->own;
}

/* From the socket, which is asked once if it has less than there is room for. */
static ssize_t receive(struct tls_session *s, void *p, size_t len)
{
	ssize_t n = s->drained ? -EAGAIN : sock_read(s->sock, p, len);

	s->drained |= n == -EAGAIN || (n > 0 && (size_t)n < len);
	s->took += n > 0 ? (size_t)n : 0;
	return n;
}

/* The same, but more than OpenSSL asks for, if there is room. */
static ssize_t receive_ahead(struct tls_session *s, char *p, size_t len)
{
	size_t room = s->into_len > GAP ? s->into_len - GAP : 0;
	ssize_t n;

	if (s->took + room > s->may_take)
		room = s->took < s->may_take ? s->may_take - s->took : 0;
	room = room < AHEAD_MAX ? room : AHEAD_MAX;
	if (room < AHEAD_MIN)
		return receive(s, p, len);
	n = receive(s, s->into + GAP, room);
	if (n <= 0)
		return n;
	s->ahead = (struct ahead){.p = s->into + GAP, .len = (size_t)n};
	return ahead_give(&s->ahead, p, len);
}

/* A read that OpenSSL has found no data for by now ends: it asks without end while there are records. */
static ssize_t take_bytes(struct tls_session *s, char *p, size_t len)
{
	ssize_t n;

	if (s->head_given < s->n_head)
		return give_head(s, p, len);
	if (s->into_len && s->given >= 2 * (size_t)GAP)
		return -EAGAIN;
	n = s->ahead.len ? ahead_give(&s->ahead, p, len) : receive_ahead(s, p, len);
	s->given += n > 0 ? (size_t)n : 0;
	return n;
}

static int bio_read(BIO *b, char *p, size_t len, size_t *got)
{
	struct tls_session *s = BIO_get_data(b);
	ssize_t n = take_bytes(s, p, len);

	BIO_clear_retry_flags(b);
	*got = n > 0 ? (size_t)n : 0;
	if (n > 0)
		return 1;
	if (n == -EAGAIN) {
		BIO_set_retry_read(b);
	} else if (n == 0) {
		s->ended = true;
	} else {
		s->io_err = (int)n;
	}
	return n == 0 ? 0 : -1;
}

static ssize_t send_bytes(struct tls_session *s, const void *p, size_t len)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = len};
	ssize_t n = sock_writev(s->sock, &iov, 1);

	s->answered |= n > 0;
	return n == 0 ? -EAGAIN : n;
}

/* Sends what is left of earlier batches. 0 when all of it is gone. */
static int send_rest(struct tls_session *s)
{
	while (s->rest_sent < s->rest_len) {
		ssize_t n = send_bytes(s, s->rest + s->rest_sent, s->rest_len - s->rest_sent);

		if (n < 0)
			return (int)n;
		s->rest_sent += (size_t)n;
	}
	xfree(s->rest);
	s->rest = NULL;
	s->rest_len = s->rest_sent = 0;
	return 0;
}

/* Into the batch; outside of one (handshakes, alerts, new keys) to the socket. */
static ssize_t put_bytes(struct tls_session *s, const void *p, size_t len)
{
	if (!s->batch) {
		int err = send_rest(s);

		return err ? err : send_bytes(s, p, len);
	}
	check(len <= s->batch->cap - s->batch->len);
	memcpy(s->batch->bytes + s->batch->len, p, len);
	s->batch->len += len;
	return (ssize_t)len;
}

static int bio_write(BIO *b, const char *p, size_t len, size_t *sent)
{
	struct tls_session *s = BIO_get_data(b);
	ssize_t n = put_bytes(s, p, len);

	BIO_clear_retry_flags(b);
	*sent = n > 0 ? (size_t)n : 0;
	if (n > 0)
		return 1;
	if (n == -EAGAIN)
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
	if (!s->secret)
		SSL_clear_options(s->ssl, SSL_OP_CLEANSE_PLAINTEXT);
}

struct tls_session *tls_session_new(struct tls_context *c, struct sock *sock, const char *host)
{
	struct tls_session *s = xcalloc(1, sizeof(*s));

	s->sock = sock;
	s->context = tls_context_ref(c);
	s->read_wants = SOCK_READ;
	s->secret = true;
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
	ahead_drop(&s->ahead);
	xfree(s->rest);
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

/* To clear a queue that is empty takes longer than to see that it is. */
static void begin(void)
{
	if (ERR_peek_error())
		ERR_clear_error();
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
	begin();
	s->drained = false;
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

	begin();
	s->into = p;
	s->into_len = len;
	s->given = 0;
	s->read_wants = SOCK_READ;
	ret = SSL_read_ex(s->ssl, p, len, got);
	return ret == 1 ? 0 : outcome(s, ret);
}

/* Whether it is this read's turn to end although there may be more. */
static bool took_enough(const struct tls_session *s)
{
	return s->took >= s->may_take && s->ahead.len == 0;
}

/* Records without data (KeyUpdate) end a read, at the latest by `given`. 0: all of it, or the peer will send no more. */
static int read_all(struct tls_session *s, uint8_t *p, size_t len, size_t *done)
{
	int err = 0;

	while (err == 0 && *done < len && !s->ended) {
		size_t got = 0;

		s->pending = took_enough(s);
		if (s->pending)
			return -EAGAIN; /* nothing was read, but it is not the end */
		err = read_once(s, p + *done, len - *done, &got);
		*done += got;
		check(s->ahead.len == 0 || s->ahead.own || s->ahead.p >= p + *done);
	}
	s->pending = err == -EAGAIN && s->read_wants == SOCK_READ && (!s->drained || s->ahead.len);
	return err;
}

ssize_t tls_read(struct tls_session *s, void *p, size_t len)
{
	size_t done = 0;
	int err;

	s->took = 0;
	err = tls_handshake(s);
	s->pending = s->drained = false;
	s->may_take = len + RECORD;
	if (err == 0)
		err = read_all(s, p, len, &done);
	ahead_keep(&s->ahead);
	s->into_len = 0;
	if (done == len)
		s->pending = s->ahead.len || SSL_has_pending(s->ssl);
	else if (done > 0 && (s->ended || s->err))
		s->pending = true; /* the end came with the data, so the socket will not report it again */
	if (done > 0)
		return (ssize_t)done;
	return s->ended && s->err == 0 ? 0 : err;
}

/* Sends the batch; what the socket does not take becomes the rest. */
static int send_batch(struct tls_session *s)
{
	struct batch *b = s->batch;
	ssize_t n = b->len ? send_bytes(s, b->bytes, b->len) : 0;
	size_t sent = n > 0 ? (size_t)n : 0;

	if (n < 0 && n != -EAGAIN)
		return s->err = (int)n;
	s->rest_len = b->len - sent;
	if (s->rest_len) {
		s->rest = xmalloc(s->rest_len);
		memcpy(s->rest, b->bytes + sent, s->rest_len);
	}
	b->len = 0;
	return 0;
}

/* Encrypts up to RECORD bytes into the batch, which is sent when it is full. */
static int write_record(struct tls_session *s, const void *p, size_t len)
{
	size_t sent;

	begin();
	if (SSL_write_ex(s->ssl, p, len, &sent) != 1) {
		fail(s);
		return s->err;
	}
	check(sent == len);
	return s->batch->cap - s->batch->len < RECORD + OVERHEAD ? send_batch(s) : 0;
}

/* len: what may be written. *done: bytes at the beginning that were written by the call before. 0, or an error: nothing may be written. */
static int begin_write(struct tls_session *s, size_t len, size_t *done)
{
	size_t records = len / RECORD + 1;
	size_t cap = (records < BATCH ? records : BATCH) * (RECORD + OVERHEAD);
	int err = s->err ? s->err : send_rest(s);

	if (err == -EAGAIN)
		return err;
	if (err)
		return s->err = err;
	check(s->established);
	*done = s->owed;
	s->owed = false;
	s->batch = xmalloc(sizeof(*s->batch) + cap); /* a thread's stack has no room for it */
	s->batch->len = 0;
	s->batch->cap = cap;
	return 0;
}

static ssize_t end_write(struct tls_session *s, int err, size_t done)
{
	if (!s->err && s->batch->len)
		err = send_batch(s);
	xfree(s->batch);
	s->batch = NULL;
	if (s->rest) {
		s->owed = true;
		done--;
		err = -EAGAIN;
	}
	return done ? (ssize_t)done : err;
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
	size_t done, len = 0;
	int err;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	err = begin_write(s, len, &done);
	if (err)
		return err;
	cursor_advance(&at, done);
	while (at.n > 0 && !err && !s->rest) {
		const uint8_t *p = cursor_record(at, gathered, &len);

		err = write_record(s, p, len);
		done += err ? 0 : len;
		cursor_advance(&at, len);
	}
	return end_write(s, err, done);
}

ssize_t tls_send_file(struct tls_session *s, struct file *f, int64_t pos, size_t len)
{
	uint8_t data[RECORD];
	size_t done;
	int err = begin_write(s, len, &done);

	if (err)
		return err;
	while (done < len && !err && !s->rest) {
		size_t want = len - done < RECORD ? len - done : RECORD;
		ssize_t n = file_pread(f, data, want, pos + (int64_t)done);

		if (n > 0)
			err = write_record(s, data, (size_t)n);
		if (n <= 0 || err) {
			err = n <= 0 ? (int)n : err;
			break;
		}
		done += (size_t)n;
	}
	return end_write(s, err, done);
}

/* ---- what is asked ---- */

void tls_set_secret(struct tls_session *s, bool secret)
{
	s->secret = secret;
	if (s->ssl && secret)
		SSL_set_options(s->ssl, SSL_OP_CLEANSE_PLAINTEXT);
	else if (s->ssl)
		SSL_clear_options(s->ssl, SSL_OP_CLEANSE_PLAINTEXT);
}

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

size_t tls_kept(const struct tls_session *s)
{
	return s->rest_len - s->rest_sent + s->ahead.len;
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
