/*
 * channel: a connection to another node: name to address to socket, the greeting that tells what it speaks, requests out, answers in.
 *
 * A channel goes IDLE -> RESOLVING -> DIALLING -> SECURING (TLS) -> GREETING (ApiVersions) -> LOGGING_IN (where its owner has a login) ->
 * READY, and back to IDLE when it breaks, where it waits a little before the next attempt when somebody wants it. Names are resolved anew at
 * every attempt.
 *
 * 1. Everything is on one loop's thread. Channels of one owner share what is in struct channels.
 * 2. A call is its maker's memory until call_finish() has run its done(). Request, arena and what they point to live as long; the answer is
 *    decoded into the arena and points into it, frame included.
 * 3. Calls leave in the order of `waiting`, each in the highest version that both sides speak. After an answer that is not understood the
 *    connection is given up.
 * 4. When a connection breaks or cannot be made, broken() is given all calls of the channel, in order; the channel keeps none.
 * 5. Where TLS or a login is refused it is tried again after pauses that grow to a second, whatever the owner's longest pause is.
 * Errors: Kafka's numbers or negated errnos: -ETIMEDOUT, ERR_UNSUPPORTED_VERSION when no version is common to both, -EPROTO for an answer
 * that cannot be read, -EMSGSIZE for one that there is no room for. Those of which channel_why has more: -EKEYREJECTED when TLS could not be
 * agreed on; of a login ERR_SASL_AUTHENTICATION_FAILED, ERR_UNSUPPORTED_SASL_MECHANISM, ERR_ILLEGAL_SASL_STATE.
 */
#ifndef ODRADEK_NET_CHANNEL_H
#define ODRADEK_NET_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "env/env.h"
#include "net/transport.h"
#include "wire/chain.h"

struct channel;
struct login_method;

/* A request to another node, and what becomes of it. */
struct call {
	int16_t key;
	int8_t lane;	    /* one connection each: what a node parks (a fetch) holds up what comes behind it */
	bool once;	    /* not sent again when the connection breaks */
	bool silent;	    /* there will be no answer (acks=0): done when it is written */
	int8_t version_max; /* 0: the highest there is */
	int32_t node;
	int32_t timeout_ms; /* 0: the owner's */
	const void *request;
	struct arena *arena;
	/* Fits the request to the version, before it is encoded; may be NULL. Non-zero ends the call with that error. */
	int (*fit)(struct call *c);
	void (*done)(struct call *c);
	/* What has become of it. */
	int err;
	int version;
	const void *response;
	struct str message; /* what people are told of err; null: nothing more. The owner's to set, in the arena */
	/* The owner's. */
	void *owner;
	struct timer timer;
	int64_t deadline_ns;
	/* The channel's. */
	struct channel *at;
	struct list link;
	int32_t correlation;
	bool sent;
	struct chain out;
	uint8_t out_len[4];
};

/* Ends it: takes it from its list, stops its timer, runs done(). */
void call_finish(struct call *call, int err);

/* What the channels of one owner share. */
struct channels {
	struct loop *loop;
	struct str client_id;
	size_t answer_max;  /* bytes of one answer */
	int backoff_max_ms; /* the longest pause before an attempt; 0: a second */
	/* How long an attempt may take: twice as long after each that took too long, up to the longest; 0: ten seconds. */
	int64_t setup_timeout_ms;
	int64_t setup_timeout_max_ms;
	const struct login_method *login; /* wire/login.h; NULL: nobody asks who this is */
	void (*broken)(struct channel *ch, int err, struct list *calls);
	struct tls_context
		*tls; /* what secures them, a reference of the channels'; NULL: they are plain, or it is in */
	struct tls_slot *tls_slot; /* the owner's, never empty: what is there at each attempt; NULL: none */
	uint8_t *landing;
	_Atomic bool over; /* channels_stop() was called */
	int n_resolving;   /* jobs under way, of look-ups and logins: while there are any, nothing is freed */
	int32_t next_correlation;
};

void channels_init(struct channels *all, struct loop *l);
void channels_fini(struct channels *all);
/* Their owner stops: what jobs of logins wait for is not wanted any more, and they end soon. */
void channels_stop(struct channels *all);

enum { CHANNEL_KEYS_MAX = 128, CHANNEL_ADDRESSES_MAX = 8 };

enum channel_state {
	CHANNEL_IDLE,
	CHANNEL_RESOLVING,
	CHANNEL_DIALLING,
	CHANNEL_SECURING,
	CHANNEL_GREETING,
	CHANNEL_LOGGING_IN,
	CHANNEL_READY
};

struct api_range {
	int16_t min; /* min > max: not spoken */
	int16_t max;
};

struct resolving; /* a look-up of a name, under way */
struct channel_login;

struct channel {
	struct channels *all;
	char *host;
	int port;
	enum channel_state state;
	struct resolving *resolving;
	struct addr addresses[CHANNEL_ADDRESSES_MAX];
	int n_addresses;
	int next_address;
	struct transport transport; /* its sock is NULL while there is none */
	char *why;		    /* why the last attempt has failed, where TLS or the login has; NULL */
	struct timer flush;	    /* once a turn: what was asked meanwhile leaves together */
	struct timer attempt;	    /* the next one, or the end of this one */
	int backoff_ms;
	int setups_late;       /* attempts in a row that took too long */
	struct list waiting;   /* calls that are not encoded yet */
	struct list sending;   /* encoded, not wholly written */
	struct list in_flight; /* written, in the order of their answers */
	size_t sent;	       /* bytes of the first of `sending` */
	struct api_range apis[CHANNEL_KEYS_MAX];
	struct call greeting;
	struct arena greeting_arena;
	int greeting_version;
	struct channel_login *login; /* NULL: none yet */
	/* The answer that is coming in. */
	uint8_t head[4];
	int head_len;
	uint8_t *frame;
	size_t frame_len;
	size_t frame_pos;
};

void channel_init(struct channel *ch, struct channels *all, const char *host, int port);
/* Closes it. Calls that are under way are dropped: no done(). */
void channel_fini(struct channel *ch);

/* Takes the call, to be sent when there is a connection. done() never runs inside. */
void channel_call(struct channel *ch, struct call *call);
/* Gives the connection up, if there is one or one is tried: broken() has the calls. */
void channel_break(struct channel *ch, int err);
/* The node does not let this one in, or is not who it should be: it will be no better at once. */
bool channel_is_refusal(int err);
bool channel_is_ready(const struct channel *ch);
bool channel_is_unused(const struct channel *ch); /* it has no call */
/*
 * Why the node and this one did not come together, at the last attempt: "certificate verify failed: certificate has expired", "Authentication
 * failed: Invalid username or password"; "" when that was not it.
 */
const char *channel_why(const struct channel *ch);

#endif
