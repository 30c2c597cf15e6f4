/*
 * counters: counts kept while requests are served, by partition and by API.
 *
 * 1. A count is written by one thread at a time, without a locked instruction, and read by any: a
 *    reader may see it a moment late, but never torn and never going back.
 * 2. The counts of a partition belong to it. When it goes, they are added to the sum of their
 *    table, so that the broker's totals only grow.
 * 3. Durations of requests are kept for the current minute and the one before; quantiles cover
 *    these two.
 */
#ifndef ODRADEK_BROKER_COUNTERS_H
#define ODRADEK_BROKER_COUNTERS_H

#include <stdint.h>

enum counter {
#define COUNTER(id, ...) id,
#include "broker/counters.tbl"
#undef COUNTER
	COUNTERS
};

struct counts {
	int64_t v[COUNTERS];
};

const char *counter_name(enum counter id);
const char *counter_help(enum counter id);

/* For a counter with a single writer. */
static inline void count(int64_t *counter, int64_t n) { __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED); }

/* For a counter with several writers. */
static inline void count_shared(int64_t *counter, int64_t n) { __atomic_fetch_add(counter, n, __ATOMIC_RELAXED); }

static inline int64_t count_read(const int64_t *counter) { return __atomic_load_n(counter, __ATOMIC_RELAXED); }

/* Adds `more` to `sum`, whose only writer calls this. */
void counts_add(struct counts *sum, const struct counts *more);

/* ---- recent measurements: Kafka's Avg, Max and Rate, which look at two windows of 30 s ---- */

struct lately {
	int64_t window; /* the window to which `now` belongs */
	struct lately_window {
		int64_t n;
		double sum, max;
	} now, before;
};

/* By the only writer, as for all of these. */
void lately_note(struct lately *l, double value, int64_t now_ms);
/* NaN without any measurement. */
double lately_avg(const struct lately *l, int64_t now_ms);
double lately_max(const struct lately *l, int64_t now_ms);
/* Measurements per second; 0 without any. */
double lately_rate(const struct lately *l, int64_t now_ms);

/* ---- requests ---- */

#define SPAN_BUCKETS 128

/* A histogram of durations: four buckets per power of two of microseconds; the last one is open-ended. */
struct spans {
	int64_t n[SPAN_BUCKETS];
};

struct api_counts {
	int64_t requests;
	int64_t total_us;
	int64_t minute; /* the minute to which `now` belongs */
	struct spans now;
	struct spans before;
};

/* Counts one answered request; by the only writer. */
void api_counts_note(struct api_counts *c, int64_t began_ns, int64_t now_ns);
/* Adds the two minutes before now_ns. From any thread. */
void api_counts_spans(const struct api_counts *c, int64_t now_ns, struct spans *sum);
/* The duration that the fraction q (0 to 1) of all does not exceed, in milliseconds; 0 when there are none. */
double spans_quantile_ms(const struct spans *s, double q);

#endif
