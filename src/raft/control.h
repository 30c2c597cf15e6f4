/*
 * control: encodes and decodes the control records of the metadata log and of its snapshots.
 */
#ifndef ODRADEK_RAFT_CONTROL_H
#define ODRADEK_RAFT_CONTROL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "raft/raft.h"
#include "wire/batch.h"

/* The leader from here on, the voters, and those who voted for it: ids. */
struct control_leader_change {
	int32_t leader_id;
	const int32_t *voters;
	int n_voters;
	const int32_t *granting;
	int n_granting;
};

void control_add_leader_change(struct batch_builder *b, int64_t timestamp, const struct control_leader_change *what);
void control_add_kraft_version(struct batch_builder *b, int64_t timestamp, int16_t version);
void control_add_voters(struct batch_builder *b, int64_t timestamp, const struct raft_voters *voters);
void control_add_snapshot_header(struct batch_builder *b, int64_t timestamp, int64_t last_contained_log_timestamp);
void control_add_snapshot_footer(struct batch_builder *b, int64_t timestamp);

/* A leader's batch of control records, in this order. */
struct control_batch {
	int64_t offset;
	int32_t epoch;
	int64_t timestamp;
	const struct control_leader_change *leader_change; /* or NULL */
	int16_t kraft_version;				   /* or -1 */
	const struct raft_voters *voters;		   /* or NULL */
};

/* In the arena. *n_records is the number of offsets that the batch takes. */
struct bytes control_build(const struct control_batch *what, struct arena *a, int32_t *n_records);

/* 0 or -EBADMSG. */
int control_read_kraft_version(struct bytes value, int16_t *out);
/* 0 and a new set (to be freed by raft_voters_fini), or -EBADMSG. */
int control_read_voters(struct bytes value, struct raft_voters *out);

/*
 * Notes what raft has to know from a whole batch with a correct checksum. 0; or -EBADMSG, with
 * nothing noted, when the batch does not follow on what was noted before (offset, epoch), or has
 * control records that cannot be read.
 */
int control_note(const struct batch_header *h, const uint8_t *batch, struct raft_history *out);
/*
 * The same for a batch of a snapshot, which only has voters and kraft.version: as of `end`, where
 * the snapshot ends.
 */
int control_note_snapshot(const struct batch_header *h, const uint8_t *batch, int64_t end, struct raft_history *out);

#endif
