/*
 * capacity: how much of a partition may be used per second, if its topic sets limits
 * (odradek.partition.bytes.in.rate and its siblings): bytes and records from producers, bytes to
 * consumers.
 *
 * 1. Each rate is a token bucket that holds one second's worth. What exceeds it is taken anyway
 *    and becomes a debt: a producer is told how long it takes to repay (KIP-219); a consumer gets
 *    nothing until it is repaid.
 * 2. All users of a partition share its capacity. Replicas are not consumers, and each replica
 *    that consumers read from has a capacity of its own.
 * 3. A partition without limits has no capacity (NULL).
 *
 * Owner: its partition, under its lock. Times are monotonic milliseconds.
 */
#ifndef ODRADEK_BROKER_CAPACITY_H
#define ODRADEK_BROKER_CAPACITY_H

#include <stdint.h>

struct capacity;
struct topic_config;

/* Follows the topic's settings: *c is created, changed, or freed and set to NULL. Debts remain. */
void capacity_configure(struct capacity **c, const struct topic_config *config);
void capacity_free(struct capacity *c);

/* A producer has brought this much. Returns how long it has to wait, in milliseconds. */
int32_t capacity_take_in(struct capacity *c, int64_t bytes, int64_t records, int64_t now_ms);

/* What consumers may have now. */
struct capacity_left {
	int64_t bytes;	 /* INT64_MAX: no limit; 0: nothing for wait_ms */
	int32_t wait_ms; /* else 0 */
};

struct capacity_left capacity_left_out(struct capacity *c, int64_t now_ms);
/* A consumer gets this much. */
void capacity_take_out(struct capacity *c, int64_t bytes, int64_t now_ms);

#endif
