/*
 * topic_name: valid names of topics: 1 to 249 of [a-zA-Z0-9._-], neither "." nor "..". A valid name
 * is safe as a file name.
 */
#ifndef ODRADEK_METADATA_TOPIC_NAME_H
#define ODRADEK_METADATA_TOPIC_NAME_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

#define TOPIC_NAME_MAX 249

bool topic_name_is_valid(struct str name);
/*
 * Null for a valid name; else what is wrong with it, in Kafka's words ("Topic name is invalid:
 * ..."), from the arena.
 */
struct str topic_name_check(struct str name, struct arena *a);

#endif
