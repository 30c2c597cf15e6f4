/*
 * rate: records bytes in a ring of samples and computes the rate from them.
 */
#include "replication/rate.h"

#include "base/check.h"
#include "base/mem.h"

void rate_init(struct rate *r, int samples, int64_t window_ms)
{
	check(samples > 0 && window_ms > 0);
	*r = (struct rate){.samples = samples, .window_ms = window_ms};
	if (__builtin_mul_overflow(window_ms, (int64_t)samples, &r->expiry_ms))
		r->expiry_ms = INT64_MAX;
}

void rate_fini(struct rate *r)
{
	xfree(r->v);
	r->v = NULL;
}

static void begin(struct rate_sample *s, int64_t now_ms)
{
	*s = (struct rate_sample){now_ms, now_ms, 0};
}

static struct rate_sample *add_sample(struct rate *r, int64_t now_ms)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 4;
		r->v = xrealloc(r->v, (size_t)r->cap * sizeof(*r->v));
	}
	begin(&r->v[r->n], now_ms);
	return &r->v[r->n++];
}

static struct rate_sample *next_sample(struct rate *r, int64_t now_ms)
{
	r->current = r->current == r->samples ? 0 : r->current + 1;
	if (r->current == r->n)
		return add_sample(r, now_ms);
	begin(&r->v[r->current], now_ms);
	return &r->v[r->current];
}

void rate_record(struct rate *r, int64_t bytes, int64_t now_ms)
{
	struct rate_sample *s = r->n ? &r->v[r->current] : add_sample(r, now_ms);

	if (now_ms - s->start_ms >= r->window_ms)
		s = next_sample(r, now_ms);
	s->bytes += bytes;
	s->last_ms = now_ms;
}

double rate_measure(struct rate *r, int64_t now_ms)
{
	int64_t oldest_ms = now_ms, bytes = 0, elapsed_ms;

	for (int i = 0; i < r->n; i++) {
		struct rate_sample *s = &r->v[i];

		if (now_ms - s->last_ms >= r->expiry_ms)
			begin(s, now_ms);
		bytes += s->bytes;
		oldest_ms = s->start_ms < oldest_ms ? s->start_ms : oldest_ms;
	}
	elapsed_ms = now_ms - oldest_ms;
	if (elapsed_ms < r->window_ms)
		elapsed_ms = r->window_ms;
	return (double)bytes * 1000 / (double)elapsed_ms;
}
