/*
 * cordon: the log directories that get no new replicas (cordoned.log.dirs, KIP-1066): by this
 * broker's own setting in the metadata, or else as at the start; "*" for all of them. Until
 * metadata.version has records for it, none is.
 *
 * The controller is told of them by heartbeats, and gives a broker without any other directory no new
 * replicas; which of several directories a replica gets is the broker's choice. Any thread that
 * holds the image.
 */
#ifndef ODRADEK_BROKER_CORDON_H
#define ODRADEK_BROKER_CORDON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct config;
struct image;

/* Has metadata.version the records? */
bool cordon_is_known(const struct image *);
bool cordon_has(const struct config *, const struct image *, int32_t node_id, struct str path);
/* What is wrong with a new value, in the words of Kafka's KafkaConfig; null: nothing. */
struct str cordon_check(const struct config *, struct str value, struct arena *);
/* Is each item of `value` in `list`? A null list has none. */
bool cordon_is_subset(struct str value, struct str list);

#endif
