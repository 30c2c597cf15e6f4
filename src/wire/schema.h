/*
 * schema: how the generator (protocol/schemac.c) describes a message for the walker (codec.h).
 *
 * 1. A message, and each struct inside it, has a schema; its fields are in wire order, tagged ones
 *    where Kafka declares them. `tagged` lists the latter in ascending order of tag.
 * 2. `defaults` is a whole struct with every field at its default. Initializing is copying it.
 * 3. Schemas are constant and live for ever. Any thread.
 *
 * The C type of a field: bool, int8_t ... int64_t, uint16_t, uint32_t, double, struct uuid, struct
 * str, struct bytes, struct records; an error is an int16_t (Kafka's -1 is 32767); a struct is
 * embedded, or a const pointer when nullable; an array is `struct { T *v; int32_t n; }`, null when
 * n is -1.
 */
#ifndef ODRADEK_WIRE_SCHEMA_H
#define ODRADEK_WIRE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

enum field_kind {
	FIELD_BOOL,
	FIELD_INT8,
	FIELD_INT16,
	FIELD_UINT16,
	FIELD_INT32,
	FIELD_UINT32,
	FIELD_INT64,
	FIELD_FLOAT64,
	FIELD_UUID,
	FIELD_ERROR,
	FIELD_STRING,
	FIELD_BYTES,
	FIELD_RECORDS,
	FIELD_STRUCT,
	FIELD_KINDS,
};

enum field_flags {
	FIELD_ARRAY = 1,
	/*
	 * A value is silently dropped where the version cannot carry it; without this flag that is
	 * an error.
	 */
	FIELD_IGNORABLE = 2,
	FIELD_NEVER_COMPACT = 4, /* keeps its fixed-length prefix in flexible versions */
	FIELD_POINTER = 8,	 /* a nullable struct, held by pointer */
	FIELD_FREE_TEXT = 16,	 /* a string that may contain NUL bytes (reader.h, `plain`) */
};

#define VERSION_OPEN 127 /* "and later"; as `flexible`: never */
#define TAG_NONE (-1)

struct schema;

struct field {
	const char *name;	 /* Kafka's name, in camelCase, as in its JSON */
	const struct schema *of; /* for FIELD_STRUCT */
	uint16_t offset;
	uint8_t kind;
	uint8_t flags;
	int8_t first; /* first version that has it */
	int8_t last;
	int8_t null_first; /* first version in which it may be null; never when first > last */
	int8_t null_last;
	int8_t tag;
};

enum schema_sort {
	SCHEMA_STRUCT, /* nested in a message */
	SCHEMA_REQUEST,
	SCHEMA_RESPONSE,
	SCHEMA_DATA,		/* headers, control records, embedded protocols, files */
	SCHEMA_RECORD,		/* of __cluster_metadata */
	SCHEMA_REMOTE_RECORD,	/* of __remote_log_metadata */
	SCHEMA_COORDINATOR_KEY, /* of __consumer_offsets, __transaction_state, __share_group_state */
	SCHEMA_COORDINATOR_VALUE,
};

struct schema {
	const char *name; /* Kafka's, such as "FetchRequest"; for a nested struct, Odradek's own */
	const struct field *fields;
	const uint8_t *tagged; /* indexes into fields */
	const void *defaults;
	uint16_t size;	  /* size of the C struct */
	uint16_t min_len; /* lower bound of the encoded size in any version; at least 1 */
	uint8_t n_fields;
	uint8_t n_tagged;
	uint8_t sort;
	int8_t first; /* first version of the message */
	int8_t last;
	int8_t flexible; /* the first flexible version */
	int16_t key;	 /* of a request or record; -1 otherwise */
};

static inline bool schema_has_version(const struct schema *s, int version)
{
	return version >= s->first && version <= s->last;
}

#endif
