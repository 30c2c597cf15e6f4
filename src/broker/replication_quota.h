/*
 * replication_quota: limits how fast this broker replicates throttled partitions: to followers,
 * from leaders, and between its own directories (KIP-73, KIP-113; Kafka's ReplicationQuotaManager).
 *
 * 1. All throttled bytes are counted, including those for replicas in sync, which are never held
 *    up.
 * 2. A quota is checked before a read and recorded after it: one read may exceed it, then the next
 *    one waits.
 *
 * Replication traffic is counted as well. Any thread; but replication_quotas_follow on reactor 0.
 */
#ifndef ODRADEK_BROKER_REPLICATION_QUOTA_H
#define ODRADEK_BROKER_REPLICATION_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"

enum replication_quota { QUOTA_LEADER, QUOTA_FOLLOWER, QUOTA_LOG_DIRS, REPLICATION_QUOTAS };

struct config;
struct env;
struct image;
struct replication_quotas;

struct replication_quotas *replication_quotas_new(struct env *env, const struct config *config, int32_t node_id);
void replication_quotas_free(struct replication_quotas *q);
/* Sets the rates from the brokers' settings. */
void replication_quotas_follow(struct replication_quotas *q, const struct image *image);
bool replication_quota_is_exceeded(struct replication_quotas *q, enum replication_quota which);
void replication_quota_record(struct replication_quotas *q, enum replication_quota which, int64_t bytes);
/* Bytes per second. */
int64_t replication_quota_rate(struct replication_quotas *q, enum replication_quota which);

/* Replicated bytes, throttled or not; and those for replicas that a reassignment adds (KIP-352). */
enum replication_traffic { REPLICATION_IN, REPLICATION_OUT, REASSIGNMENT_IN, REASSIGNMENT_OUT, REPLICATION_TRAFFIC };

/* For a partition that is_reassigned: is this broker one of those being added? image: NULL before the first. */
bool replication_is_added(const struct image *image, struct uuid topic_id, int32_t partition, int32_t broker);
/* which: REPLICATION_IN or REPLICATION_OUT. added: how many of the bytes are for replicas being added. */
void replication_note(struct replication_quotas *q, enum replication_traffic which, int64_t bytes, int64_t added);
int64_t replication_traffic(const struct replication_quotas *q, enum replication_traffic which);

#endif
