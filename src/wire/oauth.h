/*
 * oauth: what a login by OAUTHBEARER and the place that its tokens come from say to each other.
 *
 * 1. take() and fetch() may be called on any thread, by many logins at once; fetch() waits for others, and is a job's business.
 * 2. `why` is for people and has no secret in it.
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

struct token_source_ops {
	/* Appends a token that is good at this time, wall clock. False: fetch() has to get one first. */
	bool (*take)(struct token_source *s, int64_t now_ms, struct buf *token);
	bool (*fetch)(struct token_source *s, struct env *env, struct buf *why);
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
