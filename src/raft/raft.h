/*
 * raft: KRaft, the quorum of the metadata log (KIP-595, KIP-630, KIP-853), one step function.
 *
 * raft_step(state, event) -> effects. The brain knows offsets and epochs, never bytes of records or files. The
 * carrier performs the effects in the order they stand in, then reports what came of them as events. A leader's data
 * goes into the log first, at raft_log_end() and under raft_epoch(); only what the log took is told
 * (RAFT_EVENT_APPENDED), so that a full disk leaves nothing to undo.
 *
 * 1. Epochs never go back; in one epoch there is one leader at most, and a vote is on disk (RAFT_EFFECT_WRITE_STATE)
 *    before anything that rests on it.
 * 2. The high watermark rests on flushed ends only, never goes back, and moves in an epoch only when a record of
 *    that epoch's leader is flushed on a majority.
 * 3. The first batch of an epoch is the leader's LEADER_CHANGE, with KRAFT_VERSION and VOTERS when kraft.version is
 *    1 and they were never in the log.
 * 4. An append on an idle log is flushed at once; while a flush is in flight appends gather, and are flushed
 *    together when it ends.
 * 5. Log start is 0 or the end of a snapshot.
 *
 * One voter is complete; the messages of several are added to the same events and effects (RAFT_EVENT_*,
 * RAFT_EFFECT_*). Owner: one thread (the quorum's loop).
 */
#ifndef ODRADEK_RAFT_RAFT_H
#define ODRADEK_RAFT_RAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/uuid.h"

enum raft_role {
	RAFT_UNATTACHED,
	RAFT_PROSPECTIVE,
	RAFT_CANDIDATE,
	RAFT_LEADER,
	RAFT_FOLLOWER,
	RAFT_RESIGNED,
};

const char *raft_role_name(enum raft_role role);

struct raft_endpoint {
	struct str name;
	struct str host;
	uint16_t port;
};

struct raft_voter {
	int32_t id;
	struct uuid directory_id; /* UUID_ZERO with static voters */
	struct raft_endpoint *endpoints;
	int n_endpoints;
	int16_t kraft_version_min;
	int16_t kraft_version_max;
};

/* Owned by what it lies in; raft_voters_copy and raft_voters_fini. */
struct raft_voters {
	struct raft_voter *v;
	int n;
};

void raft_voters_copy(struct raft_voters *to, const struct raft_voters *from);
void raft_voters_fini(struct raft_voters *v);
const struct raft_voter *raft_voters_find(const struct raft_voters *v, int32_t id);

/*
 * The content of `quorum-state`: Kafka's one line of JSON, data_version 0 with kraft.version 0 and 1 with
 * kraft.version 1.
 */
struct raft_election {
	int32_t leader_id; /* -1 = none */
	int32_t leader_epoch;
	int32_t voted_id; /* -1 = none */
	struct uuid voted_directory_id;
};

struct raft_snapshot_id {
	int64_t end_offset; /* exclusive; -1 = there is none */
	int32_t epoch;
};

struct raft_config {
	int32_t node_id;
	struct uuid directory_id;
	int64_t snapshot_max_bytes;   /* metadata.log.max.record.bytes.between.snapshots */
	int64_t snapshot_max_ms;      /* metadata.log.max.snapshot.interval.ms; 0 = only by bytes */
	const struct raft_voter *own; /* this node as a voter, with its endpoints: copied */
};

/* What was found on disk. */
struct raft_start {
	struct raft_election election; /* leader_epoch -1 when there was no file */
	bool has_election;
	int64_t log_start;
	int64_t log_end;    /* all of it flushed: the log was recovered */
	int32_t last_epoch; /* of the log's last batch, or the snapshot's when the log is empty; 0 when there is nothing */
	struct raft_snapshot_id snapshot; /* the newest; {0, 0} is the bootstrap snapshot */
	int16_t kraft_version;		  /* the last in snapshot and log */
	struct raft_voters voters;	  /* of the log, or else the static ones; copied */
	int64_t voters_offset; /* where the voter set stands in the log or snapshot; -1 when it never was there */
	int64_t bytes_since_snapshot;
};

/* ---- events ---- */

enum raft_event_type {
	RAFT_EVENT_TICK, /* time has passed (a timer that RAFT_EFFECT_WAKE asked for) */
	RAFT_EVENT_APPENDED, /* the leader put a data batch of `n_records` records and `bytes` bytes at the end of the log */
	RAFT_EVENT_FLUSHED,  /* all below `offset` is on disk */
	RAFT_EVENT_SNAPSHOT, /* a snapshot `snapshot` is on disk and in place */
	RAFT_EVENT_CLEANED,  /* the log now starts at `offset`, the end of a snapshot that is in place */
	RAFT_EVENT_SHUTDOWN, /* resign and end */
};

struct raft_event {
	enum raft_event_type type;
	int64_t now_ms; /* monotonic */
	int64_t wall_ms;
	int64_t offset;
	int32_t n_records;
	int64_t bytes;
	bool idle; /* with RAFT_EVENT_APPENDED: a no-op record, which nobody waits for */
	struct raft_snapshot_id snapshot;
};

/* ---- effects, to be done in this order ---- */

enum raft_effect_type {
	RAFT_EFFECT_WRITE_STATE,    /* `election` to quorum-state, durable before the next RAFT_EVENT_FLUSHED */
	RAFT_EFFECT_APPEND_CONTROL, /* `batch` (bytes of a whole record batch) of `n_records` at `offset` */
	RAFT_EFFECT_FLUSH,	    /* everything below `offset`; answer with RAFT_EVENT_FLUSHED */
	RAFT_EFFECT_COMMIT,	    /* the high watermark is now `offset` */
	RAFT_EFFECT_LEADER,	    /* this node leads `epoch`; offset = where the epoch starts */
	RAFT_EFFECT_RESIGNED,	    /* this node leads no more */
	RAFT_EFFECT_CUT_SNAPSHOT,   /* a snapshot is due: of the image at the high watermark */
	RAFT_EFFECT_CLEAN,	    /* log segments and snapshots below `snapshot` may go, by the retention settings */
	RAFT_EFFECT_WAKE,	    /* RAFT_EVENT_TICK at `offset` (monotonic milliseconds); replaces the one before */
};

struct raft_effect {
	enum raft_effect_type type;
	int64_t offset;
	int32_t epoch;
	int32_t n_records;
	struct raft_election election;
	struct raft_snapshot_id snapshot;
	struct bytes batch; /* in the effects' arena */
};

/* No step has more. */
#define RAFT_EFFECTS_MAX 12

struct raft_effects {
	struct raft_effect v[RAFT_EFFECTS_MAX];
	int n;
	struct arena *arena;
};

struct raft;

struct raft *raft_new(const struct raft_config *config, const struct raft_start *start);
void raft_free(struct raft *r);

/* The first step after raft_new: a single voter leads at once. */
void raft_begin(struct raft *r, int64_t now_ms, int64_t wall_ms, struct raft_effects *out);
void raft_step(struct raft *r, const struct raft_event *event, struct raft_effects *out);

/* ---- looking ---- */

enum raft_role raft_role(const struct raft *r);
int32_t raft_epoch(const struct raft *r);
int32_t raft_leader_id(const struct raft *r); /* -1 when unknown */
int64_t raft_log_end(const struct raft *r);
int64_t raft_high_watermark(const struct raft *r); /* -1 when unknown */
int64_t raft_bytes_since_snapshot(const struct raft *r);
int16_t raft_kraft_version(const struct raft *r);
const struct raft_voters *raft_voters(const struct raft *r);
const struct raft_voter *raft_own_voter(const struct raft *r); /* this node, as it was configured */
int64_t raft_voters_offset(const struct raft *r);

/* What a change of the voters is asked with. */
struct raft_asker {
	struct str cluster_id; /* this node's */
	struct str listener;   /* the first of controller.listener.names */
	struct arena *arena;
};

struct add_raft_voter_request;
struct add_raft_voter_response;
struct remove_raft_voter_request;
struct remove_raft_voter_response;
void raft_add_voter(const struct raft *r, const struct raft_asker *asker, const struct add_raft_voter_request *in,
		    struct add_raft_voter_response *out);
void raft_remove_voter(const struct raft *r, const struct raft_asker *asker, const struct remove_raft_voter_request *in,
		       struct remove_raft_voter_response *out);

/* DescribeQuorum's answer; where this node does not lead, or was asked for something else, the error stands in it. */
struct describe_quorum_request;
struct describe_quorum_response;
void raft_describe_quorum(const struct raft *r, int64_t wall_ms, const struct describe_quorum_request *request,
			  int16_t version, struct arena *a, struct describe_quorum_response *out);

/* ---- the file `quorum-state` ---- */

void raft_election_format(const struct raft_election *e, int16_t kraft_version, const struct raft_voters *voters,
			  struct buf *out);
int raft_election_parse(struct str text, struct raft_election *out); /* 0 or -EBADMSG */

#endif
