/*
 * checkpoint: an offset checkpoint file of a log directory, read into memory.
 *
 *	0                       version
 *	2                       entries
 *	orders 0 1234           topic, partition, offset
 *	orders 1 77
 *
 * A file that cannot be read counts as empty, and an error is logged. Owner: its log_dir.
 */
#ifndef ODRADEK_LOG_CHECKPOINT_H
#define ODRADEK_LOG_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "env/env.h"

struct checkpoint_entry {
	struct str topic; /* points into text */
	int32_t partition;
	int64_t offset;
};

struct checkpoint {
	char *text;
	struct checkpoint_entry *v; /* sorted */
	int n;
};

int checkpoint_read(struct env *env, const char *path, struct checkpoint *out);
void checkpoint_fini(struct checkpoint *c);
/* Drops the entries for which drop() returns true. */
void checkpoint_drop(struct checkpoint *c, bool (*drop)(void *arg, const struct checkpoint_entry *e), void *arg);
int64_t checkpoint_find(const struct checkpoint *c, struct str topic, int32_t partition, int64_t absent);

#endif
