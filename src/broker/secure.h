/*
 * secure: TLS of this node, of its listeners and of its connections to others: from settings to contexts.
 *
 * A listener's own settings (listener.name.NAME.ssl.*) go before the node's, and dynamic ones before static ones of the same name. Brokers dial
 * each other with the settings of the inter-broker listener, everybody dials controllers with those of the controllers' listener.
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

bool secure_is_tls(enum security_protocol p);
/* What holds for a listener; layers NULL: static settings alone. Views into both, and the arena. */
void secure_settings(const struct config *c, const struct layers *layers, struct str listener,
		     enum security_protocol protocol, struct arena *a, struct tls_settings *out);
/* Before listeners are bound: makes the contexts. NODE_END_CONFIG when one cannot be made, which is told. */
enum node_end secure_start(struct node *n);
void secure_stop(struct node *n);

/* Does anything of this node speak TLS? */
bool secure_is_used(struct node *n);
/*
 * The image has changed: stores that were changed with it, or whose files were, are taken for new connections, once a job has read them. Reactor 0.
 */
void secure_follow(struct node *n, const struct image *old, const struct image *now);
/* Could the listeners be so? Else ERR_INVALID_REQUEST, with Kafka's words in *message. Reads files: for a job. */
int secure_check(struct node *n, const struct layers *layers, struct arena *a, struct str *message);

/*
 * Whom a connection of an SSL listener belongs to: the name in its certificate by ssl.principal.mapping.rules, or nobody in particular. False:
 * no rule applies, and it is not served.
 */
bool secure_identify(const struct node_listener *l, const struct conn *c, struct identity **out);

#endif
