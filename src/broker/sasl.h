/*
 * sasl: who a connection belongs to, on listeners that ask (SASL_PLAINTEXT, SASL_SSL): Kafka's SaslServerAuthenticator.
 *
 *	ApiVersions once, or not at all -> SaslHandshake -> tokens until the mechanism is content -> all other requests
 *
 * 1. Before that nothing else is taken: it closes the connection. Frames are small, and all of it ends within ten seconds.
 * 2. After a handshake of version 0 tokens are bare frames, from version 1 on they are in SaslAuthenticate.
 * 3. A failure is answered after connection.failed.authentication.delay.ms, then the connection closes; nothing else of it is read meanwhile.
 * 4. A session that is to end (connections.max.reauth.ms, or a credential's own end) may begin again with SaslHandshake: with the same
 *    mechanism, for the same principal, at most once a second (KIP-368). Once it has ended, any other request closes the connection.
 * 5. A step that takes long (the keys of a delegation token, signed tokens and the file of their keys) is a job's, and the connection waits.
 * 6. Frames that hold tokens are wiped, parts of frames too.
 *
 * A struct sasl is its connection's, on its reactor; a struct sasl_listener never changes but for its counts, each core's by itself.
 */
#ifndef ODRADEK_BROKER_SASL_H
#define ODRADEK_BROKER_SASL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct buf;
struct config;
struct config_at;
struct config_endpoint;
struct conn;
struct core;
struct env;
struct frame;
struct jvm_options;
struct node;
struct node_listener;
struct peer;
struct request;
struct sasl;
struct sasl_listener;

/* ---- a listener ---- */

/* A listener offers GSSAPI, or this node logs in by it: a library has to be there. */
bool sasl_wants_kerberos(const struct config *c);
/*
 * The JAAS line of a listener's mechanism: its own setting, or what the JAAS file has in LISTENER.KafkaServer (in lower case) or in KafkaServer. In
 * the arena. Null and *error: there is none.
 */
struct str sasl_line(const struct config *c, const struct config_at *at, const struct jvm_options *jvm, struct arena *a,
		     struct str *error);
/* What it offers, by its settings. NULL and *error: what stands in the way of a start, for people. */
struct sasl_listener *sasl_listener_new(struct env *env, const struct config *c, const struct config_endpoint *e,
					struct str cluster_id, const struct jvm_options *jvm, struct arena *a,
					struct str *error);
/* What is not the arena's. NULL is fine. */
void sasl_listener_fini(struct sasl_listener *l);
/* Its keys that a server has are asked for: on reactor 0. NULL is fine. */
void sasl_listener_start(struct sasl_listener *l, struct core *core);
void sasl_listener_stop(struct sasl_listener *l);
/* Before there are connections: what becomes of logins, and of TLS where nobody has to say who he is, is counted by core. */
void sasl_listener_count(struct node_listener *l, int n_cores);
/* What is not the arena's of a listener, and its counts. */
void sasl_listener_forget(struct node_listener *l);
/* A connection has agreed on TLS, or could not: on a listener that asks nothing more this is its login. Of the core. */
void sasl_metrics_tls(const struct node_listener *l, struct core *core, bool ok);
/* Kafka's socket-server-metrics of logins, for each listener that asks or has TLS, and each core. Any thread. */
void sasl_metrics_print(const struct node *n, int64_t now_ns, struct buf *out);

/* ---- a connection ---- */

struct sasl *sasl_new(struct sasl_listener *l, struct peer *peer, struct conn *conn);
/* The connection is gone. NULL is fine. */
void sasl_free(struct sasl *s);
/* It has said who it is: until then no quota counts what it asks. */
bool sasl_is_complete(const struct sasl *s);

enum sasl_way {
	SASL_OTHERS,  /* the frame is a request like any */
	SASL_OWN,     /* it is sasl_frame's */
	SASL_EXPIRED, /* the session has ended: the connection is to be closed */
};
enum sasl_way sasl_look(struct sasl *s, const struct frame *f);
/* Takes the request, whose frame is not read yet. */
void sasl_frame(struct sasl *s, struct request *r);

#endif
