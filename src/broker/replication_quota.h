/*
 * replication_quota: how fast this broker may replicate what is throttled: to followers, from leaders, and from one of its directories to another
 * (KIP-73, KIP-113; Kafka's ReplicationQuotaManager).
 *
 * 1. All throttled bytes are counted, also those of replicas in sync, which are never held up for it.
 * 2. A quota is looked at before a read and counted after it: one read may go beyond it, the next waits.
 *
 * What is replicated is counted beside it. Any thread, but replication_quotas_follow: reactor 0.
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
/* The rates that the brokers' settings say now. */
void replication_quotas_follow(struct replication_quotas *q, const struct image *image);
bool replication_quota_is_exceeded(struct replication_quotas *q, enum replication_quota which);
void replication_quota_record(struct replication_quotas *q, enum replication_quota which, int64_t bytes);
/* Bytes in a second. */
int64_t replication_quota_rate(struct replication_quotas *q, enum replication_quota which);

/* What is replicated, throttled or not; and what of it is for a replica that a reassignment adds (KIP-352). */
enum replication_traffic { REPLICATION_IN, REPLICATION_OUT, REASSIGNMENT_IN, REASSIGNMENT_OUT, REPLICATION_TRAFFIC };

/* Of a partition that is_reassigned: is this broker one of those that are added? image: NULL before the first. */
bool replication_is_added(const struct image *image, struct uuid topic_id, int32_t partition, int32_t broker);
/* which: REPLICATION_IN or REPLICATION_OUT. added: so many of the bytes are for replicas that are added. */
void replication_note(struct replication_quotas *q, enum replication_traffic which, int64_t bytes, int64_t added);
int64_t replication_traffic(const struct replication_quotas *q, enum replication_traffic which);

#endif
