/*
 * sasl_keys: the keys that OAUTHBEARER verifies tokens with on one listener, as they are now: those of a file, which is looked at with each token, or of
 * an HTTP server, which is asked in the background (Kafka's RefreshingHttpsJwks).
 *
 * 1. A token is held against what is here; nobody waits for the server. A key that is missing has it asked anew, for the same name at most once a
 *    minute, and at most once a second in all: the token that named it is refused, and its client comes again.
 * 2. Until there are keys, and while a file cannot be read, nobody is let in. A server that does not answer takes no keys away.
 * 3. A node starts without the server (Kafka does not), and asks it until it answers.
 * 4. What comes is bounded (a MiB, twenty seconds), and read by a job; TLS is the JAAS line's ssl.* options, with the system's authorities where
 *    it has none, and the server's name is always looked at.
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

/* Of a listener that wants keys; NULL and *why, for people. Reads a file: before there are loops. */
struct sasl_keys *sasl_keys_new(struct env *env, const struct mechanism_place *place, const struct jvm_options *jvm,
				struct arena *a, struct str *why);
/* On reactor 0, whose core waits for what is under way. */
void sasl_keys_start(struct sasl_keys *k, struct core *core);
void sasl_keys_stop(struct sasl_keys *k);
void sasl_keys_free(struct sasl_keys *k); /* NULL is fine */

/* With a reference of the caller's; NULL: there are none. Blocks for a file. */
struct jwks *sasl_keys_now(struct sasl_keys *k);
/* A token has named a key that is not among them. */
void sasl_keys_missing(void *keys, struct str kid);

struct sasl_keys_numbers {
	int64_t reads;	  /* keys were read so often */
	int64_t failures; /* attempts that gave none */
	int64_t keys;	  /* usable ones there are */
	int64_t read_ms;  /* when they were read, wall clock; 0: never */
};
void sasl_keys_numbers(struct sasl_keys *k, struct sasl_keys_numbers *out);

#endif
