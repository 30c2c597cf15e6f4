/*
 * histogram: counts values from 0 to 2^62 with a precision of one part in a thousand (as Gil Tene's
 * HDR histogram with three digits): 1024 steps per doubling. Recording is an index and an
 * increment.
 *
 * Owner: one thread. A zeroed struct is not ready for use: call histogram_init.
 */
#ifndef ODRADEK_BASE_HISTOGRAM_H
#define ODRADEK_BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 1024, HISTOGRAM_DOUBLINGS = 52 };

struct histogram {
	uint64_t *counts; /* (HISTOGRAM_DOUBLINGS + 2) * HISTOGRAM_STEPS */
	uint64_t n;
	double sum;
	int64_t min; /* INT64_MAX while empty */
	int64_t max; /* exact; 0 while empty */
};

void histogram_init(struct histogram *h);
void histogram_fini(struct histogram *h);
void histogram_reset(struct histogram *h);
/* Values below 0 count as 0, those above the range as its maximum. */
void histogram_add(struct histogram *h, int64_t value);
/* The smallest value that at least `percent` of all values do not exceed; 0 while empty. */
int64_t histogram_percentile(const struct histogram *h, double percent);
double histogram_mean(const struct histogram *h);

#endif
