/*
 * consumer_hash: one number for the state of a group's topics (KIP-1101): ids, names, partitions
 * and the racks of their replicas.
 *
 * When it changes, a new assignment is due. The numbers equal Kafka's: they are in the records of
 * groups.
 */
#ifndef ODRADEK_GROUP_CONSUMER_HASH_H
#define ODRADEK_GROUP_CONSUMER_HASH_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/uuid.h"

struct image;
struct image_topic;

/* The XXH3 hash of a topic in the image. */
uint64_t consumer_topic_hash(const struct image *image, const struct image_topic *t);

/* A group's hash over its topics' hashes, in the order of their names; 0 for none. */
uint64_t consumer_group_hash(const uint64_t *topics, int32_t n);

/*
 * The steps of a topic's hash, for callers without an image: head, then each partition with its
 * racks, sorted.
 */
void consumer_hash_head(struct buf *b, struct uuid id, struct str name, int32_t n_partitions);
void consumer_hash_partition(struct buf *b, int32_t partition, struct str *racks, int32_t n);
uint64_t consumer_hash_end(const struct buf *b);

#endif
