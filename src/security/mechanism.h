/*
 * mechanism: a SASL mechanism on the server's side: an exchange of tokens that ends with a
 * principal, or fails.
 *
 * A mechanism is a row of functions. prepare() is called at startup, once for each listener that
 * offers it, and keeps what the listener's settings say. An exchange begins with each handshake, is
 * given the client's tokens one by one, and ends when it says so or when the connection ends. It
 * decides only from what it is given: the image, the time and the random bytes of each step;
 * nothing here waits.
 *
 * 1. What a client can learn from a failure, including its timing and at which step it comes, must
 *    not depend on whether a user exists.
 * 2. Memory that an exchange keeps between two steps is its own, and is wiped in end(). Arenas last
 *    one step.
 * 3. A token is part of the frame, which the caller wipes after the step.
 *
 * To add a mechanism: a file with its row, and the row's name in mechanism.c; src/config/status.c
 * lists it as served.
 */
#ifndef ODRADEK_SECURITY_MECHANISM_H
#define ODRADEK_SECURITY_MECHANISM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "config/config.h"
#include "security/jaas.h"
#include "security/principal.h"

struct gss_acceptor;
struct image;
struct jwks;

/* What GSSAPI needs on a listener. */
struct mechanism_gss {
	struct gss_acceptor *acceptor;
	/*
	 * Maps a ticket's principal to a user's name, which is appended; false: no rule applies.
	 * Any thread.
	 */
	bool (*to_local)(const void *rules, struct str principal, struct buf *user);
	const void *rules;
};

/* How a listener offers a mechanism. Lives as long as the node. */
struct mechanism_place {
	const struct config *config;
	struct config_at at; /* the listener and the mechanism, for their own settings */
	const struct jaas *jaas;
	struct str cluster_id;
	bool is_signed;			 /* keys of oauthbearer_keys_url() exist, or will */
	const struct mechanism_gss *gss; /* for GSSAPI; otherwise NULL */
};

/* What an exchange may use in one step. */
#define MECHANISM_CHANCE 32

struct mechanism_world {
	const struct image *image; /* NULL before the first commit */
	int64_t now_ms;		   /* wall clock */
	const struct jwks *keys;   /* current keys of oauthbearer_keys_url(); NULL: none, or they cannot be read */
	/* A token has named a key (kid) that is not among them; NULL: not wanted. */
	void (*key_missing)(void *arg, struct str kid);
	void *key_missing_arg;
	uint8_t chance[MECHANISM_CHANCE];
};

enum mechanism_outcome {
	MECHANISM_CHALLENGE, /* the client must send more */
	MECHANISM_DONE,
	MECHANISM_FAILED, /* the exchange is over, and has been ended */
};

struct mechanism_step {
	enum mechanism_outcome outcome;
	struct bytes token;	    /* for the client; null: none */
	struct principal principal; /* for DONE; in the arena of the step */
	int64_t expiry_ms;	    /* for DONE: when the credentials expire, wall clock; MECHANISM_FOR_EVER */
	/*
	 * For FAILED: the message of Kafka's SaslAuthenticationException, sent to the client. Null:
	 * its SaslException, about which the client is told nothing.
	 */
	struct str message;
	struct str reason; /* for FAILED: for the log; never contains a secret; may be null */
	/*
	 * for FAILED: close without an answer, since a retry may succeed (Kafka's
	 * KerberosError.retriable)
	 */
	bool hangs_up;
	bool is_silent; /* for DONE: no token is sent where tokens are bare frames */
};

#define MECHANISM_FOR_EVER INT64_MAX

struct mechanism {
	const char *name;
	/*
	 * Prepares a listener; the result is in the arena. NULL, with an explanation for people:
	 * not possible.
	 */
	const void *(*prepare)(const struct mechanism_place *place, struct arena *a, struct str *error);
	size_t exchange_size; /* zeroed at the start */
	/*
	 * Whether the step for this token takes milliseconds, or needs keys that may have to be
	 * re-read from a file, and so belongs in a work job. NULL: no step does.
	 */
	bool (*is_slow)(const void *exchange, struct bytes token);
	void (*begin)(void *exchange, const void *setup);
	void (*step)(void *exchange, const struct mechanism_world *w, struct bytes token, struct arena *a,
		     struct mechanism_step *out);
	/* Releases what the exchange keeps; NULL: nothing. The caller wipes and frees the struct itself. */
	void (*end)(void *exchange);
};

/* NULL: not served. */
const struct mechanism *mechanism_find(struct str name);

/* The URL of the keys with which OAUTHBEARER verifies tokens on this listener; null: none are needed. */
struct str oauthbearer_keys_url(const struct mechanism_place *place);

/*
 * A LONG or INT setting: the mechanism's own on the listener, otherwise the listener's, otherwise
 * the node's.
 */
int64_t mechanism_long(const struct mechanism_place *place, enum config_id id);

/* For mechanisms: fills *out with a failure. */
void mechanism_fails(struct mechanism_step *out, struct str message, struct str reason);

/* For prepare() functions: checks that the login module is this Java class. */
bool mechanism_wants_module(const struct mechanism_place *place, const char *class_name, struct arena *a,
			    struct str *error);

extern const struct mechanism mechanism_gssapi;
extern const struct mechanism mechanism_oauthbearer;
extern const struct mechanism mechanism_plain;
extern const struct mechanism mechanism_scram_sha_256;
extern const struct mechanism mechanism_scram_sha_512;

#endif
