/*
 * server: connections, each with a parser and two buffers. See server.h for the rules.
 *
 *	READING	  the head of a request is being received
 *	AT_WORK	  a route handles it; nothing is read
 *	WRITING	  the answer is being sent; then READING again, or closed
 */
#include "http/server.h"

#include <errno.h>
#include <http_parser.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "base/mem.h"

#define DEADLINE_MS 10000
#define READ_BYTES 4096
#define PATH_MAX_BYTES 1024
#define BACKLOG 64
#define ADDRS_MAX 8

enum http_state { READING, AT_WORK, WRITING };

/* A connection, and the exchange it is in. */
struct http_exchange {
	struct list link; /* in the server's list, by the time of its last step */
	struct http_server *server;
	struct sock *sock; /* NULL: it went away while a route was at work */
	struct timer deadline;
	enum http_state state;
	http_parser parser;
	char path[PATH_MAX_BYTES];
	size_t path_len;
	size_t head_len; /* bytes since the request began */
	bool complete;
	bool keep; /* the connection stays open after this answer */
	struct buf out;
	size_t sent;
};

struct http_server {
	struct http_options options;
	struct listener *listeners[HTTP_LISTENERS_MAX];
	int n_listeners;
	struct list exchanges; /* the one longest without a step comes first */
	int n;
};

/* ---- connections ---- */

static void hang_up(struct http_exchange *x)
{
	if (!x->sock)
		return;
	timer_stop(&x->deadline);
	sock_close(x->sock);
	x->sock = NULL;
	list_remove(&x->link);
	x->server->n--;
	if (x->state == AT_WORK) /* its route's answer will be dropped */
		return;
	buf_fini(&x->out);
	xfree(x);
}

static void enter_state(struct http_exchange *x, enum http_state state)
{
	x->state = state;
	list_remove(&x->link);
	list_push(&x->server->exchanges, &x->link);
	timer_start(&x->deadline, DEADLINE_MS);
}

static void too_slow(struct timer *t)
{
	struct http_exchange *x = container_of(t, struct http_exchange, deadline);

	if (x->state != AT_WORK)
		hang_up(x);
}

static int path_comes(http_parser *p, const char *at, size_t len)
{
	struct http_exchange *x = p->data;

	if (len > sizeof(x->path) - x->path_len)
		return -1;
	memcpy(x->path + x->path_len, at, len);
	x->path_len += len;
	return 0;
}

/* Parsing stops here: what follows is another request, which this server does not read ahead. */
static int request_is_whole(http_parser *p)
{
	struct http_exchange *x = p->data;

	x->complete = true;
	x->keep = http_should_keep_alive(p);
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {.on_url = path_comes, .on_message_complete = request_is_whole};

static void expect_request(struct http_exchange *x)
{
	http_parser_init(&x->parser, HTTP_REQUEST);
	x->parser.data = x;
	x->path_len = 0;
	x->head_len = 0;
	x->complete = false;
	enter_state(x, READING);
	sock_want(x->sock, SOCK_READ);
}

/* ---- answering ---- */

static const struct {
	int status;
	const char *text;
} statuses[] = {
	{200, "OK"},
	{400, "Bad Request"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{503, "Service Unavailable"},
};

static const char *status_text(int status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == status)
			return statuses[i].text;
	return "";
}

static void write_more(struct http_exchange *x)
{
	while (x->sent < x->out.len) {
		struct iovec v = {x->out.p + x->sent, x->out.len - x->sent};
		ssize_t n = sock_writev(x->sock, &v, 1);

		if (n == -EAGAIN) {
			sock_want(x->sock, SOCK_WRITE);
			return;
		}
		if (n < 0) {
			hang_up(x);
			return;
		}
		x->sent += (size_t)n;
		timer_start(&x->deadline, DEADLINE_MS);
	}
	buf_fini(&x->out);
	if (x->keep)
		expect_request(x);
	else
		hang_up(x);
}

void http_answer(struct http_exchange *x, int status, const char *content_type, struct buf *body)
{
	check(x->state == AT_WORK);
	if (!x->sock) {
		buf_fini(body);
		xfree(x);
		return;
	}
	x->out = (struct buf){0};
	x->sent = 0;
	buf_printf(&x->out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", status,
		   status_text(status), content_type, body->len, x->keep ? "" : "Connection: close\r\n");
	if (x->parser.method != HTTP_HEAD)
		buf_put(&x->out, body->p, body->len);
	buf_fini(body);
	enter_state(x, WRITING);
	write_more(x);
}

static void answer_text(struct http_exchange *x, int status, const char *text)
{
	struct buf body = {0};

	buf_printf(&body, "%s\n", text);
	http_answer(x, status, "text/plain; charset=utf-8", &body);
}

static struct str path_of(const struct http_exchange *x)
{
	const char *query = memchr(x->path, '?', x->path_len);

	return (struct str){x->path, (int32_t)(query ? query - x->path : (ptrdiff_t)x->path_len)};
}

static void run_route(struct http_exchange *x)
{
	const struct http_options *o = &x->server->options;

	enter_state(x, AT_WORK);
	sock_want(x->sock, 0);
	if (x->parser.method != HTTP_GET && x->parser.method != HTTP_HEAD) {
		x->keep = false;
		answer_text(x, 405, "only GET and HEAD are served");
		return;
	}
	for (int i = 0; i < o->n_routes; i++)
		if (str_is(path_of(x), o->routes[i].path)) {
			o->routes[i].run(o->arg, x);
			return;
		}
	answer_text(x, 404, "there is nothing at this path");
}

/* ---- reading ---- */

static void refuse(struct http_exchange *x, const char *why)
{
	enter_state(x, AT_WORK);
	x->keep = false;
	answer_text(x, 400, why);
}

static void read_more(struct http_exchange *x)
{
	char in[READ_BYTES];
	ssize_t n = sock_read(x->sock, in, sizeof(in));
	size_t used;

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		hang_up(x);
		return;
	}
	used = http_parser_execute(&x->parser, &settings, in, (size_t)n);
	x->head_len += used;
	if (x->complete) {
		x->keep = x->keep && used == (size_t)n;
		run_route(x);
	} else if (x->parser.http_errno != HPE_OK || x->parser.upgrade) {
		refuse(x, "unreadable request");
	} else if (x->head_len > HTTP_HEAD_MAX) {
		refuse(x, "the request is too long");
	}
}

static void on_ready(struct sock *sock, int events, void *arg)
{
	struct http_exchange *x = arg;

	(void)sock;
	(void)events;
	if (x->state == READING)
		read_more(x);
	else if (x->state == WRITING)
		write_more(x);
}

/* ---- accepting ---- */

static struct http_exchange *longest_idle(struct http_server *s)
{
	list_each(it, &s->exchanges)
	{
		struct http_exchange *x = container_of(it, struct http_exchange, link);

		if (x->state != AT_WORK)
			return x;
	}
	return NULL;
}

static void add_connection(struct http_server *s, struct sock *sock)
{
	struct http_exchange *x = xcalloc(1, sizeof(*x));

	x->server = s;
	x->sock = sock;
	timer_init(&x->deadline, s->options.loop, too_slow);
	list_push(&s->exchanges, &x->link);
	s->n++;
	sock_attach(sock, s->options.loop, on_ready, x);
	expect_request(x);
}

static bool make_room(struct http_server *s)
{
	struct http_exchange *idle;

	if (s->n < s->options.connections_max)
		return true;
	idle = longest_idle(s);
	if (idle)
		hang_up(idle);
	return idle != NULL;
}

static void somebody_waits(struct listener *l, void *arg)
{
	struct http_server *s = arg;

	for (;;) {
		struct sock *sock;
		struct addr peer;
		int err = listener_accept(l, &peer, &sock);

		if (err == -EAGAIN)
			return;
		if (err)
			continue;
		if (make_room(s))
			add_connection(s, sock);
		else
			sock_close(sock);
	}
}

/* ---- life ---- */

struct http_server *http_new(const struct http_options *options)
{
	struct http_server *s = xcalloc(1, sizeof(*s));

	s->options = *options;
	list_init(&s->exchanges);
	return s;
}

static int bind_one(struct http_server *s, const struct addr *a)
{
	int err = env_listen(s->options.loop, a, BACKLOG, somebody_waits, s, &s->listeners[s->n_listeners]);

	if (err == 0)
		s->n_listeners++;
	return err;
}

int http_listen(struct http_server *s, struct str host, uint16_t port)
{
	struct addr v[ADDRS_MAX] = {{.v6 = true, .port = port}, {.port = port}};
	int n = 2, err = -ENOENT;

	if (s->n_listeners == HTTP_LISTENERS_MAX)
		return -E2BIG;
	if (!str_is_null(host) && host.len > 0) {
		char *name = str_dup(host);

		n = env_resolve(s->options.loop->env, name, port, v, ADDRS_MAX);
		xfree(name);
	}
	for (int i = 0; i < n && err; i++) {
		err = bind_one(s, &v[i]);
		if (err == -EADDRINUSE)
			break;
	}
	return n < 0 ? n : err;
}

uint16_t http_port(const struct http_server *s, int i)
{
	struct addr bound;

	return i < s->n_listeners && listener_addr(s->listeners[i], &bound) == 0 ? bound.port : 0;
}

void http_stop(struct http_server *s)
{
	while (s->n_listeners > 0)
		listener_close(s->listeners[--s->n_listeners]);
	list_each_safe(it, &s->exchanges) hang_up(container_of(it, struct http_exchange, link));
}

void http_free(struct http_server *s)
{
	if (!s)
		return;
	check(s->n_listeners == 0 && list_empty(&s->exchanges));
	xfree(s);
}
