/*
 * fetch_private: one Fetch, from its request to its answer. The request's arena has it; its reactor owns it, and a job while one is out.
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
	struct part *parts;
	int n;
	enum context context;
	struct fetch_session *session; /* a reference, of CONTEXT_INCREMENTAL */
	int32_t session_epoch;	       /* the session's must be the one after it when the answer is made */
	int32_t replica_id;
	bool is_replica; /* one that the cluster has let in: whoever may say that it is one (CVE-2018-1288) */
	int64_t replica_epoch;
	bool told;     /* a follower's offsets are known since the first reading */
	bool withheld; /* throttled partitions, from a follower that is not in sync */
	int32_t max_bytes;
	int32_t min_bytes;
	enum isolation isolation;
	bool leader_only;
	bool by_rack;	 /* a consumer may be sent to a replica that is nearer to it (KIP-392) */
	bool is_sent_on; /* so it is, for a partition */
	bool has_error;	 /* known before any read, or in reading */
	bool reads_cold;
	bool ended;
	int64_t readable; /* bytes in what was read last */
	int64_t sealed;	  /* those of them that are to be opened */
	struct waking waking;
	struct timer timer;
	struct work work;
};

/* Versions since 13 name topics by their ids (KIP-516). */
static inline bool fetch_is_by_id(const struct fetch *f) { return f->r->version >= 13; }

/*
 * Puts the answer together of what was read: what the session must tell, leaders to be asked instead (KIP-951), quotas (KIP-219). A new session is
 * opened with it. False when the arena is spent: the connection is to be closed.
 */
bool fetch_answer(struct fetch *f);

#endif
