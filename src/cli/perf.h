/* perf: what the three workloads of `odradek perf` share. */
#ifndef ODRADEK_CLI_PERF_H
#define ODRADEK_CLI_PERF_H

#include "base/histogram.h"
#include "cli/tool.h"
#include "client/producer.h"

int perf_produce(struct tool *t);
int perf_consume(struct tool *t);
int perf_latency(struct tool *t);

/* Reads --command-property and the options' old names, and applies them to the producer's settings. */
void perf_properties(struct tool *t, const char *old_config);
struct producer_options perf_producer_options(struct tool *t);

/*
 * A pool of random letters from which payloads are cut: generating each one would cost more than
 * sending it.
 */
struct payloads {
	char *pool;
	size_t size; /* of the pool */
	uint64_t state;
};
void payloads_init(struct payloads *p, struct tool *t, size_t record_size, uint64_t seed);
uint64_t payloads_next(struct payloads *p);
const uint8_t *payloads_cut(struct payloads *p, size_t len);

/* {"50": .., "95": .., ...} in milliseconds, from nanoseconds. */
json_t *json_latencies(const struct histogram *h);

#endif
