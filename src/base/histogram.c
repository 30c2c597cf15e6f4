/*
 * histogram: a value's step is its eleven highest bits.
 *
 *	below 2048	one step each
 *	2^k ..		1024 steps of 2^(k-10)
 */
#include "base/histogram.h"

#include <string.h>

#include "base/mem.h"

enum { STEP_BITS = 10, COUNTS = (HISTOGRAM_DOUBLINGS + 2) * HISTOGRAM_STEPS };

static const int64_t VALUE_MAX = ((int64_t)1 << 62) - 1;

void histogram_init(struct histogram *h)
{
	*h = (struct histogram){.counts = xcalloc(COUNTS, sizeof(*h->counts)), .min = INT64_MAX};
}

void histogram_fini(struct histogram *h)
{
	xfree(h->counts);
	h->counts = NULL;
}

void histogram_reset(struct histogram *h)
{
	memset(h->counts, 0, COUNTS * sizeof(*h->counts));
	h->n = 0;
	h->sum = 0;
	h->min = INT64_MAX;
	h->max = 0;
}

static int shift_of(uint64_t v)
{
	int highest = 63 - __builtin_clzll(v | 1);

	return highest <= STEP_BITS ? 0 : highest - STEP_BITS;
}

void histogram_add(struct histogram *h, int64_t value)
{
	uint64_t v = value < 0 ? 0 : value > VALUE_MAX ? (uint64_t)VALUE_MAX : (uint64_t)value;
	int shift = shift_of(v);

	h->counts[(size_t)shift * HISTOGRAM_STEPS + (v >> shift)]++;
	h->n++;
	h->sum += (double)v;
	h->min = (int64_t)v < h->min ? (int64_t)v : h->min;
	h->max = (int64_t)v > h->max ? (int64_t)v : h->max;
}

/* The largest value of a step. */
static int64_t value_of(size_t index)
{
	int shift = index < 2 * HISTOGRAM_STEPS ? 0 : (int)(index / HISTOGRAM_STEPS) - 1;
	uint64_t step = index - (size_t)shift * HISTOGRAM_STEPS;

	return (int64_t)(((step + 1) << shift) - 1);
}

int64_t histogram_percentile(const struct histogram *h, double percent)
{
	double wanted = percent * (double)h->n / 100;
	uint64_t seen = 0;

	for (size_t i = 0; i < COUNTS && h->n > 0; i++) {
		seen += h->counts[i];
		if (h->counts[i] > 0 && (double)seen >= wanted)
			return value_of(i) < h->max ? value_of(i) : h->max;
	}
	return h->max;
}

double histogram_mean(const struct histogram *h)
{
	return h->n > 0 ? h->sum / (double)h->n : 0;
}
