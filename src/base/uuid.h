/* uuid: 16 bytes; as text, 22 characters of unpadded base64url, as in Kafka (KIP-516). */
#ifndef ODRADEK_BASE_UUID_H
#define ODRADEK_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct uuid {
	uint8_t b[16];
};

#define UUID_TEXT_LEN 22

extern const struct uuid UUID_ZERO;
extern const struct uuid UUID_METADATA_TOPIC; /* (0, 1) */

bool uuid_eq(struct uuid a, struct uuid b);
int uuid_cmp(struct uuid a, struct uuid b); /* as Java's Uuid.compareTo: signed high, then signed low */
bool uuid_is_zero(struct uuid u);
/* Writes 22 characters and a NUL. */
const char *uuid_text(struct uuid u, char out[UUID_TEXT_LEN + 1]);
/* Also accepts padded text, as Java does. False unless it is 16 bytes. */
bool uuid_parse(struct str text, struct uuid *out);
/*
 * Makes a version 4 uuid from 16 random bytes. False when Kafka would draw again, which is when the
 * text contains a '-' (Uuid.randomUuid: a tool would take it for an option); the caller then
 * draws 16 new bytes, as env_random_uuid does.
 */
bool uuid_from_random(const uint8_t random[16], struct uuid *out);

#endif
