/*
 * quota: measures rates and computes throttle times: Kafka's Rate over a SampledStat, its
 * TokenBucket (KIP-599), and the formulas of QuotaUtils and ControllerMutationQuotaManager.
 *
 * Events are counted in samples, each as long as a window; one more sample than there are windows
 * is kept, which overlaps the oldest. A sample without events for as long as all windows together
 * starts over. The rate is the sum divided by the time since the oldest sample began, extended to
 * at least all windows but one: a client that has just started is not judged by its first second.
 * Brain: no clock. Times are monotonic milliseconds. Owner: whoever holds the struct.
 */
#ifndef ODRADEK_SECURITY_QUOTA_H
#define ODRADEK_SECURITY_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quota_windows {
	int samples; /* quota.window.num */
	int64_t window_ms;
};

struct quota_sample {
	int64_t start_ms;
	int64_t last_ms; /* time of the last event */
	int64_t events;
	double value;
};

/* A zeroed one is empty. */
struct quota_rate {
	struct quota_sample *v;
	int n;
	int cap;
	int current;
};

void quota_rate_fini(struct quota_rate *r);
void quota_rate_record(struct quota_rate *r, const struct quota_windows *w, double value, int64_t now_ms);
/* Per second. window_ms: NULL, or receives the time the sum was divided by. */
double quota_rate_measure(struct quota_rate *r, const struct quota_windows *w, int64_t now_ms, double *window_ms);
/* The mean of the recorded values (Kafka's Avg); NaN when there were none. */
double quota_rate_average(struct quota_rate *r, const struct quota_windows *w, int64_t now_ms);
size_t quota_rate_bytes(const struct quota_rate *r);

/* How long until the rate is back at its bound if nothing more is recorded; 0: not exceeded. */
int32_t quota_throttle_ms(double rate, double bound, double window_ms);

/* A zeroed one is full at its first use. */
struct quota_bucket {
	bool used;
	double tokens;
	int64_t filled_ms;
};

/* The tokens available now: at most those of all windows. Below 0: the quota is exceeded. */
double quota_bucket_measure(struct quota_bucket *b, const struct quota_windows *w, double bound, int64_t now_ms);
/* The debt is limited to what the longest throttle time (INT32_MAX ms) pays back; Kafka's is unlimited. */
void quota_bucket_take(struct quota_bucket *b, const struct quota_windows *w, double bound, double n, int64_t now_ms);
/* How long until there are 0 again; 0: not exceeded. */
int32_t quota_bucket_throttle_ms(double tokens, double bound);

#endif
