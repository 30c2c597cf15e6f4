/* quota: samples, rates and token buckets. */
#include "security/quota.h"

#include <math.h>

#include "base/check.h"
#include "base/mem.h"

/* ---- samples ---- */

static void begin(struct quota_sample *s, int64_t now_ms)
{
	*s = (struct quota_sample){.start_ms = now_ms, .last_ms = now_ms};
}

static struct quota_sample *add_sample(struct quota_rate *r, int64_t now_ms)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 2;
		r->v = xrealloc(r->v, (size_t)r->cap * sizeof(*r->v));
	}
	begin(&r->v[r->n], now_ms);
	return &r->v[r->n++];
}

static struct quota_sample *next_sample(struct quota_rate *r, const struct quota_windows *w, int64_t now_ms)
{
	r->current = r->current >= w->samples ? 0 : r->current + 1;
	if (r->current == r->n)
		return add_sample(r, now_ms);
	begin(&r->v[r->current], now_ms);
	return &r->v[r->current];
}

void quota_rate_record(struct quota_rate *r, const struct quota_windows *w, double value, int64_t now_ms)
{
	struct quota_sample *s = r->n ? &r->v[r->current] : add_sample(r, now_ms);

	check(w->samples > 0 && w->window_ms > 0);
	if (now_ms - s->start_ms >= w->window_ms)
		s = next_sample(r, w, now_ms);
	s->value += value;
	s->events++;
	s->last_ms = now_ms;
}

static void purge(struct quota_rate *r, const struct quota_windows *w, int64_t now_ms)
{
	int64_t expiry_ms;

	if (__builtin_mul_overflow(w->window_ms, (int64_t)w->samples, &expiry_ms))
		return;
	for (int i = 0; i < r->n; i++)
		if (now_ms - r->v[i].last_ms >= expiry_ms)
			begin(&r->v[i], now_ms);
}

double quota_rate_measure(struct quota_rate *r, const struct quota_windows *w, int64_t now_ms, double *window_ms)
{
	int64_t oldest_ms = now_ms, windows;
	double sum = 0, elapsed;

	purge(r, w, now_ms);
	for (int i = 0; i < r->n; i++) {
		sum += r->v[i].value;
		oldest_ms = r->v[i].start_ms < oldest_ms ? r->v[i].start_ms : oldest_ms;
	}
	elapsed = (double)(now_ms - oldest_ms);
	windows = (now_ms - oldest_ms) / w->window_ms;
	if (windows < w->samples - 1)
		elapsed += (double)(w->samples - 1 - windows) * (double)w->window_ms;
	if (elapsed < 1)
		elapsed = 1;
	if (window_ms)
		*window_ms = elapsed;
	return sum / elapsed * 1000;
}

double quota_rate_average(struct quota_rate *r, const struct quota_windows *w, int64_t now_ms)
{
	int64_t events = 0;
	double sum = 0;

	purge(r, w, now_ms);
	for (int i = 0; i < r->n; i++) {
		sum += r->v[i].value;
		events += r->v[i].events;
	}
	return events > 0 ? sum / (double)events : NAN;
}

size_t quota_rate_bytes(const struct quota_rate *r)
{
	return (size_t)r->cap * sizeof(*r->v);
}

void quota_rate_fini(struct quota_rate *r)
{
	xfree(r->v);
	*r = (struct quota_rate){0};
}

/* ---- waiting ---- */

/*
 * Java's Math.round, limited to valid throttle times. A bound that is not a number, or not above 0,
 * comes from a log written by another implementation.
 */
static int32_t round_ms(double ms)
{
	if (!(ms > 0))
		return 0;
	return ms >= INT32_MAX ? INT32_MAX : (int32_t)floor(ms + 0.5);
}

int32_t quota_throttle_ms(double rate, double bound, double window_ms)
{
	return rate > bound ? round_ms((rate - bound) / bound * window_ms) : 0;
}

/* ---- tokens ---- */

static void fill(struct quota_bucket *b, const struct quota_windows *w, double bound, int64_t now_ms)
{
	double burst = (double)w->samples * ((double)w->window_ms / 1000) * bound;

	if (!b->used)
		b->tokens = burst;
	else
		b->tokens += bound * ((double)(now_ms - b->filled_ms) / 1000);
	if (b->tokens > burst)
		b->tokens = burst;
	b->used = true;
	b->filled_ms = now_ms;
}

double quota_bucket_measure(struct quota_bucket *b, const struct quota_windows *w, double bound, int64_t now_ms)
{
	fill(b, w, bound, now_ms);
	return b->tokens;
}

void quota_bucket_take(struct quota_bucket *b, const struct quota_windows *w, double bound, double n, int64_t now_ms)
{
	double deepest = -bound * (INT32_MAX / 1000.0);

	fill(b, w, bound, now_ms);
	b->tokens -= n;
	if (bound > 0 && b->tokens < deepest)
		b->tokens = deepest;
}

int32_t quota_bucket_throttle_ms(double tokens, double bound)
{
	return tokens < 0 ? round_ms(-tokens / bound * 1000) : 0;
}
