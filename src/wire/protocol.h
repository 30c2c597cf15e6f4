/*
 * protocol: the lists that the generator makes of all schemas in protocol/.
 */
#ifndef ODRADEK_WIRE_PROTOCOL_H
#define ODRADEK_WIRE_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/schema.h"

enum api_listeners { LISTENER_BROKER = 1, LISTENER_CONTROLLER = 2 };

/* What Kafka 4.4 says about an API, whether it is served here or not (for that see src/broker/api.h). */
struct api_info {
	int16_t key;
	const char *name; /* "Fetch" */
	int8_t first;
	int8_t last;
	int8_t flexible; /* the first flexible version; VERSION_OPEN when none is */
	uint8_t listeners;
	bool latest_unstable; /* the last version is not advertised unless asked for */
	const struct schema *request;
	const struct schema *response;
};

/* By ascending key; keys that Kafka 4.4 has no schema for are left out. */
extern const struct api_info api_infos[];
extern const int api_infos_n;

/* NULL when there is none. */
const struct api_info *api_info_find(int key);

/* The schema of a record of __cluster_metadata by its type, with NULL in the gaps. */
extern const struct schema *const metadata_record_schemas[];
extern const int metadata_record_schemas_n;

/* Every message there is. */
extern const struct schema *const protocol_schemas[];
extern const int protocol_schemas_n;

#endif
