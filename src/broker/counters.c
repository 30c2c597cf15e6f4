/*
 * counters: names of counters, recent measurements, and histograms of durations.
 */
#include "broker/counters.h"

#include <math.h>
#include <stddef.h>

#define NS_PER_MINUTE (60 * (int64_t)1000000000)
#define PARTS 4 /* buckets per power of two */

static const struct {
	const char *name;
	const char *help;
} rows[] = {
#define COUNTER(id, name, help) {name, help},
#include "broker/counters.tbl"
#undef COUNTER
};

const char *counter_name(enum counter id)
{
	return rows[id].name;
}

const char *counter_help(enum counter id)
{
	return rows[id].help;
}

void counts_add(struct counts *sum, const struct counts *more)
{
	for (int i = 0; i < COUNTERS; i++)
		count(&sum->v[i], count_read(&more->v[i]));
}

/* ---- recent measurements ---- */

#define WINDOW_MS 30000

void lately_note(struct lately *l, double value, int64_t now_ms)
{
	int64_t window = now_ms / WINDOW_MS;

	if (window != l->window) {
		l->before = window == l->window + 1 ? l->now : (struct lately_window){0};
		l->now = (struct lately_window){0};
		l->window = window;
	}
	l->now.max = l->now.n == 0 || value > l->now.max ? value : l->now.max;
	l->now.sum += value;
	l->now.n++;
}

static struct lately_window look(const struct lately *l, int64_t now_ms)
{
	int64_t age = now_ms / WINDOW_MS - l->window;
	struct lately_window all = {0};

	if (age > 1)
		return all;
	all = l->now;
	if (age == 1 || l->before.n == 0)
		return all;
	all.n += l->before.n;
	all.sum += l->before.sum;
	all.max = all.n == l->before.n || l->before.max > all.max ? l->before.max : all.max;
	return all;
}

double lately_avg(const struct lately *l, int64_t now_ms)
{
	struct lately_window w = look(l, now_ms);

	return w.n > 0 ? w.sum / (double)w.n : NAN;
}

double lately_max(const struct lately *l, int64_t now_ms)
{
	struct lately_window w = look(l, now_ms);

	return w.n > 0 ? w.max : NAN;
}

double lately_rate(const struct lately *l, int64_t now_ms)
{
	return look(l, now_ms).sum / ((double)(WINDOW_MS + now_ms % WINDOW_MS) / 1000);
}

/* ---- durations ---- */

/* 0, 1, 2, 3 us, then four buckets per power of two. */
static int bucket_of(int64_t us)
{
	int power, i;

	if (us < PARTS)
		return us < 0 ? 0 : (int)us;
	power = 63 - __builtin_clzll((unsigned long long)us);
	i = PARTS * (power - 1) + (int)(us >> (power - 2) & (PARTS - 1));
	return i < SPAN_BUCKETS ? i : SPAN_BUCKETS - 1;
}

/* The largest duration in a bucket. */
static double bucket_us(int i)
{
	int power = i / PARTS + 1;

	return i < PARTS ? i : (double)(((int64_t)(PARTS + i % PARTS + 1) << (power - 2)) - 1);
}

static void move(struct spans *to, struct spans *from)
{
	for (int i = 0; i < SPAN_BUCKETS; i++) {
		if (to)
			__atomic_store_n(&to->n[i], from->n[i], __ATOMIC_RELAXED);
		__atomic_store_n(&from->n[i], 0, __ATOMIC_RELAXED);
	}
}

static void next_minute(struct api_counts *c, int64_t minute)
{
	move(minute == c->minute + 1 ? &c->before : NULL, &c->now);
	if (minute != c->minute + 1)
		move(NULL, &c->before);
	__atomic_store_n(&c->minute, minute, __ATOMIC_RELEASE);
}

void api_counts_note(struct api_counts *c, int64_t began_ns, int64_t now_ns)
{
	int64_t us = (now_ns - began_ns) / 1000;

	if (now_ns / NS_PER_MINUTE != c->minute)
		next_minute(c, now_ns / NS_PER_MINUTE);
	count(&c->requests, 1);
	count(&c->total_us, us);
	count(&c->now.n[bucket_of(us)], 1);
}

void api_counts_spans(const struct api_counts *c, int64_t now_ns, struct spans *sum)
{
	int64_t age = now_ns / NS_PER_MINUTE - __atomic_load_n(&c->minute, __ATOMIC_ACQUIRE);

	for (int i = 0; i < SPAN_BUCKETS; i++) {
		if (age <= 1)
			sum->n[i] += count_read(&c->now.n[i]);
		if (age == 0)
			sum->n[i] += count_read(&c->before.n[i]);
	}
}

double spans_quantile_ms(const struct spans *s, double q)
{
	int64_t all = 0, seen = 0;

	for (int i = 0; i < SPAN_BUCKETS; i++)
		all += s->n[i];
	for (int i = 0; i < SPAN_BUCKETS && all; i++) {
		seen += s->n[i];
		if (seen > 0 && (double)seen >= q * (double)all)
			return bucket_us(i) / 1000;
	}
	return 0;
}
