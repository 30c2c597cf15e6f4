/*
 * record: the records of __cluster_metadata, as values.
 *
 * On disk a record's value is: uvarint frame version (1), uvarint type, uvarint version, body; the
 * key is null. In memory a record is its type, the version in which it is written, and the
 * generated struct of that type (struct topic_record, struct partition_record, ...).
 *
 * Bodies belong to whoever made them: they are in the arena of a decision, or the arena into which
 * a batch was decoded. Any thread.
 */
#ifndef ODRADEK_METADATA_RECORD_H
#define ODRADEK_METADATA_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum metadata_record_type {
	RECORD_REGISTER_BROKER = 0,
	RECORD_UNREGISTER_BROKER = 1,
	RECORD_TOPIC = 2,
	RECORD_PARTITION = 3,
	RECORD_CONFIG = 4,
	RECORD_PARTITION_CHANGE = 5,
	RECORD_FENCE_BROKER = 7,
	RECORD_UNFENCE_BROKER = 8,
	RECORD_REMOVE_TOPIC = 9,
	RECORD_DELEGATION_TOKEN = 10,
	RECORD_USER_SCRAM_CREDENTIAL = 11,
	RECORD_FEATURE_LEVEL = 12,
	RECORD_CLIENT_QUOTA = 14,
	RECORD_PRODUCER_IDS = 15,
	RECORD_BROKER_REGISTRATION_CHANGE = 17,
	RECORD_ACCESS_CONTROL_ENTRY = 18,
	RECORD_REMOVE_ACCESS_CONTROL_ENTRY = 19,
	RECORD_NO_OP = 20,
	RECORD_ZK_MIGRATION_STATE = 21,
	RECORD_REMOVE_USER_SCRAM_CREDENTIAL = 22,
	RECORD_BEGIN_TRANSACTION = 23,
	RECORD_END_TRANSACTION = 24,
	RECORD_ABORT_TRANSACTION = 25,
	RECORD_REMOVE_DELEGATION_TOKEN = 26,
	RECORD_REGISTER_CONTROLLER = 27,
	RECORD_CLEAR_ELR = 28,
	RECORD_UNREGISTER_CONTROLLER = 29,
	METADATA_RECORD_TYPES = 30,
};

struct metadata_record {
	int16_t type;
	int16_t version;
	const void *body; /* the generated struct of the type */
};

/* Records in order. `atomic`: they take effect together, in one batch or not at all. */
struct record_list {
	struct metadata_record *v;
	int n;
	int cap;
	bool atomic;
	struct arena *arena;
};

void record_list_init(struct record_list *l, struct arena *a);
/*
 * A zeroed or default-filled body of the type, already in the list; NULL when the arena is spent
 * (record_list_failed).
 */
void *record_list_add(struct record_list *l, enum metadata_record_type type, int16_t version);
/* The size of the generated struct of a type. */
size_t metadata_record_body_size(int16_t type);
/* Could any record not be added for lack of memory? Then nothing of the list may be used. */
bool record_list_failed(const struct record_list *l);

/* Appends frame and body to out. The version must be one that the schema has. */
void metadata_record_encode(const struct metadata_record *r, struct buf *out);
/*
 * 0 and a body in the arena that points into `value`; -ENOMEM when the arena is spent; -EBADMSG
 * when the bytes are not exactly one record of a known type and version; -ENOTSUP when the frame is
 * whole but its type or version is not known to this release (*out still names both).
 */
int metadata_record_decode(struct bytes value, struct arena *a, struct metadata_record *out);

/* "TOPIC_RECORD", as Kafka's decoder prints it; NULL for an unknown number. */
const char *metadata_record_type_name(int type);

#endif
