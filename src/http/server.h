/*
 * server: a small HTTP/1.1 server for what is asked of a node now and then: metrics, health. GET and HEAD of fixed paths, no bodies.
 *
 * 1. It lives on one loop, and all of its functions are called there, but server_listen, which is called before the loop runs.
 * 2. A request is answered by exactly one http_answer, at once or later, also when its connection has gone in the meantime.
 * 3. What a peer can cost is bounded: `connections_max` of them, each with a head of HTTP_HEAD_MAX bytes and DEADLINE to send it, to take
 *    its answer, and to ask again. Beyond the bound the connection that has been idle longest is closed; if all are at work, the new one is.
 * 4. Bytes are read by http-parser, which takes what others take (RFC 9112).
 */
#ifndef ODRADEK_HTTP_SERVER_H
#define ODRADEK_HTTP_SERVER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "env/env.h"

struct http_exchange;
struct http_server;

#define HTTP_HEAD_MAX 8192
#define HTTP_LISTENERS_MAX 8

struct http_route {
	const char *path; /* without the query */
	void (*run)(void *arg, struct http_exchange *x);
};

struct http_options {
	struct loop *loop;
	int connections_max;
	const struct http_route *routes; /* constant */
	int n_routes;
	void *arg; /* given to the routes */
};

struct http_server *http_new(const struct http_options *options);
/*
 * Binds one more address: 0 or a negated errno, of which -ENOENT says that there is no such host, -E2BIG that there are
 * HTTP_LISTENERS_MAX already. host null or empty: every address. May block for a name.
 */
int http_listen(struct http_server *s, struct str host, uint16_t port);
/* Of the i-th that was bound; 0 when there is none. */
uint16_t http_port(const struct http_server *s, int i);
/* The listeners and all connections are closed; requests at work are still to be answered. */
void http_stop(struct http_server *s);
/* After http_stop, when nothing is at work any more. NULL is fine. */
void http_free(struct http_server *s);

/* Answers with a status (200, 503, ...) and what `body` holds, which is taken: *body is empty afterwards. */
void http_answer(struct http_exchange *x, int status, const char *content_type, struct buf *body);

#endif
