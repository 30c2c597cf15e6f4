/*
 * quota: how fast somebody was, and how long he has to wait: Kafka's Rate over a SampledStat, its TokenBucket (KIP-599), and the formulas
 * of QuotaUtils and ControllerMutationQuotaManager.
 *
 * What is counted lies in samples, each as long as a window; one more than there are windows is kept, which overlaps the oldest. A sample
 * that had nothing for as long as all windows together begins anew. The rate is the sum over the time since the oldest sample began, to which
 * is added what is missing of all windows but one: who has just begun is not judged by his first second.
 *
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
	int64_t last_ms; /* of what was counted last */
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
/* A second. window_ms: NULL, or where the time goes that the sum was divided by. */
double quota_rate_measure(struct quota_rate *r, const struct quota_windows *w, int64_t now_ms, double *window_ms);
/* The mean of what was counted (Kafka's Avg); NaN when that was nothing. */
double quota_rate_average(struct quota_rate *r, const struct quota_windows *w, int64_t now_ms);
size_t quota_rate_bytes(const struct quota_rate *r);

/* Until the rate is back at its bound when nothing more is counted; 0: it is not exceeded. */
int32_t quota_throttle_ms(double rate, double bound, double window_ms);

/* A zeroed one is full when it is first used. */
struct quota_bucket {
	bool used;
	double tokens;
	int64_t filled_ms;
};

/* Tokens there are now: at most those of all windows. Below 0: the quota is exceeded. */
double quota_bucket_measure(struct quota_bucket *b, const struct quota_windows *w, double bound, int64_t now_ms);
/* The debt is no more than the longest throttle time (INT32_MAX ms) pays back; Kafka's has no end. */
void quota_bucket_take(struct quota_bucket *b, const struct quota_windows *w, double bound, double n, int64_t now_ms);
/* Until there are 0 again; 0: it is not exceeded. */
int32_t quota_bucket_throttle_ms(double tokens, double bound);

#endif
