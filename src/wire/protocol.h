/* protocol: the tables that the generator makes from all schemas in protocol/. */
#ifndef ODRADEK_WIRE_PROTOCOL_H
#define ODRADEK_WIRE_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/schema.h"

enum api_listeners { LISTENER_BROKER = 1, LISTENER_CONTROLLER = 2 };

/*
 * What Kafka 4.4 declares about an API, whether or not it is served here (for that see
 * src/broker/api.h).
 */
struct api_info {
	int16_t key;
	const char *name; /* "Fetch" */
	int8_t first;
	int8_t last;
	int8_t flexible; /* the first flexible version; VERSION_OPEN when none is */
	uint8_t listeners;
	bool latest_unstable; /* the last version is advertised only on request */
	const struct schema *request;
	const struct schema *response;
};

/* In ascending order of key; keys for which Kafka 4.4 has no schema are left out. */
extern const struct api_info api_infos[];
extern const int api_infos_n;

/* NULL when there is no such API. */
const struct api_info *api_info_find(int key);

/* The schemas of the records of __cluster_metadata, indexed by type, with NULL in the gaps. */
extern const struct schema *const metadata_record_schemas[];
extern const int metadata_record_schemas_n;

/* The schemas of all messages. */
extern const struct schema *const protocol_schemas[];
extern const int protocol_schemas_n;

#endif
