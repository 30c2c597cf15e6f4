/*
 * core: one reactor's part of the broker.
 *
 * 1. Everything here belongs to one reactor: only its loop's thread touches it.
 * 2. The image is exchanged between two events, when the node says so (core_set_image); a request
 *    holds its own reference.
 * 3. The partitions used here are cached in a table without a lock, with a reference each; those no
 *    longer in the image are dropped when the image is exchanged.
 */
#ifndef ODRADEK_BROKER_CORE_H
#define ODRADEK_BROKER_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/list.h"
#include "base/map.h"
#include "base/uuid.h"
#include "broker/audit.h"
#include "env/env.h"

struct api_counts;
struct codecs;
struct coordinators;
struct fetch_sessions;
struct image;
struct kept_answers;
struct log_deletion;
struct log_flush;
struct log_flusher;
struct node;
struct partition;
struct peers;
struct producer_ids;
struct request;
struct topic_maker;

/* Waits for the image to change; in a core's list. */
struct image_waiter {
	struct list link;
	void (*changed)(struct image_waiter *w); /* may remove itself from the list, and add others */
};

struct core {
	struct node *node;
	struct loop *loop;
	int index;
	const struct image *image; /* NULL until the first commit is known here */
	uint64_t n_images;	   /* how many there were */
	struct map partitions;	   /* struct seen, by topic id and partition */
	struct list parked;	   /* struct request */
	struct list image_waiters;
	struct list deletions;		  /* struct pending_deletion */
	struct list flushes;		  /* struct pending_flush */
	struct list markers;		  /* struct markers: those being written */
	struct list marker_errands;	  /* to other brokers, on their way (markers.c) */
	struct list verification_errands; /* to other brokers, with what waits for them (verification_peers.c) */
	struct api_counts *verifications; /* NULL until the first verification */
	int64_t verification_failures;
	struct peers *peers; /* NULL until the first request to another broker */
	struct list spare;   /* struct request, for reuse */
	int n_spare;
	struct fetch_sessions *sessions;
	struct kept_answers *kept; /* NULL until the first is kept */
	struct log_flusher *flusher;
	struct codecs *codecs;
	struct producer_ids *producer_ids;
	struct topic_maker *topic_makers;  /* one per kind of coordinator, or NULL */
	struct coordinators *coordinators; /* NULL until the logs are open, and on a pure controller */
	struct diag_limit refusals;
	struct diag_limit strangers;	/* clients that failed to authenticate */
	struct diag_limit early;	/* requests before the ACLs were known */
	struct api_counts **api_counts; /* by API key; NULL for an API that was never called */
	struct audit audit;
	int n_busy; /* requests, flushes and jobs under way here */
	bool stopping;
	bool idle; /* node_core_idle has been called */
};

void core_init(struct core *c, struct node *node, struct loop *loop, int index);
void core_fini(struct core *c);
/* Takes a reference. Forgets partitions whose topic is gone; calls those who wait for the image. */
void core_set_image(struct core *c, const struct image *now);
/*
 * Nothing new is accepted. When nothing is under way any more, node_core_idle is called once.
 * Pending deletions are left to the next start.
 */
void core_stop(struct core *c);
/* Brackets work on this core that has to end before the core does. */
void core_work_begins(struct core *c);
void core_work_ends(struct core *c);

/*
 * The partition of this topic, made when it is first asked for; NULL when this node has no replica
 * of it. Borrowed: it stays until the image is exchanged; a request that parks must take a
 * reference.
 */
struct partition *core_partition(struct core *c, struct uuid topic_id, int32_t partition);

/* Counts one answered request. */
void core_count_request(struct core *c, int key, int64_t began_ns);
/* From any thread; NULL when there were no requests. */
const struct api_counts *core_api_counts(const struct core *c, int key);
/* After core_fini, when nobody reads them any more. */
void core_forget_counts(struct core *c);

struct codecs *core_codecs(struct core *c);
void core_flush(struct core *c, struct log_flush *f);
void core_flushed(struct core *c); /* to be called in done() of each flush */
/* Retries, after a moment, a flush that found the disk full or no descriptor. */
void core_flush_again(struct core *c, struct partition *p);
/*
 * Takes over files to be removed: unlinks them after their delay, in a job; when the core stops,
 * the next start removes them.
 */
void core_delete(struct core *c, struct log_deletion *deletion);

#endif
