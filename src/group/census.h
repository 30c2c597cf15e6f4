/*
 * census: the groups of a shard and what they have committed, as metrics tell it: a copy, for whoever asks from outside.
 *
 * It lies in its own arena; what does not fit is left out, and `arena.failed` says so. Owner: one thread at a time.
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
	const char *type;  /* "classic"; constant */
	const char *state; /* "Stable"; constant */
	struct census_offset *offsets;
};

struct group_census {
	struct arena arena;
	struct census_group *groups;
};

void group_census_init(struct group_census *c, size_t budget);
void group_census_fini(struct group_census *c);
/* Adds what the shard (a state of group_shard_type) holds. On the shard's thread. */
void group_census_take(struct group_census *c, const void *state);

#endif
