/*
 * mechanism: one way of SASL to say who one is, on the server's side: an exchange of tokens that ends with a principal, or fails.
 *
 * A mechanism is a row of functions. prepare() is called once for each listener that offers it, at the start, and keeps what the
 * listener's settings say. An exchange is begun for each handshake, is given what the client sends, token by token, and ends when it
 * says so, or when the connection does. It decides from what it is given: the image, the time and chance of each step; nothing here waits.
 *
 * 1. What a client may learn from a failure, also from its time and its moment, must not depend on whether a user exists.
 * 2. Memory that an exchange keeps between two steps is the exchange's own and is wiped in end(). Arenas are of one step.
 * 3. A token is taken from the frame, which the caller wipes after the step.
 *
 * A new mechanism: a file with its row, and the row's name in mechanism.c; src/config/status.c says that it is served.
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

/* What GSSAPI is offered with. */
struct mechanism_gss {
	struct gss_acceptor *acceptor;
	/* From a ticket's principal to a user's name, which is appended; false: to nobody's. Any thread. */
	bool (*to_local)(const void *rules, struct str principal, struct buf *user);
	const void *rules;
};

/* What a listener offers a mechanism with. Lives as long as the node. */
struct mechanism_place {
	const struct config *config;
	struct config_at at; /* the listener and the mechanism: for settings of theirs */
	const struct jaas *jaas;
	struct str cluster_id;
	bool is_signed;			 /* there are keys of oauthbearer_keys_url(), or will be */
	const struct mechanism_gss *gss; /* of GSSAPI; NULL with all others */
};

/* What an exchange may look at in one step. */
#define MECHANISM_CHANCE 32

struct mechanism_world {
	const struct image *image; /* NULL before the first commit */
	int64_t now_ms;		   /* wall clock */
	const struct jwks *keys; /* those of oauthbearer_keys_url() now; NULL: there are none, or they cannot be read */
	/* A token has named a key (kid) that is not among them; NULL: nobody wants to know. */
	void (*key_missing)(void *arg, struct str kid);
	void *key_missing_arg;
	uint8_t chance[MECHANISM_CHANCE];
};

enum mechanism_outcome {
	MECHANISM_CHALLENGE, /* the client has to say more */
	MECHANISM_DONE,
	MECHANISM_FAILED, /* the exchange is over: it is ended */
};

struct mechanism_step {
	enum mechanism_outcome outcome;
	struct bytes token;	    /* for the client; null: none */
	struct principal principal; /* DONE; in the arena of the step */
	int64_t expiry_ms;	    /* DONE: when what was shown ends, wall clock; MECHANISM_FOR_EVER */
	/* FAILED: Kafka's SaslAuthenticationException, told to the client. Null: its SaslException, of which nothing is told. */
	struct str message;
	struct str reason; /* FAILED: for the node's own diagnostics; never a secret; may be null */
	bool hangs_up; /* FAILED: nothing is answered, and the next attempt may be right (Kafka's KerberosError.retriable) */
	bool is_silent; /* DONE: there is no token, where tokens are bare frames */
};

#define MECHANISM_FOR_EVER INT64_MAX

struct mechanism {
	const char *name;
	/* The setup of a listener, in the arena; NULL and why it cannot be, for people. */
	const void *(*prepare)(const struct mechanism_place *place, struct arena *a, struct str *error);
	size_t exchange_size; /* zeroed at its birth */
	/* The step for this token takes milliseconds, or needs keys that a file may hold anew: it is for a job. NULL: none does. */
	bool (*is_slow)(const void *exchange, struct bytes token);
	void (*begin)(void *exchange, const void *setup);
	void (*step)(void *exchange, const struct mechanism_world *w, struct bytes token, struct arena *a,
		     struct mechanism_step *out);
	void (*end)(
		void *exchange); /* gives back what it keeps; NULL: nothing. The struct itself is wiped and freed by the caller. */
};

/* NULL: it is not served. */
const struct mechanism *mechanism_find(struct str name);

/* Where the keys are that OAUTHBEARER verifies tokens with on this listener; null: none are wanted. */
struct str oauthbearer_keys_url(const struct mechanism_place *place);

/* A LONG or INT setting: the mechanism's own on the listener, or the listener's, or the node's. */
int64_t mechanism_long(const struct mechanism_place *place, enum config_id id);

/* For the files of mechanisms: fills *out. */
void mechanism_fails(struct mechanism_step *out, struct str message, struct str reason);

/* A prepare() that wants the login module of this Java class. */
bool mechanism_wants_module(const struct mechanism_place *place, const char *class_name, struct arena *a,
			    struct str *error);

extern const struct mechanism mechanism_gssapi;
extern const struct mechanism mechanism_oauthbearer;
extern const struct mechanism mechanism_plain;
extern const struct mechanism mechanism_scram_sha_256;
extern const struct mechanism mechanism_scram_sha_512;

#endif
