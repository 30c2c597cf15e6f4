/*
 * fetch_private: one Fetch, from its request to its answer. It lives in the request's arena and
 * belongs to its reactor, or to a job while one is running.
 */
#ifndef ODRADEK_BROKER_API_FETCH_PRIVATE_H
#define ODRADEK_BROKER_API_FETCH_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/api.h"
#include "broker/fetch_session.h"
#include "broker/partition.h"
#include "protocol/fetch.h"

typedef struct fetch_response_partition part_answer;

/* One partition that is asked for. */
struct part {
	struct fetch_want want;
	uint64_t place;		     /* in the session's order */
	struct str name;	     /* of the topic, for answers by name */
	struct partition *partition; /* a reference; NULL with `error` */
	struct partition_read read;
	struct waiter waiter;
	int error; /* known before any read */
	part_answer answer;
};

enum context { CONTEXT_SESSIONLESS, CONTEXT_FULL, CONTEXT_INCREMENTAL };

struct fetch {
	struct request *r;
	struct part **parts; /* of an incremental fetch: those that are not at rest, in the session's order */
	int n, room;
	enum context context;
	struct fetch_session *session; /* a reference; only for CONTEXT_INCREMENTAL */
	int32_t session_epoch;	       /* when the answer is made, the session's epoch must be the one after this */
	int32_t replica_id;
	bool is_replica; /* sent by a replica that is permitted to say so (CVE-2018-1288) */
	int64_t replica_epoch;
	struct fetch_manner manner;
	bool told;     /* a follower's offsets have been noted since the first read */
	bool withheld; /* throttled partitions are withheld from a follower that is not in sync */
	int32_t max_bytes;
	int32_t min_bytes;
	enum isolation isolation;
	bool leader_only;
	bool by_rack;	 /* a consumer may be redirected to a replica nearer to it (KIP-392) */
	bool is_sent_on; /* for at least one partition the consumer is redirected */
	bool has_error;	 /* known before any read, or found while reading */
	bool is_cut;	 /* a partition has no capacity for more at the moment */
	bool is_older;	 /* a partition is read in a segment that is not its last: it is not waited for */
	int32_t held_ms; /* until the first partition held back has capacity again; 0: none is held back */
	bool reads_cold;
	bool answers_now; /* with whatever there is: its time is up, or the node stops */
	bool ended;
	int64_t readable; /* bytes found by the last read */
	int64_t sealed;	  /* bytes of those that have to be opened */
	struct waking waking;
	struct timer timer;
	struct work work;
};

/* What a reader waits for to move. */
static inline enum watch fetch_watch(const struct fetch *f)
{
	return f->isolation == READ_TO_END	? WATCH_END
	       : f->isolation == READ_COMMITTED ? WATCH_STABLE
						: WATCH_HIGH_WATERMARK;
}

/* Versions from 13 on name topics by their ids (KIP-516). */
static inline bool fetch_is_by_id(const struct fetch *f) { return f->r->version >= 13; }

/*
 * Builds the answer from what was read: what the session must report, leaders to ask instead
 * (KIP-951), quotas (KIP-219). Opens a new session if there is one to open. False when the arena is
 * spent: the connection is to be closed.
 */
bool fetch_answer(struct fetch *f);

#endif
