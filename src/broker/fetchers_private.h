/*
 * fetchers_private: what the files of the fetchers share.
 *
 *	fetchers.c	which replicas are followed, and their leaders, according to the metadata
 *	fetcher.c	one leader: its connection, and the requests on it
 *	fetcher_fetch.c	Fetch requests to it: a session
 *	fetched.c	one replica: what an answer does to its log
 */
#ifndef ODRADEK_BROKER_FETCHERS_PRIVATE_H
#define ODRADEK_BROKER_FETCHERS_PRIVATE_H

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "broker/fetchers.h"
#include "broker/partition.h"
#include "net/channel.h"
#include "protocol/fetch.h"
#include "protocol/list_offsets.h"
#include "replication/following.h"

struct image;
struct image_endpoint;

struct fetcher;

/* What is asked for a replica. */
struct fetched_ask {
	int32_t epoch; /* of the leader */
	int32_t last_epoch;
	int64_t offset;
	int64_t start;
};

/* Whether a replica may fetch. */
enum fetched_stand { FETCHED_NOW, FETCHED_LATER, FETCHED_NEVER };

/* A replica of ours that another broker leads. */
struct fetched {
	struct map_node node;
	struct list link; /* in its fetcher's list; in the order in which a new session names them */
	struct list look; /* in the list of those to be looked at before the next Fetch */
	struct fetcher *fetcher;
	struct partition *partition; /* a reference */
	struct following following;
	enum fetched_stand stand; /* as of the last look */
	struct fetched_ask want;  /* what it wanted at the last look */
	bool in_session;
	bool heard;		 /* an answer has mentioned it */
	struct fetched_ask told; /* what the session has for it */
	bool lists;		 /* ListOffsets is under way for it, in lists_epoch */
	int32_t lists_epoch;
	int64_t lag; /* behind the leader's high watermark when records last arrived; -1: not known in this epoch */
	int64_t leader_high_watermark; /* as in its last answer; -1: none */
	struct waiter waiter;
	int64_t waits_since_ms; /* for a flush; -1: it does not wait */
};

/* The session as its client sees it. */
struct fetcher_session {
	int32_t id;
	int32_t epoch; /* of the next request; 0: that request names everything, and closes session `id` */
	int n;	       /* replicas in it */
	struct list forgotten;
	int n_forgotten;
};

/* Some of the replicas with the same leader, and the connection for them. */
struct fetcher {
	struct list link;
	struct fetchers *all;
	int32_t leader;
	int index; /* below num.replica.fetchers */
	struct channel channel;
	struct list partitions; /* struct fetched */
	struct list looks;
	int64_t looked_ms; /* when all of them were last looked at */
	struct fetcher_session session;
	struct call call;
	struct arena arena;
	union {
		struct fetch_request fetch;
		struct list_offsets_request list;
	} in;
	bool asking;
	/* ms until the first of those in `looks` that could not fetch may be able to; INT64_MAX: not known */
	int64_t later_ms;
	struct timer timer;   /* for the next request */
	struct waking waking; /* for a flush that was waited for */
	int trouble;	      /* the last error that was logged */
	struct lately answers;
};

struct fetchers {
	struct node *node;
	struct channels channels;
	struct list list; /* struct fetcher */
	struct list gone; /* fetchers whose waking is still on its way */
	struct map partitions;
	int n_a_leader;		   /* num.replica.fetchers */
	const struct image *image; /* the one last followed */
	struct timer settle;
	bool stopped;
};

/* ---- fetched.c ---- */

/* It is no longer followed. */
void fetched_drop(struct fetched *d);
/* The current state of its log. */
struct following_view fetched_view(struct fetched *d, struct partition_replica *r);
/* `p`: what is appended if the step says so; else NULL. */
void fetched_take_step(struct fetched *d, const struct following_step *step, const struct fetch_response_partition *p,
		       const struct following_view *v);
/* The leader's answer for this replica. */
void fetched_answered(struct fetched *d, const struct fetch_response_partition *p);
/* Waits for the flush where a flush is promised and not all is flushed; the flush wakes the fetcher. */
bool fetched_waits_for_flush(struct fetched *d, const struct partition_replica *r);
/*
 * True when the log was truncated below its checkpointed recovery point: a start that found the old
 * recovery point would trust whatever is written there.
 */
bool fetched_waits_for_checkpoint(struct fetched *d, const struct partition_replica *r);

/* ---- fetcher.c ---- */

struct fetcher *fetcher_new(struct fetchers *all, int32_t leader, int index, const struct image_endpoint *e);
/* Its replicas must have gone. It may have to stay in `gone` until its waking has come back. */
void fetcher_end(struct fetcher *f);
void fetcher_release(struct fetcher *f);
/* Schedules its next turn. */
void fetcher_soon(struct fetcher *f, int64_t ms);
bool fetcher_is_at(const struct fetcher *f, const struct image_endpoint *e);
/* The leader has another address now. */
void fetcher_move(struct fetcher *f, const struct image_endpoint *e);

/* ---- fetcher_fetch.c ---- */

/* It may have changed: look at it before the next Fetch. */
void fetcher_look(struct fetched *d);
/* It was given records: a new session begins with the others. */
void fetcher_served(struct fetched *d);
/* It leaves the fetcher: none of its flushes wakes that fetcher any more. */
void fetcher_leave(struct fetched *d);
/* Removes it from the session. */
void fetcher_forget(struct fetched *d);
void fetcher_session_init(struct fetcher *f);
void fetcher_session_fini(struct fetcher *f);
/* The next request names everything; it closes session close_id (0: there is no session to close). */
void fetcher_session_anew(struct fetcher *f, int32_t close_id);
/* False: there is nothing to ask now. */
bool fetcher_make_fetch(struct fetcher *f);
void fetcher_take_fetch(struct fetcher *f, const struct fetch_response *out);
/* No answer came. */
void fetcher_fetch_failed(struct fetcher *f);

/* ---- fetchers.c ---- */

/* NULL: it is not followed. */
struct fetched *fetchers_find(struct fetchers *all, struct uuid topic_id, int32_t id);

#endif
