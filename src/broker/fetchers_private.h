/*
 * fetchers_private: what the files of the fetchers share.
 *
 *	fetchers.c	who is followed: replicas and leaders, as the metadata says
 *	fetcher.c	one leader: its connection, and its turns
 *	fetcher_fetch.c	what it is asked by Fetch: a session
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

/* Whether it may fetch. */
enum fetched_stand { FETCHED_NOW, FETCHED_LATER, FETCHED_NEVER };

/* A replica of ours that another broker leads. */
struct fetched {
	struct map_node node;
	struct list link; /* of its fetcher; in the order in which a new session is told */
	struct list look; /* of those that are to be looked at before the next Fetch */
	struct fetcher *fetcher;
	struct partition *partition; /* a reference */
	struct following following;
	enum fetched_stand stand; /* when it was looked at last, */
	struct fetched_ask want;  /* and what it wanted then */
	bool in_session;
	bool heard;		 /* an answer has spoken of it */
	struct fetched_ask told; /* what the session has of it */
	bool lists;		 /* ListOffsets is under way for it, in this epoch: */
	int32_t lists_epoch;
	int64_t lag; /* behind the leader's high watermark, when records came last; -1: not known in this epoch */
	int64_t leader_end;	       /* while it is lost: -1, or what the leader has said */
	int64_t leader_high_watermark; /* as it said last; -1 */
	struct waiter waiter;
	int64_t waits_since_ms; /* for a flush; -1: it does not */
};

/* As its client sees it. */
struct fetcher_session {
	int32_t id;
	int32_t epoch; /* of the next request; 0: it says all, and a session `id` is closed */
	int n;	       /* replicas in it */
	struct list forgotten;
	int n_forgotten;
};

/* Replicas of one leader. */
struct fetcher {
	struct list link;
	struct fetchers *all;
	int32_t leader;
	int index; /* of num.replica.fetchers */
	struct channel channel;
	struct list partitions; /* of struct fetched */
	struct list looks;
	int64_t looked_ms; /* at all of them */
	struct fetcher_session session;
	struct call call;
	struct arena arena;
	union {
		struct fetch_request fetch;
		struct list_offsets_request list;
	} in;
	bool asking;
	int64_t later_ms; /* until the first of `looks` may be due that could not fetch; INT64_MAX: none will in a known time */
	struct timer timer;   /* the next request */
	struct waking waking; /* a flush that was waited for */
	int trouble;	      /* that was told */
	struct lately answers;
};

struct fetchers {
	struct node *node;
	struct channels channels;
	struct list list; /* of struct fetcher */
	struct list gone; /* whose waking is still on its way */
	struct map partitions;
	int n_a_leader;		   /* num.replica.fetchers */
	const struct image *image; /* the one that was followed last */
	struct timer settle;
	bool stopped;
};

/* ---- fetched.c ---- */

/* Nobody follows it any more. */
void fetched_drop(struct fetched *d);
/* Its log, now. */
struct following_view fetched_view(struct fetched *d, struct partition_replica *r);
/* `p`: what is appended where the step says so; else NULL. */
void fetched_take_step(struct fetched *d, const struct following_step *step, const struct fetch_response_partition *p,
		       const struct following_view *v);
/* What the leader has answered to what was asked for it. */
void fetched_answered(struct fetched *d, const struct fetch_response_partition *p);
/* What is not flushed yet, though that is promised, is waited for: its flush wakes the fetcher. */
bool fetched_waits_for_flush(struct fetched *d, const struct partition_replica *r);
/* What it writes where it was cut would be trusted by a start that finds the recovery point of before. */
bool fetched_waits_for_checkpoint(struct fetched *d, const struct partition_replica *r);

/* ---- fetcher.c ---- */

struct fetcher *fetcher_new(struct fetchers *all, int32_t leader, int index, const struct image_endpoint *e);
/* Its replicas are gone. It may have to wait among `gone` until its waking has come back. */
void fetcher_end(struct fetcher *f);
void fetcher_release(struct fetcher *f);
/* Its next turn. */
void fetcher_soon(struct fetcher *f, int64_t ms);
bool fetcher_is_at(const struct fetcher *f, const struct image_endpoint *e);
/* The leader is somewhere else now. */
void fetcher_move(struct fetcher *f, const struct image_endpoint *e);

/* ---- fetcher_fetch.c ---- */

/* Something of it may have changed. */
void fetcher_look(struct fetched *d);
/* It was given records: a new session begins with others. */
void fetcher_served(struct fetched *d);
/* It is not the fetcher's any more: no flush of it wakes that one. */
void fetcher_leave(struct fetched *d);
/* The session is to lose it. */
void fetcher_forget(struct fetched *d);
void fetcher_session_init(struct fetcher *f);
void fetcher_session_fini(struct fetcher *f);
/* All is told with the next request; the session close_id goes with it (0: there is none). */
void fetcher_session_anew(struct fetcher *f, int32_t close_id);
/* False: there is nothing to ask now. */
bool fetcher_make_fetch(struct fetcher *f);
void fetcher_take_fetch(struct fetcher *f, const struct fetch_response *out);
/* No answer came. */
void fetcher_fetch_failed(struct fetcher *f);

/* ---- fetchers.c ---- */

/* NULL: nobody follows it. */
struct fetched *fetchers_find(struct fetchers *all, struct uuid topic_id, int32_t id);

#endif
