/*
 * gss: what a mechanism of SASL and a library of GSS-API (RFC 2743) say to each other. On the side that accepts: tokens in, tokens out, then
 * a name and wrapped messages; on the side that logs in: by which tickets.
 *
 * 1. All of it may wait for the disk (keys, the cache of replays): a job's business, one at a time for a context. close() does not wait.
 * 2. A context takes what a stranger sends. It is bounded by what it is given: no answer is larger than GSS_TOKEN_MAX.
 * 3. `why` is for the node's own diagnostics and has no secret in it.
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
	GSS_GOES_ON,	 /* the client has to say more */
	GSS_ESTABLISHED, /* both know each other */
	GSS_FAILED,
	GSS_FAILED_FOR_NOW, /* a ticket that is not valid yet, a request that was seen before: it may be right at the next attempt */
};

struct gss_acceptor {
	const struct gss_acceptor_ops *ops;
};

struct gss_acceptor_ops {
	struct gss_context *(*open)(const struct gss_acceptor *a);
	enum gss_turn (*accept)(struct gss_context *c, struct str in, struct buf *out, struct buf *why);
	/* Established: who the client is ("alice@REALM"). */
	bool (*peer)(struct gss_context *c, struct buf *name, struct buf *why);
	/* With a checksum, not encrypted. */
	bool (*wrap)(struct gss_context *c, struct str in, struct buf *out, struct buf *why);
	bool (*unwrap)(struct gss_context *c, struct str in, struct buf *out, struct buf *why);
	void (*close)(struct gss_context *c);
	void (*free)(struct gss_acceptor *a); /* no context is left */
};

/* How one logs in by Kerberos. */
struct kerberos_login {
	struct str service;   /* the first part of the server's principal */
	struct str principal; /* of this side; null with a cache: the cache's own */
	struct str keytab;    /* null: the library's own place; with is_cached unused */
	struct str cache;     /* null: the library's own place */
	bool is_cached;	      /* tickets are in a cache that somebody else fills; else they are got with keys */
	/* Tickets that were got with keys are got anew after this share of their life, plus up to `jitter`, at most once in min_ms. */
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
