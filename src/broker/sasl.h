/*
 * sasl: authenticates connections on listeners that require it (SASL_PLAINTEXT, SASL_SSL): Kafka's
 * SaslServerAuthenticator.
 *
 *	ApiVersions (optional, once) -> SaslHandshake -> tokens until the mechanism is satisfied -> all other requests
 *
 * 1. Until then, any other request closes the connection. Frames are small, and the exchange has to
 *    end within ten seconds.
 * 2. After a handshake of version 0 tokens are bare frames; from version 1 on they are in
 *    SaslAuthenticate.
 * 3. A failure is answered after connection.failed.authentication.delay.ms, and then the connection
 *    closes; nothing else is read from it meanwhile.
 * 4. A session with a limited life (connections.max.reauth.ms, or the credential's own end) may
 *    begin again with SaslHandshake: with the same mechanism, for the same principal, at most once
 *    a second (KIP-368). Once it has ended, any other request closes the connection.
 * 5. A step that takes long (deriving the keys of a delegation token, verifying signed tokens,
 *    reading the file of their keys) runs in a job, and the connection waits.
 * 6. Frames that hold tokens are wiped, including partial ones.
 *
 * A struct sasl belongs to its connection, on its reactor. A struct sasl_listener never changes,
 * apart from its counts, which each core has for itself.
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

/* Does a listener offer GSSAPI, or does this node log in by it? Then the library is needed. */
bool sasl_wants_kerberos(const struct config *c);
/*
 * The JAAS line of a listener's mechanism: from its own setting, or from the JAAS file, where it is
 * under LISTENER.KafkaServer (in lower case) or KafkaServer. In the arena. Null and *error: there
 * is none.
 */
struct str sasl_line(const struct config *c, const struct config_at *at, const struct jvm_options *jvm, struct arena *a,
		     struct str *error);
/*
 * Sets up the mechanisms that it offers, from its settings. NULL and *error: a message saying what
 * prevents the start.
 */
struct sasl_listener *sasl_listener_new(struct env *env, const struct config *c, const struct config_endpoint *e,
					struct str cluster_id, const struct jvm_options *jvm, struct arena *a,
					struct str *error);
/* Starts fetching the keys that come from a server: on reactor 0. NULL is allowed. */
void sasl_listener_start(struct sasl_listener *l, struct core *core);
void sasl_listener_stop(struct sasl_listener *l);
/*
 * Before there are connections: from now on counts, by core, logins, or TLS handshakes where there
 * is no SASL.
 */
void sasl_listener_count(struct node_listener *l, int n_cores);
/* Frees what is not in the arena, and the counts. */
void sasl_listener_forget(struct node_listener *l);
/* A TLS handshake has succeeded or failed: on a listener without SASL this is the login. On the core. */
void sasl_metrics_tls(const struct node_listener *l, struct core *core, bool ok);
/* Kafka's socket-server-metrics of logins, for each listener with SASL or TLS, and each core. Any thread. */
void sasl_metrics_print(const struct node *n, int64_t now_ns, struct buf *out);

/* ---- a connection ---- */

struct sasl *sasl_new(struct sasl_listener *l, struct peer *peer, struct conn *conn);
/* The connection is gone. NULL is allowed. */
void sasl_free(struct sasl *s);
/* True when it has authenticated: until then its requests do not count against quotas. */
bool sasl_is_complete(const struct sasl *s);

enum sasl_way {
	SASL_OTHERS,  /* the frame is an ordinary request */
	SASL_OWN,     /* the frame is for sasl_frame */
	SASL_EXPIRED, /* the session has ended: the connection is to be closed */
};
enum sasl_way sasl_look(struct sasl *s, const struct frame *f);
/* Takes over the request, whose frame is not read yet. */
void sasl_frame(struct sasl *s, struct request *r);

#endif
