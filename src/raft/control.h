/*
 * control: the control records of the metadata log and of its snapshots, to bytes and back.
 */
#ifndef ODRADEK_RAFT_CONTROL_H
#define ODRADEK_RAFT_CONTROL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "raft/raft.h"
#include "wire/batch.h"

void control_add_leader_change(struct batch_builder *b, int64_t timestamp, int32_t leader_id,
			       const struct raft_voters *voters, int32_t granting_id);
void control_add_kraft_version(struct batch_builder *b, int64_t timestamp, int16_t version);
void control_add_voters(struct batch_builder *b, int64_t timestamp, const struct raft_voters *voters);
void control_add_snapshot_header(struct batch_builder *b, int64_t timestamp, int64_t last_contained_log_timestamp);
void control_add_snapshot_footer(struct batch_builder *b, int64_t timestamp);

/* 0 or -EBADMSG. */
int control_read_kraft_version(struct bytes value, int16_t *out);
/* 0 and a set of its own (raft_voters_fini), or -EBADMSG. */
int control_read_voters(struct bytes value, struct raft_voters *out);

#endif
