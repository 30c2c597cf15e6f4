/*
 * record: encodes and decodes the frame around a metadata record: uvarint frame version (1),
 * uvarint type, uvarint version, then the body.
 */
#include "metadata/record.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/varint.h"
#include "wire/codec.h"
#include "wire/protocol.h"

#define FRAME_VERSION 1

static const char *const TYPE_NAMES[METADATA_RECORD_TYPES] = {
	[RECORD_REGISTER_BROKER] = "REGISTER_BROKER_RECORD",
	[RECORD_UNREGISTER_BROKER] = "UNREGISTER_BROKER_RECORD",
	[RECORD_TOPIC] = "TOPIC_RECORD",
	[RECORD_PARTITION] = "PARTITION_RECORD",
	[RECORD_CONFIG] = "CONFIG_RECORD",
	[RECORD_PARTITION_CHANGE] = "PARTITION_CHANGE_RECORD",
	[RECORD_FENCE_BROKER] = "FENCE_BROKER_RECORD",
	[RECORD_UNFENCE_BROKER] = "UNFENCE_BROKER_RECORD",
	[RECORD_REMOVE_TOPIC] = "REMOVE_TOPIC_RECORD",
	[RECORD_DELEGATION_TOKEN] = "DELEGATION_TOKEN_RECORD",
	[RECORD_USER_SCRAM_CREDENTIAL] = "USER_SCRAM_CREDENTIAL_RECORD",
	[RECORD_FEATURE_LEVEL] = "FEATURE_LEVEL_RECORD",
	[RECORD_CLIENT_QUOTA] = "CLIENT_QUOTA_RECORD",
	[RECORD_PRODUCER_IDS] = "PRODUCER_IDS_RECORD",
	[RECORD_BROKER_REGISTRATION_CHANGE] = "BROKER_REGISTRATION_CHANGE_RECORD",
	[RECORD_ACCESS_CONTROL_ENTRY] = "ACCESS_CONTROL_ENTRY_RECORD",
	[RECORD_REMOVE_ACCESS_CONTROL_ENTRY] = "REMOVE_ACCESS_CONTROL_ENTRY_RECORD",
	[RECORD_NO_OP] = "NO_OP_RECORD",
	[RECORD_ZK_MIGRATION_STATE] = "ZK_MIGRATION_STATE_RECORD",
	[RECORD_REMOVE_USER_SCRAM_CREDENTIAL] = "REMOVE_USER_SCRAM_CREDENTIAL_RECORD",
	[RECORD_BEGIN_TRANSACTION] = "BEGIN_TRANSACTION_RECORD",
	[RECORD_END_TRANSACTION] = "END_TRANSACTION_RECORD",
	[RECORD_ABORT_TRANSACTION] = "ABORT_TRANSACTION_RECORD",
	[RECORD_REMOVE_DELEGATION_TOKEN] = "REMOVE_DELEGATION_TOKEN_RECORD",
	[RECORD_REGISTER_CONTROLLER] = "REGISTER_CONTROLLER_RECORD",
	[RECORD_CLEAR_ELR] = "CLEAR_ELR_RECORD",
	[RECORD_UNREGISTER_CONTROLLER] = "UNREGISTER_CONTROLLER_RECORD",
};

static const struct schema *schema_of(uint32_t type)
{
	return type < (uint32_t)metadata_record_schemas_n ? metadata_record_schemas[type] : NULL;
}

const char *metadata_record_type_name(int type)
{
	return type >= 0 && type < METADATA_RECORD_TYPES ? TYPE_NAMES[type] : NULL;
}

void record_list_init(struct record_list *l, struct arena *a)
{
	*l = (struct record_list){.arena = a};
}

/* Makes room for one more; false when the arena is spent. */
static bool record_list_grow(struct record_list *l)
{
	struct metadata_record *v = arena_grow(l->arena, l->v, l->n, &l->cap, sizeof(*v));

	if (v)
		l->v = v;
	return v != NULL;
}

void *record_list_add(struct record_list *l, enum metadata_record_type type, int16_t version)
{
	const struct schema *s = schema_of((uint32_t)type);
	void *body;

	check(s && schema_has_version(s, version));
	if (!record_list_grow(l))
		return NULL;
	body = arena_alloc(l->arena, s->size);
	if (!body)
		return NULL;
	codec_init(s, body);
	l->v[l->n++] = (struct metadata_record){(int16_t)type, version, body};
	return body;
}

size_t metadata_record_body_size(int16_t type)
{
	check(schema_of((uint32_t)type));
	return schema_of((uint32_t)type)->size;
}

bool record_list_failed(const struct record_list *l)
{
	return l->arena->failed;
}

static void put_uvarint(struct buf *out, uint32_t v)
{
	uint8_t bytes[VARINT32_MAX];

	buf_put(out, bytes, (size_t)varint_write_u32(bytes, v));
}

void metadata_record_encode(const struct metadata_record *r, struct buf *out)
{
	const struct schema *s = schema_of((uint32_t)r->type);
	int err;

	check(s);
	put_uvarint(out, FRAME_VERSION);
	put_uvarint(out, (uint32_t)r->type);
	put_uvarint(out, (uint32_t)r->version);
	err = codec_encode_buf(s, r->version, r->body, out);
	check(err == 0); /* a record fits its version, which the deciding code has chosen */
}

int metadata_record_decode(struct bytes value, struct arena *a, struct metadata_record *out)
{
	struct reader r;
	const struct schema *s;
	uint32_t frame;
	uint32_t type;
	uint32_t version;
	void *body;
	int err;

	reader_init(&r, value.p, value.p ? (size_t)value.len : 0);
	frame = reader_uvarint(&r);
	type = reader_uvarint(&r);
	version = reader_uvarint(&r);
	if (r.failed || frame != FRAME_VERSION || type > INT16_MAX || version > INT16_MAX)
		return -EBADMSG;
	*out = (struct metadata_record){(int16_t)type, (int16_t)version, NULL};
	s = schema_of(type);
	if (!s || !schema_has_version(s, (int)version))
		return -ENOTSUP;
	body = arena_alloc(a, s->size);
	if (!body)
		return -ENOMEM;
	err = codec_decode(s, (int)version, r.p, reader_left(&r), a, body);
	if (err == -ENOMEM)
		return err;
	out->body = body;
	return err == 0 ? 0 : -EBADMSG;
}
