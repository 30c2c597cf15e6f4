/*
 * client: one fetch: connecting, sending, parsing the answer.
 *
 *	DIALLING -> SECURING (https) -> EXCHANGING, then done
 *
 * If an address does not answer, the next one is tried.
 */
#include "http/client.h"

#include <errno.h>
#include <http_parser.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/transport.h"
#include "tls/tls.h"

enum {
	READ_BYTES = 8192,
	WHY_MAX = 256,
	BARREN_MAX = 64, /* reads that end amid TLS records without data, in a whole answer */
};

enum state { DIALLING, SECURING, EXCHANGING };

struct http_fetch {
	struct http_request request;
	struct addr addresses[HTTP_ADDRESSES_MAX];
	int next_address;
	enum state state;
	struct transport transport; /* its sock is NULL when there is none */
	struct timer attempt;	    /* times out the current address; also starts the first turn */
	struct timer deadline;
	struct buf out;
	size_t sent;
	struct buf in; /* the received body */
	int n_barren;
	http_parser parser;
	bool is_whole, is_too_long;
	char why[WHY_MAX];
};

/* ---- URLs ---- */

static struct str url_part(struct str text, const struct http_parser_url *u, enum http_parser_url_fields f)
{
	if (!(u->field_set & 1 << f))
		return STR("");
	return (struct str){text.p + u->field_data[f].off, u->field_data[f].len};
}

struct str http_url_file(struct str text)
{
	int32_t at = 5;

	if (text.len <= at || strncasecmp(text.p, "file:", 5) != 0)
		return STR_NULL;
	if (text.len > at + 2 && memcmp(text.p + at, "//", 2) == 0)
		at += 2;
	return text.p[at] == '/' ? (struct str){text.p + at, text.len - at} : STR_NULL;
}

const char *http_url_read(struct str text, struct http_url *out)
{
	struct http_parser_url u = {0};
	struct str scheme, host, path, query;

	if (text.len <= 0 || http_parser_parse_url(text.p, (size_t)text.len, 0, &u) != 0)
		return "it is not a URL";
	scheme = url_part(text, &u, UF_SCHEMA);
	host = url_part(text, &u, UF_HOST);
	path = url_part(text, &u, UF_PATH);
	query = url_part(text, &u, UF_QUERY);
	out->tls = scheme.len == 5;
	if (strncasecmp(scheme.p, "https", (size_t)scheme.len) != 0 || scheme.len < 4)
		return "it is neither http nor https";
	if (u.field_set & 1 << UF_USERINFO)
		return "it names a user, which is not sent";
	if (host.len == 0 || host.len >= HTTP_HOST_MAX || path.len + query.len + 2 >= HTTP_TARGET_MAX)
		return "it has no host, or is too long";
	out->has_port = u.field_set & 1 << UF_PORT;
	out->port = out->has_port ? u.port : out->tls ? 443 : 80;
	snprintf(out->host, sizeof(out->host), "%.*s", STR_ARG(host));
	snprintf(out->target, sizeof(out->target), "%.*s%s%.*s", STR_ARG(path.len ? path : STR("/")),
		 query.len ? "?" : "", STR_ARG(query));
	return NULL;
}

int http_tls_new(struct env *env, struct str (*option)(const void *arg, const char *name), const void *arg,
		 struct tls_context **out, struct buf *why)
{
	struct tls_settings settings = {0};
	struct buf reason = {0};
	int err;

	for (int i = 0; i < TLS_SETTINGS; i++)
		settings.v[i] = option(arg, tls_setting_name((enum tls_setting)i));
	settings.v[TLS_ENDPOINT_IDENTIFICATION_ALGORITHM] = STR("https");
	err = tls_context_new(env, &settings, false, out, &reason);
	if (err)
		buf_printf(why, "an option of the JAAS line: %.*s", STR_ARG(buf_str(&reason)));
	buf_fini(&reason);
	return err;
}

/* ---- the end ---- */

static void wipe_buf(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_fini(b);
}

void http_fetch_cancel(struct http_fetch *f)
{
	timer_stop(&f->attempt);
	timer_stop(&f->deadline);
	if (f->transport.sock)
		transport_close(&f->transport);
	tls_context_unref(&f->request.tls);
	wipe_buf(&f->out);
	wipe_buf(&f->in);
	xfree(f);
}

static void finish(struct http_fetch *f, int err)
{
	struct http_answer answer = {.err = err, .why = f->why};

	if (err == 0) {
		answer.status = (int)f->parser.status_code;
		answer.body = f->in.len ? buf_str(&f->in) : STR("");
	}
	timer_stop(&f->attempt);
	timer_stop(&f->deadline);
	if (f->transport.sock)
		transport_close(&f->transport);
	f->request.done(f->request.arg, &answer);
	http_fetch_cancel(f);
}

/* ---- the answer ---- */

static int body_comes(http_parser *p, const char *at, size_t len)
{
	struct http_fetch *f = p->data;

	if (len > f->request.answer_max - f->in.len) {
		f->is_too_long = true;
		return -1;
	}
	buf_put_secret(&f->in, at, len);
	return 0;
}

/* 1xx answers precede the real one. */
static int answer_is_whole(http_parser *p)
{
	struct http_fetch *f = p->data;

	f->is_whole = p->status_code >= 200;
	if (f->is_whole)
		http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {.on_body = body_comes, .on_message_complete = answer_is_whole};

static int parse_answer(struct http_fetch *f, const char *p, size_t len)
{
	http_parser_execute(&f->parser, &settings, p, len);
	if (f->is_whole)
		return 0;
	if (f->is_too_long) {
		snprintf(f->why, sizeof(f->why), "the answer is longer than %zu bytes", f->request.answer_max);
		return -EMSGSIZE;
	}
	if (f->parser.http_errno == HPE_OK && !f->parser.upgrade && len > 0)
		return -EAGAIN;
	snprintf(f->why, sizeof(f->why),
		 len ? "the answer is not HTTP" : "the server hung up before its answer was whole");
	return len ? -EPROTO : -ECONNRESET;
}

/* ---- the connection ---- */

static void dial(struct http_fetch *f);

/* Tries the next address, if nothing has been sent yet. */
static void give_up(struct http_fetch *f, int err)
{
	const char *of_tls = f->transport.sock ? transport_error(&f->transport) : "";

	if (!f->why[0])
		snprintf(f->why, sizeof(f->why), "%s", *of_tls ? of_tls : err_name(err));
	if (*of_tls)
		err = -EKEYREJECTED;
	if (f->state == EXCHANGING || f->next_address == f->request.n_addresses) {
		finish(f, err);
		return;
	}
	if (f->transport.sock)
		transport_close(&f->transport);
	f->why[0] = 0;
	dial(f);
}

static int write_more(struct http_fetch *f)
{
	while (f->sent < f->out.len) {
		struct iovec v = {f->out.p + f->sent, f->out.len - f->sent};
		ssize_t n = transport_writev(&f->transport, &v, 1);

		if (n < 0)
			return (int)n;
		f->sent += (size_t)n;
	}
	return 0;
}

static int read_more(struct http_fetch *f)
{
	char in[READ_BYTES];
	int err;

	do {
		ssize_t n = transport_read(&f->transport, in, sizeof(in));

		err = n < 0 ? (int)n : parse_answer(f, in, (size_t)n);
		explicit_bzero(in, sizeof(in));
		if (n == -EAGAIN && f->transport.pending && ++f->n_barren > BARREN_MAX) {
			snprintf(f->why, sizeof(f->why), "the server sends TLS records without data");
			return -EPROTO;
		}
	} while (err == -EAGAIN && f->transport.pending);
	return err;
}

static int go_on_exchange(struct http_fetch *f)
{
	int written = write_more(f), read;

	if (written != 0 && written != -EAGAIN)
		return written;
	read = read_more(f); /* a server may refuse before everything is sent */
	if (read == -EAGAIN)
		sock_want(f->transport.sock, f->transport.read_wants | (written ? SOCK_WRITE : 0));
	return read;
}

static int secure(struct http_fetch *f)
{
	int err = transport_handshake(&f->transport);

	if (err == -EAGAIN)
		sock_want(f->transport.sock, f->transport.read_wants);
	if (err != 0)
		return err;
	timer_stop(&f->attempt);
	f->state = EXCHANGING;
	return go_on_exchange(f);
}

static void on_ready(struct sock *s, int ready, void *arg)
{
	struct http_fetch *f = arg;
	int err = f->state == DIALLING ? sock_error(s) : 0;

	(void)ready;
	if (f->state == DIALLING && err == 0)
		f->state = SECURING;
	if (err == 0)
		err = f->state == SECURING ? secure(f) : go_on_exchange(f);
	if (err == 0)
		finish(f, 0);
	else if (err != -EAGAIN)
		give_up(f, err);
}

static void dial(struct http_fetch *f)
{
	const struct http_request *r = &f->request;
	struct sock *sock;
	int err;

	f->state = DIALLING;
	timer_start(&f->attempt, r->connect_ms);
	err = env_dial(r->loop, &f->addresses[f->next_address++], on_ready, f, &sock);
	if (err != 0) {
		give_up(f, err);
		return;
	}
	if (r->url->tls)
		transport_tls(&f->transport, sock, r->tls, r->url->host);
	else
		transport_plain(&f->transport, sock);
	sock_want(sock, SOCK_WRITE);
}

static void attempt_ends(struct timer *t)
{
	struct http_fetch *f = container_of(t, struct http_fetch, attempt);

	if (f->next_address == 0)
		dial(f);
	else
		give_up(f, -ETIMEDOUT);
}

static void time_is_up(struct timer *t)
{
	struct http_fetch *f = container_of(t, struct http_fetch, deadline);

	snprintf(f->why, sizeof(f->why), "there was no whole answer within %lld ms", (long long)f->request.timeout_ms);
	finish(f, -ETIMEDOUT);
}

static void put_request(struct http_fetch *f)
{
	const struct http_request *r = &f->request;
	bool brackets = strchr(r->url->host, ':');
	char port[8] = "";

	if (r->url->has_port)
		snprintf(port, sizeof(port), ":%u", r->url->port);
	buf_reserve(&f->out, HTTP_TARGET_MAX + HTTP_HOST_MAX + 256 + (size_t)r->headers.len + (size_t)r->body.len);
	buf_printf(&f->out, "%s %s HTTP/1.1\r\nHost: %s%s%s%s\r\nUser-Agent: odradek\r\nConnection: close\r\n",
		   r->method, r->url->target, brackets ? "[" : "", r->url->host, brackets ? "]" : "", port);
	buf_put_str(&f->out, r->headers);
	if (r->body.len > 0)
		buf_printf(&f->out, "Content-Length: %d\r\n", r->body.len);
	buf_put_str(&f->out, STR("\r\n"));
	buf_put_str(&f->out, r->body);
}

struct http_fetch *http_fetch(const struct http_request *request)
{
	struct http_fetch *f = xcalloc(1, sizeof(*f));

	check(request->n_addresses > 0 && request->n_addresses <= HTTP_ADDRESSES_MAX);
	check(!request->url->tls || request->tls);
	f->request = *request;
	f->request.tls = request->url->tls ? tls_context_ref(request->tls) : NULL;
	memcpy(f->addresses, request->addresses, (size_t)request->n_addresses * sizeof(f->addresses[0]));
	put_request(f);
	f->request.headers = f->request.body = STR_NULL; /* they are the caller's, and are sent from `out` */
	http_parser_init(&f->parser, HTTP_RESPONSE);
	f->parser.data = f;
	timer_init(&f->attempt, request->loop, attempt_ends);
	timer_init(&f->deadline, request->loop, time_is_up);
	timer_start(&f->attempt, 0);
	timer_start(&f->deadline, request->timeout_ms);
	return f;
}
