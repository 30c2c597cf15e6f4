/*
 * oauth: what a login by OAUTHBEARER and the place that its tokens come from say to each other.
 *
 * 1. take() and fetch() may be called on any thread, by many logins at once; fetch() waits for others, and is a job's business.
 * 2. One fetch() at a time asks; to others it says so at once. So a server that does not answer holds one thread.
 * 3. `why` is for people and has no secret in it.
 */
#ifndef ODRADEK_WIRE_OAUTH_H
#define ODRADEK_WIRE_OAUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct env;
struct token_source;

enum token_state {
	TOKEN_NONE,    /* none is good: fetch() has to get one */
	TOKEN_AWAITED, /* none is good, and somebody's fetch() is under way: this is to be asked again soon */
	TOKEN_GOOD,
	TOKEN_OLD, /* it is good, and another one is to be got by a fetch() that nobody waits for */
};

enum token_fetched {
	TOKEN_FETCHED, /* or it was there */
	TOKEN_FAILED,
	TOKEN_BUSY, /* somebody else is at it */
};

/* One login's, from its first take() on; zero at first, but for `over`. */
struct token_wish {
	uint64_t seen;		  /* the source's: which failures are older than the wish */
	const _Atomic bool *over; /* set by any thread: nobody wants a token any more; NULL: never */
};

struct token_source_ops {
	/* Appends a token that is good, if there is one. now_ms: when the login began, wall clock: for tokens that are made for it. */
	enum token_state (*take)(struct token_source *s, struct token_wish *wish, int64_t now_ms, struct buf *token);
	/* An attempt that has failed since the wish was first seen is this one's too. */
	enum token_fetched (*fetch)(struct token_source *s, struct token_wish *wish, struct env *env, struct buf *why);
	void (*free)(struct token_source *s);
};

struct token_source {
	const struct token_source_ops *ops;
};

static inline void token_source_free(struct token_source *s) /* NULL is fine */
{
	if (s)
		s->ops->free(s);
}

/* What a token says of itself. */
struct token_times {
	int64_t begin_ms; /* wall clock; 0: it does not say */
	int64_t expiry_ms;
};

/* Where tokens are given out, and to whom. Views; whoever opens it copies what it keeps. */
struct oauth_endpoint {
	struct str url; /* file, http or https */
	/* The headers and the body by which a server is asked; both have secrets in them. */
	struct str headers, body;
	/* An option of the JAAS line, null when it is not there: ssl.* are TLS's of the server. */
	struct str (*option)(const void *arg, const char *name);
	const void *option_arg;
	/* The token in a server's answer; NULL: it has none. In the arena. */
	struct str (*read_answer)(struct str body, struct arena *a);
	/* NULL, or why it cannot be one that is shown to anybody. */
	const char *(*look)(const void *claims, struct str token, struct arena *a, struct token_times *out);
	const void *claims; /* what look() is given; lasts as long as the source */
	int64_t connect_ms, read_ms;
	int64_t backoff_ms, backoff_max_ms; /* between attempts, and for how long there are any */
	/* A token is got anew after this share of its life and up to `jitter` more, from min_s on, buffer_s before its end at the latest. */
	double window, jitter;
	int64_t min_s, buffer_s;
};

#endif
