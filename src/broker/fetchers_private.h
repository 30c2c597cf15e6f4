/*
 * fetchers_private: what the files of the fetchers share.
 *
 *	fetchers.c	who is followed: replicas and leaders, as the metadata says
 *	fetcher.c	one leader: its connection, and what it is asked
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

/* A replica of ours that another broker leads. */
struct fetched {
	struct map_node node;
	struct list link; /* of its fetcher */
	struct fetcher *fetcher;
	struct partition *partition; /* a reference */
	struct following following;
	bool asked; /* by the request under way, in this epoch and at this offset: */
	int32_t asked_epoch;
	int64_t asked_offset;
	int64_t leader_end;	       /* while it is lost: -1, or what the leader has said */
	int64_t leader_high_watermark; /* as it said last; -1 */
	struct waiter waiter;
};

/* One leader. */
struct fetcher {
	struct list link;
	struct fetchers *all;
	int32_t leader;
	struct channel channel;
	struct list partitions; /* of struct fetched */
	struct call call;
	struct arena arena;
	union {
		struct fetch_request fetch;
		struct list_offsets_request list;
	} in;
	bool asking;
	bool cut;	      /* one of them waits for its recovery point to be written */
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

struct fetcher *fetcher_new(struct fetchers *all, int32_t leader, const struct image_endpoint *e);
/* Its replicas are gone. It may have to wait among `gone` until its waking has come back. */
void fetcher_end(struct fetcher *f);
void fetcher_release(struct fetcher *f);
/* Its next turn. */
void fetcher_soon(struct fetcher *f, int64_t ms);
bool fetcher_is_at(const struct fetcher *f, const struct image_endpoint *e);
/* The leader is somewhere else now. */
void fetcher_move(struct fetcher *f, const struct image_endpoint *e);

/* ---- fetchers.c ---- */

/* NULL: nobody follows it. */
struct fetched *fetchers_find(struct fetchers *all, struct uuid topic_id, int32_t id);

#endif
