/*
 * channel: a connection to another node: it resolves the name, connects, negotiates API versions,
 * logs in, sends requests and receives answers.
 *
 * A channel goes IDLE -> RESOLVING -> DIALLING -> SECURING (TLS) -> GREETING (ApiVersions) ->
 * LOGGING_IN (if its owner has a login) -> READY, and back to IDLE when it breaks; there it waits a
 * little before the next attempt, which is made if the channel is wanted. Names are resolved anew
 * at every attempt.
 *
 * 1. Everything is on one loop's thread. Channels of one owner share what is in struct channels.
 * 2. A call is its maker's memory, and must live until call_finish() has run its done(). Request,
 *    arena and what they point to must live as long; the answer is decoded into the arena and
 *    points into it, including the frame.
 * 3. Calls leave in the order of `waiting`, each in the highest version that both sides support.
 *    After an answer that cannot be understood the connection is closed.
 * 4. When a connection breaks or cannot be made, broken() receives all calls of the channel, in
 *    order; the channel keeps none.
 * 5. When TLS or a login is refused, it is tried again after pauses that grow to one second,
 *    whatever the owner's longest pause is.
 *
 * Errors: Kafka's numbers or negated errnos: -ETIMEDOUT; ERR_UNSUPPORTED_VERSION when the two sides
 * have no version in common; -EPROTO for an answer that cannot be read; -EMSGSIZE for one that
 * there is no room for. channel_why says more about these: -EKEYREJECTED when the TLS handshake
 * failed; ERR_SASL_AUTHENTICATION_FAILED, ERR_UNSUPPORTED_SASL_MECHANISM and ERR_ILLEGAL_SASL_STATE
 * from a login.
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

/* A request to another node, and its outcome. */
struct call {
	int16_t key;
	/*
	 * Each lane has its own connection: a request that a node parks (a fetch) delays whatever
	 * is behind it.
	 */
	int8_t lane;
	bool once;	    /* not sent again when the connection breaks */
	bool silent;	    /* gets no answer (acks=0): done once written */
	int8_t version_max; /* 0: the highest version there is */
	int32_t node;
	int32_t timeout_ms; /* 0: the owner's default */
	const void *request;
	struct arena *arena;
	/*
	 * Adapts the request to the version before it is encoded; may be NULL. A non-zero result
	 * ends the call with that error.
	 */
	int (*fit)(struct call *c);
	void (*done)(struct call *c);
	/* The outcome. */
	int err;
	int version;
	const void *response;
	struct str message; /* explains err to people; null: nothing to add. Set by the owner, in the arena */
	/* For the owner's use. */
	void *owner;
	struct timer timer;
	int64_t deadline_ns;
	/* For the channel's use. */
	struct channel *at;
	struct list link;
	int32_t correlation;
	bool sent;
	struct chain out;
	uint8_t out_len[4];
};

/* Ends the call: takes it off its list, stops its timer, runs done(). */
void call_finish(struct call *call, int err);

/* What the channels of one owner share. */
struct channels {
	struct loop *loop;
	struct str client_id;
	size_t answer_max;  /* limit for one answer, in bytes */
	int backoff_max_ms; /* longest pause before an attempt; 0: one second */
	/*
	 * How long an attempt may take. It doubles after each attempt that took too long, up to the
	 * maximum; 0: ten seconds.
	 */
	int64_t setup_timeout_ms;
	int64_t setup_timeout_max_ms;
	const struct login_method *login; /* wire/login.h; NULL: no login */
	void (*broken)(struct channel *ch, int err, struct list *calls);
	/* The TLS context, with a reference held by the channels; NULL: plain text, or tls_slot is used. */
	struct tls_context *tls;
	struct tls_slot *tls_slot; /* The owner's slot, never empty, read at each attempt; NULL: none. */
	uint8_t *landing;
	_Atomic bool over; /* channels_stop() was called */
	int n_resolving;   /* name look-ups and login jobs under way; nothing is freed while there are any */
	int32_t next_correlation;
};

void channels_init(struct channels *all, struct loop *l);
void channels_fini(struct channels *all);
/* The owner is stopping: work that login jobs wait for is no longer wanted, so they end soon. */
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
	int16_t min; /* min > max: not supported */
	int16_t max;
};

struct resolving; /* a name look-up under way */
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
	struct transport transport; /* its sock is NULL while there is no connection */
	char *why;		    /* why the last attempt failed, if TLS or the login was the reason; else NULL */
	struct timer flush;	    /* fires once per turn, so that calls made meanwhile leave together */
	struct timer attempt;	    /* starts the next attempt, or ends the current one */
	int backoff_ms;
	int setups_late;       /* consecutive attempts that took too long */
	struct list waiting;   /* calls not encoded yet */
	struct list sending;   /* encoded, not completely written */
	struct list in_flight; /* written, in the order in which answers are due */
	size_t sent;	       /* bytes already sent of the first call in `sending` */
	struct api_range apis[CHANNEL_KEYS_MAX];
	struct call greeting;
	struct arena greeting_arena;
	int greeting_version;
	struct channel_login *login; /* NULL: none yet */
	/* The answer being received. */
	uint8_t head[4];
	int head_len;
	uint8_t *frame;
	size_t frame_len;
	size_t frame_pos;
	int n_barren; /* reads since the last answer that ended amid TLS records without data */
};

void channel_init(struct channel *ch, struct channels *all, const char *host, int port);
/* Closes it. Calls under way are dropped without done(). */
void channel_fini(struct channel *ch);

/* Takes the call, to be sent once there is a connection. done() never runs inside this function. */
void channel_call(struct channel *ch, struct call *call);
/* Closes the connection, or abandons the attempt to make one: broken() receives the calls. */
void channel_break(struct channel *ch, int err);
/* The node refused this one, or is not the one expected: retrying at once will not help. */
bool channel_is_refusal(int err);
bool channel_is_ready(const struct channel *ch);
bool channel_is_unused(const struct channel *ch); /* it has no calls */
/*
 * Why the last attempt failed, if TLS or the login was the reason: "certificate verify failed:
 * certificate has expired", "Authentication failed: Invalid username or password"; otherwise "".
 */
const char *channel_why(const struct channel *ch);

#endif
