/*
 * client: one exchange of HTTP/1.1 with a server elsewhere: a GET or a POST, over TLS where the URL says https.
 *
 * 1. A fetch lives on one loop, and its functions are called there. done() is called once, never inside http_fetch(), and not at all after
 *    http_fetch_cancel().
 * 2. What a server can cost is bounded: a body of `answer_max` bytes, the head that http-parser takes, `timeout_ms` for all of it.
 * 3. A server that says that what is wanted is elsewhere (3xx) is not followed: the URL was allowed, another one was not.
 * 4. Nothing is kept: each fetch is a connection. What was sent and received is wiped here, since tokens and passwords are in it (a TLS
 *    library's own buffers are its own).
 * Errors: negated errnos, in words in struct http_answer: -EKEYREJECTED of TLS, -EPROTO of what is no HTTP, -EMSGSIZE, -ETIMEDOUT.
 */
#ifndef ODRADEK_HTTP_CLIENT_H
#define ODRADEK_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "env/env.h"

struct buf;
struct http_fetch;
struct tls_context;

enum { HTTP_HOST_MAX = 256, HTTP_TARGET_MAX = 2048, HTTP_ADDRESSES_MAX = 8, HTTP_NOW_MAX_MS = 600000 };

struct http_url {
	bool tls;
	uint16_t port;
	bool has_port;
	char host[HTTP_HOST_MAX];     /* an IPv6 address without its brackets */
	char target[HTTP_TARGET_MAX]; /* path and query */
};

/* The path of "file:///path" or "file:/path", a view; null: it is another URL. */
struct str http_url_file(struct str text);
/* NULL, or why not: it has to be http or https, with a host, without a user in it. */
const char *http_url_read(struct str text, struct http_url *out);

/* What becomes of it: err 0 and a status, or an error and why. Views: they last as long as done() runs. */
struct http_answer {
	int err;
	const char *why;
	int status;
	struct str body;
};

struct http_request {
	struct loop *loop;
	const struct http_url *url; /* lasts as long as the fetch */
	const struct addr *addresses;
	int n_addresses;
	struct tls_context *tls; /* of a URL with https; a reference is taken */
	const char *method;
	struct str headers; /* lines, each with its CR and LF; may be empty */
	struct str body;    /* may be empty */
	size_t answer_max;
	int64_t connect_ms; /* for each address, TLS included */
	int64_t timeout_ms; /* for all of it */
	void (*done)(void *arg, const struct http_answer *answer);
	void *arg;
};

/*
 * TLS for a server of https, by Kafka's ssl.* of a JAAS line: option() gives one, null when it is not there. The server's name is always held against its
 * certificate. 0, and a reference in *out that is the caller's; else a negated errno, and why. Reads files: for a start.
 */
int http_tls_new(struct env *env, struct str (*option)(const void *arg, const char *name), const void *arg,
		 struct tls_context **out, struct buf *why);

struct http_fetch *http_fetch(const struct http_request *request);
void http_fetch_cancel(struct http_fetch *f);

/* After what it is asked again: for max_ms, with pauses that double. */
struct http_patience {
	int64_t backoff_ms;
	int64_t max_ms;
	bool (*is_final)(const struct http_answer *answer);
	const _Atomic bool *over; /* set by any thread: nobody wants it any more; NULL: never */
};

/*
 * The same from a job, on a loop of its own: it waits. The name is looked up first; `loop`, addresses and done() are not the caller's to fill.
 * answered() is called once, before it comes back. patience NULL: it is asked once. It ends HTTP_NOW_MAX_MS after its begin, and soon after `over` is
 * set (-ECANCELED); the look-up of a name takes what it takes. Not in the simulator, whose jobs cannot wait.
 */
void http_fetch_now(struct env *env, struct http_request *request, const struct http_patience *patience,
		    void (*answered)(void *arg, const struct http_answer *), void *arg);

#endif
