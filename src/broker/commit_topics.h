/*
 * commit_topics: the topics of an OffsetCommit or a TxnOffsetCommit. Those that the cluster does not have, and those that the principal may not read, are
 * refused here; the rest is the coordinator's. As Kafka answers it: the refused ones first, then what the coordinator says, each topic once.
 *
 * All of it lives in the request's arena, and `false` says that the arena is spent. Both answers are one struct (txn_offset_commit.msg).
 */
#ifndef ODRADEK_BROKER_COMMIT_TOPICS_H
#define ODRADEK_BROKER_COMMIT_TOPICS_H

#include <stdbool.h>

#include "base/str_index.h"
#include "broker/api.h"
#include "protocol/offset_commit.h"

struct commit_topics {
	struct request *r;
	struct offset_commit_request_topic *v; /* what is left for the coordinator */
	int n;
	struct offset_commit_response said; /* what the coordinator says of it */
	struct str_index at;		    /* where each topic is in the answer: by name, or by the bytes of its id */
	int only;			    /* where it is when one is asked about, as consumers most often do */
	bool is_one;
};

/* Begins the answer r->out with what is refused of n topics, which are named by their ids or by their names. */
bool commit_topics_sort(struct commit_topics *k, struct request *r, const struct offset_commit_request_topic *v, int n,
			bool by_id);
/* The coordinator's answer to what was left: k->said, or err for all of it. */
bool commit_topics_finish(struct commit_topics *k, int err);
/* Instead of all that: each partition of n topics is answered with err. */
void commit_topics_fail(struct request *r, const struct offset_commit_request_topic *v, int n, int err);

#endif
