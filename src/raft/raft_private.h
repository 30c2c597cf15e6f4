/*
 * raft_private: the state behind raft.h, for the files of this room.
 *
 *	raft.c		creation, the step, queries	role.c		which role follows which, and when
 *	vote.c		Vote: sent, answered, counted	epoch.c		BeginQuorumEpoch, EndQuorumEpoch
 *	leader.c	what a leader knows of replicas	follower.c	where records are fetched; the answers
 *	fetch.c		Fetch and FetchSnapshot, as a leader answers them
 *	membership.c	voters come, go and change	join.c		a follower's requests about itself
 *	upgrade.c	kraft.version goes from 0 to 1	snapshot.c	when one is cut, and what it frees
 *	flush.c		what is on disk, and committed	history.c	epochs, voters, kraft.versions by offset
 *	voters.c	sets of voters			peers.c		requests under way
 *	message.h	what messages have in common	control.h	control records
 *	election.c	the file quorum-state		describe.c	DescribeQuorum
 */
#ifndef ODRADEK_RAFT_RAFT_PRIVATE_H
#define ODRADEK_RAFT_RAFT_PRIVATE_H

#include "raft/raft.h"

/* One step. */
struct raft_turn {
	const struct raft_event *event;
	struct raft_effects *out;
	int first;	 /* index of the first effect of this step */
	uint64_t chance; /* what is left of the event's */
};

/*
 * Identifies a replica. With static voters only the id is known: a directory of UUID_ZERO matches
 * any (KIP-853).
 */
struct raft_key {
	int32_t id;
	struct uuid directory_id;
};

/* A leader, as reported by another node. */
struct raft_leader {
	int32_t id; /* -1 = none */
	int32_t epoch;
	const struct raft_endpoint *endpoints;
	int n_endpoints;
};

/* What the leader knows of a voter, including itself, or of an observer. */
struct raft_replica {
	struct raft_key key;
	/* everything below is on its disk (observer: was fetched); -1 = not heard from in this epoch */
	int64_t flushed_end;
	int64_t fetched_ms;	   /* monotonic; -1 = never in this epoch */
	int64_t fetched_wall_ms;   /* -1 = never */
	int64_t caught_up_wall_ms; /* the last time it had everything; -1 = never */
	int64_t end_when_fetched;  /* of the leader's log */
	bool heard;		   /* since the last check of the quorum */
};

struct raft_replicas {
	struct raft_replica *v;
	int n;
};

/* The leader's change of the voters that is under way. */
struct raft_change {
	enum { CHANGE_NONE, CHANGE_ADD, CHANGE_REMOVE } kind;
	struct raft_voter voter; /* to be added */
	bool ack_when_committed;
	bool parked;	/* its requester waits for the result */
	int64_t offset; /* of the record with the new set; -1 = not written yet */
	int64_t due_ms; /* monotonic */
};

enum raft_vote { VOTE_NONE, VOTE_GRANTED, VOTE_REJECTED };

/* A voter that a prospective or candidate asks, or that a resigned leader notifies. */
struct raft_ballot {
	struct raft_key key;
	enum raft_vote vote; /* for a resigned leader: granted when the voter knows */
};

/* A node to which a request is under way, or that is left alone for a while after a failure. */
struct raft_peer {
	int32_t id;
	int16_t api;
	bool backing_off;
	int32_t correlation;
	int64_t since_ms;
};

struct raft {
	/* as configured */
	struct raft_config config; /* `own` and `bootstrap` of it point to what follows */
	struct raft_voter own;
	struct raft_node *bootstrap;

	/* the role */
	enum raft_role role;
	struct raft_election election;
	struct raft_election written; /* as in the last RAFT_EFFECT_WRITE_STATE */
	struct raft_endpoint *leader_endpoints;
	int n_leader_endpoints;
	int64_t election_due_ms;     /* unattached as a voter, prospective, candidate, resigned */
	struct raft_ballot *ballots; /* prospective, candidate: the voters; resigned: those to be notified */
	int n_ballots;
	int64_t n_candidacies;
	int n_successors; /* resigned: number of ballots, best first, that are named as preferred candidates */
	bool begun;
	bool moved; /* the role has changed, and is to be polled once more */
	bool stopping;
	bool stopped;
	struct raft_peer *peers;
	int n_peers;
	int32_t last_correlation;
	int64_t wake_ms; /* the tick that was asked for; INT64_MAX = none */

	/* as a follower */
	int64_t fetch_due_ms;
	int64_t update_voter_due_ms;
	bool has_fetched;		  /* from this leader, in this epoch */
	bool has_updated_voter;		  /* kraft.version 0: this leader knows our listeners */
	bool appending;			  /* fetched records are being appended to the log */
	int64_t fetched_high_watermark;	  /* received with them */
	struct raft_snapshot_id fetching; /* end_offset -1: none */
	int64_t fetching_pos;
	bool loading;	      /* a snapshot is about to replace the log */
	int32_t heard_leader; /* the last one that has answered; -1: none yet */
	int32_t heard_leader_epoch;
	int64_t heard_leader_ms;

	/* as a leader */
	int64_t epoch_start;	       /* -1 */
	struct raft_replicas replicas; /* one per voter */
	struct raft_replicas observers;
	int64_t check_quorum_due_ms;
	int64_t begin_epoch_due_ms;
	bool wants_to_resign;
	struct raft_change change;
	struct raft_voters told_voters; /* kraft.version 0: as the voters have described themselves */
	bool has_parked;		/* a parked Fetch waits for more of the log */
	int64_t fetches_below;		/* look again at fetches below this offset at the end of the step; -1 = none */

	/* the log */
	int64_t log_start;
	int64_t flushed_end;
	struct raft_history history; /* its end is the log's */
	struct raft_voters static_voters;
	int64_t high_watermark; /* -1 = unknown */
	bool flushing;
	int64_t wanted_end;   /* something waits for everything below it to be flushed */
	int64_t flush_due_ms; /* monotonic; INT64_MAX = no flush is put off */

	/* snapshots */
	struct raft_snapshot_id snapshot;
	int64_t bytes_since_snapshot;
	int64_t snapshot_due_ms; /* monotonic; INT64_MAX = not by time */
	bool cutting;
	bool may_clean; /* a new snapshot frees what is below it */
};

static inline int64_t min_ms(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- raft.c ---- */

struct raft_effect *raft_effect(struct raft_turn *t, enum raft_effect_type type);
/* RAFT_EFFECT_WARN, about a peer. */
void raft_warn(struct raft_turn *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A random number below n. */
int32_t raft_chance(struct raft_turn *t, int32_t n);
bool raft_is_own_cluster(const struct raft *r, struct str cluster_id);
/* Looks again at fetches that wait for an offset below this one. */
void raft_wake_fetches(struct raft *r, int64_t below);

/* ---- voters.c ---- */

void raft_voter_copy(struct raft_voter *to, const struct raft_voter *from);
void raft_voter_fini(struct raft_voter *v);
struct raft_endpoint *endpoints_copy(const struct raft_endpoint *v, int n);
void endpoints_free(struct raft_endpoint *v, int n);
/* NULL when there is none of that name. */
const struct raft_endpoint *endpoints_find(const struct raft_endpoint *v, int n, struct str name);
bool raft_voter_differs(const struct raft_voter *a, const struct raft_voter *b);
struct raft_key raft_voter_key(const struct raft_voter *v);
struct raft_key raft_own_key(const struct raft *r);
bool raft_keys_equal(struct raft_key a, struct raft_key b);
bool raft_key_matches(struct raft_key known, struct raft_key key); /* `known` may lack a directory */
/* The voter with this key, or NULL. */
const struct raft_voter *voters_find_key(const struct raft_voters *v, struct raft_key key);
void voters_put(struct raft_voters *v, const struct raft_voter *voter); /* replaces the one with its id; copied */
void voters_remove(struct raft_voters *v, int32_t id);
bool raft_is_voter(const struct raft *r);
bool raft_is_only_voter(const struct raft *r);
bool raft_is_eligible(const struct raft *r); /* as a leader */

/* ---- history.c ---- */

struct raft_epoch_end {
	int32_t epoch;
	int64_t end_offset;
};

void history_append(struct raft_history *h, const struct raft_history *more);
void history_truncate(struct raft_history *h, int64_t end);
/* Keeps those voters and kraft.versions that apply at the snapshot's end. */
void history_forget_before_snapshot(struct raft_history *h, int64_t end);
void history_forget_epochs(struct raft_history *h, int64_t log_start);
int32_t history_last_epoch(const struct raft_history *h);
/* The largest epoch up to this one, and where it ended (KIP-279); for an epoch beyond all, the last one. */
struct raft_epoch_end history_epoch_end(const struct raft_history *h, int32_t epoch);
/* The last one at or before the offset; NULL, or 0, when there is none. */
const struct raft_voters_at *history_voters_at(const struct raft_history *h, int64_t offset);
int16_t history_kraft_version_at(const struct raft_history *h, int64_t offset);

/* ---- role.c ---- */

void role_begin(struct raft *r, struct raft_turn *t);
void role_unattached(struct raft *r, struct raft_turn *t, int32_t epoch, int32_t leader_id);
void role_follower(struct raft *r, struct raft_turn *t, const struct raft_leader *leader);
void role_prospective(struct raft *r, struct raft_turn *t);
void role_candidate(struct raft *r, struct raft_turn *t);
void role_leader(struct raft *r, struct raft_turn *t);
void role_resigned(struct raft *r, struct raft_turn *t);
/* A prospective that will not be elected. */
void role_lost(struct raft *r, struct raft_turn *t);
/* A peer says who leads an epoch that is not before ours. False when that is impossible. */
bool role_learn(struct raft *r, struct raft_turn *t, const struct raft_leader *said);
bool role_may_stand(const struct raft *r); /* for an election */
int64_t role_election_timeout(const struct raft *r, struct raft_turn *t);
/* Does everything that is due; returns when the next thing will be. */
int64_t role_poll(struct raft *r, struct raft_turn *t);

/* ---- vote.c ---- */

void vote_begin(struct raft *r);
bool vote_is_lost(const struct raft *r);
void vote_count(struct raft *r, struct raft_turn *t);
void vote_send(struct raft *r, struct raft_turn *t);
bool vote_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from);
void vote_asked(struct raft *r, struct raft_turn *t, struct raft_request *q);
void ballots_add(struct raft *r, struct raft_key key, enum raft_vote vote);
struct raft_ballot *ballots_find(struct raft *r, int32_t id);

/* ---- epoch.c ---- */

void epoch_send_begin(struct raft *r, struct raft_turn *t, struct raft_key voter);
bool epoch_begin_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from);
void epoch_begin_asked(struct raft *r, struct raft_turn *t, struct raft_request *q);
/*
 * This node no longer leads: notifies these voters, as candidates in this order; or (n = 0) all
 * voters, without naming candidates.
 */
void epoch_begin_end(struct raft *r, const struct raft_key *successors, int n);
void epoch_send_end(struct raft *r, struct raft_turn *t);
bool epoch_end_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from);
void epoch_end_asked(struct raft *r, struct raft_turn *t, struct raft_request *q);

/* ---- leader.c ---- */

void leader_begin(struct raft *r, struct raft_turn *t);
void leader_end(struct raft *r, struct raft_turn *t);
void leader_forget(struct raft *r);
int64_t leader_poll(struct raft *r, struct raft_turn *t);
void leader_appended(struct raft *r, struct raft_turn *t);
void leader_append_voters(struct raft *r, struct raft_turn *t, const struct raft_voters *voters, int16_t kraft_version);
void leader_flushed(struct raft *r, struct raft_turn *t);
int64_t leader_high_watermark(const struct raft *r);
/* A replica asks for what is from `offset` on. */
void leader_fetched(struct raft *r, struct raft_turn *t, struct raft_key key, int64_t offset);
void leader_heard(struct raft *r, struct raft_turn *t, struct raft_key key);
bool leader_has_caught_up(const struct raft *r, struct raft_key key, int64_t now_ms);
bool leader_knows_observer(const struct raft_replica *observer, int64_t now_ms);
/*
 * The voters except this node, those with the highest ends first, into room for all voters; returns
 * their number.
 */
int leader_successors(const struct raft *r, struct raft_key *out);

/* ---- follower.c ---- */

void follower_begin(struct raft *r, struct raft_turn *t);
int64_t follower_poll(struct raft *r, struct raft_turn *t);
void follower_ask_anybody(struct raft *r, struct raft_turn *t);
bool follower_leader_node(const struct raft *r, struct raft_node *out);
void follower_heard(struct raft *r, struct raft_turn *t);
bool follower_fetch_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from);
bool follower_fetch_snapshot_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from);
void follower_fetched(struct raft *r, struct raft_turn *t);
void follower_loaded(struct raft *r, struct raft_turn *t);
/* Is the log about to change? */
static inline bool raft_log_is_busy(const struct raft *r) { return r->appending || r->loading; }

/* ---- fetch.c ---- */

void fetch_asked(struct raft *r, struct raft_turn *t, struct raft_request *q);
void fetch_snapshot_asked(struct raft *r, struct raft_turn *t, struct raft_request *q);

/* ---- membership.c ---- */

void membership_add_asked(struct raft *r, struct raft_turn *t, struct raft_request *q);
void membership_remove_asked(struct raft *r, struct raft_turn *t, struct raft_request *q);
void membership_update_asked(struct raft *r, struct raft_turn *t, struct raft_request *q);
bool membership_versions_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from);
void membership_committed(struct raft *r, struct raft_turn *t); /* the high watermark has moved */
void membership_end(struct raft *r, struct raft_turn *t, int err);
int64_t membership_poll(struct raft *r, struct raft_turn *t);

/* ---- join.c ---- */

int64_t join_poll(struct raft *r, struct raft_turn *t);
bool join_update_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from);
bool join_add_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from);
bool join_remove_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from);

/* ---- upgrade.c ---- */

void upgrade_begin(struct raft *r);
int upgrade_decide(struct raft *r, struct raft_turn *t, const struct raft_upgrade *to, struct str *why);

/* ---- flush.c ---- */

void raft_want_flush(struct raft *r, struct raft_turn *t);
void raft_flush_ended(struct raft *r, struct raft_turn *t);
/* The log was cut at this offset. */
void raft_flush_truncated(struct raft *r, int64_t offset);
/* Everything below the offset is committed. The previous high watermark may already be higher. */
void raft_commit(struct raft *r, struct raft_turn *t, int64_t offset);

/* ---- snapshot.c ---- */

void snapshot_schedule(struct raft *r, int64_t now_ms);
void snapshot_poll(struct raft *r, struct raft_turn *t, bool committed); /* the high watermark has moved */
void snapshot_was_cut(struct raft *r, struct raft_turn *t);
void snapshot_cleaned(struct raft *r, struct raft_turn *t);

/* ---- peers.c ---- */

/* True when no request to it is under way and it is not left alone. */
bool peer_is_ready(struct raft *r, int32_t id, int64_t now_ms);
bool peer_is_backing_off(const struct raft *r, int32_t id, int64_t now_ms);
/* It has not answered in time: it is ready again. */
bool peer_timed_out(struct raft *r, int32_t id, int64_t now_ms);
bool peers_busy(struct raft *r, int64_t now_ms); /* is any request under way? */
int64_t peers_due_ms(struct raft *r, int64_t now_ms);
void peer_send(struct raft *r, struct raft_turn *t, const struct raft_node *node, int16_t api, const void *request);
struct raft_peer *peer_asked(const struct raft *r, int32_t correlation); /* NULL when nobody waits for that answer */
void peer_answered(struct raft *r, int32_t correlation, bool well, int64_t now_ms);
void peer_fail(struct raft *r, int32_t id, int64_t now_ms);

/* ---- election.c ---- */

bool election_eq(const struct raft_election *a, const struct raft_election *b);

#endif
