/*
 * raft_private: the state behind raft.h, for the files of this room.
 */
#ifndef ODRADEK_RAFT_RAFT_PRIVATE_H
#define ODRADEK_RAFT_RAFT_PRIVATE_H

#include "raft/raft.h"

/* What the leader knows of a voter, itself among them. */
struct raft_replica {
	int32_t id;
	int64_t flushed_end; /* all below it is on its disk; -1 = not heard of in this epoch */
};

struct raft {
	int32_t node_id;
	struct uuid directory_id;
	int64_t snapshot_max_bytes;
	int64_t snapshot_max_ms;
	struct raft_voter own;

	enum raft_role role;
	struct raft_election election; /* as on disk */
	bool begun;

	/* the log */
	int64_t log_start;
	int64_t log_end;
	int64_t flushed_end;
	int32_t last_epoch;
	int64_t epoch_start;	/* of the epoch that this node leads; -1 */
	int64_t high_watermark; /* -1 = unknown */
	bool flushing;
	int64_t wanted_end;   /* somebody waits for all below it to be flushed */
	int64_t flush_due_ms; /* monotonic; INT64_MAX = nothing is put off */

	int16_t kraft_version;
	struct raft_voters voters;
	int64_t voters_offset;
	struct raft_replica *replicas; /* one a voter */

	/* snapshots */
	struct raft_snapshot_id snapshot;
	int64_t bytes_since_snapshot;
	int64_t snapshot_due_ms; /* monotonic; INT64_MAX = not by time */
	bool cutting;
};

void raft_voter_copy(struct raft_voter *to, const struct raft_voter *from);
void raft_voter_fini(struct raft_voter *v);
bool raft_voter_differs(const struct raft_voter *a, const struct raft_voter *b);

/*
 * The first batch of an epoch, in the arena: LEADER_CHANGE, and with kraft.version 1 and `with_voters` KRAFT_VERSION
 * and KRAFT_VOTERS behind it. *n_records tells how many offsets it takes.
 */
struct bytes raft_epoch_batch(const struct raft *r, int64_t offset, int64_t wall_ms, bool with_voters, struct arena *a,
			      int32_t *n_records);

#endif
