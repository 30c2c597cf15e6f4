/*
 * str_index: a number for each of many strings: which of them were met before, and where. For lists whose length a client decides, where
 * looking through all of them for each would take too long.
 *
 * The strings stay the caller's and are looked at until the end. Owner: one thread; str_index_fini releases.
 */
#ifndef ODRADEK_BASE_STR_INDEX_H
#define ODRADEK_BASE_STR_INDEX_H

#include "base/map.h"
#include "base/str.h"

struct str_index {
	struct map map;
};

void str_index_init(struct str_index *x, uint64_t seed);
void str_index_fini(struct str_index *x);
/* The number of this string; of one that is met for the first time it is -1. Valid until the end. Null is a string like others. */
int *str_index_at(struct str_index *x, struct str s);
bool str_index_has(const struct str_index *x, struct str s);

#endif
