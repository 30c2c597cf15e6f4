/*
 * client: URLs, and the results of requests to a server that answers with given bytes, in plain
 * text and over TLS.
 */
#include "http/client.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/transport.h"
#include "tests/base/cm.h"
#include "tests/tls/certificates.h"
#include "tests/tls/renewer.h"
#include "tls/tls.h"

/* ---- URLs ---- */

static void assert_url(const char *text, bool tls, const char *host, int port, const char *target)
{
	struct http_url u;

	assert_null(http_url_read(str_of(text), &u));
	assert_int_equal(u.tls, tls);
	assert_string_equal(u.host, host);
	assert_int_equal(u.port, port);
	assert_string_equal(u.target, target);
}

static void urls_are_read(void **state)
{
	(void)state;
	assert_url("http://a", false, "a", 80, "/");
	assert_url("https://a.b/c/d?e=f&g", true, "a.b", 443, "/c/d?e=f&g");
	assert_url("HTTPS://a:8443/#x", true, "a", 8443, "/");
	assert_url("http://[::1]:9/x", false, "::1", 9, "/x");
	assert_url("http://a?b", false, "a", 80, "/?b");
}

static void what_is_none_is_refused(void **state)
{
	static const char *const none[] = {"",
					   "a",
					   "/a",
					   "ftp://a",
					   "file:///a",
					   "http:/",
					   "http:///a",
					   "http://u:p@a/b",
					   "http://a:99999/",
					   "https",
					   "http://a b/",
					   "httpx://a"};
	char text[HTTP_TARGET_MAX + 64];
	struct http_url u;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_non_null(http_url_read(str_of(none[i]), &u));
	memset(text, 'a', sizeof(text));
	memcpy(text, "http://a/", 9);
	assert_non_null(http_url_read((struct str){text, sizeof(text)}, &u));
	assert_non_null(http_url_read((struct str){text, HTTP_TARGET_MAX + 7}, &u));
	assert_null(http_url_read((struct str){text, HTTP_TARGET_MAX + 5}, &u));
	memset(text + 7, 'a', HTTP_HOST_MAX);
	assert_non_null(http_url_read((struct str){text, 7 + HTTP_HOST_MAX}, &u));
	assert_null(http_url_read((struct str){text, 7 + HTTP_HOST_MAX - 1}, &u));
}

/* ---- the server: on a thread of its own ---- */

static struct {
	struct env *env;
	struct loop *loop;
	struct listener *listener;
	uint16_t port;
	struct tls_context *tls; /* NULL: plain text */
	struct transport now;
	struct buf heard;
	const char *answer;
	bool hangs_up;
	size_t sent;
} s;

static struct diag diag = {.level = DIAG_ERROR};

static void let_go(void)
{
	if (s.now.sock)
		transport_close(&s.now);
}

static void talk(struct sock *sock, int ready, void *arg)
{
	char in[4096];
	ssize_t n = transport_read(&s.now, in, sizeof(in));
	bool answers;

	(void)ready;
	(void)arg;
	if (n > 0)
		buf_put(&s.heard, in, (size_t)n);
	if (n == 0 || (n < 0 && n != -EAGAIN)) {
		let_go();
		return;
	}
	answers = s.answer && memmem(s.heard.p ? s.heard.p : (uint8_t *)"", s.heard.len, "\r\n\r\n", 4);
	while (answers && s.sent < strlen(s.answer)) {
		struct iovec v = {(char *)s.answer + s.sent, 1 + strlen(s.answer + s.sent) / 2};

		n = transport_writev(&s.now, &v, 1);
		if (n <= 0)
			break;
		s.sent += (size_t)n;
	}
	if (answers && s.sent == strlen(s.answer) && s.hangs_up)
		let_go();
	else
		sock_want(sock, s.now.read_wants | (answers && s.sent < strlen(s.answer) ? SOCK_WRITE : 0));
}

static void welcome(struct listener *l, void *arg)
{
	struct sock *sock;
	struct addr peer;

	(void)arg;
	if (listener_accept(l, &peer, &sock) != 0)
		return;
	let_go();
	s.heard.len = s.sent = 0;
	sock_attach(sock, s.loop, talk, NULL);
	if (s.tls)
		transport_tls(&s.now, sock, s.tls, NULL);
	else
		transport_plain(&s.now, sock);
	sock_want(sock, SOCK_READ);
}

static void close_server(struct post *p)
{
	(void)p;
	let_go();
	listener_close(s.listener);
	loop_stop(s.loop);
}

/* ---- the client ---- */

static struct {
	int err, status, n;
	char why[256];
	char body[4096];
} got;

static void answered(void *arg, const struct http_answer *a)
{
	(void)arg;
	got.n++;
	got.err = a->err;
	got.status = a->status;
	snprintf(got.why, sizeof(got.why), "%s", a->why);
	snprintf(got.body, sizeof(got.body), "%.*s", STR_ARG(a->body));
}

struct exchange {
	const char *answer; /* NULL: none */
	bool hangs_up;
	struct tls_context *server, *client;
	struct http_request request;
};

static void run(struct exchange *x)
{
	struct addr any;
	struct http_url url = {.tls = x->client, .has_port = true, .host = "localhost", .target = "/t?a"};
	struct post end = {.run = close_server};

	memset(&got, 0, sizeof(got));
	s.answer = x->answer;
	s.hangs_up = x->hangs_up;
	s.tls = x->server;
	s.loop = loop_new(s.env, "server");
	assert_true(addr_parse("127.0.0.1", 0, &any));
	assert_int_equal(env_listen(s.loop, &any, 10, welcome, NULL, &s.listener), 0);
	assert_int_equal(listener_addr(s.listener, &any), 0);
	url.port = any.port;
	loop_thread(s.loop);
	x->request.url = &url;
	x->request.tls = x->client;
	if (!x->request.method)
		x->request.method = "GET";
	if (!x->request.answer_max)
		x->request.answer_max = 1000;
	if (!x->request.timeout_ms)
		x->request.timeout_ms = 60000;
	x->request.connect_ms = 60000;
	http_fetch_now(s.env, &x->request, NULL, answered, NULL);
	loop_post(s.loop, &end);
	loop_free(s.loop);
	assert_int_equal(got.n, 1);
}

static int up(void **state)
{
	(void)state;
	s.env = env_real_new(&diag);
	return 0;
}

static int down(void **state)
{
	(void)state;
	buf_fini(&s.heard);
	env_real_free(s.env);
	return 0;
}

static void assert_answer(const char *answer, bool hangs_up, int status, const char *body)
{
	struct exchange x = {.answer = answer, .hangs_up = hangs_up};

	run(&x);
	assert_int_equal(got.err, 0);
	assert_int_equal(got.status, status);
	assert_string_equal(got.body, body);
}

static void assert_error(const char *answer, bool hangs_up, int err, const char *why)
{
	struct exchange x = {.answer = answer, .hangs_up = hangs_up};

	run(&x);
	assert_int_equal(got.err, err);
	assert_string_equal(got.why, why);
}

static void answers_end_as_they_say(void **state)
{
	(void)state;
	assert_answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false, 200, "abc");
	assert_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", false, 200,
		      "abc");
	assert_answer("HTTP/1.1 200 OK\r\n\r\nabc", true, 200, "abc");
	assert_answer("HTTP/1.0 401 No\r\nContent-Length: 2\r\n\r\nno", true, 401, "no");
	assert_answer("HTTP/1.1 204 Nothing\r\n\r\n", false, 204, "");
	assert_answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 OK\r\nContent-Length: 1\r\n\r\na", false, 201, "a");
	assert_answer("HTTP/1.1 302 Found\r\nLocation: http://localhost/\r\nContent-Length: 0\r\n\r\n", false, 302, "");
}

static void what_is_no_answer_is_an_error(void **state)
{
	struct exchange late = {.request = {.timeout_ms = 50}};
	struct exchange large = {.answer = "HTTP/1.1 200 OK\r\n\r\n0123456789", .hangs_up = true};

	(void)state;
	assert_error("SSH-2.0-x\r\n", false, -EPROTO, "the answer is not HTTP");
	assert_error("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", true, -ECONNRESET,
		     "the server hung up before its answer was whole");
	assert_error("HTTP/1.1 200 OK\r\n", true, -ECONNRESET, "the server hung up before its answer was whole");
	run(&late);
	assert_int_equal(got.err, -ETIMEDOUT);
	assert_string_equal(got.why, "there was no whole answer within 50 ms");
	large.request.answer_max = 9;
	run(&large);
	assert_int_equal(got.err, -EMSGSIZE);
	assert_string_equal(got.why, "the answer is longer than 9 bytes");
	large.request.answer_max = 10;
	run(&large);
	assert_string_equal(got.body, "0123456789");
}

static void what_is_asked_is_sent(void **state)
{
	struct exchange x = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			     .request = {.method = "POST", .headers = STR("A: b\r\n"), .body = STR("c=d")}};
	static const char front[] = "POST /t?a HTTP/1.1\r\nHost: localhost:";
	static const char rest[] =
		"\r\nUser-Agent: odradek\r\nConnection: close\r\nA: b\r\nContent-Length: 3\r\n\r\nc=d";

	(void)state;
	run(&x);
	assert_true(s.heard.len > sizeof(front) + sizeof(rest));
	assert_memory_equal(s.heard.p, front, sizeof(front) - 1);
	assert_memory_equal(s.heard.p + s.heard.len - sizeof(rest) + 1, rest, sizeof(rest) - 1);
}

static void a_host_without_an_address_and_a_port_that_nobody_has(void **state)
{
	struct http_url url = {.port = 1, .host = "localhost", .target = "/"};
	struct http_request r = {
		.url = &url, .method = "GET", .answer_max = 1, .timeout_ms = 60000, .connect_ms = 60000};

	(void)state;
	memset(&got, 0, sizeof(got));
	http_fetch_now(s.env, &r, NULL, answered, NULL);
	assert_int_equal(got.err, -ECONNREFUSED);
	strcpy(url.host, "no.such.host.invalid");
	http_fetch_now(s.env, &r, NULL, answered, NULL);
	assert_true(got.err < 0);
	assert_string_equal(got.why, "its host has no address");
}

static bool is_never_final(const struct http_answer *answer)
{
	(void)answer;
	return false;
}

/* Neither a pause nor a silent server delays it. */
static void what_nobody_wants_any_more_is_given_up(void **state)
{
	struct http_url url = {.port = 1, .host = "127.0.0.1", .target = "/"};
	_Atomic bool over = true;
	struct http_patience patience = {600000, 600000, is_never_final, &over};
	struct http_request r = {
		.url = &url, .method = "GET", .answer_max = 1, .timeout_ms = 600000, .connect_ms = 600000};
	struct loop *silent = loop_new(s.env, "silent");
	struct listener *listener;
	struct addr at;

	(void)state;
	memset(&got, 0, sizeof(got));
	http_fetch_now(s.env, &r, &patience, answered, NULL);
	assert_int_equal(got.err, -ECANCELED);
	assert_true(addr_parse("127.0.0.1", 0, &at));
	assert_int_equal(env_listen(silent, &at, 10, welcome, NULL, &listener), 0);
	assert_int_equal(listener_addr(listener, &at), 0);
	url.port = at.port;
	http_fetch_now(s.env, &r, &patience, answered, NULL);
	assert_int_equal(got.err, -ECANCELED);
	assert_string_equal(got.why, "nobody wants it any more");
	assert_int_equal(got.n, 2);
	listener_close(listener);
	loop_free(silent);
}

/* ---- TLS ---- */

static struct tls_context *context(const struct certificate *shown, const struct certificate *trusted)
{
	struct tls_settings t = {0};
	struct tls_context *c;
	struct buf why = {0};

	t.v[TLS_ENDPOINT_IDENTIFICATION_ALGORITHM] = STR("https");
	if (shown) {
		t.v[TLS_KEYSTORE_TYPE] = STR("PEM");
		t.v[TLS_KEYSTORE_KEY] = str_of(shown->key_pem);
		t.v[TLS_KEYSTORE_CERTIFICATE_CHAIN] = str_of(shown->pem);
	}
	if (trusted) {
		t.v[TLS_TRUSTSTORE_TYPE] = STR("PEM");
		t.v[TLS_TRUSTSTORE_CERTIFICATES] = str_of(trusted->pem);
	}
	assert_int_equal(tls_context_new(s.env, &t, shown != NULL, &c, &why), 0);
	buf_fini(&why);
	return c;
}

static void a_server_is_who_its_certificate_says(void **state)
{
	struct certificate authority =
		certificate_make(&(struct certificate_wish){.name = "ca", .until_s = 86400, .from_s = -60});
	struct certificate good = certificate_make(&(struct certificate_wish){
		.name = "x", .issuer = &authority, .alternative = "DNS:localhost", .from_s = -60, .until_s = 86400});
	struct certificate bad = certificate_make(&(struct certificate_wish){
		.name = "x", .issuer = &authority, .alternative = "DNS:elsewhere", .from_s = -60, .until_s = 86400});
	struct tls_context *trusting = context(NULL, &authority), *system = context(NULL, NULL),
			   *server = context(&good, NULL), *impostor = context(&bad, NULL);
	struct exchange x = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", .server = server};

	(void)state;
	x.client = trusting;
	run(&x);
	assert_int_equal(got.err, 0);
	assert_string_equal(got.body, "abc");
	x.client = system;
	run(&x);
	assert_int_equal(got.err, -EKEYREJECTED);
	x.client = trusting;
	x.server = impostor;
	run(&x);
	assert_int_equal(got.err, -EKEYREJECTED);
	x.server = NULL; /* it waits for the end of a request that it cannot parse */
	x.request.timeout_ms = 50;
	run(&x);
	assert_int_equal(got.err, -ETIMEDOUT);
	tls_context_unref(&trusting);
	tls_context_unref(&system);
	tls_context_unref(&server);
	tls_context_unref(&impostor);
	certificate_fini(&authority);
	certificate_fini(&good);
	certificate_fini(&bad);
}

static void a_server_that_sends_new_keys_without_end_is_left(void **state)
{
	struct certificate self = certificate_make(&(struct certificate_wish){
		.name = "x", .alternative = "DNS:localhost", .from_s = -60, .until_s = 86400});
	struct tls_context *trusting = context(NULL, &self);
	struct http_url url = {.tls = true, .has_port = true, .host = "localhost", .target = "/"};
	struct renewer *r = renewer_start(&self, &url.port);
	struct http_request ask = {.url = &url,
				   .tls = trusting,
				   .method = "GET",
				   .answer_max = 1000,
				   .timeout_ms = 60000,
				   .connect_ms = 60000};

	(void)state;
	memset(&got, 0, sizeof(got));
	http_fetch_now(s.env, &ask, NULL, answered, NULL);
	assert_true(renewer_was_left(r));
	assert_int_equal(got.err, -EPROTO);
	assert_string_equal(got.why, "the server sends TLS records without data");
	tls_context_unref(&trusting);
	certificate_fini(&self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_read),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(answers_end_as_they_say),
		cmocka_unit_test(what_is_no_answer_is_an_error),
		cmocka_unit_test(what_is_asked_is_sent),
		cmocka_unit_test(a_host_without_an_address_and_a_port_that_nobody_has),
		cmocka_unit_test(what_nobody_wants_any_more_is_given_up),
		cmocka_unit_test(a_server_is_who_its_certificate_says),
		cmocka_unit_test(a_server_that_sends_new_keys_without_end_is_left),
	};

	return cmocka_run_group_tests(tests, up, down);
}
