/*
 * secure: TLS of this node, for its listeners and its connections to other nodes: from settings to
 * contexts.
 *
 * A listener's own settings (listener.name.NAME.ssl.*) take precedence over the node's, and dynamic
 * ones over static ones of the same name. Brokers dial each other with the settings of the
 * inter-broker listener; controllers are dialled with those of the controllers' listener.
 */
#ifndef ODRADEK_BROKER_SECURE_H
#define ODRADEK_BROKER_SECURE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"
#include "broker/node.h"
#include "config/listener.h"
#include "tls/tls.h"

struct config;
struct conn;
struct identity;
struct image;
struct layers;
struct node_listener;

/* The settings that apply to a listener; layers NULL: static settings only. Views into both, and the arena. */
void secure_settings(const struct config *c, const struct layers *layers, struct str listener,
		     enum security_protocol protocol, struct arena *a, struct tls_settings *out);
/* Makes the contexts, before listeners are bound. NODE_END_CONFIG when one cannot be made, which is logged. */
enum node_end secure_start(struct node *n);
void secure_stop(struct node *n);

/* Does any listener or connection of this node use TLS? */
bool secure_is_used(struct node *n);
/*
 * The image has changed: key stores and trust stores that changed with it, or whose files did, take
 * effect for new connections once a job has read them. Reactor 0.
 */
void secure_follow(struct node *n, const struct image *old, const struct image *now);
/*
 * Would these settings work for the listeners? If not: ERR_INVALID_REQUEST, with Kafka's message in
 * *message. Reads files: for a job.
 */
int secure_check(struct node *n, const struct layers *layers, struct arena *a, struct str *message);

/*
 * The identity behind a connection to an SSL listener: from the name in its certificate, by
 * ssl.principal.mapping.rules, or anonymous. False: no rule applies, and the connection is not
 * served.
 */
bool secure_identify(const struct node_listener *l, const struct conn *c, struct identity **out);

#endif
