/* coordinator_record: finds the schema of a record by its family, its number and whether it is a key. */
#include "cli/coordinator_record.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "protocol/consumer_protocol.h"
#include "protocol/group_records.h"
#include "wire/codec.h"
#include "wire/protocol.h"
#include "wire/reader.h"

/* The names that Kafka's tools print for the numbers in TransactionLogValue. */
static const char *const TRANSACTION_STATES[] = {
	"Empty",	  "Ongoing",	   "PrepareCommit", "PrepareAbort",
	"CompleteCommit", "CompleteAbort", "Dead",	    "PrepareEpochFence",
};

static enum coordinator_family family_of(const struct schema *s)
{
	if (strncmp(s->name, "TransactionLog", 14) == 0)
		return COORDINATOR_TRANSACTION;
	if (strncmp(s->name, "ShareSnapshot", 13) == 0 || strncmp(s->name, "ShareUpdate", 11) == 0)
		return COORDINATOR_SHARE;
	return COORDINATOR_GROUP;
}

static const struct schema *find(enum coordinator_family family, int type, enum schema_sort sort)
{
	for (int i = 0; i < protocol_schemas_n; i++) {
		const struct schema *s = protocol_schemas[i];

		if (s->sort == sort && s->key == type && family_of(s) == family)
			return s;
	}
	return NULL;
}

int coordinator_record_type(struct bytes key)
{
	struct reader r;
	int type;

	reader_init(&r, key.p, (size_t)(key.len > 0 ? key.len : 0));
	type = reader_i16(&r);
	return r.failed ? -1 : type;
}

static int json_of(const struct schema *s, int version, struct bytes bytes, struct arena *a, struct buf *out)
{
	void *message = s ? arena_zalloc(a, s->size) : NULL;

	if (!s || !schema_has_version(s, version))
		return ERR_UNSUPPORTED_VERSION;
	if (!message || codec_decode(s, version, bytes.p + 2, (size_t)bytes.len - 2, a, message) != 0)
		return ERR_INVALID_RECORD;
	codec_json(s, version, message, false, out);
	return 0;
}

int coordinator_key_json(enum coordinator_family family, struct bytes key, struct arena *a, struct buf *out)
{
	int type = coordinator_record_type(key);

	return type < 0 ? ERR_INVALID_RECORD : json_of(find(family, type, SCHEMA_COORDINATOR_KEY), 0, key, a, out);
}

/* Replaces the number of a transaction's state by its name, if it has one. */
static void name_state(struct buf *value)
{
	json_t *root = json_loadb((const char *)value->p, value->len, JSON_ALLOW_NUL, NULL);
	json_int_t state = json_integer_value(json_object_get(root, "transactionStatus"));
	char *text;

	if (!root)
		return;
	if (state >= 0 && (size_t)state < sizeof(TRANSACTION_STATES) / sizeof(TRANSACTION_STATES[0]))
		json_object_set_new(root, "transactionStatus", json_string(TRANSACTION_STATES[state]));
	else
		json_object_set_new(root, "transactionStatus", json_sprintf("%lld", (long long)state));
	text = json_dumps(root, JSON_COMPACT);
	value->len = 0;
	buf_put(value, text, strlen(text));
	free(text);
	json_decref(root);
}

int coordinator_value_json(enum coordinator_family family, struct bytes key, struct bytes value, struct arena *a,
			   int *version, struct buf *out)
{
	int err;

	*version = coordinator_record_type(value);
	if (*version < 0)
		return ERR_INVALID_RECORD;
	err = json_of(find(family, coordinator_record_type(key), SCHEMA_COORDINATOR_VALUE), *version, value, a, out);
	if (err == 0 && family == COORDINATOR_TRANSACTION)
		name_state(out);
	return err;
}

/* ---- in the form of kafka-dump-log ---- */

/*
 * Replaces the consumer protocol's bytes in member `name` by their fields; what cannot be decoded
 * stays unchanged.
 */
static void open_field(json_t *member, const char *name, const struct schema *s, struct arena *a)
{
	const char *text = json_string_value(json_object_get(member, name));
	void *message = arena_alloc(a, s->size);
	struct buf json = {0};
	struct bytes bytes;
	struct reader r;
	json_t *opened;
	int version;

	if (!text || !message)
		return;
	if (!base64_read(BASE64_PADDED, str_of(text), a, &bytes))
		return;
	reader_init(&r, bytes.p, (size_t)bytes.len);
	version = reader_i16(&r);
	if (r.failed || !schema_has_version(s, version) || codec_read(s, version, &r, a, message) != 0)
		return;
	codec_json(s, version, message, false, &json);
	opened = json_loadb((const char *)json.p, json.len, 0, NULL);
	if (opened)
		json_object_set_new(member, name, opened);
	buf_fini(&json);
}

static void open_members(struct buf *value, struct arena *a)
{
	json_t *root = json_loadb((const char *)value->p, value->len, 0, NULL), *member;
	const char *type = json_string_value(json_object_get(root, "protocolType"));
	size_t i;
	char *text;

	if (type && strcmp(type, "consumer") == 0) {
		json_array_foreach(json_object_get(root, "members"), i, member)
		{
			open_field(member, "subscription", &consumer_protocol_subscription_schema, a);
			open_field(member, "assignment", &consumer_protocol_assignment_schema, a);
		}
		text = json_dumps(root, JSON_COMPACT);
		value->len = 0;
		buf_put(value, text, strlen(text));
		free(text);
	}
	json_decref(root);
}

static int dump_value(enum coordinator_family family, const struct record *r, struct arena *a, struct buf *out)
{
	struct buf json = {0};
	int version, err;

	if (!r->value.p) {
		buf_printf(out, "<DELETE>");
		return 0;
	}
	err = coordinator_value_json(family, r->key, r->value, a, &version, &json);
	if (err == 0 && family == COORDINATOR_GROUP && coordinator_record_type(r->key) == group_metadata_key_KEY)
		open_members(&json, a);
	if (err == 0)
		buf_printf(out, "{\"version\":\"%d\",\"data\":%.*s}", version, (int)json.len, (const char *)json.p);
	buf_fini(&json);
	return err;
}

void coordinator_dump(enum coordinator_family family, const struct record *r, struct arena *a,
		      struct coordinator_text *out)
{
	struct buf json = {0};
	int type = coordinator_record_type(r->key);
	int err = coordinator_key_json(family, r->key, a, &json);

	*out = (struct coordinator_text){{0}, {0}};
	if (err == 0)
		err = dump_value(family, r, a, &out->payload);
	if (err == 0)
		buf_printf(&out->key, "{\"type\":\"%d\",\"data\":%.*s}", type, (int)json.len, (const char *)json.p);
	else if (err == ERR_UNSUPPORTED_VERSION)
		buf_printf(&out->key, "Unknown record type %d at offset %" PRId64 ", skipping.", type, r->offset);
	else
		buf_printf(&out->key, "Error at offset %" PRId64 ", skipping. %s", r->offset, err_name(err));
	buf_fini(&json);
}
