/*
 * remote_record: the frame is that of metadata records: uvarint frame version (1), uvarint type,
 * uvarint version, then the body.
 */
#include "cli/remote_record.h"

#include <inttypes.h>

#include "base/err.h"
#include "protocol/remote_log_records.h"
#include "wire/codec.h"
#include "wire/protocol.h"
#include "wire/reader.h"

enum { FRAME_VERSION = 1 };

/* ---- parts ---- */

static const char *const SEGMENT_STATES[] = {
	"COPY_SEGMENT_STARTED",
	"COPY_SEGMENT_FINISHED",
	"DELETE_SEGMENT_STARTED",
	"DELETE_SEGMENT_FINISHED",
};
static const char *const PARTITION_STATES[] = {
	"DELETE_PARTITION_MARKED",
	"DELETE_PARTITION_STARTED",
	"DELETE_PARTITION_FINISHED",
};

#define STATE(names, id) ((id) >= 0 && (size_t)(id) < sizeof(names) / sizeof((names)[0]) ? (names)[id] : "UNKNOWN")

static const char *boolean(bool b)
{
	return b ? "true" : "false";
}

static void put_uuid(struct buf *out, struct uuid id)
{
	char text[UUID_TEXT_LEN + 1];

	buf_printf(out, "%s", uuid_text(id, text));
}

static void put_partition(struct buf *out, struct uuid topic_id, struct str name, int32_t partition)
{
	put_uuid(out, topic_id);
	buf_printf(out, ":%.*s-%" PRId32, STR_ARG(name), partition);
}

/* Prints a segment's id; a macro, since each record has its own struct for it. */
#define PUT_SEGMENT_ID(out, entry)                                                                                     \
	do {                                                                                                           \
		buf_printf(out, "remoteLogSegmentId=RemoteLogSegmentId{topicIdPartition=");                            \
		put_partition(out, (entry).topic_id_partition.id, (entry).topic_id_partition.name,                     \
			      (entry).topic_id_partition.partition);                                                   \
		buf_printf(out, ", id=");                                                                              \
		put_uuid(out, (entry).id);                                                                             \
		buf_printf(out, "}");                                                                                  \
	} while (0)

/* Prints the epochs in the order in which Kafka prints them. */
#define PUT_EPOCHS(out, epochs)                                                                                        \
	do {                                                                                                           \
		buf_printf(out, ", segmentLeaderEpochs={");                                                            \
		for (int32_t i = 0; i < (epochs).n; i++)                                                               \
			buf_printf(out, "%s%" PRId32 "=%" PRId64, i ? ", " : "", (epochs).v[i].leader_epoch,           \
				   (epochs).v[i].offset);                                                              \
		buf_printf(out, "}");                                                                                  \
	} while (0)

static void put_custom(struct buf *out, struct bytes custom)
{
	buf_printf(out, ", customMetadata=");
	if (custom.p)
		buf_printf(out, "Optional[CustomMetadata{%" PRId32 " bytes}]", custom.len);
	else
		buf_printf(out, "Optional.empty");
}

/* ---- records ---- */

static void put_segment(struct buf *out, const void *record)
{
	const struct remote_log_segment_metadata_record *r = record;

	buf_printf(out, "RemoteLogSegmentMetadata{");
	PUT_SEGMENT_ID(out, r->remote_log_segment_id);
	buf_printf(out,
		   ", startOffset=%" PRId64 ", endOffset=%" PRId64 ", brokerId=%" PRId32 ", maxTimestampMs=%" PRId64
		   ", eventTimestampMs=%" PRId64,
		   r->start_offset, r->end_offset, r->broker_id, r->max_timestamp_ms, r->event_timestamp_ms);
	PUT_EPOCHS(out, r->segment_leader_epochs);
	buf_printf(out, ", segmentSizeInBytes=%" PRId32, r->segment_size_in_bytes);
	put_custom(out, r->custom_metadata);
	buf_printf(out, ", state=%s, txnIdxEmpty=%s}", STATE(SEGMENT_STATES, r->remote_log_segment_state),
		   boolean(r->txn_index_empty));
}

static void put_update(struct buf *out, const void *record)
{
	const struct remote_log_segment_metadata_update_record *r = record;

	buf_printf(out, "RemoteLogSegmentMetadataUpdate{");
	PUT_SEGMENT_ID(out, r->remote_log_segment_id);
	put_custom(out, r->custom_metadata);
	buf_printf(out, ", state=%s, eventTimestampMs=%" PRId64 ", brokerId=%" PRId32 "}",
		   STATE(SEGMENT_STATES, r->remote_log_segment_state), r->event_timestamp_ms, r->broker_id);
}

static void put_delete(struct buf *out, const void *record)
{
	const struct remote_partition_delete_metadata_record *r = record;

	buf_printf(out, "RemotePartitionDeleteMetadata{topicPartition=");
	put_partition(out, r->topic_id_partition.id, r->topic_id_partition.name, r->topic_id_partition.partition);
	buf_printf(out, ", state=%s, eventTimestampMs=%" PRId64 ", brokerId=%" PRId32 "}",
		   STATE(PARTITION_STATES, r->remote_partition_delete_state), r->event_timestamp_ms, r->broker_id);
}

static void put_snapshot(struct buf *out, const void *record)
{
	const struct remote_log_segment_metadata_snapshot_record *r = record;

	buf_printf(out, "RemoteLogSegmentMetadataSnapshot{segmentId=");
	put_uuid(out, r->segment_id);
	buf_printf(out, ", startOffset=%" PRId64 ", endOffset=%" PRId64 ", maxTimestampMs=%" PRId64, r->start_offset,
		   r->end_offset, r->max_timestamp_ms);
	PUT_EPOCHS(out, r->segment_leader_epochs);
	buf_printf(out, ", segmentSizeInBytes=%" PRId32, r->segment_size_in_bytes);
	put_custom(out, r->custom_metadata);
	buf_printf(out, ", state=%s, txnIdxEmpty=%s}", STATE(SEGMENT_STATES, r->remote_log_segment_state),
		   boolean(r->txn_index_empty));
}

static const struct {
	const struct schema *schema;
	void (*put)(struct buf *out, const void *record);
} TYPES[] = {
	[remote_log_segment_metadata_record_KEY] = {&remote_log_segment_metadata_record_schema, put_segment},
	[remote_log_segment_metadata_update_record_KEY] = {&remote_log_segment_metadata_update_record_schema,
							   put_update},
	[remote_partition_delete_metadata_record_KEY] = {&remote_partition_delete_metadata_record_schema, put_delete},
	[remote_log_segment_metadata_snapshot_record_KEY] = {&remote_log_segment_metadata_snapshot_record_schema,
							     put_snapshot},
};

int remote_record_text(struct bytes value, struct arena *a, struct buf *out)
{
	struct reader r;
	uint32_t frame, type, version;
	void *record;

	reader_init(&r, value.p, value.p ? (size_t)value.len : 0);
	frame = reader_uvarint(&r);
	type = reader_uvarint(&r);
	version = reader_uvarint(&r);
	if (r.failed || frame != FRAME_VERSION)
		return ERR_INVALID_RECORD;
	if (type >= sizeof(TYPES) / sizeof(TYPES[0]) || version > INT16_MAX ||
	    !schema_has_version(TYPES[type].schema, (int)version))
		return ERR_UNSUPPORTED_VERSION;
	record = arena_zalloc(a, TYPES[type].schema->size);
	if (!record || codec_decode(TYPES[type].schema, (int)version, r.p, reader_left(&r), a, record) != 0)
		return ERR_INVALID_RECORD;
	TYPES[type].put(out, record);
	return 0;
}
