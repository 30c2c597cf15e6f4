/*
 * client: a single HTTP/1.1 exchange with another server: a GET or a POST, over TLS if the URL is
 * https.
 *
 * 1. A fetch lives on one loop, and its functions are called there. done() is called once, never
 *    inside http_fetch(), and not at all after http_fetch_cancel().
 * 2. What a server can cost is limited: `answer_max` bytes of body, the head that http-parser
 *    accepts, `timeout_ms` in total.
 * 3. Redirects (3xx) are not followed: this URL was permitted, another was not.
 * 4. Nothing is kept: each fetch is a new connection. What was sent and received is wiped here,
 *    since it contains tokens and passwords (a TLS library's own buffers are not).
 *
 * Errors: negated errnos, with an explanation in struct http_answer: -EKEYREJECTED for TLS, -EPROTO
 * for what is not HTTP, -EMSGSIZE, -ETIMEDOUT.
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
	char host[HTTP_HOST_MAX];     /* an IPv6 address has no brackets */
	char target[HTTP_TARGET_MAX]; /* path and query */
};

/* The path of "file:///path" or "file:/path", a view; null: a different kind of URL. */
struct str http_url_file(struct str text);
/*
 * Returns NULL, or the reason for refusal: it must be http or https, with a host and without user
 * information.
 */
const char *http_url_read(struct str text, struct http_url *out);

/* The outcome: err 0 and a status, or an error and why. Views: valid while done() runs. */
struct http_answer {
	int err;
	const char *why;
	int status;
	struct str body;
};

struct http_request {
	struct loop *loop;
	const struct http_url *url; /* must live as long as the fetch */
	const struct addr *addresses;
	int n_addresses;
	struct tls_context *tls; /* for an https URL; a reference is taken */
	const char *method;
	struct str headers; /* lines, each ending in CR LF; may be empty */
	struct str body;    /* may be empty */
	size_t answer_max;
	int64_t connect_ms; /* per address, TLS included */
	int64_t timeout_ms; /* in total */
	void (*done)(void *arg, const struct http_answer *answer);
	void *arg;
};

/*
 * A TLS context for an https server, from the ssl.* options of a JAAS line: option() returns one,
 * null when absent. The server's name is always checked against its certificate. Returns 0 and a
 * reference for the caller in *out, or a negated errno and why. Reads files: for startup.
 */
int http_tls_new(struct env *env, struct str (*option)(const void *arg, const char *name), const void *arg,
		 struct tls_context **out, struct buf *why);

struct http_fetch *http_fetch(const struct http_request *request);
void http_fetch_cancel(struct http_fetch *f);

/* When to try again: for max_ms, with pauses that double, unless the answer is final. */
struct http_patience {
	int64_t backoff_ms;
	int64_t max_ms;
	bool (*is_final)(const struct http_answer *answer);
	const _Atomic bool *over; /* set by any thread when the result is no longer wanted; NULL: never */
};

/*
 * The same from a work job, on a loop of its own: it blocks. It resolves the name first, and fills
 * in `loop`, addresses and done() itself. answered() is called once, before it returns. patience
 * NULL: one attempt. It ends HTTP_NOW_MAX_MS after it began, or soon after `over` is set
 * (-ECANCELED); the name look-up itself is not limited. Not in the simulator, whose jobs cannot
 * wait.
 */
void http_fetch_now(struct env *env, struct http_request *request, const struct http_patience *patience,
		    void (*answered)(void *arg, const struct http_answer *), void *arg);

#endif
