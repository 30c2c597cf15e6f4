/*
 * census: a copy of a shard's groups and their committed offsets, for metrics.
 *
 * It lives in its own arena; what does not fit is left out, and `arena.failed` is set. Owner: one
 * thread at a time.
 */
#ifndef ODRADEK_GROUP_CENSUS_H
#define ODRADEK_GROUP_CENSUS_H

#include <stdint.h>

#include "base/arena.h"

struct census_offset {
	struct census_offset *next;
	const char *topic;
	int32_t partition;
	int64_t offset; /* committed */
};

struct census_group {
	struct census_group *next;
	const char *id;
	const char *type;  /* "classic"; a constant string */
	const char *state; /* "Stable"; a constant string */
	struct census_offset *offsets;
};

struct group_census {
	struct arena arena;
	struct census_group *groups;
};

void group_census_init(struct group_census *c, size_t budget);
void group_census_fini(struct group_census *c);
/* Adds the contents of the shard (a state of group_shard_type). On the shard's thread. */
void group_census_take(struct group_census *c, const void *state);

#endif
