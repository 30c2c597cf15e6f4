/*
 * topic_config: a table that maps settings to members; each member is filled according to the type
 * of its setting.
 */
#include "config/topic_config.h"

#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "config/config_impl.h"

/*
 * A topic's values are short, except the two lists of replicas, which are limited by the size of a
 * record.
 */
enum { RESOLVE_MEMORY = 64 << 20 };

enum member_kind { MEMBER_I32, MEMBER_I64, MEMBER_BOOL, MEMBER_DOUBLE };

#define I32(id, member)                                                                                                \
	{                                                                                                              \
		TOPIC_CONFIG_##id, MEMBER_I32, offsetof(struct topic_config, member)                                   \
	}
#define I64(id, member)                                                                                                \
	{                                                                                                              \
		TOPIC_CONFIG_##id, MEMBER_I64, offsetof(struct topic_config, member)                                   \
	}
#define BOOL(id, member)                                                                                               \
	{                                                                                                              \
		TOPIC_CONFIG_##id, MEMBER_BOOL, offsetof(struct topic_config, member)                                  \
	}
#define DOUBLE(id, member)                                                                                             \
	{                                                                                                              \
		TOPIC_CONFIG_##id, MEMBER_DOUBLE, offsetof(struct topic_config, member)                                \
	}

static const struct {
	enum config_id id;
	enum member_kind kind;
	size_t at;
} members[] = {
	I32(SEGMENT_BYTES, segment_bytes),
	I64(SEGMENT_MS, segment_ms),
	I64(SEGMENT_JITTER_MS, segment_jitter_ms),
	I32(SEGMENT_INDEX_BYTES, segment_index_bytes),
	I32(INDEX_INTERVAL_BYTES, index_interval_bytes),
	BOOL(PREALLOCATE, preallocate),
	BOOL(ODRADEK_ENCRYPTION_ENABLE, encryption_enable),
	I64(ODRADEK_PARTITION_BYTES_IN_RATE, partition_bytes_in_rate),
	I64(ODRADEK_PARTITION_RECORDS_IN_RATE, partition_records_in_rate),
	I64(ODRADEK_PARTITION_BYTES_OUT_RATE, partition_bytes_out_rate),
	I64(FLUSH_MESSAGES, flush_messages),
	I64(FLUSH_MS, flush_ms),
	I64(RETENTION_MS, retention_ms),
	I64(RETENTION_BYTES, retention_bytes),
	I64(FILE_DELETE_DELAY_MS, file_delete_delay_ms),
	I64(DELETE_RETENTION_MS, delete_retention_ms),
	I64(MIN_COMPACTION_LAG_MS, min_compaction_lag_ms),
	I64(MAX_COMPACTION_LAG_MS, max_compaction_lag_ms),
	DOUBLE(MIN_CLEANABLE_DIRTY_RATIO, min_cleanable_dirty_ratio),
	I32(MAX_MESSAGE_BYTES, max_message_bytes),
	I32(MAX_DECOMPRESSED_MESSAGE_BYTES, max_decompressed_message_bytes),
	I32(COMPRESSION_GZIP_LEVEL, compression_gzip_level),
	I32(COMPRESSION_LZ4_LEVEL, compression_lz4_level),
	I32(COMPRESSION_ZSTD_LEVEL, compression_zstd_level),
	I64(MESSAGE_TIMESTAMP_BEFORE_MAX_MS, message_timestamp_before_max_ms),
	I64(MESSAGE_TIMESTAMP_AFTER_MAX_MS, message_timestamp_after_max_ms),
	I32(MIN_INSYNC_REPLICAS, min_insync_replicas),
	BOOL(UNCLEAN_LEADER_ELECTION_ENABLE, unclean_leader_election_enable),
	BOOL(REMOTE_STORAGE_ENABLE, remote_storage_enable),
	BOOL(REMOTE_LOG_COPY_DISABLE, remote_log_copy_disable),
	BOOL(REMOTE_LOG_DELETE_ON_DISABLE, remote_log_delete_on_disable),
	I64(LOCAL_RETENTION_MS, local_retention_ms),
	I64(LOCAL_RETENTION_BYTES, local_retention_bytes),
	I64(REMOTE_COPY_LAG_MS, remote_copy_lag_ms),
	I64(REMOTE_COPY_LAG_BYTES, remote_copy_lag_bytes),
	BOOL(ERRORS_DEADLETTERQUEUE_GROUP_ENABLE, errors_deadletterqueue_group_enable),
};

static const struct {
	const char *name;
	enum compression_type type;
} compressions[] = {
	{"uncompressed", COMPRESSION_UNCOMPRESSED},
	{"gzip", COMPRESSION_GZIP},
	{"snappy", COMPRESSION_SNAPPY},
	{"lz4", COMPRESSION_LZ4},
	{"zstd", COMPRESSION_ZSTD},
	{"producer", COMPRESSION_PRODUCER},
};

static void store(struct topic_config *t, enum member_kind kind, size_t at, const struct config_value *v)
{
	void *member = (char *)t + at;

	switch (kind) {
	case MEMBER_I32:
		*(int32_t *)member = (int32_t)v->integer;
		break;
	case MEMBER_I64:
		*(int64_t *)member = v->integer;
		break;
	case MEMBER_BOOL:
		*(bool *)member = v->integer != 0;
		break;
	case MEMBER_DOUBLE:
		*(double *)member = v->real;
		break;
	}
}

static enum compression_type compression_of(struct str name)
{
	for (size_t i = 0; i < sizeof(compressions) / sizeof(*compressions); i++)
		if (str_is(name, compressions[i].name))
			return compressions[i].type;
	return COMPRESSION_PRODUCER;
}

/* The text of a list, if valid, as a view into the layer: it must outlive the arena. */
static struct str list_text(const struct config_layer *layers, int n, enum config_id id, struct arena *a)
{
	const struct config_setting *s = config_setting(id);
	struct config_value v;

	for (int i = 0; i < n; i++)
		if (config_layer_value(&layers[i], s, a, &v))
			return str_trim(layers[i].get(layers[i].arg, str_of(s->name)));
	return STR("");
}

int topic_config_resolve(const struct config *c, const struct config_layer *layers, int n, struct topic_config *out)
{
	struct config_found found;
	struct arena a;
	bool legal = true;

	arena_init(&a, RESOLVE_MEMORY);
	*out = (struct topic_config){0};
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		legal &= config_find_behind(c, layers, n, members[i].id, &a, &found);
		store(out, members[i].kind, members[i].at, &found.value);
	}
	legal &= config_find_behind(c, layers, n, TOPIC_CONFIG_INTERNAL_SEGMENT_BYTES, &a, &found);
	if (!str_is_null(found.value.text))
		out->segment_bytes = (int32_t)found.value.integer;
	legal &= config_find_behind(c, layers, n, TOPIC_CONFIG_CLEANUP_POLICY, &a, &found);
	out->cleanup_delete = config_value_has_item(&found.value, "delete");
	out->cleanup_compact = config_value_has_item(&found.value, "compact");
	legal &= config_find_behind(c, layers, n, TOPIC_CONFIG_COMPRESSION_TYPE, &a, &found);
	out->compression_type = compression_of(found.value.text);
	legal &= config_find_behind(c, layers, n, TOPIC_CONFIG_MESSAGE_TIMESTAMP_TYPE, &a, &found);
	out->message_timestamp_type =
		str_is(found.value.text, "LogAppendTime") ? TIMESTAMP_LOG_APPEND_TIME : TIMESTAMP_CREATE_TIME;
	out->leader_replication_throttled_replicas =
		list_text(layers, n, TOPIC_CONFIG_LEADER_REPLICATION_THROTTLED_REPLICAS, &a);
	out->follower_replication_throttled_replicas =
		list_text(layers, n, TOPIC_CONFIG_FOLLOWER_REPLICATION_THROTTLED_REPLICAS, &a);
	legal &= !a.failed;
	arena_fini(&a);
	return legal ? 0 : ERR_INVALID_CONFIG;
}
