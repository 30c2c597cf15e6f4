/*
 * validate: Kafka's LogValidator and the checks around it, in Kafka's order, with its error codes
 * and messages.
 *
 *	base offset not 0                                    87 INVALID_RECORD
 *	size > max.message.bytes                             10 MESSAGE_TOO_LARGE
 *	length or CRC wrong                                   2 CORRUPT_MESSAGE
 *	counts, control batch, sequence < 0                  87
 *	a record: no key on a compacted topic                87, with its index
 *	a record: timestamp outside the window               32 INVALID_TIMESTAMP, with its index
 *	LogAppendTime set by a client                        32, with its index
 *	records malformed, too few, too many                 87
 *	a compressed record > max.decompressed.message.bytes 87
 *	does not decompress                                  UNKNOWN_SERVER_ERROR, as Kafka answers it
 */
#include "log/validate.h"

#include <errno.h>

#include "base/check.h"
#include "base/err.h"
#include "log/record_stream.h"

/*
 * Kafka names at most three in its message, but all in the response; we stop where a response would
 * become large.
 */
enum { RECORD_ERRORS_MAX = 1000, ERRORS_IN_MESSAGE = 3 };

struct validation {
	const struct batch_check *c;
	const struct batch_header *h;
	struct batch_problem *problem;
	int records_cap;
	int64_t max_timestamp;
	bool bad_timestamp;
	bool offsets_differ;
};

static int refuse(const struct batch_check *c, struct batch_problem *problem, int error, struct str message)
{
	problem->error = error;
	problem->message = c->arena->failed ? STR_NULL : message;
	return error;
}

#define REFUSE(v, error, ...) refuse((v)->c, (v)->problem, (error), arena_printf((v)->c->arena, __VA_ARGS__))
#define IN_PARTITION "in topic partition %.*s-%d"
#define PARTITION(v) STR_ARG((v)->c->topic), (v)->c->partition

int batch_check_produce(struct bytes records, int16_t version)
{
	struct batch_iter it;

	if (!records.p)
		return ERR_INVALID_RECORD;
	it = batch_iter(records.p, (size_t)records.len);
	if (!batch_next(&it))
		return it.error ? it.error : ERR_INVALID_RECORD;
	if (it.header.magic != BATCH_MAGIC)
		return ERR_INVALID_RECORD;
	if (version < 7 && batch_codec(&it.header) == CODEC_ZSTD)
		return ERR_UNSUPPORTED_COMPRESSION_TYPE;
	if (batch_next(&it))
		return ERR_INVALID_RECORD;
	return it.error;
}

/* ---- the batch ---- */

static int check_bytes(struct validation *v, const uint8_t *p, size_t len)
{
	const struct batch_header *h = v->h;

	if (v->c->origin == ORIGIN_CLIENT && h->base_offset != 0)
		return REFUSE(v, ERR_INVALID_RECORD,
			      "The baseOffset of the record batch in the append to %.*s-%d should be 0, but it is %lld",
			      PARTITION(v), (long long)h->base_offset);
	if ((int64_t)len > v->c->config->max_message_bytes)
		return REFUSE(
			v, ERR_MESSAGE_TOO_LARGE,
			"The record batch size in the append to %.*s-%d is %zu bytes which exceeds the maximum configured value of %d).",
			PARTITION(v), len, v->c->config->max_message_bytes);
	if (!batch_crc_ok(p, h))
		return REFUSE(v, ERR_CORRUPT_MESSAGE, "Record is corrupt (stored crc = %u) " IN_PARTITION ".", h->crc,
			      PARTITION(v));
	return 0;
}

static int check_header(struct validation *v)
{
	const struct batch_header *h = v->h;
	int64_t from_offsets = (int64_t)h->last_offset_delta + 1;

	if (v->c->origin != ORIGIN_CLIENT)
		return 0;
	if (from_offsets <= 0)
		return REFUSE(v, ERR_INVALID_RECORD, "Batch has an invalid offset range: [%lld, %lld] " IN_PARTITION,
			      (long long)h->base_offset, (long long)batch_last_offset(h), PARTITION(v));
	if (h->count <= 0)
		return REFUSE(v, ERR_INVALID_RECORD, "Invalid reported count for record batch: %d " IN_PARTITION,
			      h->count, PARTITION(v));
	if (from_offsets != h->count)
		return REFUSE(v, ERR_INVALID_RECORD,
			      "Inconsistent batch offset range [%lld, %lld] and count of records %d " IN_PARTITION,
			      (long long)h->base_offset, (long long)batch_last_offset(h), h->count, PARTITION(v));
	if (batch_is_control(h))
		return REFUSE(v, ERR_INVALID_RECORD, "Clients are not allowed to write control records " IN_PARTITION,
			      PARTITION(v));
	if (batch_has_producer(h) && h->base_sequence < 0)
		return REFUSE(v, ERR_INVALID_RECORD,
			      "Invalid sequence number %d in record batch with producerId %lld " IN_PARTITION,
			      h->base_sequence, (long long)h->producer_id, PARTITION(v));
	return 0;
}

/* ---- the records ---- */

/* Only this many records are named: no text is made for the others. */
static bool names_more(const struct validation *v)
{
	return v->problem->n_records < RECORD_ERRORS_MAX;
}

static void add_record_error(struct validation *v, int32_t index, struct str message)
{
	struct batch_problem *p = v->problem;
	struct record_error *records;

	if (p->n_records == RECORD_ERRORS_MAX)
		return;
	records = arena_grow(v->c->arena, p->records, p->n_records, &v->records_cap, sizeof(*records));
	if (!records)
		return;
	p->records = records;
	p->records[p->n_records++] = (struct record_error){index, message};
}

#define RECORD_ERROR(v, index, ...)                                                                                    \
	do {                                                                                                           \
		if (names_more(v))                                                                                     \
			add_record_error((v), (index), arena_printf((v)->c->arena, __VA_ARGS__));                      \
	} while (0)

static int target_codec(const struct batch_check *c, const struct batch_header *h)
{
	if (c->config->compression_type == COMPRESSION_PRODUCER)
		return batch_codec(h);
	if (batch_is_control(h) && batch_codec(h) == CODEC_NONE)
		return CODEC_NONE; /* control records are not compressed unless they arrived compressed */
	return (int)c->config->compression_type;
}

/* Kafka prints a missing key or value as -1 if it has skipped keys and values (PartialDefaultRecord), else as 0. */
static int shown_len(int32_t len, bool skips)
{
	return len < 0 && !skips ? 0 : len;
}

static void check_timestamp(struct validation *v, const struct stream_record *r, int32_t index)
{
	const struct topic_config *config = v->c->config;
	int64_t before = config->message_timestamp_before_max_ms;
	int64_t after = config->message_timestamp_after_max_ms;
	__int128 diff = (__int128)v->c->now_ms - r->timestamp;

	if (config->message_timestamp_type == TIMESTAMP_CREATE_TIME && r->timestamp != NO_TIMESTAMP) {
		if (diff <= before && -diff <= after)
			return;
		v->bad_timestamp = true;
		RECORD_ERROR(
			v, index,
			"Timestamp %lld of message with offset %lld is out of range. The timestamp should be within [%lld, %lld]",
			(long long)r->timestamp, (long long)r->offset,
			(long long)((uint64_t)v->c->now_ms - (uint64_t)before),
			(long long)((uint64_t)v->c->now_ms + (uint64_t)after));
	} else if (v->h->attributes & BATCH_LOG_APPEND_TIME) {
		bool skips = batch_codec(v->h) != CODEC_NONE && target_codec(v->c, v->h) == batch_codec(v->h);

		v->bad_timestamp = true;
		RECORD_ERROR(
			v, index,
			"Invalid timestamp type in message %sDefaultRecord(offset=%lld, timestamp=%lld, key=%d bytes, "
			"value=%d bytes). Producer should not set timestamp type to LogAppendTime.",
			skips ? "Partial" : "", (long long)r->offset, (long long)r->timestamp,
			shown_len(r->key_len, skips), shown_len(r->value_len, skips));
	}
}

static void check_record(struct validation *v, const struct stream_record *r, int32_t index)
{
	if (v->c->config->cleanup_compact && r->key_len < 0)
		RECORD_ERROR(v, index, "Compacted topic cannot accept message without key " IN_PARTITION, PARTITION(v));
	else
		check_timestamp(v, r, index);
	if (r->timestamp > v->max_timestamp)
		v->max_timestamp = r->timestamp;
	if (r->offset_delta != index)
		v->offsets_differ = true;
}

/* check_timestamp for timestamps that need no special treatment. */
static bool in_window(const struct validation *v, int64_t timestamp)
{
	const struct topic_config *config = v->c->config;
	__int128 diff = (__int128)v->c->now_ms - timestamp;

	return config->message_timestamp_type != TIMESTAMP_CREATE_TIME ||
	       (diff <= config->message_timestamp_before_max_ms && -diff <= config->message_timestamp_after_max_ms);
}

static bool glance_is_fine(struct validation *v, const struct record_glance *g)
{
	int64_t first, last;

	if (g->delta_max < g->delta_min)
		return true;
	if (v->c->config->cleanup_compact && (g->keyless & 1))
		return false;
	if (__builtin_add_overflow(v->h->base_timestamp, g->delta_min, &first) ||
	    __builtin_add_overflow(v->h->base_timestamp, g->delta_max, &last))
		return false;
	if (last > v->max_timestamp)
		v->max_timestamp = last;
	return in_window(v, first) && in_window(v, last);
}

/*
 * Most records are scanned together and judged by their extremes. False: they must be checked one
 * by one, to find out which is wrong.
 */
static bool skim_records(struct validation *v, struct record_stream *s)
{
	struct record_glance g = RECORD_GLANCE_NONE;
	struct stream_record r;

	if (v->h->attributes & BATCH_LOG_APPEND_TIME)
		return false;
	for (record_stream_glance(s, &g); record_stream_next(s, &r); record_stream_glance(s, &g))
		check_record(v, &r, g.n++);
	return glance_is_fine(v, &g);
}

static void begin_records(struct validation *v, const uint8_t *p, struct record_stream *s)
{
	int64_t max = v->c->decompressed_max > 0 ? v->c->decompressed_max : INT32_MAX;

	*v->problem = (struct batch_problem){0};
	v->records_cap = 0;
	v->max_timestamp = NO_TIMESTAMP;
	v->bad_timestamp = v->offsets_differ = false;
	record_stream_init(s, v->c->codecs, v->h, p, (size_t)max);
	if (batch_codec(v->h) != CODEC_NONE)
		s->record_max = v->c->config->max_decompressed_message_bytes;
}

static int stream_error(struct validation *v, int err)
{
	if (err == ERR_INVALID_RECORD)
		return REFUSE(v, err, "Found invalid record structure " IN_PARTITION, PARTITION(v));
	if (err == ERR_MESSAGE_TOO_LARGE)
		return REFUSE(v, err, "The records of the batch unfold to more bytes than are allowed " IN_PARTITION,
			      PARTITION(v));
	return REFUSE(v, ERR_UNKNOWN_SERVER_ERROR, "Failed to decompress record stream " IN_PARTITION, PARTITION(v));
}

/* The first three in brackets, each printed as Kafka's RecordError: clients show this to users. */
static struct str record_errors_shown(struct arena *arena, const struct batch_problem *p)
{
	struct str shown = STR("[");

	for (int i = 0; i < p->n_records && i < 3; i++)
		shown = arena_printf(arena, "%.*s%sRecordError(batchIndex=%d, message='%.*s')", STR_ARG(shown),
				     i ? ", " : "", p->records[i].index, STR_ARG(p->records[i].message));
	return arena_printf(arena, "%.*s]", STR_ARG(shown));
}

static int record_errors(struct validation *v)
{
	struct batch_problem *p = v->problem;

	if (v->bad_timestamp)
		return REFUSE(v, ERR_INVALID_TIMESTAMP,
			      "One or more records have been rejected due to invalid timestamp");
	struct str shown = record_errors_shown(v->c->arena, p);
	return REFUSE(
		v, ERR_INVALID_RECORD,
		"One or more records have been rejected due to %d record errors in total, and only showing the first three errors at "
		"most: %.*s",
		p->n_records, STR_ARG(shown));
}

static int check_records(struct validation *v, const uint8_t *p, int64_t *size)
{
	struct record_stream stream;
	struct stream_record r;
	int32_t index = 0;

	begin_records(v, p, &stream);
	if (!skim_records(v, &stream)) {
		begin_records(v, p, &stream);
		while (record_stream_next(&stream, &r))
			check_record(v, &r, index++);
	}
	if (stream.refused_size > 0)
		return REFUSE(v, ERR_INVALID_RECORD,
			      "Invalid record size: %d exceeds the configured maximum record size of %d.",
			      stream.refused_size, stream.record_max);
	if (stream.error)
		return stream_error(v, stream.error);
	*size = stream.size;
	return v->problem->n_records || v->bad_timestamp ? record_errors(v) : 0;
}

/* ---- patching ---- */

/*
 * Sets the max timestamp and its type, and clears attributes without a meaning in Kafka (which may
 * have one in our segments); the CRC is recomputed only if something has changed.
 */
static void patch_timestamps(const struct batch_check *c, uint8_t *p, size_t len, int64_t max_timestamp,
			     struct batch_info *info)
{
	struct batch_header *h = &info->header;
	bool append_time = c->config->message_timestamp_type == TIMESTAMP_LOG_APPEND_TIME;
	int16_t known = h->attributes & BATCH_KAFKA_ATTRIBUTES;
	int16_t attributes = (int16_t)(append_time ? known | BATCH_LOG_APPEND_TIME : known & ~BATCH_LOG_APPEND_TIME);
	int64_t timestamp = append_time ? c->now_ms : max_timestamp;

	info->log_append_time_ms = append_time ? c->now_ms : -1;
	if (attributes == h->attributes && timestamp == h->max_timestamp)
		return;
	h->attributes = attributes;
	h->max_timestamp = timestamp;
	put_i16(p + BATCH_AT_ATTRIBUTES, attributes);
	put_i64(p + BATCH_AT_MAX_TIMESTAMP, timestamp);
	batch_crc_set(p, len);
	h->crc = get_u32(p + BATCH_AT_CRC);
}

int batch_check(const struct batch_check *c, uint8_t *p, size_t len, struct batch_info *out,
		struct batch_problem *problem)
{
	struct batch_header h;
	struct validation v = {.c = c, .h = &h, .problem = problem};
	int64_t size = 0;

	*problem = (struct batch_problem){0};
	int err = batch_header_read(p, len, &h);
	if (err || (uint64_t)batch_size(&h) != len)
		return refuse(c, problem, ERR_CORRUPT_MESSAGE, STR_NULL);
	if (h.magic != BATCH_MAGIC)
		return refuse(c, problem, ERR_INVALID_RECORD, STR_NULL);
	if (batch_codec(&h) > CODEC_ZSTD)
		return refuse(c, problem, ERR_UNKNOWN_SERVER_ERROR, STR_NULL);
	err = check_bytes(&v, p, len);
	if (!err)
		err = check_header(&v);
	if (!err)
		err = check_records(&v, p, &size);
	if (err)
		return err;
	*out = (struct batch_info){
		.header = h,
		.origin = c->origin,
		.size = (int32_t)len,
		.uncompressed_size = size,
		.target_codec = target_codec(c, &h),
	};
	out->recompress = out->target_codec != batch_codec(&h) || (v.offsets_differ && out->target_codec != CODEC_NONE);
	patch_timestamps(c, p, len, v.max_timestamp, out);
	return 0;
}
