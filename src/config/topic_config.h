/*
 * topic_config: the settings of one topic, resolved and typed.
 *
 * Resolution is Kafka's: the topic's own value, otherwise the broker's under the broker's name
 * (log.segment.bytes for segment.bytes; the chain log.retention.ms, log.retention.minutes,
 * log.retention.hours for retention.ms), dynamic before static before default.
 * A plain value: copy it, compare it, keep it. The two lists of throttled replicas are views into
 * the layer they came from.
 */
#ifndef ODRADEK_CONFIG_TOPIC_CONFIG_H
#define ODRADEK_CONFIG_TOPIC_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct config;
struct config_layer;

/* The codecs have their numbers of the record batch format; PRODUCER is our own number. */
enum compression_type {
	COMPRESSION_UNCOMPRESSED = 0,
	COMPRESSION_GZIP = 1,
	COMPRESSION_SNAPPY = 2,
	COMPRESSION_LZ4 = 3,
	COMPRESSION_ZSTD = 4,
	COMPRESSION_PRODUCER = 100, /* batches are stored as they came */
};

/* As in the attributes of a record batch. */
enum timestamp_type { TIMESTAMP_CREATE_TIME = 0, TIMESTAMP_LOG_APPEND_TIME = 1 };

struct topic_config {
	/* rolling */
	int32_t segment_bytes; /* internal.segment.bytes, where set, is already applied */
	int64_t segment_ms;
	int64_t segment_jitter_ms;
	int32_t segment_index_bytes;
	int32_t index_interval_bytes;
	bool preallocate;
	bool encryption_enable; /* appended batches are encrypted (log/sealed.h) */

	/* capacity of each partition, per second (broker/capacity.h); 0 = no limit */
	int64_t partition_bytes_in_rate;
	int64_t partition_records_in_rate;
	int64_t partition_bytes_out_rate;

	/* flushing; INT64_MAX = left to the system */
	int64_t flush_messages;
	int64_t flush_ms;

	/* retention; -1 = without limit */
	int64_t retention_ms;
	int64_t retention_bytes;
	int64_t file_delete_delay_ms;

	/* cleanup.policy; neither = nothing is removed */
	bool cleanup_delete;
	bool cleanup_compact;
	int64_t delete_retention_ms;
	int64_t min_compaction_lag_ms;
	int64_t max_compaction_lag_ms;
	double min_cleanable_dirty_ratio;

	/* what producers may write */
	int32_t max_message_bytes;
	int32_t max_decompressed_message_bytes; /* limit for a single record */
	enum compression_type compression_type;
	int32_t compression_gzip_level; /* -1 = the codec's own default */
	int32_t compression_lz4_level;
	int32_t compression_zstd_level;
	enum timestamp_type message_timestamp_type;
	int64_t message_timestamp_before_max_ms;
	int64_t message_timestamp_after_max_ms;

	/* replication */
	int32_t min_insync_replicas;
	bool unclean_leader_election_enable;
	struct str leader_replication_throttled_replicas; /* "*" or "partition:broker,..."; empty = none */
	struct str follower_replication_throttled_replicas;

	/* tiered storage */
	bool remote_storage_enable;
	bool remote_log_copy_disable;
	bool remote_log_delete_on_disable;
	int64_t local_retention_ms;    /* -2 = as retention_ms */
	int64_t local_retention_bytes; /* -2 = as retention_bytes */
	int64_t remote_copy_lag_ms;
	int64_t remote_copy_lag_bytes;

	/* share groups */
	bool errors_deadletterqueue_group_enable;
};

/*
 * Fills `out` from n layers, strongest first (topic, this broker, all brokers), then from what the
 * node was started with, then from the defaults. n == 0 gives the settings of a topic without any
 * of its own. An invalid value in a layer (records written by another release) counts as not set
 * there; then ERR_INVALID_CONFIG is returned and `out` is complete all the same. Otherwise 0.
 */
int topic_config_resolve(const struct config *c, const struct config_layer *layers, int n, struct topic_config *out);

#endif
