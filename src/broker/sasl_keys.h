/*
 * sasl_keys: the current keys with which OAUTHBEARER verifies tokens on one listener: from a file,
 * which is checked at each token, or from an HTTP server, which is asked in the background (Kafka's
 * RefreshingHttpsJwks).
 *
 * 1. A token is verified with the keys at hand; nobody waits for the server. A missing key triggers
 *    a new request, at most once a minute for the same name and at most once a second in all: the
 *    token that named it is refused, and its client retries.
 * 2. As long as there are no keys, or the file cannot be read, nobody is let in. A server that does
 *    not answer does not invalidate the keys.
 * 3. A node starts even without the server (Kafka does not), and asks until it answers.
 * 4. Answers are bounded (a MiB, twenty seconds), and parsed in a job. TLS is configured by the
 *    ssl.* options of the JAAS line, with the system's authorities where it has none; the server's
 *    name is always verified.
 *
 * Reactor 0 asks; sasl_keys_now() and sasl_keys_missing() are for jobs, on any thread.
 */
#ifndef ODRADEK_BROKER_SASL_KEYS_H
#define ODRADEK_BROKER_SASL_KEYS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct core;
struct env;
struct jvm_options;
struct jwks;
struct mechanism_place;
struct sasl_keys;

/* For a listener that needs keys; NULL and *why, a message. Reads a file: before there are loops. */
struct sasl_keys *sasl_keys_new(struct env *env, const struct mechanism_place *place, const struct jvm_options *jvm,
				struct arena *a, struct str *why);
/* On reactor 0, whose core waits for what is under way. */
void sasl_keys_start(struct sasl_keys *k, struct core *core);
void sasl_keys_stop(struct sasl_keys *k);
void sasl_keys_free(struct sasl_keys *k); /* NULL is allowed */

/* With a reference for the caller; NULL: there are none. Blocks when they come from a file. */
struct jwks *sasl_keys_now(struct sasl_keys *k);
/* A token has named a key that is not among them. */
void sasl_keys_missing(void *keys, struct str kid);

struct sasl_keys_numbers {
	int64_t reads;	  /* how often keys were read */
	int64_t failures; /* attempts that yielded no keys */
	int64_t keys;	  /* usable keys now */
	int64_t read_ms;  /* when they were last read, wall clock; 0: never */
};
void sasl_keys_numbers(struct sasl_keys *k, struct sasl_keys_numbers *out);

#endif
