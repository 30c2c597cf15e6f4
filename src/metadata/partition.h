/*
 * partition: makes an image_partition: all of its parts laid out, then packed into one block.
 */
#ifndef ODRADEK_METADATA_PARTITION_H
#define ODRADEK_METADATA_PARTITION_H

#include <stdint.h>

#include "base/uuid.h"
#include "metadata/image.h"

struct partition_record;

/* The parts point elsewhere: into a partition, a record or an arena. */
struct partition_parts {
	int32_t id;
	int32_t leader;
	int32_t leader_epoch;
	int32_t partition_epoch;
	int8_t recovering;
	struct image_ids replicas;
	struct image_ids isr;
	struct image_ids removing;
	struct image_ids adding;
	struct image_ids elr;
	struct image_ids last_known_elr;
	const struct uuid *directories; /* one per replica; NULL: all MIGRATING */
};

/* The maximum length of a list; a record with a longer one is refused. */
#define PARTITION_IDS_MAX 32767

/* With one reference for the caller. */
struct image_partition *partition_new(const struct partition_parts *parts);
void partition_parts_of(const struct image_partition *p, struct partition_parts *out);
/* Fills the record that describes it; its lists point where the parts' do. */
void partition_to_record(const struct partition_parts *p, struct uuid topic_id, int16_t version,
			 struct partition_record *out);
bool partition_equal(const struct image_partition *a, const struct image_partition *b);

#endif
