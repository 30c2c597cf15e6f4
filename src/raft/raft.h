/*
 * raft: KRaft, the quorum of the metadata log (KIP-595, KIP-630, KIP-853, KIP-996), as one step
 * function.
 *
 * raft_step(state, event) -> effects. The brain knows offsets and epochs, but no bytes of records
 * or files, and no time or chance but what an event brings. The carrier performs the effects in
 * their order, then reports the results as events; an event may be stepped from inside the effect
 * that invites it. A leader's data is appended to the log first, at raft_log_end() and under
 * raft_epoch(); raft is told only of what the log took (RAFT_EVENT_APPENDED), so that a full disk
 * leaves nothing to undo. On all other nodes the log grows by RAFT_EFFECT_APPEND_FETCHED.
 *
 * 1. Epochs never go back; an epoch has at most one leader, and a voter votes once in it. After
 *    RAFT_EFFECT_WRITE_STATE, a step continues as if quorum-state were written. Therefore nothing
 *    of that step or a later one (no answer, no RAFT_EFFECT_SEND) leaves the node before the file
 *    is on disk. A crash in between is as if the step had never been.
 * 2. The high watermark is based on flushed ends only, never goes back, and moves in an epoch only
 *    when a record of that epoch's leader is flushed on a majority.
 * 3. The first batch of an epoch is the leader's LEADER_CHANGE, with KRAFT_VERSION and VOTERS when
 *    kraft.version is 1 and the log does not have them yet, or has other endpoints or versions of
 *    the leader.
 * 4. An append to an idle log is flushed at once; while a flush is in flight appends accumulate,
 *    and are flushed together when it ends.
 * 5. A Fetch at offset X by a voter, or by a node that may become one, promises that everything
 *    below X is on the fetcher's disk: it is sent when that is true. One Fetch or FetchSnapshot is
 *    under way at a time.
 * 6. Log start is 0 or the end of a snapshot. A log is never truncated below the high watermark; a
 *    leader never loads a snapshot.
 * 7. A set of voters counts from its append on, for this node as for its leader, and until it is
 *    truncated. A leader appends another one only when the last is committed; successive sets
 *    differ by one voter (KIP-853).
 * 8. An impossible statement of a peer (another leader in an epoch, a truncation below the high
 *    watermark) changes nothing: it is answered with an error, or retried later, and
 *    RAFT_EFFECT_WARN reports it.
 *
 * Owner: one thread (the quorum's loop).
 */
#ifndef ODRADEK_RAFT_RAFT_H
#define ODRADEK_RAFT_RAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/uuid.h"
#include "wire/records.h"

enum raft_role {
	RAFT_UNATTACHED,  /* knows no leader, or not its address; fetches from any node to find it */
	RAFT_PROSPECTIVE, /* asks whether it would be voted for (KIP-996) */
	RAFT_CANDIDATE,
	RAFT_LEADER,
	RAFT_FOLLOWER, /* of a leader, as a voter or as an observer */
	RAFT_RESIGNED, /* led this epoch, and tells the voters that it no longer does */
};

const char *raft_role_name(enum raft_role role);

struct raft_endpoint {
	struct str name; /* of the listener */
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

/* Owned by the struct that contains it; raft_voters_copy and raft_voters_fini. */
struct raft_voters {
	struct raft_voter *v;
	int n;
};

void raft_voters_copy(struct raft_voters *to, const struct raft_voters *from);
void raft_voters_fini(struct raft_voters *v);
const struct raft_voter *raft_voters_find(const struct raft_voters *v, int32_t id);

/*
 * The content of `quorum-state`: Kafka's one line of JSON, with data_version 0 for kraft.version 0,
 * and 1 for kraft.version 1.
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

/* The destination of a request. */
struct raft_node {
	int32_t id; /* of a voter; below -1 for a bootstrap server, whose id is not known */
	struct str host;
	uint16_t port;
};

/* ---- what a piece of the log tells raft ---- */

struct raft_epoch_start {
	int32_t epoch;
	int64_t offset;
};

struct raft_voters_at {
	int64_t offset;
	struct raft_voters voters;
};

struct raft_kraft_version_at {
	int64_t offset;
	int16_t version;
};

/*
 * Filled by the carrier from batches, in their order (control_note in control.h); the contents of a
 * snapshot count as being at its end offset - 1.
 */
struct raft_history {
	int64_t end;	    /* after the last batch */
	int64_t bytes;	    /* of all batches */
	int32_t base_epoch; /* of the record before the first; 0 when there is none */
	struct raft_epoch_start *epochs;
	int n_epochs;
	struct raft_voters_at *voters;
	int n_voters;
	struct raft_kraft_version_at *kraft_versions;
	int n_kraft_versions;
};

void raft_history_init(struct raft_history *h, int64_t end, int32_t base_epoch);
void raft_history_fini(struct raft_history *h);
/* A batch of this epoch begins here: ignored unless the epoch is higher than that of the batch before. */
void raft_history_note_epoch(struct raft_history *h, int32_t epoch, int64_t offset);
void raft_history_note_voters(struct raft_history *h, int64_t offset, const struct raft_voters *voters); /* copied */
void raft_history_note_kraft_version(struct raft_history *h, int64_t offset, int16_t version);

/* ---- creation ---- */

struct raft_config {
	int32_t node_id;
	struct uuid directory_id;
	struct str cluster_id;
	struct str listener;		   /* the first of controller.listener.names: nodes are reached by it */
	const struct raft_voter *own;	   /* this node as a voter, with its endpoints */
	bool may_become_voter;		   /* a controller: it flushes what it fetches, even as an observer */
	bool auto_join;			   /* controller.quorum.auto.join.enable */
	const struct raft_node *bootstrap; /* controller.quorum.bootstrap.servers, or else the static voters */
	int n_bootstrap;

	int32_t election_timeout_ms;	  /* controller.quorum.election.timeout.ms */
	int32_t fetch_timeout_ms;	  /* controller.quorum.fetch.timeout.ms */
	int32_t election_backoff_max_ms;  /* controller.quorum.election.backoff.max.ms */
	int32_t request_timeout_ms;	  /* controller.quorum.request.timeout.ms */
	int32_t retry_backoff_ms;	  /* controller.quorum.retry.backoff.ms */
	int32_t fetch_max_wait_ms;	  /* Kafka's is 500 */
	int32_t fetch_max_bytes;	  /* controller.quorum.fetch.max.bytes */
	int32_t fetch_snapshot_max_bytes; /* controller.quorum.fetch.snapshot.max.bytes */
	int64_t snapshot_max_bytes;	  /* metadata.log.max.record.bytes.between.snapshots */
	int64_t snapshot_max_ms;	  /* metadata.log.max.snapshot.interval.ms; 0 = only by bytes */
};

/* What was found on disk. */
struct raft_start {
	struct raft_election election; /* leader_epoch -1 when there was no file */
	bool has_election;
	int64_t log_start;
	struct raft_snapshot_id snapshot; /* the newest; {0, 0} is the bootstrap snapshot */
	struct raft_voters static_voters; /* controller.quorum.voters: used while the history has none */
	/*
	 * Epochs from log_start on, with base_epoch that of the snapshot there; voters and
	 * kraft.versions from the newest snapshot on. All of it is flushed: the log was recovered.
	 */
	struct raft_history history;
	int64_t bytes_since_snapshot;
};

struct raft;

/* Copies config and start. */
struct raft *raft_new(const struct raft_config *config, const struct raft_start *start);
void raft_free(struct raft *r);

/* ---- requests that arrive ---- */

enum raft_outcome {
	RAFT_ANSWERED, /* `out` is filled */
	/* `out` is filled except for the records: those from `offset` to raft_log_end(), at most max_bytes */
	RAFT_READ,
	/*
	 * `out` is filled except for the bytes: those of `snapshot` from position `offset`, at most
	 * max_bytes
	 */
	RAFT_READ_SNAPSHOT,
	RAFT_PARKED_FETCH,  /* to be stepped once more, with `again`: see RAFT_EFFECT_FETCHES */
	RAFT_PARKED_CHANGE, /* the answer comes with RAFT_EFFECT_CHANGE_DONE; there is one such request at a time */
};

/*
 * Vote, BeginQuorumEpoch, EndQuorumEpoch, Fetch, FetchSnapshot, AddRaftVoter, RemoveRaftVoter,
 * UpdateRaftVoter.
 */
struct raft_request {
	int16_t api;
	int16_t version;
	struct str listener; /* the one on which it arrived: determines which address of the leader is returned */
	const void *in;	     /* the generated request */
	void *out;	     /* the generated response, at its defaults */
	struct arena *arena; /* for what the response points to */
	/* a Fetch that was parked and is now woken, or has reached its max_wait_ms: it is answered now */
	bool again;
	int64_t snapshot_size; /* FetchSnapshot: size of the snapshot that it names; -1 when there is none */

	/* set by the step */
	enum raft_outcome outcome;
	int64_t offset;
	int32_t max_bytes;
	struct raft_snapshot_id snapshot;
};

/* ---- events ---- */

enum raft_event_type {
	RAFT_EVENT_TICK,    /* time has passed (a timer that RAFT_EFFECT_WAKE asked for) */
	RAFT_EVENT_REQUEST, /* `request` has arrived */
	/*
	 * For the RAFT_EFFECT_SEND of this `correlation`: `response`, or `err`, which says why
	 * there is none.
	 */
	RAFT_EVENT_ANSWER,
	/* The leader put a data batch of `n_records` records and `bytes` bytes at the end of the log. */
	RAFT_EVENT_APPENDED,
	/*
	 * RAFT_EFFECT_APPEND_FETCHED was done: `history` of what the log took; with `err`, of what
	 * it took before the error.
	 */
	RAFT_EVENT_FETCHED,
	/* everything below `offset` is on disk, including what was written after a truncation meanwhile */
	RAFT_EVENT_FLUSHED,
	RAFT_EVENT_SNAPSHOT, /* our own snapshot `snapshot` is in place; end_offset -1: it failed */
	/* RAFT_EFFECT_LOAD_SNAPSHOT was done: `history` of `snapshot`; or `err`, and the log is as it was. */
	RAFT_EVENT_LOADED,
	RAFT_EVENT_CLEANED, /* the log now starts at the end of `snapshot`, the oldest that there is */
	/*
	 * RAFT_EFFECT_APPEND_CONTROL at `offset` failed, for lack of space or the like. It is
	 * stepped at once, before the effects that follow, of which RAFT_EFFECT_LEADER is void. A
	 * node that cannot write does not lead: it resigns.
	 */
	RAFT_EVENT_UNWRITTEN,
	RAFT_EVENT_RESIGN,   /* the leader no longer wants to lead, as after a decision that could not be written */
	RAFT_EVENT_SHUTDOWN, /* resign and end: RAFT_EFFECT_STOPPED follows, at once or when the voters know */
};

struct raft_event {
	enum raft_event_type type;
	int64_t now_ms; /* monotonic */
	int64_t wall_ms;
	uint64_t chance; /* a new random number for each event */
	int64_t offset;
	int32_t n_records;
	int64_t bytes;
	bool idle; /* with RAFT_EVENT_APPENDED: a no-op record, for which nobody waits */
	struct raft_snapshot_id snapshot;
	struct raft_request *request;
	int32_t correlation;
	const void *response; /* the generated response; read, and pointed to by the effects of this step */
	const struct raft_history *history; /* copied */
	int err;
};

/* ---- effects, to be carried out in this order ---- */

enum raft_effect_type {
	/*
	 * `election` to quorum-state: must be on disk before anything leaves the node, and before
	 * the next RAFT_EVENT_FLUSHED. One that is not written yet may be skipped in favour of a
	 * later one.
	 */
	RAFT_EFFECT_WRITE_STATE,
	/*
	 * `request` of `api` to `node`; RAFT_EVENT_ANSWER reports the result. It is complete for
	 * the newest version; in Fetch below version 15 the replica's id belongs in another field.
	 * After request_timeout_ms nobody waits for the answer.
	 */
	RAFT_EFFECT_SEND,
	RAFT_EFFECT_APPEND_CONTROL, /* `batch` (bytes of a whole record batch) of `n_records` at `offset` */
	/*
	 * `records` of a response at `offset`, the log's end, up to a batch with an epoch beyond
	 * `epoch`: RAFT_EVENT_FETCHED.
	 */
	RAFT_EFFECT_APPEND_FETCHED,
	RAFT_EFFECT_TRUNCATE, /* drop everything from `offset` on */
	RAFT_EFFECT_FLUSH,    /* everything below `offset`: RAFT_EVENT_FLUSHED */
	RAFT_EFFECT_COMMIT,   /* the high watermark is now `offset` */
	RAFT_EFFECT_LEADER,   /* this node leads `epoch`; offset = where the epoch starts */
	RAFT_EFFECT_RESIGNED, /* this node no longer leads `epoch` */
	RAFT_EFFECT_FOLLOWER, /* another node leads `epoch`, or (leader_id -1) the leader is unknown */
	RAFT_EFFECT_FETCHES,  /* step those parked fetches again whose `offset` is below this one's */
	/* the parked change of voters ends with `err` and `message` (null = the error's default message) */
	RAFT_EFFECT_CHANGE_DONE,
	/*
	 * `records` are bytes of `snapshot` from position `offset` on, to be kept aside; position 0
	 * begins anew. If that fails, RAFT_EVENT_LOADED reports the error.
	 */
	RAFT_EFFECT_SNAPSHOT_CHUNK,
	/*
	 * `snapshot` is complete: put it in place, let the log start and end at its end, read it:
	 * RAFT_EVENT_LOADED.
	 */
	RAFT_EFFECT_LOAD_SNAPSHOT,
	RAFT_EFFECT_CUT_SNAPSHOT, /* a snapshot is due, of the image at the high watermark: RAFT_EVENT_SNAPSHOT */
	/* log segments and snapshots below `snapshot` may be removed, according to the retention settings */
	RAFT_EFFECT_CLEAN,
	RAFT_EFFECT_WARN,    /* log `message`: a peer said something impossible */
	RAFT_EFFECT_STOPPED, /* after RAFT_EVENT_SHUTDOWN: nothing is gained by waiting longer */
	/* RAFT_EVENT_TICK at `at_ms` (monotonic), unless an earlier one was asked for */
	RAFT_EFFECT_WAKE,
};

struct raft_effect {
	enum raft_effect_type type;
	int64_t offset;
	int64_t at_ms; /* for RAFT_EFFECT_WAKE */
	int32_t epoch;
	int32_t leader_id;
	int32_t n_records;
	struct raft_election election;
	struct raft_snapshot_id snapshot;
	struct bytes batch;
	struct records records; /* of the event's response: valid as long as that */
	struct raft_node node;
	int16_t api;
	const void *request; /* the generated struct */
	int32_t correlation;
	int err;
	struct str message;
};

/* Everything that effects point to lives in the arena, except `records`. */
struct raft_effects {
	struct raft_effect *v;
	int n;
	int room;
	struct arena *arena;
};

/* The first step after raft_new: a single voter leads at once. */
void raft_begin(struct raft *r, const struct raft_event *event, struct raft_effects *out);
void raft_step(struct raft *r, const struct raft_event *event, struct raft_effects *out);

/*
 * The controller finalizes kraft.version (UpdateFeatures): from 0 to 1 once every voter has
 * reported that it supports it. 0; or ERR_INVALID_UPDATE_VERSION or ERR_NOT_CONTROLLER, with *why.
 * Nothing is written with validate_only.
 */
struct raft_upgrade {
	int16_t kraft_version;
	bool validate_only;
};

int raft_upgrade(struct raft *r, const struct raft_upgrade *to, const struct raft_event *event,
		 struct raft_effects *out, struct str *why);

/* ---- queries ---- */

enum raft_role raft_role(const struct raft *r);
int32_t raft_epoch(const struct raft *r);
int32_t raft_leader_id(const struct raft *r); /* -1 when unknown */
/* Where the leader listens; NULL when that is not known. */
const struct raft_endpoint *raft_leader_endpoint(const struct raft *r, struct str listener);
int64_t raft_log_end(const struct raft *r);
/* of the last record; the base_epoch for a struct raft_history of what follows */
int32_t raft_last_epoch(const struct raft *r);
int64_t raft_high_watermark(const struct raft *r); /* -1 when unknown */
/*
 * The leader of the epoch before this one, and when (monotonic milliseconds) it was last heard
 * from. False: this node did not follow it then.
 */
bool raft_heard_predecessor(const struct raft *r, int32_t *id, int64_t *at_ms);
int64_t raft_bytes_since_snapshot(const struct raft *r);
/* As of the end of the log. */
int16_t raft_kraft_version(const struct raft *r);
const struct raft_voters *raft_voters(const struct raft *r);
int64_t raft_voters_offset(const struct raft *r); /* -1: they are in the bootstrap snapshot, or nowhere */
/* As of an offset, for a snapshot that ends just after it. The voters are empty where kraft.version is 0. */
int16_t raft_kraft_version_at(const struct raft *r, int64_t offset);
const struct raft_voters *raft_voters_at(const struct raft *r, int64_t offset);
const struct raft_voter *raft_own_voter(const struct raft *r); /* this node, as it was configured */
struct str raft_listener(const struct raft *r);		       /* of the quorum */

/* Figures for metrics. */
struct raft_numbers {
	const char *state; /* Kafka's name of the role: "leader", "follower", "observer", "unattached-voted", ... */
	int32_t leader_id; /* -1 when unknown */
	int32_t voted_id;  /* -1 = no one */
	int32_t epoch;
	int64_t high_watermark; /* -1 when unknown */
	int64_t log_end;
	int32_t log_end_epoch;
	int n_voters;
	int n_observers;	 /* known to a leader only */
	bool voters_uncommitted; /* a leader's set of voters is not committed yet */
	int64_t n_candidacies;
};

void raft_measure(const struct raft *r, int64_t now_ms, struct raft_numbers *out);
/* Elections in which this node was a candidate, since the start. */
int64_t raft_candidacies(const struct raft *r);
/*
 * Does the quorum commit, as far as this node can tell? For a leader: it has committed a record of
 * its epoch, and hears from a majority. Otherwise: the leader has answered within
 * controller.quorum.fetch.timeout.ms.
 */
bool raft_commits(const struct raft *r);

/*
 * Fills DescribeQuorum's answer; when this node does not lead, or was asked for another partition,
 * with the error.
 */
struct describe_quorum_request;
struct describe_quorum_response;

struct raft_describe {
	int64_t now_ms;
	int64_t wall_ms;
	int16_t version;
	struct arena *arena;
};

void raft_describe_quorum(const struct raft *r, const struct raft_describe *how,
			  const struct describe_quorum_request *request, struct describe_quorum_response *out);

/* ---- the file `quorum-state` ---- */

void raft_election_format(const struct raft_election *e, int16_t kraft_version, const struct raft_voters *voters,
			  struct buf *out);
int raft_election_parse(struct str text, struct raft_election *out); /* 0 or -EBADMSG */

#endif
