/*
 * listener: the endpoints a node listens on and advertises, its quorum, its per-address limits:
 * parsed from their settings.
 *
 * Names are upper case, as Kafka normalises them. A null host means every address. IPv6 hosts have
 * no brackets.
 */
#ifndef ODRADEK_CONFIG_LISTENER_H
#define ODRADEK_CONFIG_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* Kafka's numbers, as in RegisterBrokerRecord. */
enum security_protocol {
	PROTOCOL_PLAINTEXT = 0,
	PROTOCOL_SSL = 1,
	PROTOCOL_SASL_PLAINTEXT = 2,
	PROTOCOL_SASL_SSL = 3,
};

/* Whether clients must authenticate with SASL. */
static inline bool protocol_is_sasl(enum security_protocol p)
{
	return p == PROTOCOL_SASL_PLAINTEXT || p == PROTOCOL_SASL_SSL;
}

struct config_endpoint {
	struct str name;
	struct str host; /* null = the wildcard address */
	int32_t port;	 /* 0 = any free one, for listeners */
	enum security_protocol protocol;
	bool controller; /* its name is in controller.listener.names */
};

struct config_voter {
	int32_t id;
	int32_t port;
	struct str host;
};

struct config_ip_limit {
	struct str host;
	int32_t connections;
};

struct config_network {
	const struct config_endpoint *listeners; /* what to bind, in the order of `listeners` */
	int n_listeners;
	/*
	 * What clients and brokers are told; derived from `listeners` when advertised.listeners is
	 * not set.
	 */
	const struct config_endpoint *advertised;
	int n_advertised;
	bool advertised_is_set;
	/* What the quorum is told, in the order of controller.listener.names. */
	const struct config_endpoint *controller_advertised;
	int n_controller_advertised;
	struct str inter_broker_listener; /* a name; null on a pure controller */
	enum security_protocol inter_broker_protocol;
	/*
	 * The listener on which controllers are reached: the first of controller.listener.names;
	 * null if there is none.
	 */
	struct str controller_listener;
	enum security_protocol controller_protocol;
	const struct config_voter *voters; /* controller.quorum.voters */
	int n_voters;
	const struct config_voter *bootstrap; /* controller.quorum.bootstrap.servers; ids are -1 */
	int n_bootstrap;
	const struct config_ip_limit *ip_limits; /* max.connections.per.ip.overrides */
	int n_ip_limits;
};

/*
 * Parses max.connections.per.ip.overrides: limits from the arena, with views into text. False, with
 * Kafka's message in *why, when it is invalid.
 */
bool config_ip_limits_read(struct str text, struct arena *a, const struct config_ip_limit **out, int *n,
			   struct str *why);

#endif
