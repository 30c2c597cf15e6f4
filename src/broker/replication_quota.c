/*
 * replication_quota: the rates and limits, and the counts of replicated bytes.
 */
#include "broker/replication_quota.h"

#include "base/mem.h"
#include "broker/layers.h"
#include "config/config.h"
#include "env/env.h"
#include "metadata/image.h"
#include "replication/rate.h"

struct quota {
	struct mutex lock;
	struct rate rate;
	int64_t bound; /* bytes per second; atomic */
};

struct replication_quotas {
	struct env *env;
	const struct config *config;
	int32_t node_id;
	struct quota v[REPLICATION_QUOTAS];
	int64_t traffic[REPLICATION_TRAFFIC]; /* atomic */
};

/* In Kafka, replicas moving between directories have windows of their own. */
static const struct {
	enum config_id rate, window_num, window_seconds;
} rows[REPLICATION_QUOTAS] = {
	[QUOTA_LEADER] = {CONFIG_LEADER_REPLICATION_THROTTLED_RATE, CONFIG_REPLICATION_QUOTA_WINDOW_NUM,
			  CONFIG_REPLICATION_QUOTA_WINDOW_SIZE_SECONDS},
	[QUOTA_FOLLOWER] = {CONFIG_FOLLOWER_REPLICATION_THROTTLED_RATE, CONFIG_REPLICATION_QUOTA_WINDOW_NUM,
			    CONFIG_REPLICATION_QUOTA_WINDOW_SIZE_SECONDS},
	[QUOTA_LOG_DIRS] = {CONFIG_REPLICA_ALTER_LOG_DIRS_IO_MAX_BYTES_PER_SECOND,
			    CONFIG_ALTER_LOG_DIRS_REPLICATION_QUOTA_WINDOW_NUM,
			    CONFIG_ALTER_LOG_DIRS_REPLICATION_QUOTA_WINDOW_SIZE_SECONDS},
};

struct replication_quotas *replication_quotas_new(struct env *env, const struct config *config, int32_t node_id)
{
	struct replication_quotas *q = xcalloc(1, sizeof(*q));

	q->env = env;
	q->config = config;
	q->node_id = node_id;
	for (int i = 0; i < REPLICATION_QUOTAS; i++) {
		mutex_init(&q->v[i].lock);
		rate_init(&q->v[i].rate, config_int(config, rows[i].window_num),
			  (int64_t)config_int(config, rows[i].window_seconds) * 1000);
		q->v[i].bound = INT64_MAX;
	}
	return q;
}

void replication_quotas_free(struct replication_quotas *q)
{
	for (int i = 0; q && i < REPLICATION_QUOTAS; i++) {
		rate_fini(&q->v[i].rate);
		mutex_fini(&q->v[i].lock);
	}
	xfree(q);
}

void replication_quotas_follow(struct replication_quotas *q, const struct image *image)
{
	struct layers l = layers_of_broker(image, q->node_id);

	for (int i = 0; i < REPLICATION_QUOTAS; i++)
		__atomic_store_n(&q->v[i].bound, config_long_in(q->config, l.v, l.n, rows[i].rate), __ATOMIC_RELAXED);
}

static double measure(struct replication_quotas *q, struct quota *quota)
{
	double rate;

	mutex_lock(&quota->lock);
	rate = rate_measure(&quota->rate, env_mono_ms(q->env));
	mutex_unlock(&quota->lock);
	return rate;
}

bool replication_quota_is_exceeded(struct replication_quotas *q, enum replication_quota which)
{
	int64_t bound = __atomic_load_n(&q->v[which].bound, __ATOMIC_RELAXED);

	return bound != INT64_MAX && measure(q, &q->v[which]) > (double)bound;
}

void replication_quota_record(struct replication_quotas *q, enum replication_quota which, int64_t bytes)
{
	struct quota *quota = &q->v[which];

	mutex_lock(&quota->lock);
	rate_record(&quota->rate, bytes, env_mono_ms(q->env));
	mutex_unlock(&quota->lock);
}

int64_t replication_quota_rate(struct replication_quotas *q, enum replication_quota which)
{
	return (int64_t)measure(q, &q->v[which]);
}

/* ---- replication traffic ---- */

bool replication_is_added(const struct image *image, struct uuid topic_id, int32_t partition, int32_t broker)
{
	const struct image_topic *t = image ? image_topic_by_id(image, topic_id) : NULL;
	const struct image_partition *p = t ? image_topic_partition(t, partition) : NULL;

	return p && image_ids_has(partition_adding(p), broker);
}

void replication_note(struct replication_quotas *q, enum replication_traffic which, int64_t bytes, int64_t added)
{
	__atomic_fetch_add(&q->traffic[which], bytes, __ATOMIC_RELAXED);
	if (added > 0)
		__atomic_fetch_add(&q->traffic[which == REPLICATION_IN ? REASSIGNMENT_IN : REASSIGNMENT_OUT], added,
				   __ATOMIC_RELAXED);
}

int64_t replication_traffic(const struct replication_quotas *q, enum replication_traffic which)
{
	return __atomic_load_n(&q->traffic[which], __ATOMIC_RELAXED);
}
