/*
 * quorum: carries raft and the controller: the actor that owns both on this node.
 *
 * 1. It lives on one loop. Its log is `__cluster_metadata-0` in the metadata directory; its
 *    snapshots and `quorum-state` lie beside it.
 * 2. A request is decided on the tip, its records are appended, and it is completed when the high
 *    watermark has passed the end at which it was decided; a refusal based on uncommitted state
 *    waits as well.
 * 3. Committed images are published in order, only the newest of those that commit together, and
 *    not when only the position has moved.
 * 4. When another node leads, requests of this node's own broker and of its clients go there
 *    (controller_channel.h). Other requests are completed with NOT_CONTROLLER.
 * 5. A failed write or flush of the metadata log ends the leadership and is reported through
 *    `failed`: the node has to stop.
 *
 * Any thread may submit; everything else must run on the loop's own thread, unless it says
 * otherwise.
 */
#ifndef ODRADEK_BROKER_QUORUM_H
#define ODRADEK_BROKER_QUORUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/str.h"
#include "base/uuid.h"
#include "broker/news.h"
#include "env/env.h"
#include "metadata/image.h"
#include "raft/raft.h"

struct config;
struct log_dir;
struct quorum;
struct throttle;

struct quorum_options {
	struct env *env;
	const struct config *config;
	struct outgoing *outgoing; /* NULL: connections are plaintext */
	struct loop *loop;
	int32_t node_id;
	struct str cluster_id;
	/*
	 * metadata.log.dir, which holds __cluster_metadata-0: open, formatted, and the caller's
	 * until quorum_free
	 */
	struct log_dir *dir;
	struct throttle *throttle; /* quotas of changes; NULL: they are not checked */

	/*
	 * Called once on the loop: the leader is known, and there is a committed image with a
	 * metadata.version.
	 */
	void (*started)(void *arg, int err);
	/* The metadata log is lost for this run, or contains what this release cannot read: stop the node. */
	void (*failed)(void *arg, int err);
	void *arg;
};

/*
 * Opens and replays the log; 0 or a negated errno, with the reason already logged. Blocks: call it
 * before the loop runs.
 */
int quorum_start(const struct quorum_options *options, struct quorum **out);
/*
 * From here on there are elections and writes; connections from nodes of the quorum may be
 * accepted. From any thread.
 */
void quorum_begin(struct quorum *q);
/*
 * Before a stop, while the node's listeners still answer: this node stops leading others and is no
 * longer a candidate. `done` is called on the loop, not inside this call, when another node leads
 * or when waiting for one has ended. False: it leads nobody else, and there is nothing to do.
 */
bool quorum_hand_over(struct quorum *q, void (*done)(void *arg), void *arg);
/*
 * Completes waiting requests with NOT_CONTROLLER, tells the voters that this node is no longer the leader,
 * cuts a snapshot if much would have to be replayed, and closes the log cleanly; `done` is called
 * on the loop, with the error of a log that could not be closed cleanly. Then quorum_free.
 */
void quorum_stop(struct quorum *q, void (*done)(void *arg, int err), void *arg);
void quorum_free(struct quorum *q);

/* ---- requests ---- */

/* The client that sent a forwarded request. */
struct quorum_client {
	int32_t correlation_id;
	struct str client_id;
	struct addr address;
};

struct principal;
struct quorum_request;
typedef void quorum_done_fn(struct quorum_request *r);

/*
 * The caller's until submitted, and again when `done` runs on `loop`; in between, request, response
 * and arena are the quorum's.
 */
struct quorum_request {
	struct post post;
	struct list link;
	struct loop *loop; /* where done is called */
	quorum_done_fn *done;
	void *arg;

	int16_t api; /* key, as enum api of the codec */
	int16_t version;
	const void *request;		    /* the generated request struct */
	void *response;			    /* the generated response struct, zeroed or default-filled */
	struct arena *arena;		    /* for the parts of the response */
	const struct principal *principal;  /* the requester */
	struct str client_id;		    /* null for this node's own */
	bool own_node;			    /* from this process' own broker or controller; never from a connection */
	const struct quorum_client *client; /* the client whose request this broker forwards; else NULL */
	bool enveloped;			    /* forwarded by another broker: to be answered by the leader only */
	int64_t deadline_ms; /* monotonic; 0 = none. Then it ends with REQUEST_TIMED_OUT, though its records stay */

	int err; /* 0: response is filled; else an error for the whole request, to be filled into the response */
	struct str message; /* with err; null = the error's default message */
	/* with err: close the client's connection: the controller does not support the version it used */
	bool hang_up;

	struct quorum *quorum; /* from here on internal to the quorum */
	int64_t wait_offset;
};

/* Is the active controller here? On the loop. */
bool quorum_leads(const struct quorum *q);
/*
 * True if it is, and no other broker is registered in its log, so that only this node has replicas.
 * On the loop.
 */
bool quorum_leads_alone(const struct quorum *q);
/* From any thread. */
void quorum_submit(struct quorum *q, struct quorum_request *r);
/* Is this an API that the controller answers (those of controller.h, and DescribeQuorum)? */
bool quorum_serves(int16_t api);

/* ---- who leads ---- */

struct quorum_leader {
	int32_t id; /* -1 = none is known */
	int32_t epoch;
	struct raft_node node; /* its address on the controllers' listener; valid until the next call */
};

/* The leader of the quorum, as far as this node knows. On the loop. */
struct quorum_leader quorum_leader(const struct quorum *q);
/* Its id only, from any thread. */
int32_t quorum_leader_id(const struct quorum *q);
/* As of the end of its log; from any thread. */
int16_t quorum_kraft_version(const struct quorum *q);

/*
 * The connection by which a broker sent heartbeats, in this epoch, is gone: if its listeners refuse
 * connections, it is fenced at once. From any thread, before quorum_stop.
 */
void quorum_broker_hung_up(struct quorum *q, int32_t broker, int64_t epoch);

/*
 * Does the quorum commit, as far as this node can tell: it leads and a majority follows, or the
 * leader answers it? On the loop.
 */
bool quorum_commits(const struct quorum *q);

/* ---- numbers ---- */

struct quorum_numbers {
	struct raft_numbers raft;
	struct news_counts news;
	int64_t n_commits; /* how often the high watermark has moved */
	int64_t n_leaders; /* leaderships that this node has seen: pairs of leader and epoch */
	int64_t n_errors;  /* metadata records that could not be applied */
	/* recent commits of what was decided here; NaN without any, and so for the next two */
	double commit_ms_avg, commit_ms_max;
	double election_ms_avg, election_ms_max;
	double appended_rate, fetched_rate; /* recent records per second */
	int64_t snapshot_bytes;		    /* of the newest snapshot; 0: there is none */
	bool commits;
};

/* On the loop. */
void quorum_numbers(const struct quorum *q, struct quorum_numbers *out);
/* Time since the broker's last heartbeat; -1: there was none, or another node leads. On the loop. */
int64_t quorum_heartbeat_age_ms(const struct quorum *q, int32_t broker);

/* ---- images ---- */

struct quorum_subscriber {
	struct list link;
	/*
	 * Called on the quorum's loop, after each commit; `old` is NULL the first time. Take a
	 * reference to keep one.
	 */
	void (*image)(struct quorum_subscriber *s, const struct image *old, const struct image *now);
	/*
	 * Called on the quorum's loop, when quorum_leader() has changed; may be NULL. It must not
	 * stop or free anything.
	 */
	void (*leader)(struct quorum_subscriber *s);
};

/* Called back with the current image at once, if there is one; and about the leader, if one is known. */
void quorum_subscribe(struct quorum *q, struct quorum_subscriber *s);
void quorum_unsubscribe(struct quorum *q, struct quorum_subscriber *s);
const struct image *quorum_image(struct quorum *q); /* a reference for the caller; NULL before the first commit */

/* ---- this node's own broker: register, heartbeat, unfence, controlled shutdown ---- */

struct quorum_broker_endpoint {
	struct str name;
	struct str host;
	uint16_t port;
	int16_t security_protocol;
};

enum broker_state {
	BROKER_NOT_RUNNING = 0,
	BROKER_STARTING = 1,
	BROKER_RECOVERY = 2,
	BROKER_RUNNING = 3,
	BROKER_PENDING_CONTROLLED_SHUTDOWN = 6,
	BROKER_SHUTTING_DOWN = 7,
};

struct quorum_broker {
	int32_t id;
	struct uuid incarnation;
	struct str rack; /* null when there is none */
	const struct quorum_broker_endpoint *endpoints;
	int n_endpoints;
	const struct uuid *log_dirs;	 /* the ids of all log directories */
	const struct str *log_dir_paths; /* as in log.dirs, one for each id */
	int n_log_dirs;
	bool encrypts;		/* the broker has a key to encrypt logs with */
	int64_t previous_epoch; /* from .kafka_cleanshutdown; -1 = none, or the stop was not clean */
	/*
	 * Called on the quorum's loop when the state has changed; epoch is the broker epoch, -1
	 * before registration.
	 */
	void (*state)(void *arg, enum broker_state state, int64_t epoch);
	void *arg;
};

/* Registers, and continues by itself; `b` and what it points to are copied. */
void quorum_broker_start(struct quorum *q, const struct quorum_broker *b);
/*
 * The logs are recovered and the image is applied up to the registration: asks to be unfenced. From
 * any thread.
 */
void quorum_broker_ready(struct quorum *q);
/* A log directory went offline: reported with the next heartbeat, which is sent at once. From any thread. */
void quorum_broker_directory_failed(struct quorum *q, struct uuid directory);
/*
 * Begins a controlled shutdown; the state callback reports BROKER_SHUTTING_DOWN when the controller
 * agrees or the timeout has passed.
 */
void quorum_broker_shutdown(struct quorum *q, int64_t timeout_ms);
int64_t quorum_broker_epoch(struct quorum *q); /* any thread; -1 before registration */

#endif
