/*
 * collision: topics whose names differ only in '.' and '_', which metrics do not distinguish: Kafka
 * does not create the second of two.
 */
#ifndef ODRADEK_CONTROLLER_COLLISION_H
#define ODRADEK_CONTROLLER_COLLISION_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str_index.h"
#include "metadata/image.h"

/* For the names of one request; one thread. */
struct collisions {
	const struct image *image;
	int n_searches;	 /* so far; beyond a few of them, there is an index: */
	bool is_indexed; /* with the rest, which is its own */
	struct str_index unified;
	const struct image_topic **topics;
	struct arena arena;
};

/* The image stays the caller's, and must live as long as this. */
void collisions_init(struct collisions *x, const struct image *image, uint64_t seed);
void collisions_fini(struct collisions *x);
/* A topic of the image with which the name (a legal one) collides; NULL: none. */
const struct image_topic *collisions_find(struct collisions *x, struct str name);

#endif
