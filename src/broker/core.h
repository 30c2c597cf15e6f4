/*
 * core: one reactor's share of the broker.
 *
 * 1. Everything here belongs to one reactor: its loop's thread alone touches it.
 * 2. The image is exchanged between two events, when the node says so (core_set_image); a request holds a reference of its own.
 * 3. The partitions seen here are kept in a table without a lock, each with a reference; what the image no longer has is dropped when
 *    the image is exchanged.
 */
#ifndef ODRADEK_BROKER_CORE_H
#define ODRADEK_BROKER_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/uuid.h"
#include "env/env.h"

struct fetch_sessions;
struct image;
struct node;
struct partition;

struct core {
	struct node *node;
	struct loop *loop;
	int index;
	const struct image *image;
	struct map partitions; /* of struct seen, by topic id and partition */
	struct list parked;    /* of struct request */
	struct fetch_sessions *sessions;
	uint64_t draws; /* chance for answers that want any broker; not for secrets */
};

void core_init(struct core *c, struct node *node, struct loop *loop, int index);
void core_fini(struct core *c);
/* Takes a reference. Partitions whose topic is gone are forgotten, those whose leader or epoch moved are told. */
void core_set_image(struct core *c, const struct image *now);

/*
 * The partition of this topic, made when it is wanted for the first time. Borrowed: it stays until the image is exchanged; who parks
 * takes a reference. The caller has found topic and partition in the image.
 */
struct partition *core_partition(struct core *c, struct uuid topic_id, int32_t partition);

#endif
