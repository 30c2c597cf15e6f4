/*
 * client: a client of a cluster, for the tools: finds its nodes, keeps a connection to each that is asked something, and asks in the
 * highest version that both sides speak.
 *
 * 1. Event driven on one loop, which also may be a simulated one; everything here is called on that loop's thread, or before it runs.
 * 2. A call is the caller's memory until done() has run. Request, arena and what they point to live as long; the answer is decoded into
 *    the arena and points into it, frame included.
 * 3. done() never runs inside client_call. It may make calls; it may not free the client.
 * 4. Calls to one node leave in the order they were made. A call whose connection breaks is sent again until its time is up, unless it is
 *    `once`: a produce request of an idempotent producer is its caller's to order.
 * 5. An error inside an answer is the caller's to see: err tells of the way only. client_answer_error() finds the one of the whole answer.
 * Errors: Kafka's numbers or negated errnos: -ETIMEDOUT, ERR_UNSUPPORTED_VERSION when no version is common to both, -EPROTO for an answer
 * that cannot be read, -EMSGSIZE for one that is larger than its arena or answer_max, -ECONNRESET for calls that go once. A node that does not
 * let this client in ends all its calls at once: ERR_SASL_AUTHENTICATION_FAILED, ERR_UNSUPPORTED_SASL_MECHANISM, ERR_ILLEGAL_SASL_STATE,
 * -EKEYREJECTED (TLS), with why in the call's message.
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
	bool controllers;      /* these are controllers (KIP-919) */
	int32_t request_timeout_ms;
	int32_t api_timeout_ms; /* of a call, with all its attempts */
	int32_t retry_backoff_ms;
	/* Of connections, as struct channels has them; 0: its own. */
	int32_t reconnect_backoff_max_ms;
	int64_t setup_timeout_ms;
	int64_t setup_timeout_max_ms;
	struct tls_context *tls;	  /* NULL: in plain text; a reference is taken */
	const struct login_method *login; /* NULL: nobody says who this is; it outlives the client */
	size_t answer_max;		  /* bytes of one answer */
	void (*trouble)(void *arg, const char *host, int port, int err); /* a connection has failed; may be NULL */
	void *trouble_arg;
};

#define CLIENT_OPTIONS_DEFAULT                                                                                         \
	((struct client_options){.client_id = STR("odradek"),                                                          \
				 .request_timeout_ms = 30000,                                                          \
				 .api_timeout_ms = 60000,                                                              \
				 .retry_backoff_ms = 100,                                                              \
				 .answer_max = 256 << 20})

/* Where a call goes (its `node`), beside the ids of nodes. */
enum { CLIENT_ANY = -1, CLIENT_CONTROLLER = -2 };

struct client_broker {
	int32_t id;
	const char *host;
	int port;
	const char *rack; /* may be NULL */
};

/* 0, or ERR_INVALID_CONFIG when the addresses cannot be read; *wrong is then the one. The strings of the options are copied. */
int client_new(struct loop *l, const struct client_options *options, struct client **out, struct str *wrong);
/* Closes everything; calls that are under way get no done(). No look-up of a name may be under way: client_is_busy. */
void client_free(struct client *c);
bool client_is_busy(const struct client *c);

void client_call(struct client *c, struct call *call);
/* Gives it up: no done(). */
void client_cancel(struct client *c, struct call *call);

/* The brokers of the last metadata; their strings live until the next. -1 where nobody knows. */
int client_brokers(const struct client *c, const struct client_broker **out);
const struct client_broker *client_broker_find(const struct client *c, int32_t id);
/* Asks for the brokers anew before the next call to a node or the controller. */
void client_forget(struct client *c);
/* What the last node that has not let this client in has said; "" when there was none. */
const char *client_refusal(const struct client *c);
struct loop *client_loop(const struct client *c);
/* A lane that nobody else has. */
int8_t client_lane(struct client *c);

/* The error of the whole answer, when it has such a field (errorCode); and its message, when it has one. */
int client_answer_error(const struct call *c, struct str *message);

#endif
