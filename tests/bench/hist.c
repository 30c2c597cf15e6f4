#include "tests/bench/hist.h"

#include <math.h>
#include <stdio.h>

#define GROWTH 1.01
#define EXACT 100 /* below this, each microsecond has its own bucket: one percent of it is less */

static int bucket_of(int64_t us)
{
	int i = us < EXACT ? (int)us : EXACT + (int)(log((double)us / EXACT) / log(GROWTH));

	return i < 0 ? 0 : i < HIST_BUCKETS ? i : HIST_BUCKETS - 1;
}

static int64_t end_of_bucket(int i)
{
	return i < EXACT ? i : (int64_t)(EXACT * pow(GROWTH, i - EXACT + 1));
}

void hist_add(struct hist *h, int64_t us)
{
	h->n[bucket_of(us)]++;
	h->total++;
	if (us > h->max_us)
		h->max_us = us;
}

int64_t hist_at(const struct hist *h, double percent)
{
	double wanted = (double)h->total * percent / 100;
	int64_t seen = 0;

	for (int i = 0; i < HIST_BUCKETS; i++) {
		seen += h->n[i];
		if (seen > 0 && (double)seen >= wanted)
			return end_of_bucket(i) < h->max_us ? end_of_bucket(i) : h->max_us;
	}
	return h->max_us;
}

void hist_print(const struct hist *h)
{
	static const struct {
		const char *name;
		double percent;
	} lines[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p999", 99.9}, {"p9999", 99.99}};

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		printf("%s_us=%lld\n", lines[i].name, (long long)hist_at(h, lines[i].percent));
	printf("max_us=%lld\n", (long long)h->max_us);
}
