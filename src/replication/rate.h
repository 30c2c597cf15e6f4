/*
 * rate: bytes per second over the last windows: Kafka's SimpleRate (a SampledStat), against which
 * replication throttles are checked (KIP-73).
 *
 * Bytes are counted in samples, each as long as a window; a sample without bytes for as long as all
 * windows together starts anew. The rate is the sum, divided by the time since the oldest sample
 * began, but at least by one window.
 *
 * Brain: no clock. Times are monotonic milliseconds.
 */
#ifndef ODRADEK_REPLICATION_RATE_H
#define ODRADEK_REPLICATION_RATE_H

#include <stdint.h>

struct rate_sample {
	int64_t start_ms;
	int64_t last_ms; /* of the last bytes counted */
	int64_t bytes;
};

struct rate {
	int samples; /* replication.quota.window.num; one more is kept, which overlaps the oldest window */
	int64_t window_ms;
	int64_t expiry_ms; /* length of all windows */
	struct rate_sample *v;
	int n;
	int cap;
	int current;
};

void rate_init(struct rate *r, int samples, int64_t window_ms);
void rate_fini(struct rate *r);
void rate_record(struct rate *r, int64_t bytes, int64_t now_ms);
double rate_measure(struct rate *r, int64_t now_ms);

#endif
