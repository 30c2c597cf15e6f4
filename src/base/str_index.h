/*
 * str_index: maps strings to numbers: which ones were met before, and where. For lists whose length
 * a client decides, where a linear search per string would take too long.
 *
 * The strings stay the caller's and must live as long as the index. Owner: one thread;
 * str_index_fini releases it.
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
/*
 * The number stored for this string; -1 if it is new. The pointer is valid until str_index_fini.
 * Null is a string like any other.
 */
int *str_index_at(struct str_index *x, struct str s);
/* The number stored for this string; -1 if it is not there, and it is not added. */
int str_index_get(const struct str_index *x, struct str s);
bool str_index_has(const struct str_index *x, struct str s);

#endif
