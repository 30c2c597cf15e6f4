/*
 * client: a client of a cluster, for the tools: finds the nodes, keeps a connection to each node it
 * talks to, and sends requests in the highest version that both sides support.
 *
 * 1. Event driven on one loop, which may also be a simulated one; everything here is called on that
 *    loop's thread, or before it runs.
 * 2. A call is the caller's memory, and must live until done() has run. Request, arena and what
 *    they point to must live as long; the answer is decoded into the arena and points into it,
 *    including the frame.
 * 3. done() never runs inside client_call. It may make calls; it must not free the client.
 * 4. Calls to one node leave in the order in which they were made. A call whose connection breaks
 *    is sent again until its time is up, unless it is `once`: ordering produce requests of an
 *    idempotent producer is up to its caller.
 * 5. Errors inside an answer are left to the caller: `err` is about transport only.
 *    client_answer_error() finds the top-level error of an answer.
 *
 * Errors: Kafka's numbers or negated errnos: -ETIMEDOUT; ERR_UNSUPPORTED_VERSION when the two sides
 * have no version in common; -EPROTO for an answer that cannot be read; -EMSGSIZE for one that is
 * larger than its arena or answer_max; -ECONNRESET for calls sent only once. A node that refuses
 * this client ends all its calls at once with ERR_SASL_AUTHENTICATION_FAILED,
 * ERR_UNSUPPORTED_SASL_MECHANISM, ERR_ILLEGAL_SASL_STATE or -EKEYREJECTED (TLS), and the reason in
 * the call's message.
 */
#ifndef ODRADEK_CLIENT_CLIENT_H
#define ODRADEK_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "net/channel.h"

struct client;

struct client_options {
	struct str client_id;
	const char *bootstrap; /* "host:port,host:port" */
	bool controllers;      /* the addresses are those of controllers (KIP-919) */
	int32_t request_timeout_ms;
	int32_t api_timeout_ms; /* for a call with all its attempts */
	int32_t retry_backoff_ms;
	/* For connections, as in struct channels; 0: the defaults there. */
	int32_t reconnect_backoff_max_ms;
	int64_t setup_timeout_ms;
	int64_t setup_timeout_max_ms;
	struct tls_context *tls;					 /* NULL: plain text; a reference is taken */
	const struct login_method *login;				 /* NULL: no login; must outlive the client */
	size_t answer_max;						 /* limit for one answer, in bytes */
	void (*trouble)(void *arg, const char *host, int port, int err); /* a connection has failed; may be NULL */
	void *trouble_arg;
};

#define CLIENT_OPTIONS_DEFAULT                                                                                         \
	((struct client_options){.client_id = STR("odradek"),                                                          \
				 .request_timeout_ms = 30000,                                                          \
				 .api_timeout_ms = 60000,                                                              \
				 .retry_backoff_ms = 100,                                                              \
				 .answer_max = 256 << 20})

/* Destinations of a call (its `node`), besides node ids. */
enum { CLIENT_ANY = -1, CLIENT_CONTROLLER = -2 };

struct client_broker {
	int32_t id;
	const char *host;
	int port;
	const char *rack; /* may be NULL */
};

/*
 * Returns 0, or ERR_INVALID_CONFIG when an address cannot be parsed; *wrong is that address. The
 * strings of the options are copied.
 */
int client_new(struct loop *l, const struct client_options *options, struct client **out, struct str *wrong);
/*
 * Closes everything; calls under way get no done(). Must not be called during a name look-up: see
 * client_is_busy.
 */
void client_free(struct client *c);
bool client_is_busy(const struct client *c);

void client_call(struct client *c, struct call *call);
/* Abandons the call: no done(). */
void client_cancel(struct client *c, struct call *call);

const struct client_broker *client_broker_find(const struct client *c, int32_t id);
/* Makes the client fetch the brokers again before the next call to a node or the controller. */
void client_forget(struct client *c);
/* The message of the last node that refused this client; "" if there was none. */
const char *client_refusal(const struct client *c);
struct loop *client_loop(const struct client *c);
/* Returns a lane of the caller's own. */
int8_t client_lane(struct client *c);

/* The top-level error of the answer, if it has such a field (errorCode), and its message, if it has one. */
int client_answer_error(const struct call *c, struct str *message);

#endif
