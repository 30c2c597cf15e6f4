/*
 * quorum_sim: a cluster of raft brains in memory, for test_quorum_sim.c: 1 to 5 voters, up to 3
 * observers, one scheduler, one seed.
 *
 *	quorum_sim.c	the scheduler and the network	sim_node.c	the carrier of one brain
 *	sim_message.c	sending and receiving		sim_disk.c	its disk
 *	sim_log.c	a log				sim_check.c	what always holds
 *	sim_trouble.c	what goes wrong, and what operators do
 *
 * Messages are encoded and decoded as on the wire; batches are real batches. A crash loses what was
 * not flushed, or part of it, and leaves quorum-state as last written; a step that asked for a
 * write that was not completed has told nobody. Messages are late, lost, duplicated and reordered;
 * links are cut, in both directions or one; clocks run at different speeds; disks are slow.
 */
#ifndef ODRADEK_TESTS_RAFT_QUORUM_SIM_H
#define ODRADEK_TESTS_RAFT_QUORUM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "raft/raft.h"
#include "tests/base/cm.h"

#define SIM_NODES_MAX 8
#define SIM_LISTENER STR("CONTROLLER")
#define SIM_CLUSTER STR("sim")
#define SIM_ARENA_BYTES (64 << 20)
#define SIM_FETCH_BYTES 2000

struct sim;
struct sim_node;

/* ---- sim_log.c: batches, and which of them are on the platter ---- */

/* Shared, reference counted. */
struct sim_batch {
	int refs;
	int64_t base;
	int64_t end;
	int32_t epoch;
	uint32_t crc;
	size_t len;
	uint8_t bytes[];
};

struct sim_log {
	struct sim_batch **v;
	int n;
	int room;
	int64_t start;
	int64_t end;
};

void sim_log_fini(struct sim_log *l);
void sim_log_copy(struct sim_log *to, const struct sim_log *from);
void sim_log_append(struct sim_log *l, const uint8_t *bytes, size_t len); /* appends one whole batch */
void sim_log_truncate(struct sim_log *l, int64_t end);
void sim_log_restart(struct sim_log *l, int64_t offset);
void sim_log_clean(struct sim_log *l, int64_t start);
/* The batch that contains the offset, or NULL. */
const struct sim_batch *sim_log_at(const struct sim_log *l, int64_t offset);
bool sim_batch_eq(const struct sim_batch *a, const struct sim_batch *b);

struct sim_disk {
	struct sim_log log;	       /* what is certain to survive a crash */
	struct sim_log ghost;	       /* what was truncated, but may reappear after a crash; empty when it cannot */
	struct raft_election election; /* quorum-state */
	bool has_election;
	struct raft_snapshot_id *snapshots; /* sorted by end offset */
	int n_snapshots;
};

/* ---- snapshots are identical wherever they are taken ---- */

struct sim_snapshot {
	struct raft_snapshot_id id;
	uint64_t state; /* the state that all committed records up to here lead to */
	struct buf bytes;
	int16_t kraft_version;
	struct raft_voters voters;
};

/* ---- one node ---- */

enum sim_kind { SIM_CONTROLLER, SIM_BROKER };

struct sim_held; /* messages that wait for quorum-state to be written */
struct sim_parked;

struct sim_node {
	struct sim *sim;
	int32_t id;
	enum sim_kind kind;
	bool auto_join;
	struct uuid directory_id;
	int rate;	  /* of its clock, in thousandths */
	int64_t clock_ms; /* what its clock showed at time 0 */
	int disk_us;	  /* approximate time of a flush */
	struct raft_endpoint endpoint;
	int versions_behind; /* how many versions it is behind the current ones, where possible */

	bool up;
	bool stopping;
	int life; /* counts its starts: anything that belongs to an earlier life is void */
	int64_t paused_until;
	struct raft *raft;
	struct sim_log log;
	struct sim_disk disk;
	uint64_t state; /* of the committed records up to `applied` */
	int64_t applied;
	int64_t high_watermark; /* in this life; -1: unknown */
	int32_t epoch;		/* in this life, at least */
	int32_t told_epoch;	/* the last epoch that others may have heard of */

	/* Under way. */
	bool flushing;
	struct sim_log flush_image;
	bool flush_done;
	bool writing; /* of quorum-state */
	bool write_again;
	struct raft_election election; /* the final value wanted */
	struct raft_election writes;   /* the value being written */
	struct sim_held *held;
	struct sim_held **held_end;
	struct sim_parked *parked;
	int64_t n_parked;	   /* in total */
	struct sim_parked *change; /* the request waiting for a change of voters */
	int change_err;		   /* of a change that ended in the same step in which it was requested */
	int64_t tick_seq;	   /* of the last tick requested */
	int64_t tick_ms;	   /* when it is due, on the node's clock; INT64_MAX = none */
	int64_t last_tick_ms;
	int n_ticks;	 /* in that millisecond */
	struct buf part; /* of a snapshot being fetched */
	struct raft_snapshot_id part_id;
	bool cutting;
};

void sim_node_init(struct sim *s, int at, enum sim_kind kind);
void sim_node_fini(struct sim_node *n);
void sim_node_start(struct sim_node *n);
void sim_node_crash(struct sim_node *n);
void sim_node_stop(struct sim_node *n);	  /* cleanly: it ends when raft says so, or after a second */
void sim_node_wipe(struct sim_node *n);	  /* while it is down: it gets an empty disk */
void sim_node_append(struct sim_node *n); /* appends a data batch, if it leads */
void sim_node_event(struct sim_node *n, struct raft_event event);
int64_t sim_node_ms(const struct sim_node *n); /* reads its monotonic clock */
void sim_node_upgrade(struct sim_node *n);

/* ---- messages ---- */

struct sim_message {
	int from;
	int to;
	int from_life;
	bool is_answer;
	int16_t api;
	int16_t version;
	int32_t correlation; /* chosen by the sender of the request */
	int err;	     /* set when there is no answer */
	int32_t epoch;
	int32_t votes_for;    /* the sender's vote in that epoch; -1 = none */
	int64_t fetches_from; /* the offset, or -1 */
	size_t len;
	uint8_t bytes[];
};

/* Takes the message. */
void sim_send(struct sim *s, struct sim_message *m);
void sim_node_receive(struct sim_node *n, const struct sim_message *m);
/* Sent from no node: an operator's request, whose answer is counted. */
void sim_node_ask(struct sim_node *n, int16_t api, const void *request);

void sim_message_send(struct sim_node *n, const struct raft_effect *e);
void sim_message_wake(struct sim_node *n, int64_t below);
void sim_message_end_change(struct sim_node *n, const struct raft_effect *e);
void sim_message_release(struct sim_node *n, bool send); /* messages that waited for quorum-state */
void sim_message_forget(struct sim_node *n);

/* ---- sim_disk.c ---- */

void sim_disk_write_state(struct sim_node *n, const struct raft_election *e);
void sim_disk_flush(struct sim_node *n);
void sim_disk_truncate(struct sim_node *n, int64_t offset);
void sim_disk_append(struct sim_node *n, const uint8_t *bytes, size_t len);
void sim_disk_append_data(struct sim_node *n, int n_records);
void sim_disk_append_fetched(struct sim_node *n, const struct raft_effect *e);
void sim_disk_commit(struct sim_node *n, int64_t offset);
void sim_disk_clean(struct sim_node *n);
void sim_disk_cut_snapshot(struct sim_node *n, int64_t offset);
void sim_disk_take_chunk(struct sim_node *n, const struct raft_effect *e);
void sim_disk_load_snapshot(struct sim_node *n, struct raft_snapshot_id id);
bool sim_disk_has_snapshot(const struct sim_node *n, struct raft_snapshot_id id);
void sim_disk_crash(struct sim_node *n);
void sim_disk_recover(struct sim_node *n);
void sim_disk_read_history(struct sim_node *n, struct raft_history *out);

/* ---- the world ---- */

struct sim_event {
	int64_t at_us;
	uint64_t seq;
	void (*run)(struct sim *s, struct sim_event *e);
	struct sim_node *node; /* void in a later life of the node; may be NULL */
	int life;
	struct sim_message *message; /* owned by the event */
	int64_t number;
};

/* What a run has met. A set of seeds that misses one of these does not test it. */
enum sim_met {
	MET_LEADER,
	MET_PROSPECTIVE,
	MET_PROSPECTIVE_LOST,
	MET_CANDIDATE,
	MET_RESIGNED,
	MET_UNWRITTEN,
	MET_TRUNCATED,
	MET_SNAPSHOT_CUT,
	MET_SNAPSHOT_LOADED,
	MET_LOAD_FAILED,
	MET_FETCH_PARKED,
	MET_VOTE_GRANTED,
	MET_VOTE_REFUSED,
	MET_NO_PRE_VOTE,
	MET_CRASH,
	MET_STATE_LOST,
	MET_RECORDS_LOST,
	MET_GHOST,
	MET_CLEAN_STOP,
	MET_WIPED,
	MET_VOTER_ADDED,
	MET_VOTER_REMOVED,
	MET_CHANGE_REFUSED,
	MET_LEADER_REMOVED,
	MET_VOTERS_UNDONE,
	MET_UPGRADED,
	MET_CORRUPT,
	MET_MESSAGE_LOST,
	MET_MESSAGE_DOUBLED,
	MET_N,
};

/* One offset of the log, which never changes once committed. */
struct sim_committed {
	int32_t epoch;
	uint32_t crc;
	int64_t base;
	uint64_t state; /* after it */
};

struct sim_leader {
	int32_t id;	 /* -1 = unknown */
	bool has_spoken; /* others may have heard of it: until then, another node may still lead the epoch */
};

struct sim_vote {
	int32_t epoch;
	int node;
	struct uuid directory_id;
	int32_t candidate;
};

struct sim {
	uint64_t seed;
	uint64_t chance;
	bool trace;
	int64_t now_us;
	uint64_t seq;
	struct sim_event **heap;
	int n_heap;
	int room_heap;
	uint64_t n_events;
	uint64_t hash; /* of everything that happened */

	struct sim_node nodes[SIM_NODES_MAX];
	int n_nodes;
	int n_voters; /* the first n nodes */
	bool dynamic; /* kraft.version 1 from the start */
	bool may_upgrade;
	bool operators; /* operators add and remove voters */
	bool wipes;
	bool wiped;
	struct raft_node bootstrap[SIM_NODES_MAX];
	int n_bootstrap;
	struct raft_voters first_voters;	/* in every configuration, or in the bootstrap snapshot */
	bool cut[SIM_NODES_MAX][SIM_NODES_MAX]; /* [from][to] */
	int loss;				/* per thousand messages */
	int doubled;				/* per thousand */
	int latency_us;
	int32_t snapshot_bytes;
	bool healed;
	int64_t wanted_end; /* what every node must have committed in the end */

	/* What was observed. */
	struct sim_committed *committed;
	int64_t n_committed;
	int64_t room_committed;
	struct sim_leader *leaders; /* indexed by epoch */
	int32_t n_leaders;
	struct sim_vote *votes;
	int n_votes;
	struct sim_snapshot *snapshots;
	int n_snapshots;
	uint64_t met[MET_N];
};

uint64_t sim_chance(struct sim *s, uint64_t n); /* returns a number below n */
bool sim_one_in(struct sim *s, uint64_t n);
void sim_meet(struct sim *s, enum sim_met what);
const char *sim_met_name(enum sim_met what);
struct sim_event *sim_at(struct sim *s, int64_t delay_us, void (*run)(struct sim *s, struct sim_event *e),
			 struct sim_node *n);
void sim_say(struct sim *s, const struct sim_node *n, const char *format, ...) __attribute__((format(printf, 3, 4)));
_Noreturn void sim_fail(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct sim_snapshot *sim_snapshot_find(struct sim *s, struct raft_snapshot_id id);

struct sim_options {
	uint64_t seed;
	bool trace;
	uint64_t met[MET_N]; /* the run adds to these */
	uint64_t n_events;
	uint64_t hash;
};

/*
 * A run with faults, followed by calm in which the cluster must recover. Ends the process when an
 * invariant is violated.
 */
void sim_run(struct sim_options *o);

/* ---- sim_trouble.c ---- */

void sim_trouble_begin(struct sim *s);
void sim_trouble_end(struct sim *s);

/* ---- sim_check.c ---- */

void sim_check_node(struct sim *s, struct sim_node *n);	  /* after each of its steps */
void sim_check_leader(struct sim *s, struct sim_node *n); /* when it has become leader */
void sim_check_commit(struct sim *s, struct sim_node *n, int64_t offset);
void sim_check_departure(struct sim *s, struct sim_node *n);
void sim_check_start(struct sim *s, const struct sim_node *n);
void sim_check_vote(struct sim *s, struct sim_node *n, int32_t epoch, int32_t candidate);
void sim_check_fetch(struct sim *s, struct sim_node *n, int64_t offset);
bool sim_is_settled(struct sim *s);
void sim_check_end(struct sim *s);

#endif
