/*
 * snapshot: a file of metadata records as of an offset (KIP-630), and its name: <end offset, 20
 * digits>-<epoch, 10 digits>.checkpoint.
 *
 * It holds record batches with offsets from 0 on: a control batch with the header (and, with
 * kraft.version 1, the version and the voters), data batches, a control batch with the footer. It
 * is written under another name, synced, then renamed: a file with the final name is complete.
 */
#ifndef ODRADEK_BROKER_SNAPSHOT_H
#define ODRADEK_BROKER_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"
#include "metadata/record.h"
#include "raft/raft.h"

#define SNAPSHOT_NAME_SIZE 64

void snapshot_name(struct raft_snapshot_id id, char out[SNAPSHOT_NAME_SIZE]);
/* False when the name is not that of a snapshot. */
bool snapshot_name_parse(const char *name, struct raft_snapshot_id *out);

struct snapshot {
	struct env *env;
	const char *dir; /* __cluster_metadata-0 */
	struct raft_snapshot_id id;
	int64_t wall_ms;	   /* timestamp of its batches */
	int64_t last_timestamp_ms; /* of the last batch that it covers */
	int16_t kraft_version;
	const struct raft_voters *voters; /* with kraft.version 1; may be empty */

	/* Calls each() for every record; stops when that returns non-zero, and returns it. */
	int (*records)(void *arg, int (*each)(void *arg, const struct metadata_record *r), void *each_arg);
	void *arg;
};

/* Blocks. 0 and its size, or a negated errno and no file. */
int snapshot_write(const struct snapshot *s, int64_t *size);

#endif
