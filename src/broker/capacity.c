/* capacity: three token buckets, one per rate; capacity.h says what is charged to them. */
#include "broker/capacity.h"

#include <math.h>

#include "base/mem.h"
#include "config/topic_config.h"
#include "security/quota.h"

enum { BYTES_IN, RECORDS_IN, BYTES_OUT, RATES };

struct capacity {
	double rates[RATES]; /* per second; 0: no limit */
	struct quota_bucket buckets[RATES];
};

/* A bucket holds the tokens of one second. */
static const struct quota_windows SECOND = {1, 1000};

/*
 * A consumer waits for a tenth of a second's worth, so that it returns ten times a second rather than
 * for every batch.
 */
#define LEAST_SHARE 0.1

void capacity_configure(struct capacity **c, const struct topic_config *config)
{
	const int64_t rates[RATES] = {
		[BYTES_IN] = config->partition_bytes_in_rate,
		[RECORDS_IN] = config->partition_records_in_rate,
		[BYTES_OUT] = config->partition_bytes_out_rate,
	};

	if (rates[BYTES_IN] == 0 && rates[RECORDS_IN] == 0 && rates[BYTES_OUT] == 0) {
		capacity_free(*c);
		*c = NULL;
		return;
	}
	if (!*c)
		*c = xcalloc(1, sizeof(**c));
	for (int i = 0; i < RATES; i++) {
		(*c)->rates[i] = (double)rates[i];
		if (rates[i] == 0)
			(*c)->buckets[i] = (struct quota_bucket){0};
	}
}

void capacity_free(struct capacity *c)
{
	xfree(c);
}

static int32_t take(struct capacity *c, int rate, int64_t n, int64_t now_ms)
{
	if (c->rates[rate] == 0)
		return 0;
	quota_bucket_take(&c->buckets[rate], &SECOND, c->rates[rate], (double)n, now_ms);
	return quota_bucket_throttle_ms(c->buckets[rate].tokens, c->rates[rate]);
}

int32_t capacity_take_in(struct capacity *c, int64_t bytes, int64_t records, int64_t now_ms)
{
	int32_t by_bytes = take(c, BYTES_IN, bytes, now_ms), by_records = take(c, RECORDS_IN, records, now_ms);

	return by_bytes > by_records ? by_bytes : by_records;
}

struct capacity_left capacity_left_out(struct capacity *c, int64_t now_ms)
{
	double rate = c->rates[BYTES_OUT], tokens, wait_ms;

	if (rate == 0)
		return (struct capacity_left){INT64_MAX, 0};
	tokens = quota_bucket_measure(&c->buckets[BYTES_OUT], &SECOND, rate, now_ms);
	if (tokens >= rate * LEAST_SHARE)
		return (struct capacity_left){tokens < (double)(1LL << 62) ? (int64_t)ceil(tokens) : INT64_MAX, 0};
	wait_ms = ceil((rate * LEAST_SHARE - tokens) / rate * 1000);
	return (struct capacity_left){0, wait_ms < INT32_MAX ? (int32_t)wait_ms : INT32_MAX};
}

void capacity_take_out(struct capacity *c, int64_t bytes, int64_t now_ms)
{
	take(c, BYTES_OUT, bytes, now_ms);
}
