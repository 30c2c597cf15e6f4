/*
 * sasl_private: what sasl_listener.c and sasl.c share.
 */
#ifndef ODRADEK_BROKER_SASL_PRIVATE_H
#define ODRADEK_BROKER_SASL_PRIVATE_H

#include "broker/sasl.h"
#include "security/mechanism.h"

struct sasl_offer {
	const struct mechanism *mechanism;
	struct str name;
	const void *setup;
	struct sasl_keys *keys; /* NULL: none are wanted */
	int64_t max_reauth_ms;	/* 0: for ever */
};

/* The keys of the file as it is now, with a reference of the caller's; NULL: it cannot be read, which is told. Blocks: for a job. */
struct jwks *sasl_keys_now(struct sasl_keys *k);

struct sasl_listener {
	struct sasl_offer *offers; /* in the order in which Kafka names them */
	int n_offers;
	const struct str *names; /* the same order */
	int64_t failure_delay_ms;
	size_t frame_max;	   /* until it is known who it is */
	size_t frame_max_then;	   /* and after that */
	struct sasl_counts counts; /* atomic, each by itself */
};

#endif
