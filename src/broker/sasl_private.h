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
	struct sasl_keys *keys;	  /* NULL: no keys are needed */
	struct mechanism_gss gss; /* for GSSAPI */
	int64_t max_reauth_ms;	  /* 0: no limit */
};

/*
 * Length of a window: half a minute, as in Kafka's sensors (metrics.sample.window.ms). A meter has
 * a total and two windows.
 */
#define SASL_WINDOW_NS 30000000000

struct sasl_meter {
	int64_t total;
	struct sasl_window {
		int64_t number; /* of the window, since the clock's zero */
		int64_t n;
		int64_t sum_ms, max_ms; /* of the measured durations */
	} now, before;
};

/* One core's: only that core writes, any thread reads. */
struct sasl_counts {
	struct sasl_meter successes;
	struct sasl_meter failures;
	struct sasl_meter successes_again; /* re-authentications, with their durations */
	struct sasl_meter failures_again;
	int64_t successes_of_old; /* from clients that cannot re-authenticate */
	int64_t expired;	  /* connections closed because their session had ended */
};

/*
 * Notes a login that took ms, at a monotonic time in ns. On the core whose meter it is; others may
 * read at any time.
 */
void sasl_meter_note(struct sasl_meter *m, int64_t now_ns, int64_t ms);

struct sasl_listener {
	struct sasl_offer *offers; /* in the order in which Kafka names them */
	int n_offers;
	const struct str *names; /* in the same order */
	int64_t failure_delay_ms;
	size_t frame_max;	    /* until the client has authenticated */
	size_t frame_max_then;	    /* after that */
	struct sasl_counts *counts; /* by core */
};

/* The keys of its OAUTHBEARER; NULL: it needs none. l may be NULL. */
struct sasl_keys *sasl_listener_keys(const struct sasl_listener *l);

#endif
