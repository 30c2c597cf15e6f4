/*
 * gss: the interface between a SASL mechanism and a GSS-API library (RFC 2743). The accepting side
 * takes tokens in and gives tokens out, then has a name and wrapped messages. The initiating side
 * is told which tickets to use.
 *
 * 1. Everything here may wait for the disk (keys, the replay cache): call it from a work job, one
 *    at a time per context. close() does not wait.
 * 2. A context takes input from strangers. Its memory is bounded by what it is given: no answer is
 *    larger than GSS_TOKEN_MAX.
 * 3. `why` is for the node's own diagnostics and never contains a secret.
 */
#ifndef ODRADEK_WIRE_GSS_H
#define ODRADEK_WIRE_GSS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct gss_context;

enum { GSS_TOKEN_MAX = 64 * 1024 };

enum gss_turn {
	GSS_GOES_ON,	 /* the client has to send more */
	GSS_ESTABLISHED, /* both sides are authenticated */
	GSS_FAILED,
	GSS_FAILED_FOR_NOW, /* a ticket that is not valid yet, or a replayed request: the next attempt may succeed */
};

struct gss_acceptor {
	const struct gss_acceptor_ops *ops;
};

struct gss_acceptor_ops {
	struct gss_context *(*open)(const struct gss_acceptor *a);
	enum gss_turn (*accept)(struct gss_context *c, struct str in, struct buf *out, struct buf *why);
	/* Once established: the client's name ("alice@REALM"). */
	bool (*peer)(struct gss_context *c, struct buf *name, struct buf *why);
	/* Protects integrity only; not encrypted. */
	bool (*wrap)(struct gss_context *c, struct str in, struct buf *out, struct buf *why);
	bool (*unwrap)(struct gss_context *c, struct str in, struct buf *out, struct buf *why);
	void (*close)(struct gss_context *c);
	void (*free)(struct gss_acceptor *a); /* called when no context is left */
};

/* How to log in with Kerberos. */
struct kerberos_login {
	struct str service;   /* the first part of the server's principal */
	struct str principal; /* of this side; null with a cache: the cache's principal */
	struct str keytab;    /* null: the library's default; unused with is_cached */
	struct str cache;     /* null: the library's default */
	/* tickets are in a cache that another program fills; otherwise they are obtained with keys */
	bool is_cached;
	/*
	 * Tickets obtained with keys are renewed after this share of their lifetime plus up to
	 * `jitter`, at most once per min_ms.
	 */
	double window;
	double jitter;
	int64_t min_ms;
};

static inline void gss_acceptor_free(struct gss_acceptor *a) /* NULL is fine */
{
	if (a)
		a->ops->free(a);
}

#endif
