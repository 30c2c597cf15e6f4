/*
 * coordinator_record: records of __consumer_offsets, __transaction_state and __share_group_state as
 * JSON, in Kafka's form:
 *
 *	key		int16 type, then the key of that type
 *	value		int16 version, then the value of the key's type in that version
 */
#ifndef ODRADEK_CLI_COORDINATOR_RECORD_H
#define ODRADEK_CLI_COORDINATOR_RECORD_H

#include "base/arena.h"
#include "base/buf.h"
#include "wire/batch.h"

enum coordinator_family { COORDINATOR_GROUP, COORDINATOR_TRANSACTION, COORDINATOR_SHARE };

/* The type of a key; -1 if invalid. */
int coordinator_record_type(struct bytes key);
/* Appends the key's fields. Returns 0; ERR_UNSUPPORTED_VERSION for an unknown type; ERR_INVALID_RECORD. */
int coordinator_key_json(enum coordinator_family family, struct bytes key, struct arena *a, struct buf *out);
/* Appends the value's fields only: `out` must be empty. The version is the first two bytes of the value. */
int coordinator_value_json(enum coordinator_family family, struct bytes key, struct bytes value, struct arena *a,
			   int *version, struct buf *out);

/*
 * A record as printed by kafka-dump-log's decoders: {"type":"1","data":..} and
 * {"version":"3","data":..}, with the metadata of members of classic groups decoded too; "<DELETE>"
 * for a tombstone. An unknown key is reported in `key`; `payload` is empty then.
 */
struct coordinator_text {
	struct buf key;
	struct buf payload;
};
void coordinator_dump(enum coordinator_family family, const struct record *r, struct arena *a,
		      struct coordinator_text *out);

#endif
