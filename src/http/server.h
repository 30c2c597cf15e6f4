/*
 * server: a small HTTP/1.1 server for occasional requests to a node: metrics, health. GET and HEAD
 * of fixed paths, no bodies.
 *
 * 1. It lives on one loop, and all of its functions are called there, except http_listen, which is
 *    called before the loop runs.
 * 2. Each request is answered by exactly one http_answer, at once or later, even if its connection
 *    has gone in the meantime.
 * 3. What a peer can cost is limited: `connections_max` connections, each with a head of
 *    HTTP_HEAD_MAX bytes and DEADLINE to send it, to take its answer, and to send the next request.
 *    Beyond the limit the connection that has been idle longest is closed; if all are busy, the new
 *    one is.
 * 4. Bytes are parsed by http-parser, which accepts what others accept (RFC 9112).
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
	const char *path; /* without the query string */
	void (*run)(void *arg, struct http_exchange *x);
};

struct http_options {
	struct loop *loop;
	int connections_max;
	const struct http_route *routes; /* constant */
	int n_routes;
	void *arg; /* passed to the routes */
};

struct http_server *http_new(const struct http_options *options);
/*
 * Binds one more address. Returns 0 or a negated errno: -ENOENT means there is no such host, -E2BIG
 * that there are HTTP_LISTENERS_MAX already. host null or empty: every address. May block on a name
 * look-up.
 */
int http_listen(struct http_server *s, struct str host, uint16_t port);
/* The port of the i-th listener; 0 when there is none. */
uint16_t http_port(const struct http_server *s, int i);
/* Closes the listeners and all connections; requests in progress must still be answered. */
void http_stop(struct http_server *s);
/* Call it after http_stop, when no request is in progress any more. NULL is fine. */
void http_free(struct http_server *s);

/*
 * Answers with a status (200, 503, ...) and the contents of `body`, which are taken: *body is empty
 * afterwards.
 */
void http_answer(struct http_exchange *x, int status, const char *content_type, struct buf *body);

#endif
