/*
 * quorum_private: the carrier's state, for its own files:
 *
 *	quorum.c		start and end			quorum_fetch.c		fetches by other nodes
 *	quorum_request.c	requests in, answers out	quorum_leader.c		who leads
 *	quorum_decide.c		what a leader does		quorum_load.c		what is on disk
 *	quorum_effects.c	raft's steps and effects	quorum_state.c		the file quorum-state
 *	quorum_image.c		images				quorum_snapshot.c	snapshots
 *	quorum_follow.c		following a leader's log	quorum_replay.c		reading batches
 *	quorum_send.c		raft's requests to others	lifecycle.c		this node's broker
 *	quorum_numbers.c	measurements			quorum_pulse.c		fencing brokers that are gone
 */
#ifndef ODRADEK_BROKER_QUORUM_PRIVATE_H
#define ODRADEK_BROKER_QUORUM_PRIVATE_H

#include "base/arena.h"
#include "broker/counters.h"
#include "broker/quorum.h"
#include "broker/snapshot.h"
#include "config/config.h"
#include "controller/controller.h"
#include "log/log.h"
#include "metadata/replay.h"
#include "net/channel.h"
#include "raft/raft.h"

#define METADATA_TOPIC "__cluster_metadata"
#define METADATA_BATCH_MAX (8 << 20)
/* The largest snapshot that is read. */
#define SNAPSHOT_MAX ((size_t)1 << 30)

struct controller_channel;
struct controller_registration;
struct lifecycle;
struct state_write;

/* An image that waits for the high watermark. */
struct pending_image {
	struct list link;
	int64_t end; /* committed when the high watermark has reached this */
	int64_t appended_ns;
	const struct image *image;
};

/* How batches are read, and where their contents go. */
struct loading {
	struct quorum *quorum;
	const char *file;	 /* for messages */
	struct replay *replay;	 /* receives metadata records; or NULL */
	bool bootstrap;		 /* instead, keep them as the quorum's bootstrap records */
	struct raft_history *to; /* receives what raft has to know; or NULL */
	bool snapshot;		 /* it is a snapshot: its offsets are its own, and its contents are as of its id */
	struct raft_snapshot_id id;

	int64_t timestamp_ms; /* of the last batch */
	bool ended;	      /* the footer was seen */
};

/* A snapshot in the directory. */
struct snapshot_file {
	struct raft_snapshot_id id;
	int64_t size;
	int64_t timestamp_ms; /* timestamp of the last batch that it covers */
};

/* A leader's snapshot that is being fetched. */
struct snapshot_part {
	struct raft_snapshot_id id;
	struct file *file;
	int64_t size;
	int err;
};

/* One snapshot on its way to the disk. */
struct snapshot_job {
	struct work work;
	struct quorum *quorum;
	const struct image *image;
	struct raft_snapshot_id id;
	int16_t kraft_version;
	struct raft_voters voters;
	int64_t size;
	int err;
};

struct quorum_measures {
	struct lately commit_ms, election_ms, appended, fetched;
	int64_t n_candidacies; /* as last reported by raft */
	int64_t election_began_ms;
	int64_t n_commits, n_leaders, n_errors;
	bool is_electing;
};

struct quorum {
	struct quorum_options options;
	struct env *env;
	struct loop *loop;
	char *cluster_id;
	char *path; /* of __cluster_metadata-0 */

	struct topic_config log_config;
	struct log *log;
	struct log_flusher *flusher;
	struct log_flush flush;
	struct post flush_post;
	struct state_write *state_write; /* quorum-state on its way to the disk, or NULL */
	struct raft *raft;
	struct controller *controller;
	struct replay replay; /* the committed part, up to replay_end */
	int64_t replay_end;
	int64_t replay_want; /* the high watermark that it has to reach */
	struct timer replay_timer;
	int fetch_trouble; /* last error that was logged */
	struct snapshot_part part;
	bool loading_snapshot;
	struct arena records_arena;

	const struct image *image; /* committed; NULL before the first */
	struct list pending;	   /* struct pending_image, by end */
	struct list waiting;	   /* struct quorum_request, by wait_offset */
	struct list held;	   /* struct quorum_request: answers held until quorum-state is on disk */
	struct list parked;	   /* struct parked_fetch */
	struct post fetches_post;
	int64_t fetches_below; /* the post looks at parked fetches below this offset */
	bool fetches_posted;
	int64_t state_end; /* after the last record that is not a no-op: what decisions are based on */
	struct list subscribers;
	struct news *news;
	struct quorum_measures measures;
	int32_t followed_leader, followed_epoch; /* as last logged */
	struct list pulses;			 /* struct pulse: brokers that are being checked */
	struct channels pulse_channels;		 /* connections without a login */
	struct channels pulse_secure;		 /* to TLS listeners */
	int16_t kraft_version;			 /* atomic: raft's, for other threads */
	struct quorum_leader leader;		 /* as told to the subscribers; the host is our own copy */

	struct arena bootstrap_arena;
	struct record_list bootstrap;

	struct timer raft_timer;
	int64_t wake_ms; /* when raft_timer is due */
	struct timer tick_timer;
	struct timer idle_timer;
	struct timer flush_timer;	 /* for retrying a flush */
	struct quorum_request *changing; /* the request that changes the voters; or NULL */
	int change_err;			 /* error of a change that ended in the step in which it was requested */
	int64_t n_unwritten;		 /* control records that could not be written */
	int64_t idle_ms;		 /* metadata.max.idle.interval.ms */
	int64_t last_append_ms;		 /* monotonic */

	struct channels channels; /* to the other nodes of the quorum */
	char *client_id;
	struct list peers;    /* struct quorum_peer */
	struct list sendings; /* raft's requests to them that are not answered yet */
	struct timer peers_timer;

	struct snapshot_file *snapshots; /* by end offset; without the bootstrap snapshot */
	int n_snapshots;
	struct snapshot_job *cutting;
	int n_cleaning; /* number of jobs */

	struct controller_channel *channel;	      /* to the leader, when that is another node */
	struct controller_registration *registration; /* NULL on a pure broker */
	struct lifecycle *lifecycle;
	struct work close_work;
	struct timer close_timer;
	struct timer hand_over_timer;
	void (*handed_over)(void *arg);
	void *handed_over_arg;
	int64_t resign_due_ms; /* monotonic: when a stop waits for `resigned` no longer; 0: it has not begun */
	struct post begin_post;
	struct raft_effects begin_effects; /* of the first step, while `beginning`: n_begun of them are done */
	struct arena begin_arena;
	struct timer begin_timer;
	int64_t begin_retry_ms;
	int n_begun;
	bool beginning;
	bool begun; /* all of them are done */
	void (*stopped)(void *arg, int err);
	void *stopped_arg;
	bool started;
	bool failed;
	bool flushing;	  /* a flush is under way, or will be by the end of this turn */
	bool flush_ended; /* but raft has not been told yet */
	bool stopping;
	bool resigned; /* raft has nothing more to do */
	bool closing;  /* no more steps */
	bool closed;
	int close_error; /* of log_close */
};

/* ---- quorum.c ---- */

/* The metadata log cannot be used any more. */
void quorum_fail(struct quorum *q, int err);

/* RAFT_EFFECT_STOPPED. */
void quorum_has_resigned(struct quorum *q);

/* ---- quorum_request.c ---- */

void quorum_complete(struct quorum_request *r);
void quorum_complete_with(struct quorum_request *r, int err);
/* Calls done() whatever the state of this node's disk: the answer was made elsewhere. */
void quorum_give(struct quorum_request *r);
/* Sends the answers that waited for quorum-state; with err, they fail with that error. */
void quorum_give_held(struct quorum *q, int err);
/* The high watermark has moved. */
void quorum_complete_committed(struct quorum *q, int64_t high_watermark);
/*
 * This node no longer leads: requests that wait for a commit are sent to the new leader where
 * allowed; a change of the voters ends with the error.
 */
void quorum_fail_requests(struct quorum *q, int err);
/* After quorum_note_leader: where requests go from now on. */
void quorum_route(struct quorum *q);
void quorum_end_change(struct quorum *q, int err, struct str message);

/* ---- quorum_decide.c ---- */

void quorum_decide_init(struct quorum *q);
/* This node leads now. 0, or why the records that begin an epoch were not written. */
int quorum_lead(struct quorum *q);
void quorum_resign(struct quorum *q);
bool quorum_decides(int16_t api);
/* Decides and appends; r->err is the result. */
void quorum_decide(struct quorum *q, struct quorum_request *r);

/* ---- quorum_effects.c ---- */

void quorum_effects_init(struct quorum *q);
void quorum_step(struct quorum *q, struct raft_event event);
/* raft_upgrade and its effects; *why is in the arena. */
int quorum_upgrade(struct quorum *q, const struct raft_upgrade *to, struct arena *a, struct str *why);
/* Records could not be written because of this error: if it may pass, this node resigns. */
void quorum_unwritten(struct quorum *q, int err);
/* quorum-state is on disk; or err says why not. */
void quorum_state_written(struct quorum *q, int err);
void quorum_end_beginning(struct quorum *q);
/* Checks whether everything that a node needs in order to start has arrived. */
void quorum_maybe_started(struct quorum *q);

/* ---- quorum_follow.c ---- */

void quorum_follow_init(struct quorum *q);
void quorum_follow_fini(struct quorum *q);
/* RAFT_EFFECT_APPEND_FETCHED, TRUNCATE: 0, or the error with which the metadata log is lost. */
int quorum_append_fetched(struct quorum *q, const struct raft_effect *e);
int quorum_truncate(struct quorum *q, int64_t offset);
/* Brings the committed image to the high watermark. */
void quorum_follow(struct quorum *q, int64_t high_watermark);
/* Sets the committed image. */
void quorum_replay_from(struct quorum *q, const struct image *image);
/* RAFT_EFFECT_SNAPSHOT_CHUNK, LOAD_SNAPSHOT. */
void quorum_take_chunk(struct quorum *q, const struct raft_effect *e);
void quorum_load_fetched(struct quorum *q, struct raft_snapshot_id id);

/* ---- quorum_image.c ---- */

/* Adds an image that is committed when the high watermark has reached `end`. */
void quorum_push_image(struct quorum *q, const struct image *image, int64_t end);
void quorum_publish(struct quorum *q, int64_t high_watermark);
/* On a node that does not lead: the committed part has been replayed. */
void quorum_publish_replayed(struct quorum *q);
/* This node no longer leads: what it has decided is not committed yet, and may never be. */
void quorum_forget_pending(struct quorum *q);
/* The offset up to which the committed image goes; -1 before the first. */
int64_t quorum_committed_offset(const struct quorum *q);

/* Fences a broker that is gone, in the epoch in which it was registered; on the loop of a node that leads. */
void quorum_fence(struct quorum *q, int32_t broker, int64_t epoch);

/* ---- quorum_pulse.c ---- */

void quorum_pulse_init(struct quorum *q);
/* A new leader has not heard of any broker yet: checks whether all are still there. */
void quorum_pulse_all(struct quorum *q);
/*
 * Waits for nothing any more, except look-ups of names: pulse_channels.n_resolving, and that of
 * pulse_secure. Not within a step.
 */
void quorum_pulse_stop(struct quorum *q);
void quorum_pulse_fini(struct quorum *q);

/* ---- quorum_leader.c ---- */

/* After a step: the leader may have changed. */
void quorum_note_leader(struct quorum *q);
void quorum_forget_leader(struct quorum *q);

/* ---- quorum_numbers.c ---- */

/* After a step: an election may have begun or ended. */
void quorum_measure_step(struct quorum *q);
/* Something that was appended at this time is now committed. */
void quorum_measure_commit(struct quorum *q, int64_t appended_ns);
/* Counts records: appended by this node as leader, or fetched from another. */
void quorum_measure_appended(struct quorum *q, int64_t n);
void quorum_measure_fetched(struct quorum *q, int64_t n);

/* ---- quorum_fetch.c ---- */

/* What to ask raft when it answers the request itself. */
struct raft_request quorum_question(const struct quorum *q, const struct quorum_request *r);
void quorum_fetch(struct quorum *q, struct quorum_request *r);
void quorum_fetch_snapshot(struct quorum *q, struct quorum_request *r);
/* Looks again at parked fetches below this offset. */
void quorum_wake_fetches(struct quorum *q, int64_t below);
/* Answers all of them that this node no longer leads. */
void quorum_drop_fetches(struct quorum *q);

/* ---- quorum_state.c ---- */

/*
 * Begins to write quorum-state, or has it written next; quorum_state_written is called when nothing
 * is left to be written.
 */
void quorum_write_state(struct quorum *q, const struct raft_election *e);
/* Drops a write that waits to be retried. */
void quorum_drop_state(struct quorum *q);
int quorum_read_state(struct quorum *q, struct raft_start *start); /* blocks */

/* ---- quorum_send.c ---- */

void quorum_send_init(struct quorum *q);
/* RAFT_EFFECT_SEND. */
void quorum_send(struct quorum *q, const struct raft_effect *e);
/* quorum-state is on disk. */
void quorum_send_held(struct quorum *q);
/* Waits for nothing any more, except look-ups of names: channels.n_resolving. Not within a step. */
void quorum_send_stop(struct quorum *q);
void quorum_send_fini(struct quorum *q);

/* ---- quorum_load.c ---- */

/* Opens and reads; fills log, raft, replay, bootstrap, snapshots. */
int quorum_load(struct quorum *q);

/* ---- quorum_replay.c ---- */

/* Logs the damage and returns -EBADMSG. */
int quorum_damaged(const struct loading *l, int64_t offset, const char *what);
/*
 * Reads whole batches; *next is the offset after the last of them. 0, -EBADMSG, -ENOTSUP (written
 * by a later release), -ENOMEM; errors have been logged.
 */
int quorum_load_bytes(struct loading *l, const uint8_t *p, size_t len, int64_t from, int64_t *next);
/* Reads a whole snapshot, as of l->id. */
int quorum_load_snapshot(struct loading *l, const char *path);
/*
 * Reads whole batches of the log from *from up to `end`; *from becomes the offset after the last. 0
 * even when there are none.
 */
int quorum_load_log(struct loading *l, int64_t *from, int64_t end);
/* The same, into an image. */
int quorum_replay(struct quorum *q, struct replay *to, int64_t *from, int64_t end);

/* ---- quorum_snapshot.c ---- */

void quorum_note_snapshot(struct quorum *q, const struct snapshot_file *f);
/* From the list; the file stays. */
void quorum_forget_oldest_snapshot(struct quorum *q);
/* From the list, with their files. */
void quorum_drop_snapshots_before(struct quorum *q, int64_t offset);
void quorum_cut_snapshot(struct quorum *q);
/* Removes old snapshots and the log below them, according to metadata.max.retention.*. */
void quorum_clean(struct quorum *q);
/* ---- lifecycle.c ---- */

void lifecycle_free(struct lifecycle *l);
/* After a commit: what was waited for may have arrived. */
void lifecycle_committed(struct lifecycle *l);

/* ---- controller_registration.c ---- */

struct controller_registration *controller_registration_new(struct quorum *q);
/* While a request is under way, this takes effect when it has come back. NULL is allowed. */
void controller_registration_free(struct controller_registration *c);
/* Registers this controller if this image, committed or the tip, lacks it. NULL is allowed. */
void controller_registration_look(struct controller_registration *c, const struct image *image);

#endif
