/*
 * sasl_private: what sasl.c, sasl_listener.c and sasl_metrics.c share.
 */
#ifndef ODRADEK_BROKER_SASL_PRIVATE_H
#define ODRADEK_BROKER_SASL_PRIVATE_H

#include "broker/sasl.h"
#include "broker/sasl_keys.h"
#include "security/mechanism.h"

struct sasl_offer {
	const struct mechanism *mechanism;
	struct str name;
	const void *setup;
	struct sasl_keys *keys;	  /* NULL: none are wanted */
	struct mechanism_gss gss; /* of GSSAPI; its own */
	int64_t max_reauth_ms;	  /* 0: for ever */
};

/* How often something was, and lately: in windows of half a minute, as Kafka's sensors have it (metrics.sample.window.ms). */
#define SASL_WINDOW_NS 30000000000

struct sasl_meter {
	int64_t total;
	struct sasl_window {
		int64_t number; /* of the window, since the clock began */
		int64_t n;
		int64_t sum_ms, max_ms; /* of what is measured */
	} now, before;
};

/* One core's: it alone writes, any thread reads. */
struct sasl_counts {
	struct sasl_meter successes;
	struct sasl_meter failures;
	struct sasl_meter successes_again; /* re-authentication, and how long it took */
	struct sasl_meter failures_again;
	int64_t successes_of_old; /* of clients that cannot re-authenticate */
	int64_t expired;	  /* connections closed since their session had ended */
};

/* A login that took ms, at a monotonic time in ns. Of the core whose meter it is; others read it at any time. */
void sasl_meter_note(struct sasl_meter *m, int64_t now_ns, int64_t ms);

struct sasl_listener {
	struct sasl_offer *offers; /* in the order in which Kafka names them */
	int n_offers;
	const struct str *names; /* the same order */
	int64_t failure_delay_ms;
	size_t frame_max;	    /* until it is known who it is */
	size_t frame_max_then;	    /* and after that */
	struct sasl_counts *counts; /* by core */
};

/* Those of its OAUTHBEARER; NULL: it wants none. l NULL is fine. */
struct sasl_keys *sasl_listener_keys(const struct sasl_listener *l);

#endif
