/* hist: a histogram of times, with buckets one percent wide, which is also the precision of percentiles. */
#ifndef ODRADEK_TESTS_BENCH_HIST_H
#define ODRADEK_TESTS_BENCH_HIST_H

#include <stdint.h>

#define HIST_BUCKETS 2600 /* up to 100 s */

struct hist {
	int64_t n[HIST_BUCKETS];
	int64_t total;
	int64_t max_us;
};

void hist_add(struct hist *h, int64_t us);
int64_t hist_at(const struct hist *h, double percent); /* the upper end of its bucket */
void hist_print(const struct hist *h);		       /* prints p50_us= p90_us= p99_us= p999_us= p9999_us= max_us= */

#endif
