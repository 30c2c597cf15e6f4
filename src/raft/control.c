/*
 * control: control records (KIP-595, KIP-630, KIP-853).
 *
 * Key: int16 version 0, int16 type. The value is the message's own encoding; its first field is its version, 0 until
 * now.
 */
#include "raft/control.h"

#include <errno.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/mem.h"
#include "protocol/control_records.h"
#include "raft/raft_private.h"
#include "wire/codec.h"

/* A voter set on disk has a handful of members; this bounds what a hostile one can ask for. */
#define VOTERS_ARENA (1 << 20)

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

void control_add_leader_change(struct batch_builder *b, int64_t timestamp, int32_t leader_id,
			       const struct raft_voters *voters, int32_t granting_id)
{
	struct leader_change_message m;
	struct leader_change_message_voter granting;
	struct leader_change_message_voter *all = xcalloc((size_t)voters->n + 1, sizeof(*all));

	codec_init(&leader_change_message_schema, &m);
	codec_init(&leader_change_message_voter_schema, &granting);
	for (int i = 0; i < voters->n; i++)
		all[i].voter_id = voters->v[i].id;
	granting.voter_id = granting_id;
	m.leader_id = leader_id;
	m.voters.v = all;
	m.voters.n = voters->n;
	m.granting_voters.v = &granting;
	m.granting_voters.n = 1;
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
		to->endpoints.v = arena_array(&a, (size_t)from->n_endpoints, sizeof(*to->endpoints.v));
		to->endpoints.n = from->n_endpoints;
		for (int at = 0; at < from->n_endpoints; at++) {
			to->endpoints.v[at].name = from->endpoints[at].name;
			to->endpoints.v[at].host = from->endpoints[at].host;
			to->endpoints.v[at].port = from->endpoints[at].port;
		}
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
		to->endpoints = arena_array(a, (size_t)from->endpoints.n, sizeof(*to->endpoints));
		if (a->failed)
			return;
		to->n_endpoints = from->endpoints.n;
		for (int at = 0; at < from->endpoints.n; at++)
			to->endpoints[at] = (struct raft_endpoint){
				from->endpoints.v[at].name, from->endpoints.v[at].host, from->endpoints.v[at].port};
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

struct bytes raft_epoch_batch(const struct raft *r, int64_t offset, int64_t wall_ms, bool with_voters, struct arena *a,
			      int32_t *n_records)
{
	struct batch_options options = BATCH_OPTIONS_NONE;
	struct batch_builder b;
	struct buf out = {0};
	struct str bytes;

	options.base_offset = offset;
	options.leader_epoch = r->election.leader_epoch;
	options.attributes = BATCH_CONTROL;
	batch_begin(&b, &out, &options);
	control_add_leader_change(&b, wall_ms, r->node_id, &r->voters, r->node_id);
	if (with_voters) {
		control_add_kraft_version(&b, wall_ms, r->kraft_version);
		control_add_voters(&b, wall_ms, &r->voters);
	}
	batch_end(&b);
	bytes = arena_str(a, buf_str(&out));
	check(bytes.p);
	buf_fini(&out);
	*n_records = with_voters ? 3 : 1;
	return (struct bytes){(const uint8_t *)bytes.p, bytes.len};
}
