/*
 * quorum: the carrier of raft and controller: the actor that owns both for this node.
 *
 * 1. It lives on one loop. Its log is `__cluster_metadata-0` in the metadata directory; its snapshots and
 *    `quorum-state` lie beside it.
 * 2. A request is decided on the tip, its records are appended, and it is completed when the high watermark has
 *    passed the end at which it was decided; a refusal that rests on state not yet committed waits too.
 * 3. Committed images are published in order, the newest of those that commit together; not when nothing but the
 *    position has moved.
 * 4. Where another node leads, what this node's own broker asks, and what its clients do, goes there (controller_channel.h). Other requests are
 *    completed with NOT_CONTROLLER.
 * 5. A failed write or flush of the metadata log ends the leadership and is told through `failed`: the node has to
 *    stop.
 *
 * Any thread may submit; everything else is for the loop's own thread, unless it says otherwise.
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
	struct outgoing *outgoing; /* NULL: connections are plain */
	struct loop *loop;
	int32_t node_id;
	struct str cluster_id;
	struct log_dir *
		dir; /* metadata.log.dir: holds __cluster_metadata-0; open, formatted, and the caller's until quorum_free */
	struct throttle *throttle; /* quotas of changes; NULL: they are not looked at */

	/* Called once on the loop: it is known who leads, and there is a committed image with a metadata.version. */
	void (*started)(void *arg, int err);
	/* The metadata log is lost for this run, or says what this release cannot read: stop the node. */
	void (*failed)(void *arg, int err);
	void *arg;
};

/*
 * Opens and replays the log; 0 or a negated errno with the reason already told to diag. Blocks: call it before the
 * loop runs.
 */
int quorum_start(const struct quorum_options *options, struct quorum **out);
/* Elections and writes from here on: nodes of the quorum may be let in. From any thread. */
void quorum_begin(struct quorum *q);
/*
 * Before a stop, while the node's listeners still answer: this node leads others no more, and is no candidate. `done` on the loop, not inside:
 * another leads, or nobody is waited for any longer. False: it leads nobody else, and there is nothing to be done.
 */
bool quorum_hand_over(struct quorum *q, void (*done)(void *arg), void *arg);
/*
 * Completes what waits with NOT_CONTROLLER, tells the voters that this node leads no more, cuts a snapshot where much would have to be
 * replayed, closes the log cleanly; `done` on the loop. Then quorum_free.
 */
void quorum_stop(struct quorum *q, void (*done)(void *arg), void *arg);
void quorum_free(struct quorum *q);

/* ---- requests ---- */

/* Who has made a request that is handed on. */
struct quorum_client {
	int32_t correlation_id;
	struct str client_id;
	struct addr address;
};

struct principal;
struct quorum_request;
typedef void quorum_done_fn(struct quorum_request *r);

/* The caller's until `done` runs on `loop`; request, response and arena are the quorum's in between. */
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
	struct arena *arena;		    /* the response's parts are put there */
	const struct principal *principal;  /* whose it is */
	struct str client_id;		    /* null of this node's own */
	bool own_node;			    /* from this process' own broker or controller; never from a connection */
	const struct quorum_client *client; /* whose request this broker hands on; else NULL */
	bool enveloped;			    /* another broker has handed it on: it is for who leads */
	int64_t deadline_ms; /* monotonic; 0 = none: then REQUEST_TIMED_OUT (the records stand all the same) */

	int err; /* 0: response is filled; else one error for the whole request: fill the response's error fields with it */
	struct str message; /* with err; null = the error's own */
	bool hang_up;	    /* with err: on the client, who asked in a version that the controller does not speak */

	struct quorum *quorum; /* the quorum's own, from here on */
	int64_t wait_offset;
};

/* Is the active controller here? On the loop. */
bool quorum_leads(const struct quorum *q);
/* It is, and by all that its log says no other broker is registered: nobody but this node has replicas. On the loop. */
bool quorum_leads_alone(const struct quorum *q);
/* From any thread. */
void quorum_submit(struct quorum *q, struct quorum_request *r);
/* Is this API one the controller answers (its keys are those of controller.h, and DescribeQuorum)? */
bool quorum_serves(int16_t api);

/* ---- who leads ---- */

struct quorum_leader {
	int32_t id; /* -1 = none is known */
	int32_t epoch;
	struct raft_node node; /* where, on the controllers' listener; valid until the next call */
};

/* On the loop. Who leads the quorum, as this node knows it. */
struct quorum_leader quorum_leader(const struct quorum *q);
/* Its id alone, from any thread. */
int32_t quorum_leader_id(const struct quorum *q);
/* As of the end of its log; from any thread. */
int16_t quorum_kraft_version(const struct quorum *q);

/*
 * The connection by which a broker sent heartbeats, in this epoch, is gone: if its listeners refuse to be dialled it is fenced at once. From
 * any thread, before quorum_stop.
 */
void quorum_broker_hung_up(struct quorum *q, int32_t broker, int64_t epoch);

/*
 * Does the quorum commit, as far as this node can tell: it leads, and a majority follows; or who leads answers it? On the loop.
 */
bool quorum_commits(const struct quorum *q);

/* ---- numbers ---- */

struct quorum_numbers {
	struct raft_numbers raft;
	struct news_counts news;
	int64_t n_commits;		     /* times that the high watermark has moved */
	int64_t n_leaders;		     /* leaders, or epochs of one, that this node has seen */
	int64_t n_errors;		     /* what the metadata log said and could not be applied */
	double commit_ms_avg, commit_ms_max; /* of what was decided here lately; NaN when nothing was, as with: */
	double election_ms_avg, election_ms_max;
	double appended_rate, fetched_rate; /* records a second, lately */
	int64_t snapshot_bytes;		    /* of the newest snapshot; 0: there is none */
	bool commits;
};

/* On the loop. */
void quorum_numbers(const struct quorum *q, struct quorum_numbers *out);
/* Since the broker's last heartbeat; -1: there was none, or another node leads. On the loop. */
int64_t quorum_heartbeat_age_ms(const struct quorum *q, int32_t broker);

/* ---- images ---- */

struct quorum_subscriber {
	struct list link;
	/* On the quorum's loop, after each commit; `old` is NULL the first time. Take a reference to keep one. */
	void (*image)(struct quorum_subscriber *s, const struct image *old, const struct image *now);
	/* On the quorum's loop, when quorum_leader() has changed; may be NULL. Nothing is stopped or freed inside. */
	void (*leader)(struct quorum_subscriber *s);
};

/* Called with the current image at once, if there is one; and told who leads, if anybody is known to. */
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
	const struct uuid *log_dirs; /* the directory ids of all log directories */
	int n_log_dirs;
	int64_t previous_epoch; /* from .kafka_cleanshutdown; -1 = none or unclean */
	/* On the quorum's loop: the state has moved; epoch is the broker epoch, -1 before registration. */
	void (*state)(void *arg, enum broker_state state, int64_t epoch);
	void *arg;
};

/* Registers and goes on by itself; `b` and what it points to is copied. */
void quorum_broker_start(struct quorum *q, const struct quorum_broker *b);
/* The logs are recovered and the image is applied up to the registration: unfence me. From any thread. */
void quorum_broker_ready(struct quorum *q);
/* A log directory went offline: told with the next heartbeat, which is sent at once. From any thread. */
void quorum_broker_directory_failed(struct quorum *q, struct uuid directory);
/*
 * Controlled shutdown; the state callback says BROKER_SHUTTING_DOWN when the controller agrees or the timeout has
 * passed.
 */
void quorum_broker_shutdown(struct quorum *q, int64_t timeout_ms);
int64_t quorum_broker_epoch(struct quorum *q); /* any thread; -1 before registration */

#endif
