/*
 * history: random, valid histories of metadata records, for tests that compare two ways of building
 * the same image. Each step is one record in an arena of its own; the same seed gives the same
 * history.
 */
#ifndef ODRADEK_TESTS_METADATA_HISTORY_H
#define ODRADEK_TESTS_METADATA_HISTORY_H

#include "base/arena.h"
#include "metadata/image.h"

struct history {
	uint64_t chance;
	int64_t offset; /* of the last record */
	int n_named;	/* topics created so far: names do not repeat by chance */
};

/* A record that may follow `image`, in the arena. */
struct metadata_record history_next(struct history *h, const struct image *image, struct arena *a);

#endif
