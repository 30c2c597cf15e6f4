/*
 * commit_topics: the topics of an OffsetCommit or a TxnOffsetCommit. Topics that do not exist, and
 * those that the principal may not read, are refused here; the coordinator handles the rest. The
 * answer is ordered as Kafka's: first the refused topics, then what the coordinator says, each
 * topic once.
 *
 * Everything lives in the request's arena, and `false` means that the arena is spent. Both answers
 * are one struct (txn_offset_commit.msg).
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
	struct offset_commit_response said; /* the coordinator's answer to `v` */
	/* the position of each topic in the answer: by name, or by the bytes of its id */
	struct str_index at;
	/* the position when there is one topic only, as in most commits of consumers */
	int only;
	bool is_one;
};

/* Begins the answer r->out with the refused ones of n topics, which are named by ids or by names. */
bool commit_topics_sort(struct commit_topics *k, struct request *r, const struct offset_commit_request_topic *v, int n,
			bool by_id);
/* Adds the coordinator's answer to what was left: k->said, or err for all of it. */
bool commit_topics_finish(struct commit_topics *k, int err);
/* Instead of all that: answers each partition of n topics with err. */
void commit_topics_fail(struct request *r, const struct offset_commit_request_topic *v, int n, int err);

#endif
