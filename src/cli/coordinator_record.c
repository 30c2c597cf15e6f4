/*
 * coordinator_record: the schema of a record is found by its family, its number and whether it is a key.
 */
#include "cli/coordinator_record.h"

#include <string.h>

#include "base/err.h"
#include "wire/codec.h"
#include "wire/protocol.h"
#include "wire/reader.h"

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

int coordinator_value_json(enum coordinator_family family, struct bytes key, struct bytes value, struct arena *a,
			   int *version, struct buf *out)
{
	*version = coordinator_record_type(value);
	if (*version < 0)
		return ERR_INVALID_RECORD;
	return json_of(find(family, coordinator_record_type(key), SCHEMA_COORDINATOR_VALUE), *version, value, a, out);
}
