/*
 * oauth: the interface between a login with OAUTHBEARER and the source of its tokens.
 *
 * 1. take() and fetch() may be called on any thread, by many logins at once. fetch() waits for
 *    other machines: call it from a work job.
 * 2. Only one fetch() asks at a time; the others return TOKEN_BUSY at once. A server that does not
 *    answer thus blocks one thread.
 * 3. `why` is for people and never contains a secret.
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
	TOKEN_NONE,    /* there is no valid token: fetch() must get one */
	TOKEN_AWAITED, /* there is no valid token, but a fetch() is under way: ask again soon */
	TOKEN_GOOD,
	TOKEN_OLD, /* still valid, but due for renewal by a fetch() that nobody waits for */
};

enum token_fetched {
	TOKEN_FETCHED, /* or it was already there */
	TOKEN_FAILED,
	TOKEN_BUSY, /* another fetch() is under way */
};

/* The state of one login, from its first take() on. Initially zero, except `over`. */
struct token_wish {
	uint64_t seen;		  /* set by the source: tells which failures predate this login */
	const _Atomic bool *over; /* set by any thread when the token is no longer wanted; NULL: never */
};

struct token_source_ops {
	/*
	 * Appends a valid token, if there is one. now_ms: when the login began, wall clock; for
	 * tokens made for the login itself.
	 */
	enum token_state (*take)(struct token_source *s, struct token_wish *wish, int64_t now_ms, struct buf *token);
	/* A failed attempt also counts for every wish that was first seen before it. */
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

/* What a token says about its validity. */
struct token_times {
	int64_t begin_ms; /* wall clock; 0: not stated */
	int64_t expiry_ms;
};

/* What an assertion is made of anew each time. */
struct oauth_now {
	int64_t wall_ms;
	uint8_t random[16];
	struct str file, key, template; /* the contents of the files that it names; null: it names none */
};

/* An assertion of who the client is, which a request's body has in place of a secret (RFC 7523). */
struct oauth_assertion {
	/* Paths, read for each request. `file` has one that is ready; otherwise `key_file` signs it. */
	struct str file, key_file, template_file;
	struct str algorithm, passphrase;
	struct str claims; /* those that the settings name: a JSON object */
	int64_t valid_s;   /* how long */
	int64_t before_s;  /* how far in the past it begins */
	bool has_id;
	/* Makes it, in the arena. NULL, or why not. */
	const char *(*make)(const struct oauth_assertion *a, const struct oauth_now *now, struct arena *arena,
			    struct str *out);
};

/* Where tokens come from, and for whom. Views: whoever opens a source copies what it keeps. */
struct oauth_endpoint {
	struct str url; /* file, http or https */
	/* The headers and the body of the request to a server; both contain secrets. */
	struct str headers, body;
	const struct oauth_assertion *assertion; /* NULL: none. It stands between body and body_rest */
	struct str body_rest;
	/* An option of the JAAS line, null when absent. ssl.* options configure TLS to the server. */
	struct str (*option)(const void *arg, const char *name);
	const void *option_arg;
	/* Extracts the token from a server's answer, into the arena; null: there is none. */
	struct str (*read_answer)(struct str body, struct arena *a);
	/* Returns NULL, or why the token cannot be used. */
	const char *(*look)(const void *claims, struct str token, struct arena *a, struct token_times *out);
	const void *claims; /* passed to look(); must live as long as the source */
	int64_t connect_ms, read_ms;
	int64_t backoff_ms, backoff_max_ms; /* backoff between attempts, and how long attempts go on */
	/*
	 * A token is renewed after this share of its lifetime plus up to `jitter`, but not before
	 * min_s and at the latest buffer_s before it expires.
	 */
	double window, jitter;
	int64_t min_s, buffer_s;
};

#endif
