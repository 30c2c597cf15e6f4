/*
 * control: encodes and decodes control records (KIP-595, KIP-630, KIP-853).
 *
 * Key: int16 version 0, int16 type. The value is encoded as the message itself; its first field is
 * its version, which has always been 0.
 */
#include "raft/control.h"

#include <errno.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/mem.h"
#include "protocol/control_records.h"
#include "raft/message.h"

/* A record is part of a batch of at most 8 MiB; this limits what a hostile one can allocate. */
#define VOTERS_ARENA (128 << 20)

static void add(struct batch_builder *b, int64_t timestamp, enum control_type type, const struct schema *schema,
		const void *body)
{
	uint8_t key[4];
	struct buf value = {0};
	int err = codec_encode_buf(schema, 0, body, &value);

	check(err == 0);
	put_i16(key, 0);
	put_i16(key + 2, (int16_t)type);
	batch_add(b, timestamp, (struct bytes){key, sizeof(key)}, (struct bytes){value.p, (int32_t)value.len});
	buf_fini(&value);
}

static void set_voters(struct leader_change_message_voter *to, const int32_t *ids, int n)
{
	for (int i = 0; i < n; i++) {
		codec_init(&leader_change_message_voter_schema, &to[i]);
		to[i].voter_id = ids[i];
	}
}

void control_add_leader_change(struct batch_builder *b, int64_t timestamp, const struct control_leader_change *what)
{
	struct leader_change_message m;
	struct leader_change_message_voter *all =
		xcalloc((size_t)(what->n_voters + what->n_granting) + 1, sizeof(*all));

	codec_init(&leader_change_message_schema, &m);
	set_voters(all, what->voters, what->n_voters);
	set_voters(all + what->n_voters, what->granting, what->n_granting);
	m.leader_id = what->leader_id;
	m.voters.v = all;
	m.voters.n = what->n_voters;
	m.granting_voters.v = all + what->n_voters;
	m.granting_voters.n = what->n_granting;
	add(b, timestamp, CONTROL_LEADER_CHANGE, &leader_change_message_schema, &m);
	xfree(all);
}

void control_add_kraft_version(struct batch_builder *b, int64_t timestamp, int16_t version)
{
	struct k_raft_version_record m = {.version = 0, .k_raft_version = version};

	add(b, timestamp, CONTROL_KRAFT_VERSION, &k_raft_version_record_schema, &m);
}

void control_add_voters(struct batch_builder *b, int64_t timestamp, const struct raft_voters *voters)
{
	struct arena a;
	struct voters_record m;

	arena_init(&a, SIZE_MAX);
	codec_init(&voters_record_schema, &m);
	m.voters.v = arena_array(&a, (size_t)voters->n, sizeof(*m.voters.v));
	m.voters.n = voters->n;
	for (int i = 0; i < voters->n; i++) {
		const struct raft_voter *from = &voters->v[i];
		struct voters_record_voter *to = &m.voters.v[i];

		codec_init(&voters_record_voter_schema, to);
		to->voter_id = from->id;
		to->voter_directory_id = from->directory_id;
		to->k_raft_version_feature.min_supported_version = from->kraft_version_min;
		to->k_raft_version_feature.max_supported_version = from->kraft_version_max;
		ENDPOINTS_COPY(to->endpoints.v, from->endpoints, from->n_endpoints, &a);
		to->endpoints.n = from->n_endpoints;
	}
	add(b, timestamp, CONTROL_KRAFT_VOTERS, &voters_record_schema, &m);
	arena_fini(&a);
}

void control_add_snapshot_header(struct batch_builder *b, int64_t timestamp, int64_t last_contained_log_timestamp)
{
	struct snapshot_header_record m = {.version = 0, .last_contained_log_timestamp = last_contained_log_timestamp};

	add(b, timestamp, CONTROL_SNAPSHOT_HEADER, &snapshot_header_record_schema, &m);
}

void control_add_snapshot_footer(struct batch_builder *b, int64_t timestamp)
{
	struct snapshot_footer_record m = {.version = 0};

	add(b, timestamp, CONTROL_SNAPSHOT_FOOTER, &snapshot_footer_record_schema, &m);
}

int control_read_kraft_version(struct bytes value, int16_t *out)
{
	struct k_raft_version_record m;
	struct arena a;
	int err;

	arena_init(&a, VOTERS_ARENA);
	err = codec_decode(&k_raft_version_record_schema, 0, value.p, value.p ? (size_t)value.len : 0, &a, &m);
	arena_fini(&a);
	if (err != 0 || m.version != 0 || m.k_raft_version < 0 || m.k_raft_version > 1)
		return -EBADMSG;
	*out = m.k_raft_version;
	return 0;
}

static void voters_from_record(const struct voters_record *m, struct arena *a, struct raft_voters *out)
{
	struct raft_voters borrowed = {arena_array(a, (size_t)m->voters.n, sizeof(*borrowed.v)), m->voters.n};

	if (a->failed)
		return;
	for (int i = 0; i < m->voters.n; i++) {
		const struct voters_record_voter *from = &m->voters.v[i];
		struct raft_voter *to = &borrowed.v[i];

		to->id = from->voter_id;
		to->directory_id = from->voter_directory_id;
		to->kraft_version_min = from->k_raft_version_feature.min_supported_version;
		to->kraft_version_max = from->k_raft_version_feature.max_supported_version;
		ENDPOINTS_COPY(to->endpoints, from->endpoints.v, from->endpoints.n, a);
		if (a->failed)
			return;
		to->n_endpoints = from->endpoints.n;
	}
	raft_voters_copy(out, &borrowed);
}

int control_read_voters(struct bytes value, struct raft_voters *out)
{
	struct voters_record m;
	struct arena a;
	int err;

	*out = (struct raft_voters){NULL, 0};
	arena_init(&a, VOTERS_ARENA);
	err = codec_decode(&voters_record_schema, 0, value.p, value.p ? (size_t)value.len : 0, &a, &m);
	if (err == 0 && m.version == 0)
		voters_from_record(&m, &a, out);
	arena_fini(&a);
	return out->v ? 0 : -EBADMSG;
}

struct bytes control_build(const struct control_batch *what, struct arena *a, int32_t *n_records)
{
	struct batch_options options = BATCH_OPTIONS_NONE;
	struct batch_builder b;
	struct buf out = {0};
	struct str bytes;

	options.base_offset = what->offset;
	options.leader_epoch = what->epoch;
	options.attributes = BATCH_CONTROL;
	batch_begin(&b, &out, &options);
	if (what->leader_change)
		control_add_leader_change(&b, what->timestamp, what->leader_change);
	if (what->kraft_version >= 0)
		control_add_kraft_version(&b, what->timestamp, what->kraft_version);
	if (what->voters)
		control_add_voters(&b, what->timestamp, what->voters);
	batch_end(&b);
	bytes = arena_str(a, buf_str(&out));
	check(bytes.p);
	buf_fini(&out);
	*n_records = (what->leader_change != NULL) + (what->kraft_version >= 0) + (what->voters != NULL);
	return (struct bytes){(const uint8_t *)bytes.p, bytes.len};
}

/* ---- reading ---- */

static int note_record(const struct record *record, int64_t offset, struct raft_history *out)
{
	struct raft_voters voters;
	int16_t version;

	switch (control_type(record->key)) {
	case CONTROL_KRAFT_VERSION:
		if (control_read_kraft_version(record->value, &version) != 0)
			return -EBADMSG;
		raft_history_note_kraft_version(out, offset, version);
		return 0;
	case CONTROL_KRAFT_VOTERS:
		if (control_read_voters(record->value, &voters) != 0)
			return -EBADMSG;
		raft_history_note_voters(out, offset, &voters);
		raft_voters_fini(&voters);
		return 0;
	default:
		return 0;
	}
}

static int note_records(const struct batch_header *h, const uint8_t *batch, int64_t at, struct raft_history *out)
{
	struct record_iter it = record_iter(h, batch + BATCH_HEADER_SIZE, (size_t)batch_size(h) - BATCH_HEADER_SIZE);
	int64_t last = h->base_offset - 1;
	struct record record;
	int err = 0;

	while (err == 0 && record_next(&it, &record)) {
		if (record.offset <= last || record.offset > batch_last_offset(h))
			return -EBADMSG;
		last = record.offset;
		err = note_record(&record, at >= -1 ? at : record.offset, out);
	}
	return it.error != 0 ? -EBADMSG : err;
}

int control_note(const struct batch_header *h, const uint8_t *batch, struct raft_history *out)
{
	if (h->magic != BATCH_MAGIC || h->base_offset != out->end || h->leader_epoch < history_last_epoch(out) ||
	    h->last_offset_delta < 0)
		return -EBADMSG;
	if (batch_is_control(h) && note_records(h, batch, INT64_MIN, out) != 0) {
		history_truncate(out, out->end);
		return -EBADMSG;
	}
	raft_history_note_epoch(out, h->leader_epoch, h->base_offset);
	out->end = batch_last_offset(h) + 1;
	out->bytes += batch_size(h);
	return 0;
}

int control_note_snapshot(const struct batch_header *h, const uint8_t *batch, int64_t end, struct raft_history *out)
{
	return batch_is_control(h) ? note_records(h, batch, end - 1, out) : 0;
}
